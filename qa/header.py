"""Questions about a brief itself: who wrote it, when it came out, what it is called. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from index.briefs import Outline, outline
from index.names import Range
from index.types import Brief, Passage
from qa.citations import cite
from qa.types import Answer, Hit
from qa.words import content_words

_STEM = 5
_TEMPERATURE = 0.07
"""Of the scores of the briefs a question may mean: fits words from the titles and questions of training briefs best."""
_SUREST = 0.99
"""That a description fits one brief far better than the rest does not make it certain that this brief is meant."""
_BRIEF = r"(?:(?:policy|issue)\s+)?(?:brief|article|piece|insight|essay|op-?ed|commentary|memo)"
_THE = rf"(?:the|this|that)\s+{_BRIEF}\b"
_SUBJECT = r"(?:\s+(?:on|about|regarding|concerning|titled|entitled|called|named|by|from|with)\s+(?P<subject>.+?))?"
_WROTE = r"(?:wrote|authored|penned|(?:is|are|was|were)\s+the\s+authors?\s+of)"


class Part(StrEnum):
    """What a brief says of itself."""

    AUTHORS = "authors"
    DATE = "date"
    TITLE = "title"


_FORMS = tuple(
    (part, re.compile(rf"(?:and\s+)?{form}\s*[?.!]*", re.IGNORECASE | re.DOTALL))
    for part, form in (
        (Part.AUTHORS, rf"(?:who\s+{_WROTE}|(?:the\s+)?authors?\s+of)\s+{_THE}{_SUBJECT}"),
        (Part.AUTHORS, rf"(?:by\s+)?whom?\s+(?:is|was)\s+{_THE}{_SUBJECT}\s*\b(?:written|authored)(?:\s+by)?"),
        (Part.DATE, rf"when\s+(?:was|is)\s+{_THE}{_SUBJECT}\s*\b(?:published|written|released|posted|dated|issued)"),
        (Part.DATE, rf"when\s+did\s+{_THE}{_SUBJECT}\s*\b(?:come\s+out|appear)"),
        (Part.DATE, rf"(?:what\s+(?:is|was)\s+)?(?:the\s+)?(?:publication\s+)?date\s+of\s+{_THE}{_SUBJECT}"),
        (Part.TITLE, rf"(?:what\s+(?:is|was)\s+)?the\s+(?:title|headline)\s+of\s+{_THE}{_SUBJECT}"),
        (Part.TITLE, rf"what\s+(?:is|was)\s+{_THE}{_SUBJECT}\s*\b(?:called|titled|entitled)"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeaderQuestion:
    """What is asked of a brief itself, and the words that tell which one; empty when nothing does."""

    part: Part
    subject: str


def asked_part(question: str) -> HeaderQuestion | None:
    """What `question` asks of a brief itself; None when it asks something else.

    Only of what is called a brief, an article and the like: “who wrote the report on …” may well ask for something that
    a brief tells.
    """
    for part, form in _FORMS:
        if match := form.fullmatch(question.strip()):
            return HeaderQuestion(part, (match["subject"] or "").strip(' \t\n,“”"'))
    return None


def from_header(asked: HeaderQuestion, hits: Sequence[Hit], briefs: Mapping[str, Brief]) -> tuple[Answer, ...]:
    """What the briefs of `hits` say of themselves, as far as they say it, the surest to be the one asked for first.

    How sure: the softmax of the briefs’ best scores, times the square of the share of the describing words they hold,
    and 0.99 at most.

    Args:
        asked: The question.
        hits: Passages found for what describes the brief.
        briefs: The briefs of these, by id.
    """
    best: dict[str, float] = {}
    for hit in hits:
        best[hit.passage.brief_id] = max(hit.score, best.get(hit.passage.brief_id, -math.inf))
    top = max(best.values(), default=0.0)
    weights = {name: math.exp((score - top) / _TEMPERATURE) for name, score in best.items()}
    answers = []
    for name, weight in weights.items():
        said = outline(briefs[name].text)
        if place := _place(asked.part, said, briefs[name].text):
            sure = weight / sum(weights.values()) * share_held(asked.subject, briefs[name]) ** 2
            citation = cite(briefs[name], _whole(briefs[name], said, place), *place)
            answers.append(Answer(citation.quote, round(min(sure, _SUREST), 4), citation))
    return tuple(sorted(answers, key=lambda answer: -answer.confidence))


def share_held(subject: str, brief: Brief) -> float:
    """Share of the content words of `subject`, by their first five letters, that `brief` holds; 1 if it has none."""
    asked = {word[:_STEM] for word in content_words(subject)}
    there = {word[:_STEM] for word in content_words(f"{brief.header} {brief.text}")}
    return len(asked & there) / len(asked) if asked else 1.0


def _place(part: Part, said: Outline, text: str) -> Range | None:
    if part is not Part.AUTHORS:
        return said.date if part is Part.DATE else said.title
    if not said.authors:
        return None
    start, end = said.authors[0]
    for author in said.authors[1:]:  # “Jane Doe and John Roe” as they stand, as far as one paragraph names them
        if author[0] > end and not (text[end : author[0]].count("\n") and author[1] > said.end):
            end = author[1]
    return start, end


def _whole(brief: Brief, said: Outline, place: Range) -> Passage:
    """The paragraph around `place`; the header, if it is there, counts as paragraph 0."""
    paragraph = brief.paragraph_at(place[0])
    if paragraph:
        number, start, end = paragraph.number, paragraph.start, paragraph.end
    else:
        number, start, end = 0, 0, said.end
    return Passage(brief.id, number, start, end, brief.text[start:end], brief.header)
