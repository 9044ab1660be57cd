"""Question to hits: dense and full-text search, fused by rank."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from index.embedder import Embedder
from index.store import Store
from index.types import Filters
from qa.settings import AskSettings
from qa.types import Hit


def fuse(rankings: Sequence[npt.NDArray[np.int64]], rrf_k: int) -> list[tuple[int, float]]:
    """Rows with their fused scores, best first, equal scores by row.

    Reciprocal rank fusion (Cormack, Clarke & Buettcher 2009): the sum over rankings of
    1 / (rrf_k + rank), with ranks from 1. Scores of the engines, which cannot be compared, are not used.
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, row in enumerate(ranking.tolist(), start=1):
            scores[row] = scores.get(row, 0.0) + 1.0 / (rrf_k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def retrieve(store: Store, embedder: Embedder, question: str, filters: Filters, settings: AskSettings) -> list[Hit]:
    """The passages to read for `question`, best first, at most `settings.n_read`."""
    rows = store.rows(filters)
    vector = embedder.embed_questions([question])[0]
    dense, _ = store.search_dense(vector, settings.n_retrieved, rows)
    sparse, _ = store.search_sparse(question, settings.n_retrieved, rows)
    best = fuse((dense, sparse), settings.rrf_k)[: settings.n_read]
    passages = store.passages([row for row, _ in best])
    return [Hit(passage, score, rank) for rank, (passage, (_, score)) in enumerate(zip(passages, best, strict=True))]
