"""Question to hits: dense and full-text search, fused by score."""

import numpy as np
import numpy.typing as npt

from index.embedder import Embedder
from index.store import Store
from index.types import Filters, Rows, Vectors
from qa.settings import AskSettings
from qa.types import Hit


def fuse(cosines: Vectors, words: Vectors, briefs: npt.ArrayLike, settings: AskSettings) -> npt.NDArray[np.float64]:
    """One score for every candidate passage: its own, and a part of the best one of its brief.

    A passage's own score is its cosine plus `word_weight` times its BM25 score, as a share of the highest: a convex
    combination up to scale, which keeps what ranks alone lose, namely by how much the first is ahead (Bruch, Gai &
    Ingber 2023). The brief's part prefers, of two passages that match equally, the one in the brief that the question
    is about.

    Args:
        cosines: `(n,)`, of question and passage.
        words: `(n,)` BM25 scores; 0 where no word of the question occurs.
        briefs: `(n,)`, which brief each is of, in any type that can be compared.
        settings: Holds the two weights.

    Returns:
        `(n,)`, in the order of the candidates.
    """
    highest = words.max(initial=0.0)
    own = cosines + settings.word_weight * (words / highest if highest > 0 else words)
    _, place = np.unique(briefs, return_inverse=True)
    best = np.full(place.max(initial=-1) + 1, -np.inf)
    np.maximum.at(best, place, own)
    return own + settings.brief_weight * best[place]


def retrieve(store: Store, embedder: Embedder, question: str, filters: Filters, settings: AskSettings) -> list[Hit]:
    """The passages to read for `question`, best first, at most `settings.n_read`."""
    rows = store.rows(filters) if filters else None
    vector = embedder.embed_questions([question])[0]
    dense, _ = store.search_dense(vector, settings.n_retrieved, rows)
    sparse, bm25 = store.search_sparse(question, settings.n_retrieved, rows)
    candidates: Rows = np.union1d(dense, sparse)
    words = np.zeros(len(candidates), np.float32)
    words[np.searchsorted(candidates, sparse)] = bm25
    scores = fuse(store.cosines(vector, candidates), words, store.brief_numbers(candidates), settings)
    best = np.lexsort((candidates, -scores))[: settings.n_read]
    passages = store.passages(candidates[best])
    return [Hit(p, float(score), rank) for rank, (p, score) in enumerate(zip(passages, scores[best], strict=True))]
