"""Whether citations still hold: each against the briefs there are now. Pure, but for the briefs it is given.

intact   the brief with this id is there, and the slice is the quote (and, where recorded, the sentence)
moved    the same words stand elsewhere in the brief of the same source, or in a file that was renamed and edited
changed  the brief of that source is there, but these words are not; or the file that cites them shows others
gone     neither

Words are only ever found exactly, as whole words; likeness decides nothing but which sentence a difference is shown to.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cached_property
from typing import Protocol

from index.errors import CitationInvalid
from index.passages import sentence_spans
from index.types import Brief, Filters
from qa.citations import citation_id, parse_citation_id
from qa.records import Recorded

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_LIKE = 0.5
"""Share of words that a sentence of the same paragraph must have in common for the others not to be looked at."""


class Status(StrEnum):
    """What became of a citation."""

    INTACT = "intact"
    MOVED = "moved"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the words of a citation stand now."""

    id: str
    source: str
    title: str
    date: str | None
    paragraph: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """A citation, what became of it, and what shows it."""

    citation: Recorded
    status: Status
    says: str
    """One clause for people."""
    places: tuple[Place, ...] = ()
    """Where the words stand, in order: one place or, of those that moved, perhaps several; none where they do not."""
    difference: str | None = None
    """The sentence as it was, `[-gone-]` and `{+new+}` words marked; None where the sentence is the same or unknown."""


class Briefs(Protocol):
    """What is needed of an index; `Store` has it."""

    def brief(self, id_or_source: str) -> Brief:
        """The brief with this id or source; raises CitationInvalid."""

    def briefs(self, filters: Filters) -> Sequence[Brief]:
        """All briefs that pass `filters`."""


class _Once:
    """Briefs that are listed once, however many citations ask for them; not at all while all are intact."""

    def __init__(self, store: Briefs) -> None:
        self._store = store

    def brief(self, id_or_source: str) -> Brief:
        return self._store.brief(id_or_source)

    def briefs(self, filters: Filters) -> Sequence[Brief]:
        return self._all if not filters else self._store.briefs(filters)

    @cached_property
    def _all(self) -> Sequence[Brief]:
        return self._store.briefs(Filters())


def verify_citations(citations: Sequence[Recorded], store: Briefs) -> list[Verdict]:
    """The verdict on each of `citations`, in their order."""
    once = _Once(store)
    return [verify_citation(citation, once) for citation in citations]


def verify_citation(citation: Recorded, store: Briefs) -> Verdict:
    """What became of `citation` in the briefs of `store`."""
    verdict = _verdict(citation, store)
    if citation.shown:
        return verdict
    status = Status.CHANGED if verdict.status is Status.INTACT else verdict.status
    return replace(verdict, status=status, says=f"{verdict.says}; but the file that cites these words shows others")


def _verdict(citation: Recorded, store: Briefs) -> Verdict:
    parsed = parse_citation_id(citation.id)
    brief = _held(store, parsed[0]) if parsed else None
    if brief is not None and parsed is not None:
        start, end = parsed[1:]
        inside = 0 <= start < end <= len(brief.text)
        if inside and citation.quote in (None, brief.text[start:end]):
            return _intact(citation, brief, _place(brief, start, end))
        if citation.quote is None:
            says = f"{brief.source} has {len(brief.text)} characters, so these cannot be of it"
            return Verdict(citation, Status.GONE, says)
    if citation.quote is None:
        says = "no brief has this id: it was edited or removed, and a bare id does not tell what it said"
        return Verdict(citation, Status.GONE, says)
    return _searched(citation, brief, store.briefs(Filters()))


def _intact(citation: Recorded, brief: Brief, place: Place) -> Verdict:
    """The quote is where the id says; what else the record says of it may have been altered, or the file renamed."""
    says = f"{_where(place)}: {_short(brief.text[place.start : place.end])}"
    for name in ("source", "title", "date"):
        was, now = getattr(citation, name), getattr(brief, name)
        if was is not None and was != now:
            says += f"; its {name} is {now}, not {was}"
    if citation.sentence is not None and citation.sentence_start is not None:
        begin = max(citation.sentence_start, 0)
        really = brief.text[begin : begin + len(citation.sentence)]
        if really != citation.sentence:
            difference = word_difference(citation.sentence, really)
            says += f"; its sentence is not what the record says: {difference}"
            return Verdict(citation, Status.CHANGED, says, (place,), difference)
    return Verdict(citation, Status.INTACT, says, (place,))


