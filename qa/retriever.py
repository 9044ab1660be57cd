"""Question to hits: dense and full-text search, ranked together."""

import numpy as np

from index.embedder import Embedder
from index.store import Store
from index.types import Filters, Vectors
from qa.periods import Period
from qa.settings import AskSettings
from qa.types import Hit


def fuse(cosines: Vectors, in_passages: Vectors, in_briefs: Vectors, settings: AskSettings) -> Vectors:
    """One score for every candidate passage: what it means, which words it holds, and which its brief holds.

    A weighted sum (a convex combination up to scale; Bruch, Gai & Ingber 2023), for ranks alone lose by how much the
    first is ahead. Shares of the question's words take the place of BM25 scores: what a question says of its subject
    stands scattered over a brief, so that the brief that knows all of its words is the one asked about, however often
    others repeat one of them.

    Args:
        cosines: `(n,)`, of question and passage.
        in_passages: `(n,)` shares of the question's words in the passages (`Store.coverage`).
        in_briefs: `(n,)` shares in their briefs.
        settings: Holds the two weights.

    Returns:
        `(n,)`, in the order of the candidates.
    """
    scores: Vectors = cosines + settings.word_weight * in_passages + settings.brief_weight * in_briefs
    return scores


def retrieve(
    store: Store,
    embedder: Embedder,
    question: str,
    filters: Filters,
    settings: AskSettings,
    period: Period | None = None,
) -> list[Hit]:
    """The passages to read for `question`, best first, at most `settings.n_read`.

    Those of briefs from `period` have an advantage of `settings.date_weight`; it is no filter, for what happened in one
    year may be told in the next.
    """
    rows = store.rows(filters) if filters else None
    vector = embedder.embed_questions([question])[0]
    dense, _ = store.search_dense(vector, settings.n_retrieved, rows)
    sparse, _ = store.search_sparse(question, settings.n_retrieved, rows)
    candidates = np.union1d(dense, sparse)
    scores = fuse(store.cosines(vector, candidates), *store.coverage(question, candidates), settings)
    best = np.lexsort((candidates, -scores))
    if period is None:
        best = best[: settings.n_read]
    passages, scores = store.passages(candidates[best]), scores[best]
    if period is not None:
        first, last = period
        scores += np.array([settings.date_weight * (first <= (p.date or "") <= last) for p in passages], np.float32)
        order = np.argsort(-scores, kind="stable")[: settings.n_read]
        passages, scores = [passages[at] for at in order], scores[order]
    return [Hit(p, float(score), rank) for rank, (p, score) in enumerate(zip(passages, scores, strict=True))]
