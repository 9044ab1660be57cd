"""Which paragraphs at the end of a brief tell who wrote it, and whom they name. Pure."""

import re
from collections.abc import Sequence

from index.names import HONORIFIC, NAME_WORD, Range, without_honorific

_NAME = rf"{NAME_WORD}(?:\s+{NAME_WORD}){{1,4}}"
_NAMES = rf"(?P<names>(?:{HONORIFIC})*{_NAME}(?:(?:,\s+(?:and\s+)?|\s+and\s+){_NAME})*)"
_BIO = re.compile(
    r"(?:(?:About the author:|(?:This \w+ was )?(?:[Pp]repared|[Dd]rafted|[Ww]ritten) by)\s+)?"
    rf"{_NAMES}"
    r"(?:,[^.]{0,160}?,)?(?:\s+(?:is|are|was|were|serves?|served|leads?|directs?|heads?|headed|teaches|"
    r"writes|wrote|edits|manages|covers|chairs|reports?|reported|works?|worked|retired|spent|has|holds|"
    r"of)\b|,\s+[a-z])"
)
_SURE = re.compile(
    rf"{_NAMES}\s+(?:is|are|serves|works)\s+(?:an?|the|as)\s+[^.]{{0,120}}?\b(?:fellows?|directors?|professors?|analysts?|"
    r"researchers?|scholars?|economists?|lecturers?|advis[eo]rs?|associates?|managers?|editors?|experts?|officers?|chair|president|"
    r"founder|head|correspondent|specialists?)\b[^.]{0,80}?\b(?:at|of|with|for|in|on)\b"
)
"""What tells of an author for certain, wherever it stands: who holds which post where."""
_HEADING = re.compile(
    r"#*\s*[*_]{0,2}(?:about|meet) the (?:authors?|experts?|contributors?)[*_]{0,2}:?"
    r"|#*\s*(?:the )?authors?(?: bio(?:graph(?:y|ies)|s)?)?:?",
    re.IGNORECASE,
)
_NOTES = re.compile(r"#*\s*(?:end ?notes|foot ?notes|notes|references|sources|acknowledge?ments?):?", re.IGNORECASE)
_NOTE = re.compile(r"\[\^?\d{1,3}\]:?\s*\S|\d{1,3}[.)]\s+\S|[¹²³⁴⁵⁶⁷⁸⁹*†‡]+\s*\S")
_LONGEST_HEADING = 60


def is_note(text: str, start: int, end: int) -> bool:
    """Whether a block begins like a footnote (“[1] …”, “12. …”) or is the heading above some."""
    return bool(_NOTE.match(text, start, end) or _NOTES.fullmatch(text, start, end))


def bios_in(text: str, body: Sequence[Range]) -> tuple[frozenset[Range], tuple[Range, ...]]:
    """Which paragraphs of `body` are bios of the authors, and where in them the names stand.

    Those under a heading (“About the authors”); else the last paragraph that is no footnote, if it reads like one, and
    those before it that do for certain.
    """
    for at in range(len(body) - 1, 0, -1):
        start, end = body[at]
        if end - start <= _LONGEST_HEADING and _HEADING.fullmatch(text, start, end):
            under = _until_notes(text, body[at + 1 :])
            return frozenset([body[at], *under]), _named(text, under)
    last = len(body) - 1
    while last > 0 and is_note(text, *body[last]):
        last -= 1
    if last <= 0 or not (_BIO if last == len(body) - 1 else _SURE).match(text, *body[last]):
        return frozenset(), ()
    first = last
    while first > 1 and _SURE.match(text, *body[first - 1]):
        first -= 1
    bios = list(body[first : last + 1])
    return frozenset(bios), _named(text, bios)


def _until_notes(text: str, body: Sequence[Range]) -> list[Range]:
    under: list[Range] = []
    for block in body:
        if is_note(text, *block):
            break
        under.append(block)
    return under


def _named(text: str, bios: Sequence[Range]) -> tuple[Range, ...]:
    names: list[Range] = []
    for bio in bios:
        match = _BIO.match(text, *bio)
        if match is None:
            continue
        at, stop = match.span("names")
        for between in [*re.finditer(r",\s+and\s+|,\s+|\s+and\s+", match["names"]), None]:
            to = match.start("names") + between.start() if between else stop
            first, last = without_honorific(text, at, to)
            if len(text[first:last].split()) > 1:
                names.append((first, last))
            at = match.start("names") + between.end() if between else stop
    return tuple(names)
