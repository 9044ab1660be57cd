"""What of a reply is shown in a document, whatever its form: answers in their sentences, with numbered notes. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qa.citations import place_words
from qa.types import Answer, Citation, Reply

HEADING = "Answers from the briefs"
NOT_FOUND = "The briefs do not answer this."
RECORDS_HEADING = "Citations, for briefqa verify"
SURE = 0.5
"""Further answers under this confidence are left out, as on the command line."""

_BREAKS = re.compile(r"(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])+")
_AT_SENTENCE_START = re.compile(
    r"^(?:The|An?|Its|His|Her|Their|Our|Th[eo]se|Both|One|Two|Three|Some|Several|Another)\b"
)
_NOT_XML = re.compile(r"[^\t\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Cited:
    """An answer in its sentence, and where it stands; the numbers of the notes run through the whole document."""

    before: str
    quote: str
    after: str
    confidence: float
    notes: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A question and what is shown of its reply; no answers mean that none was found."""

    question: str
    answers: tuple[Cited, ...]
    together: str = ""
    """Tells that the first answers belong together, if they do."""


def shown(reply: Reply) -> tuple[Answer, ...]:
    """The answers to show: none when nothing was found; first those that belong together, as `in_order`.

    Of the others only those more likely right than wrong.
    """
    if not reply.found:
        return ()
    return (*in_order(reply), *(a for a in reply.answers[reply.n_listed :] if a.confidence >= SURE))


def in_order(reply: Reply) -> tuple[Answer, ...]:
    """The answers that belong together, in the order in which their briefs tell them; the surest brief comes first."""
    items = reply.answers[: reply.n_listed]
    briefs = list(dict.fromkeys(answer.citation.brief_id for answer in items))
    return tuple(sorted(items, key=lambda a: (briefs.index(a.citation.brief_id), a.citation.start)))


def together_words(reply: Reply) -> str:
    """“3 answers that belong together:”, where a question that asks for several has them; else empty."""
    return f"{reply.n_listed} answers that belong together:" if reply.n_listed > 1 else ""


def citations_of(replies: Iterable[Reply]) -> tuple[Citation, ...]:
    """The citations of the answers shown, each once, in order."""
    found = {c.id: c for reply in replies for answer in shown(reply) for c in (answer.citation, *answer.also)}
    return tuple(found.values())


def sections(replies: Sequence[Reply]) -> Iterator[Section]:
    """What is shown of each reply, in order; every text stands on one line."""
    n = 0
    for reply in replies:
        answers = []
        for answer in shown(reply):
            c = answer.citation
            at = c.start - c.sentence_start
            before, quote, after = map(on_a_line, (c.sentence[:at], c.quote, c.sentence[at + len(c.quote) :]))
            told = [reference(c), *(f"“{on_a_line(other.quote)}”: {reference(other)}" for other in answer.also)]
            notes = tuple(enumerate(told, start=n + 1))
            answers.append(Cited(before, quote, after, answer.confidence, notes))
            n += len(notes)
        yield Section(on_a_line(reply.question), tuple(answers), together_words(reply))


def reference(citation: Citation) -> str:
    """Where a quote stands, in a line for people: authors, title, kind, date, paragraph, file, id; and who said it."""
    known = (", ".join(citation.authors), f"“{citation.title}”", citation.kind, citation.date or "undated")
    place = f"{place_words(citation.paragraph, citation.page)}, {citation.source}, {citation.id}"
    line = on_a_line(", ".join([part for part in known if part] + [place]))
    return f"{line}. {said}" if (said := said_by(citation)) else line


def said_by(citation: Citation) -> str:
    """“Said by the ministry of transport”, in the words of the brief on one line; empty where nobody is named."""
    if citation.speaker is None:
        return ""
    words = on_a_line(citation.speaker.text)
    return f"Said by {_AT_SENTENCE_START.sub(lambda first: first[0].lower(), words)}"


def on_a_line(text: str) -> str:
    """`text` with a space for each line break, and U+FFFD for each character that no XML document may hold."""
    return _NOT_XML.sub("\ufffd", _BREAKS.sub(" ", text))
