"""Which of the answers found belong together, where a question asks for several things. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from index.types import Brief
from qa.citations import cite
from qa.enumeration import holds_several, siblings
from qa.lists import NUMBERS, Several
from qa.types import Answer, Hit
from qa.words import content_words

MOST = 12
"""Answers looked at, and items of a list."""
_NEAR = 0.3
"""An item of an enumeration comes before answers surer by no more than this; on the even cases of `tests/lists` nothing
changes between 0.3 and 0.6."""
_LEAST = 0.5
"""From this probability further answers of the same passage belong to the list."""
_SIBLING = 0.9
"""Of an answer's probability, that of the other items of its enumeration."""
_ANNOUNCEMENT = re.compile(rf"(?:the )?(?:{'|'.join(NUMBERS)}|several|a few)\b(?: [\w-]+){{0,3}}$", re.I)
"""“three proposals” tells that a list follows, and is no item of it."""


def put_together(
    several: Several, answers: Sequence[Answer], hits: Sequence[Hit], brief_of: Callable[[str], Brief], least: float
) -> tuple[tuple[Answer, ...], int]:
    """The answers that belong together, then the others, each the surest first; and how many belong together.

    What belongs together is the best answer and the other items of its enumeration; where it is part of none, further
    answers of its passage that are likely right. An answer that holds an enumeration by itself stands alone.

    Args:
        several: How the question asks.
        answers: What was found, the surest first.
        hits: Where they were found.
        brief_of: Gives the brief with an id.
        least: The least probability of an answer that counts as found; the best one has it.
    """
    items = _items(several, answers, hits, brief_of, least)
    others = (answer for answer in answers if not any(_share_a_place(answer, item) for item in items))
    return (*items, *others), len(items)


def _items(
    several: Several, answers: Sequence[Answer], hits: Sequence[Hit], brief_of: Callable[[str], Brief], least: float
) -> tuple[Answer, ...]:
    first = _first(several, answers, least)
    c = first.citation
    (passage,) = {h.passage for h in hits if (h.passage.brief_id, h.passage.start) == (c.brief_id, c.passage_start)}
    cited = [cite(brief_of(c.brief_id), passage, start, end) for start, end in _siblings(first)]
    found = [Answer(sibling.quote, round(_SIBLING * first.confidence, 4), sibling) for sibling in cited]
    if not found and several.surely and not holds_several(first.text):
        found = [answer for answer in answers if answer is not first and _joins(answer, first)]
    return _different([first, *found])[: several.at_most or MOST]


def _first(several: Several, answers: Sequence[Answer], least: float) -> Answer:
    """The best answer; of several about as sure, one item of an enumeration, if the question surely asks for that."""
    if not several.surely:
        return answers[0]
    near = [a for a in answers if a.confidence >= max(least, answers[0].confidence - _NEAR)]
    return next((a for a in near if _siblings(a)), answers[0])


def _siblings(answer: Answer) -> list[tuple[int, int]]:
    """The other items of the answer's enumeration, in offsets of the brief."""
    c = answer.citation
    at = c.passage_start
    return [(at + start, at + end) for start, end in siblings(c.passage, c.start - at, c.end - at)]


def _joins(answer: Answer, first: Answer) -> bool:
    """Whether a further answer joins the first one, where no enumeration tells."""
    one, other = answer.citation, first.citation
    if (one.brief_id, one.passage_start) != (other.brief_id, other.passage_start) or answer.confidence < _LEAST:
        return False
    between = one.passage[min(one.end, other.end) - one.passage_start : max(one.start, other.start) - one.passage_start]
    apposed = between.strip() in (",", "")  # “the minister, Ana Brook” is one
    return not apposed and not _ANNOUNCEMENT.match(answer.text)


def _share_a_place(one: Answer, other: Answer) -> bool:
    """Whether two answers, with all their places, have characters of a brief in common."""
    return any(
        a.brief_id == b.brief_id and a.start < b.end and b.start < a.end
        for a in (one.citation, *one.also)
        for b in (other.citation, *other.also)
    )


def _different(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """`answers`, each thing once: one that adds nothing to the name of another is a further place of that."""
    kept: list[Answer] = []
    for answer in answers:
        words = content_words(answer.text)
        for n, other in enumerate(kept):
            others = content_words(other.text)
            if words <= others or others <= words:
                kept[n] = replace(other, also=(*other.also, answer.citation, *answer.also))
                break
        else:
            kept.append(answer)
    return tuple(kept)
