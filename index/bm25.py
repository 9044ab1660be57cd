"""The arithmetic of full-text search, whichever engine holds the words: BM25, and which words are held (pure)."""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from index.types import Rows

Scores = npt.NDArray[np.float32]

FIELDS = (("text", 1.0), ("header", 0.25))
"""Fields searched, with the weight of a match in each: the words of the passage tell it from its
neighbours, the header (title, date, kind) only from the passages of other briefs."""
_MAX_SHARED = 23
"""Words of a question whose presence one float of 24 bits can tell."""
_K1, _B = 1.2, 0.75


def tf_part(tf: int, length: int, average: float) -> float:
    """What a word brings that occurs `tf` times in a field of `length` words, `average` in the mean; times its idf."""
    return tf * (_K1 + 1) / (tf + _K1 * (1 - _B + _B * coarse(length) / average))


def coarse(length: int) -> int:
    """A length as tantivy and Lucene keep it, in one byte: exact to 40, then rounded down to four significant bits."""
    if length < 40:
        return length
    beyond = length - 24
    shift = beyond.bit_length() - 4
    return 24 + (beyond >> shift << shift)


def idf(n_passages: int, n_holding: int) -> float:
    """Inverse document frequency as in BM25, of a word that `n_holding` of `n_passages` hold."""
    # Words of passages that are gone are counted until these are merged away, so there may be more than passages.
    return math.log(1 + (max(0, n_passages - n_holding) + 0.5) / (n_holding + 0.5))


def weighed(terms: Iterable[str], weight: Callable[[str], float]) -> dict[str, float]:
    """Those of `terms` that weigh something, the 23 heaviest first: the bit of each is its place here."""
    weights = {term: weight(term) for term in terms}
    heaviest = sorted((term for term in weights if weights[term] > 0), key=lambda term: -weights[term])
    return {term: weights[term] for term in heaviest[:_MAX_SHARED]}


def shares(weights: Sequence[float], held: Rows, keys: Rows, hits: Rows) -> Scores:
    """The share of words that each of some passages, or briefs, holds.

    Args:
        weights: Of the word of each bit.
        held: `(m,)`, for every hit the bits of the words it holds.
        keys: `(n,)`, ascending, the passages or briefs.
        hits: `(m,)`, which of them each hit belongs to; it may be none.

    Returns:
        `(n,)`, 0 to 1.
    """
    first = np.searchsorted(keys, hits)
    here = keys[np.minimum(first, len(keys) - 1)] == hits
    union = np.zeros(len(keys), np.int64)
    np.bitwise_or.at(union, first[here], held[here])
    union = union[np.searchsorted(keys, keys)]
    share = np.zeros(len(keys), np.float32)
    for bit, weight in enumerate(weights):
        share += weight * ((union >> bit) & 1)
    share /= sum(weights)
    return share