def _searched(citation: Recorded, held: Brief | None, briefs: Sequence[Brief]) -> Verdict:
    quote = _short(citation.quote or "")
    named = [b for b in briefs if b.source == citation.source or (held is not None and b.id == held.id)]
    dated = citation.title is not None and citation.date is not None
    same = named or [b for b in briefs if dated and (b.title, b.date) == (citation.title, citation.date)]
    places = [place for brief in same for place in _in_sentence(citation, brief)]
    if not places and not named:
        # The words may be few (“2018”): in a brief not known to be the one cited, only the sentence identifies them.
        places = [place for brief in briefs for place in _in_sentence(citation, brief)]
    if places:
        return Verdict(citation, Status.MOVED, _moved(places), tuple(places))
    difference = _difference(citation, same)
    places = [place for brief in same for place in _anywhere(citation, brief)]
    if places:
        also = f"; its sentence has changed: {difference}" if difference else "; its sentence is no longer there"
        return Verdict(citation, Status.MOVED, _moved(places) + also, tuple(places), difference)
    if same:
        says = f"{same[0].source} no longer says {quote}" + (f": {difference}" if difference else "")
        return Verdict(citation, Status.CHANGED, says, (), difference)
    says = f"no brief is called {citation.source or 'as it was'}, and none holds the sentence around {quote}"
    return Verdict(citation, Status.GONE, says)


def _held(store: Briefs, brief_id: str) -> Brief | None:
    try:
        brief = store.brief(brief_id)
    except CitationInvalid:
        return None
    return brief if brief.id == brief_id else None  # a file may be called like an id


def _in_sentence(citation: Recorded, brief: Brief) -> Iterator[Place]:
    """Where the quote stands in its whole sentence."""
    quote, sentence = citation.quote or "", citation.sentence or ""
    parsed = parse_citation_id(citation.id)
    at = parsed[1] - citation.sentence_start if parsed and citation.sentence_start is not None else -1
    if sentence[max(at, 0) :][: len(quote)] != quote or at < 0:
        at = sentence.find(quote)
    if sentence and quote and at >= 0:
        for start in occurrences(brief.text, sentence):
            yield _place(brief, start + at, start + at + len(quote))


def _anywhere(citation: Recorded, brief: Brief) -> Iterator[Place]:
    quote = citation.quote or ""
    return (_place(brief, start, start + len(quote)) for start in occurrences(brief.text, quote))


def occurrences(text: str, words: str) -> list[int]:
    """Where `words` stand in `text` exactly and as whole words (“310” not in “1310”), in order; none for “”."""
    if not words:
        return []
    before = r"(?<!\w)" if re.match(r"\w", words[0]) else ""
    after = r"(?!\w)" if re.match(r"\w", words[-1]) else ""
    return [match.start() for match in re.finditer(f"{before}{re.escape(words)}{after}", text)]


def _place(brief: Brief, start: int, end: int) -> Place:
    paragraph = brief.paragraph_at(start)
    return Place(
        citation_id(brief.id, start, end), brief.source, brief.title, brief.date,
        paragraph.number if paragraph else None, start, end,
    )  # fmt: skip


def _where(place: Place) -> str:
    return f"{place.source}, ¶ {place.paragraph}" if place.paragraph else f"{place.source}, header"


def _moved(places: Sequence[Place]) -> str:
    first = f"now at {places[0].id} ({_where(places[0])})"
    return (
        first if len(places) == 1 else f"{first}, and at {len(places) - 1} more: " + ", ".join(p.id for p in places[1:])
    )


def _short(quote: str, limit: int = 80) -> str:
    words = " ".join(quote.split())
    return f"“{words if len(words) <= limit else words[: limit - 1] + '…'}”"


def _difference(citation: Recorded, briefs: Sequence[Brief]) -> str | None:
    """The cited sentence against the one most like it: of the same paragraph or, if none there is, of the briefs."""
    was = citation.sentence or citation.quote or ""
    here = [(b.text[p.start : p.end], p.number == citation.paragraph) for b in briefs for p in b.paragraphs]
    for texts in ([text for text, same in here if same], [text for text, _ in here]):
        sentences = [text[a:b] for text in texts for a, b in sentence_spans(text)]
        rated = [(_likeness(was, sentence), -n) for n, sentence in enumerate(sentences)]
        likeness, minus_n = max(rated, default=(0.0, 0))
        if likeness >= _LIKE:
            now = sentences[-minus_n]
            return None if now == was else word_difference(was, now)
    return None


def _likeness(one: str, other: str) -> float:
    """Share of words, in their order, that the two have in common (Ratcliff & Metzener 1988, as in difflib)."""
    matcher = SequenceMatcher(None, one.split(), other.split(), autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= _LIKE else 0.0


def word_difference(was: str, now: str) -> str:
    """`was` turned into `now` on one line: `[-words gone-]` and `{+words new+}`."""
    old, new = _WORDS.findall(was), _WORDS.findall(now)
    parts = []
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, came = "".join(old[a:b]), "".join(new[c:d])
        if what == "equal":
            parts.append(gone)
        else:
            parts.append((f"[-{gone}-]" if gone else "") + (f"{{+{came}+}}" if came else ""))
    return " ".join("".join(parts).split())
