"""An embedder without a model; in a file of its own, for processes that embed and need nothing else of the tests."""

import hashlib
import os
import re
from collections.abc import Sequence

import numpy as np


class HashEmbedder:
    """Words hashed into 64 dimensions: texts that share words are near; no model, no file."""

    def __init__(self, name: str = "hash", dim: int = 64) -> None:
        self.name, self.dim, self.max_tokens = name, dim, 64
        self.fingerprint = hashlib.sha256(f"{name}{dim}".encode()).hexdigest()
        self.n_embedded = 0

    def count_tokens(self, text: str) -> int:
        return len(re.findall(r"\w+|[^\w\s]", text))

    def embed_questions(self, questions: Sequence[str]) -> np.ndarray:
        return self._embed(questions)

    def embed_passages(self, passages: Sequence[str]) -> np.ndarray:
        self.n_embedded += len(passages)
        return self._embed(passages)

    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[row, int(hashlib.md5(word.encode()).hexdigest(), 16) % self.dim] += 1
            vectors[row, 0] += 1e-3
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Dying(HashEmbedder):
    """As a model for which a process has no memory."""

    def embed_passages(self, passages: Sequence[str]) -> np.ndarray:
        os._exit(9)
