"""Vector search: the only file that imports FAISS."""

import math
import os
from pathlib import Path

import faiss
import numpy as np

from index.types import Mask, Rows, Vectors

EXACT_ROWS = 200_000
"""Up to so many vectors an exact scan is fast enough (300 MB at 384 dimensions); beyond, cells are searched."""
RECALL_WANTED = 0.99
_RECALL_AT = 20
_GATHER_ROWS = 1_000
"""Up to so many allowed rows their vectors are gathered and compared; beyond, FAISS skips the others."""
_OVERSAMPLE = 3
"""Hits of the compressed vectors that are compared exactly, for every hit wanted."""


def _cells(n: int) -> int:
    """About four times the square root, a power of two: what FAISS's authors advise for a million vectors."""
    return 1 << round(math.log2(4 * math.sqrt(n)))


def write_dense(vectors: Vectors, path: Path) -> str:
    """Writes a FAISS index of unit vectors `(n, dim)` and returns what it is, for `open_dense`.

    `flat`, an exact scan, while that is fast. Beyond, cells of vectors compressed to a byte a dimension (IVF, SQ8),
    of which the best are compared exactly again; as many cells are searched as it takes to find 0.99 of the exact
    20 nearest of 200 points halfway between neighbouring passages, which lie, like questions, near passages but on
    none. Raises RuntimeError when it cannot be written.
    """
    n, dim = vectors.shape
    if n <= EXACT_ROWS:
        flat = faiss.IndexFlatIP(dim)
        flat.add(np.ascontiguousarray(vectors, np.float32))
        faiss.write_index(flat, os.fspath(path))
        return "flat"
    n_cells = _cells(n)
    cells = faiss.index_factory(dim, f"IVF{n_cells},SQ8", faiss.METRIC_INNER_PRODUCT)
    rng = np.random.default_rng(0)
    cells.train(vectors[np.sort(rng.choice(n, min(n, 40 * n_cells), replace=False))])
    for begin in range(0, n, 100_000):
        cells.add(np.ascontiguousarray(vectors[begin : begin + 100_000]))
    faiss.write_index(cells, os.fspath(path))
    at = np.sort(rng.choice(n - 1, 200, replace=False))
    probes = vectors[at] + vectors[at + 1]
    exact = faiss.knn(probes, np.ascontiguousarray(vectors), _RECALL_AT, metric=faiss.METRIC_INNER_PRODUCT)[1]
    n_probe, recall = 8, 0.0
    while recall < RECALL_WANTED and n_probe < n_cells:
        n_probe *= 2
        opened = DenseIndex(cells, vectors, n_probe)
        found = [opened.search(probe, _RECALL_AT)[0] for probe in probes]
        recall = float(np.mean([len(np.intersect1d(*pair)) / _RECALL_AT for pair in zip(found, exact, strict=True)]))
    return f"IVF{n_cells},SQ8 probe {n_probe} recall@{_RECALL_AT} {recall:.3f}"


class DenseIndex:
    """Inner-product search over unit vectors: the score is the cosine, always of the exact vectors."""

    def __init__(self, engine: faiss.Index, vectors: Vectors, n_probe: int = 0) -> None:
        """An opened FAISS index over `vectors` `(n, dim)`; `n_probe` cells are searched, 0 means all is scanned."""
        self._engine = engine
        self._vectors = vectors
        self._n_probe = n_probe

    @classmethod
    def open(cls, path: Path, vectors: Vectors, kind: str) -> "DenseIndex":
        """The index that `write_dense` wrote to `path` and called `kind`, its large parts mapped, not loaded.

        Raises:
            RuntimeError: FAISS cannot read it.
        """
        if kind == "flat":
            return cls(faiss.read_index(os.fspath(path), faiss.IO_FLAG_MMAP_IFC), vectors)
        return cls(faiss.read_index(os.fspath(path), faiss.IO_FLAG_MMAP), vectors, int(kind.split()[2]))

    def __len__(self) -> int:
        return int(self._engine.ntotal)

    def search(self, question: Vectors, k: int, allowed: Mask | None = None) -> tuple[Rows, Vectors]:
        """The rows nearest to one question vector `(dim,)`.

        Args:
            question: Any length but zero; scores are cosines only for unit vectors.
            k: The most hits; more than there are rows gives all rows.
            allowed: `(n,)`; where given, only the rows marked may be found, however far away the nearest is.

        Returns:
            Rows `(n,)` and scores `(n,)`, best first, equal scores by row.
        """
        question = question.astype(np.float32)
        n_allowed = len(self) if allowed is None else int(np.count_nonzero(allowed))
        k = min(k, n_allowed)
        if k <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        if allowed is not None and n_allowed <= _GATHER_ROWS:
            rows = np.flatnonzero(allowed).astype(np.int64)
            return _best(rows, self._vectors[rows] @ question, k)
        # Without any selector FAISS shares one question among threads, who then wait for each other longer than it
        # takes one of them to scan all: 6 against 30 ms for 100,000 vectors on a machine with other work.
        selector: faiss.IDSelector = faiss.IDSelectorAll()
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bits))
        if not self._n_probe:
            options = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
            scores, found = self._engine.search(question[None], k, params=options)
            return _best(found[0], scores[0], k)
        n_probe = self._n_probe
        while True:
            cells = faiss.SearchParametersIVF(sel=selector, nprobe=n_probe)  # type: ignore[call-arg]
            rows = self._engine.search(question[None], min(_OVERSAMPLE * k, n_allowed), params=cells)[1][0]
            rows = np.sort(rows[rows >= 0])
            # A filter may leave the nearest cells empty: then more of them are searched.
            if len(rows) >= k or n_probe >= _cells(len(self)):
                return _best(rows, self._vectors[rows] @ question, k)
            n_probe *= 4


def _best(rows: Rows, scores: Vectors, k: int) -> tuple[Rows, Vectors]:
    keep = np.lexsort((rows, -scores))[:k]
    return rows[keep], scores[keep]
