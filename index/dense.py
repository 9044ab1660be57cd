"""Vector search: the only file that imports FAISS."""

import os
from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


class DenseIndex:
    """Exact inner-product search over unit vectors: the score is the cosine.

    Exact search is also the fastest up to some tens of thousands of vectors (15 MB at 10,000 × 384).
    """

    def __init__(self, engine: faiss.Index) -> None:
        self._engine = engine

    @classmethod
    def build(cls, vectors: Vectors) -> "DenseIndex":
        """An index of `vectors` `(n, dim)`; the row of a vector is its place."""
        engine = faiss.IndexFlatIP(vectors.shape[1])
        engine.add(np.ascontiguousarray(vectors, np.float32))
        return cls(engine)

    @classmethod
    def open(cls, path: Path) -> "DenseIndex":
        """The index saved at `path`; raises RuntimeError when FAISS cannot read it."""
        return cls(faiss.read_index(os.fspath(path)))

    def save(self, path: Path) -> None:
        """Writes the index; raises RuntimeError when it cannot be written."""
        faiss.write_index(self._engine, os.fspath(path))

    def __len__(self) -> int:
        return int(self._engine.ntotal)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._engine.d)

    def search(
        self, question: Vectors, k: int, rows: Sequence[int] | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The rows nearest to one question vector `(dim,)`.

        Args:
            question: Any length but zero; scores are cosines only for unit vectors.
            k: The most hits; more than there are rows gives all rows.
            rows: Where given, only these rows may be found (an exact filter, applied inside the search).

        Returns:
            Rows `(n,)` and scores `(n,)`, best first, equal scores by row.
        """
        available = len(self) if rows is None else len(set(rows))
        k = min(k, available)
        if k <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        parameters = None
        if rows is not None:
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(np.asarray(rows, np.int64)))  # type: ignore[call-arg]
        scores, found = self._engine.search(question[None, :].astype(np.float32), k, params=parameters)
        keep = found[0] >= 0
        order = np.lexsort((found[0][keep], -scores[0][keep]))
        return found[0][keep][order], scores[0][keep][order]

    def scores(self, question: Vectors, rows: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Scores `(n,)` of the question vector `(dim,)` and the vectors of `rows` `(n,)`, in that order."""
        vectors: Vectors = self._engine.reconstruct_batch(np.asarray(rows, np.int64))
        return vectors @ question.astype(np.float32)
