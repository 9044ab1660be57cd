"""Logits to spans: pure numpy, offsets in, offsets out.

A window is the reader's slice of tokens: question and part of a passage. Each of its tokens has a
start and an end logit; the null answer is the window's first token.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Tokens `start..end` of a window, both inclusive, and the score against the window's null answer."""

    start: int
    end: int
    score: float


def best_token_spans(
    start_logits: Logits,
    end_logits: Logits,
    legal_starts: npt.NDArray[np.bool_],
    legal_ends: npt.NDArray[np.bool_],
    *,
    max_tokens: int,
    n_best: int,
) -> list[TokenSpan]:
    """The best legal spans of one window that do not overlap, best first.

    A span is legal when it starts at a legal start, ends at a legal end, `start <= end`, and has at
    most `max_tokens` tokens. All pairs are scored jointly: start and end logit added, minus those of
    the null answer (token 0), as in the SQuAD 2.0 decision rule of Devlin et al. 2018, section 4.3.
    Of equal scores the earlier start, then the shorter span, comes first.

    Args:
        start_logits: `(n_tokens,)` float32.
        end_logits: `(n_tokens,)` float32.
        legal_starts: `(n_tokens,)`, False outside the passage and inside words.
        legal_ends: likewise.
        max_tokens: The longest span, in tokens.
        n_best: The most spans to return.
    """
    n_tokens = len(start_logits)
    null = float(start_logits[0]) + float(end_logits[0])
    starts = np.where(legal_starts, start_logits, -np.inf)
    ends = np.full(n_tokens + max_tokens - 1, -np.inf, np.float32)
    ends[:n_tokens] = np.where(legal_ends, end_logits, -np.inf)
    # scores[i, k] is the span of tokens i..i+k: a band of the n × n square, `max_tokens` wide.
    scores = starts[:, None] + np.lib.stride_tricks.sliding_window_view(ends, max_tokens)
    found: list[TokenSpan] = []
    # Only the best few are sorted: a kept span overlaps fewer than 1.5 * max_tokens**2 pairs.
    n_candidates = min(scores.size, 2 * n_best * max_tokens * max_tokens)
    flat = scores.ravel()
    candidates = (
        np.arange(scores.size)
        if n_candidates == scores.size
        else np.flatnonzero(flat >= np.partition(flat, -n_candidates)[-n_candidates])
    )
    for at in candidates[np.argsort(-flat[candidates], kind="stable")]:
        if not np.isfinite(flat[at]) or len(found) == n_best:
            break
        start, end = int(at // max_tokens), int(at // max_tokens + at % max_tokens)
        if all(end < other.start or start > other.end for other in found):
            found.append(TokenSpan(start, end, float(flat[at]) - null))
    return found


_OPENERS = {"(": ")", "[": "]", "“": "”", "‘": "’"}
_TRAILING = frozenset(".,;:!?…–—-")


def tidy_range(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without white space and stray punctuation at its ends.

    Trailing punctuation goes (but not the dot of an abbreviation: “U.S.”); a bracket or quotation mark
    at either end goes when its partner is not inside. The range never grows and never becomes empty.
    """
    first, last = start, end
    while True:
        before = (first, last)
        while first < last and text[first].isspace():
            first += 1
        while last > first and text[last - 1].isspace():
            last -= 1
        if first == last:
            return start, end
        inside = text[first:last]
        if inside[-1] in _TRAILING and not _is_abbreviation(inside):
            last -= 1
        elif inside[0] in _TRAILING or (inside[0] in _OPENERS and _OPENERS[inside[0]] not in inside):
            first += 1
        elif any(inside[-1] == close and open_ not in inside for open_, close in _OPENERS.items() if close != "’"):
            last -= 1
        elif inside[0] in ")]”" or (inside.count('"') == 1 and inside[0] == '"'):
            first += 1
        elif inside[-1] in "([“" or (inside.count('"') == 1 and inside[-1] == '"'):
            last -= 1
        if (first, last) == before:
            return first, last


def _is_abbreviation(words: str) -> bool:
    """Whether the final dot belongs to the last word: it has another dot, or is one capital letter."""
    last = words.split()[-1]
    stem = last[:-1].lstrip("(“‘\"'")
    return last.endswith(".") and ("." in stem or (len(stem) == 1 and stem.isupper()))
