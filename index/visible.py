"""Which rows a generation sees: as conditions that a database understands, and by the briefs they belong to (pure)."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from index.searches import SegmentPart
from index.types import Mask, Rows


def joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Half-open ranges, ascending, those that touch made one."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def within(ranges: Iterable[tuple[int, int]]) -> str:
    """A condition: the row is in one of the half-open ranges."""
    return f"({' or '.join(f'(row >= {begin} and row < {end})' for begin, end in joined(ranges))})"


def without(ranges: Iterable[tuple[int, int]]) -> str:
    """A condition: the row is in none of the half-open ranges."""
    seen = joined(ranges)
    if not seen:
        return "row >= 0"
    gaps = [f"(row >= {end} and row < {begin})" for (_, end), (begin, _) in pairwise(seen)]
    return " or ".join([f"row < {seen[0][0]}", *gaps, f"row >= {seen[-1][1]}"])


def alive(part: SegmentPart) -> Mask:
    """Which rows of a segment are of briefs that are not gone."""
    return np.ones(len(part.segment), bool) if part.alive is None else part.alive


def gone(part: SegmentPart) -> Rows:
    """The first rows of the briefs that are gone."""
    return starts([part], np.flatnonzero(~alive(part)) + part.first_row, once=True)


def starts(parts: Sequence[SegmentPart], rows: Rows, once: bool = False) -> Rows:
    """The first row of the brief of each of `rows`, ascending; with `once`, of every brief once."""
    found = []
    for part in parts:
        begin, end = np.searchsorted(rows, [part.first_row, part.first_row + len(part.segment)])
        brief_of = part.segment.brief_of
        numbers = brief_of[rows[begin:end] - part.first_row]
        found.append(np.searchsorted(brief_of, np.unique(numbers) if once else numbers) + part.first_row)
    return np.concatenate([np.empty(0, np.int64), *found])
