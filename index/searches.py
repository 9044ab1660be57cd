"""What finds passages, by vector and by words: what a store must be able to do, and the store that lies in the index.

Here FAISS and tantivy do it, in files of the index folder; elsewhere Milvus (index/milvus.py). Both are made from what
the segments hold, and can be made again. Of a brief, all passages may be found or none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from index.dense import DenseIndex, write_dense
from index.segment import DENSE, Segment
from index.sparse import SparseIndex, SparseWriter
from index.types import Mask, Rows, Vectors


@dataclass(frozen=True, slots=True)
class SegmentPart:
    """A segment as a generation holds it."""

    segment: Segment
    key: tuple[str, str]
    """Names it and its files: what has one key is the same."""
    first_row: int
    dense: str
    """See `SegmentRecord.dense`."""
    alive: Mask | None
    """Which of its rows are of briefs that are not gone; None: all."""


class Searches(Protocol):
    """Finds the passages of one generation. Safe to use from several threads."""

    def __len__(self) -> int:
        """How many passages can be found."""

    def dense(self, question: Vectors, k: int, rows: Rows | None) -> tuple[Rows, Vectors]:
        """See `Store.search_dense`."""

    def sparse(self, question: str, k: int, briefs: Rows | None) -> tuple[Rows, Vectors]:
        """See `SparseIndex.search`."""

    def coverage(self, question: str, rows: Rows, briefs: Rows, n_rows: int) -> tuple[Vectors, Vectors]:
        """See `SparseIndex.coverage`."""

    def knows(self, word: str) -> bool:
        """See `SparseIndex.knows`."""

    def search_like(self, word: str, k: int) -> Rows:
        """See `SparseIndex.search_like`."""

    def continues(self, index_dir: Path) -> bool:
        """Whether the next generation of the index in `index_dir` can be made from what is here."""

    def fault(self) -> str | None:
        """What the store holds otherwise than the index says, in words; for a thorough check, it may take long."""


class SearchesWriter(Protocol):
    """Makes the searches of a new generation."""

    @property
    def collection(self) -> str:
        """See `Manifest.collection`."""

    def add(self, row: int, brief: int, text: str, header: str) -> None:
        """A passage of the new segment, by ascending rows; `brief` is the first row of its brief."""

    def write_segment(self, folder: Path, vectors: Vectors) -> str:
        """Makes what the new segment in `folder` needs for its vectors `(n, dim)`; returns `SegmentRecord.dense`."""

    def finish(self) -> None:
        """Waits until all can be found."""

    def committed(self) -> None:
        """Told when the generation is the current one."""


class LocalWriter:
    """Writes FAISS indexes into segments, and the full-text index of the generation."""

    collection = ""

    def __init__(self, words: SparseWriter) -> None:
        self._words = words
        self.add = words.add

    def write_segment(self, folder: Path, vectors: Vectors) -> str:
        """Writes the FAISS index."""
        return write_dense(vectors, folder / DENSE)

    def finish(self) -> None:
        """Writes what is left of the full-text index."""
        self._words.finish()

    def committed(self) -> None:
        """Nothing is left to do."""


class LocalSearches:
    """FAISS segment by segment, tantivy over all."""

    def __init__(self, parts: Sequence[SegmentPart], words: Path, before: Searches | None) -> None:
        """Opens the FAISS indexes of `parts`, but those that the searches `before` have open, and tantivy’s in `words`.

        Raises:
            RuntimeError, ValueError, OSError: A file is not what it should be.
        """
        opened = before._vectors if isinstance(before, LocalSearches) else {}
        self._parts = parts
        self._vectors: dict[tuple[str, str], DenseIndex] = {}
        for part in parts:
            vectors = opened.get(part.key) or DenseIndex.open(
                part.segment.folder / DENSE, part.segment.vectors, part.dense
            )
            if len(vectors) != len(part.segment):
                raise ValueError(f"its parts hold different numbers of passages: {len(vectors)}, {len(part.segment)}")
            self._vectors[part.key] = vectors
        self._words = SparseIndex.open(words)
        self.sparse, self.coverage = self._words.search, self._words.coverage
        self.knows, self.search_like = self._words.knows, self._words.search_like

    def __len__(self) -> int:
        return len(self._words)

    def dense(self, question: Vectors, k: int, rows: Rows | None) -> tuple[Rows, Vectors]:
        """The best of the best of every segment."""
        if not self._parts:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        found = []
        for part in self._parts:
            allowed, first, n_rows = part.alive, part.first_row, len(part.segment)
            if rows is not None:
                begin, end = np.searchsorted(rows, [first, first + n_rows])
                allowed = np.zeros(n_rows, bool)
                allowed[rows[begin:end] - first] = True
            hits, scores = self._vectors[part.key].search(question, k, allowed)
            found.append((hits + first, scores))
        hits = np.concatenate([hits for hits, _ in found])
        scores = np.concatenate([scores for _, scores in found])
        best = np.lexsort((hits, -scores))[:k]
        return hits[best], scores[best]

    def continues(self, index_dir: Path) -> bool:
        """Always: the checksums of the files were right."""
        return True

    def fault(self) -> str | None:
        """Nothing: these are files, and their checksums tell."""
        return None
