"""The header of a brief: which of its first lines say date, kind, title, authors and topics. Pure.

Think tanks put these in every order, one a line or several on a line between bars or dots, in words that introduce them
(“By …”, “Published on …”, “Tags: …”) or without. So each line, or part of one, is taken for what it says by itself; the
first short line that says none of these is the title. The header ends where a line says nothing of the kind.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from index.dates import parse_date
from index.names import Range, names_in

_MOST_BLOCKS = 8
_MAX_TITLE_CHARS = 300
_MOST_LINES = 12
_MAX_LINE_CHARS = 500
_BETWEEN = re.compile(r"\s*\|\s*|\s+[·•●∙—–/]\s+")
_LINE = re.compile(r"[^\r\n]+")
_LABEL = re.compile(r"[*_]{0,2}(?P<label>[A-Za-z][A-Za-z ]{1,24}?)[*_]{0,2}\s*:[*_]{0,2}\s*(?=\S)")
_LABELS = {
    "date": "date", "published": "date", "published on": "date", "publication date": "date", "posted": "date",
    "updated": "date", "last updated": "date", "released": "date", "issued": "date",
    "author": "authors", "authors": "authors", "by": "authors", "written by": "authors", "from": "authors",
    "prepared by": "authors",
    "title": "title", "subject": "title", "re": "title",
    "topic": "topics", "topics": "topics", "tags": "topics", "tag": "topics", "keywords": "topics", "issues": "topics",
    "filed under": "topics", "regions": "topics", "topics and regions": "topics", "categories": "topics",
    "kind": "kind", "type": "kind", "category": "kind", "series": "kind", "publication type": "kind",
    "to": "whom", "cc": "whom", "reading time": "nothing",
}  # fmt: skip
_LABEL_INSIDE = re.compile(r"\b(?:from|date|subject|re):", re.IGNORECASE)
_DATED = re.compile(
    r"(?:first\s+)?(?:published|posted|released|issued|updated|last updated|dated)(?:\s+on)?\s+", re.IGNORECASE
)
_PLACE = re.compile(r"[A-Z][\w .’'-]{1,30},\s+")
_BY = re.compile(r"(?:(?:written|prepared|authored|edited)\s+)?by\s+", re.IGNORECASE)
_READ = re.compile(r"\d+[ -]?min(?:ute)?s?(?: read)?", re.IGNORECASE)
_KIND = re.compile(
    r"(?P<kind>(?:(?:policy|issue|research|strategy|discussion|working|white|position|briefing|background|legislative|security|"
    r"expert|press|special|occasional|technical|conference|in-depth)\s+)?"
    r"(?:briefs?|briefings?|memos?|memorandum|papers?|notes?|reports?|analysis|commentary|commentaries|insights?|"
    r"op-eds?|testimony|explainers?|fact ?sheets?|backgrounders?|perspectives?|articles?|essays?|interviews?|"
    r"studies|study|reviews?|bulletins?|dispatch(?:es)?|viewpoints?|alerts?|speech|opinion|primer))"
    r"(?:,?\s+(?:series,?\s+)?(?:(?:no|nr|number|vol|issue)\b\.?|№|#)?\s*\d[\d./-]*)?",
    re.IGNORECASE,
)
_MASTHEAD = re.compile(
    r"(?:The\s+)?(?:[A-Z][\w’'-]*\s+){0,5}(?:Institute|Center|Centre|Foundation|Council|Project|Program|Programme|University|"
    r"School|Initiative|Network|Forum|Society|Association|Observatory|Academy|INSTITUTE|CENTER|CENTRE|FOUNDATION|COUNCIL|"
    r"PROJECT|UNIVERSITY|INITIATIVE|FORUM)(?:\s+(?:of|for|on|OF|FOR|ON)\s+.{2,60})?"
)


@dataclass(slots=True)
class Header:
    """Where the first lines of a text say what it is."""

    said: dict[str, Range]
    """Of `date`, `kind`, `title`, as far as there are any."""
    authors: list[Range] = field(default_factory=list)
    topics: list[Range] = field(default_factory=list)
    n_blocks: int = 0
    """How many blocks the header takes."""


Said = list[tuple[str, Range]]
"""What a line says, and where: of `date`, `kind`, `title`, `authors`, `topics`, or `nothing`; `whom` a memo is to."""


def read_header(text: str, blocks: Sequence[Range], before: Mapping[str, Range]) -> Header:
    """The header at the beginning of `blocks`.

    Args:
        text: The brief.
        blocks: Its blocks between empty lines, each a line or several.
        before: What is known before, from front matter.
    """
    header = Header(dict(before))
    of_memo = False
    for number, block in enumerate(blocks[:_MOST_BLOCKS]):
        if block[1] - block[0] > _MOST_LINES * _MAX_LINE_CHARS:
            break
        lines = [_stripped(text, *match.span()) for match in _LINE.finditer(text, *block)]
        lines = [line for line in lines if line[0] < line[1]]
        # Whom a memo is to, nothing else tells: from there on its lines are read, and stay in the text.
        of_memo = of_memo or any(name == "whom" for line in lines for name, _ in labelled(text, *line))
        if of_memo and not all(labelled(text, *line) for line in lines):
            break
        if not _takes(text, header, lines, more=len(blocks) > 1, rest=blocks[number + 1 :]):
            break
        header.n_blocks += not of_memo
    # A file that is one short line and no more is a brief of one paragraph, not a header.
    if header.n_blocks == len(blocks) and "date" not in header.said:
        header.n_blocks -= 1
    return header


def is_title(line: str) -> bool:
    """Whether a line may be a title: short, and no sentence."""
    return len(line) <= _MAX_TITLE_CHARS and (
        line.startswith("#") or not line.rstrip("”’\")'").endswith((".", ":", ";", ","))
    )


def labelled(text: str, start: int, end: int) -> Said:
    """What a line says behind a label (“Tags: …”); empty where it has none that is known."""
    match = _LABEL.match(text, start, end)
    name = _LABELS.get(" ".join(match["label"].lower().split())) if match else None
    if match is None or name is None:
        return []
    place = (match.end(), end)
    if name == "date":
        return [("date", place)] if parse_date(text[slice(*place)]) else []
    if name == "authors":
        return [("authors", one) for one in names_in(text, *place)]
    if name == "topics":
        return [("topics", part) for part in _parts(text, *place, re.compile(r"\s*[,;|·•]\s*"))]
    if name == "whom" and _LABEL_INSIDE.search(text, *place):  # all of a memo's head on one line: it is the title
        return []
    return [(name, place)]


def _takes(text: str, header: Header, lines: Sequence[Range], *, more: bool, rest: Sequence[Range]) -> bool:
    """Adds to `header` what the lines of a block say, unless one of them says nothing that belongs there."""
    new = Header(dict(header.said), list(header.authors), list(header.topics))
    n_telling = 0
    for line in lines:
        said = _line_says(text, *line)
        n_telling += bool(said)
        if not said and (names := _bare_names(text, line, rest, new)):
            said = [("authors", name) for name in names]
        if not said and not _titles(text, new, line, more=more or len(lines) > 1, rest=rest):
            return False
        if not all(_agrees(text, new, name, place) for name, place in said):
            return False
    if len(lines) > 1 and not n_telling:
        return False
    header.said, header.authors, header.topics = new.said, new.authors, new.topics
    return True


def _agrees(text: str, header: Header, name: str, place: Range) -> bool:
    """Adds what a line says; False where the header has said another date or kind before."""
    if name == "authors":
        if text[slice(*place)] not in [text[slice(*author)] for author in header.authors]:
            header.authors.append(place)
    elif name == "topics":
        header.topics.append(place)
    elif name == "date" and "date" in header.said:
        return parse_date(text[slice(*place)]) == parse_date(text[slice(*header.said["date"])])
    elif name == "kind" and "kind" in header.said:
        return text[slice(*place)].casefold() == text[slice(*header.said["kind"])].casefold()
    elif name in ("date", "kind", "title"):
        header.said.setdefault(name, place)
    return True


def _titles(text: str, header: Header, line: Range, *, more: bool, rest: Sequence[Range]) -> bool:
    """Whether a line is the title, said for the first time or again."""
    title = _stripped(text, *line, "#")
    words = text[slice(*title)]
    if "title" not in header.said:
        if not is_title(text[slice(*line)]) or not (header.said or more):
            return False
        header.said["title"] = title
        return True
    known = text[slice(*header.said["title"])]
    if words == known:
        return True
    # A publisher's name above what is called by a name of its own.
    if _MASTHEAD.fullmatch(known) and is_title(text[slice(*line)]) and rest and len(header.said) > 1:
        header.said["title"] = title
        return True
    return False


def _line_says(text: str, start: int, end: int) -> Said:
    """What a line says of the brief; empty if it is no line of a header, or the title."""
    if end - start > _MAX_LINE_CHARS:
        return []
    if said := labelled(text, start, end):
        return said
    parts = list(_parts(text, start, end, _BETWEEN))
    if len(parts) == 1:
        return _part_says(text, *parts[0])
    first, _, rest = text[start:end].partition("|")
    if parse_date(first) and rest.strip():  # the date line as it is most often: whatever follows is the kind
        place = _stripped(text, start + len(first) + 1, end)
        return _line_of_parts(text, parts, names=False) or [("date", parts[0]), ("kind", place)]
    return _line_of_parts(text, parts, names=True)


def _line_of_parts(text: str, parts: Sequence[Range], *, names: bool) -> Said:
    """What each of several parts of a line says, `names` without a word before them among it; else nothing."""
    said: Said = []
    for part in parts:
        told = labelled(text, *part) or _part_says(text, *part)
        if not told and names and (listed := names_in(text, *part)):
            told = [("authors", name) for name in listed]
        if not told:
            return []
        said += told
    return said if any(name in ("date", "kind") for name, _ in said) else []


def _part_says(text: str, start: int, end: int) -> Said:
    words = text[start:end]
    if parse_date(words):
        return [("date", (start, end))]
    if (match := _DATED.match(text, start, end) or _PLACE.match(text, start, end)) and parse_date(
        text[match.end() : end]
    ):
        return [("date", (match.end(), end))]
    if (match := _BY.match(text, start, end)) and (names := names_in(text, match.end(), end)):
        return [("authors", name) for name in names]
    if match := _KIND.fullmatch(text, start, end):
        return [("kind", match.span("kind"))]
    return [("nothing", (start, end))] if _READ.fullmatch(words) else []


def _bare_names(text: str, line: Range, rest: Sequence[Range], header: Header) -> tuple[Range, ...]:
    """Names on a line without a word before them, below the title, if the text tells later who each of them is."""
    if "title" not in header.said or not rest:
        return ()
    names = names_in(text, *line)
    told = [text[start : start + 200] for start, _ in rest]
    return names if names and all(any(t.startswith(text[a:b]) for t in told) for a, b in names) else ()


def _parts(text: str, start: int, end: int, between: re.Pattern[str]) -> Iterator[Range]:
    at = start
    for cut in [*between.finditer(text, start, end), None]:
        part = _stripped(text, at, cut.start() if cut else end)
        if part[0] < part[1]:
            yield part
        at = cut.end() if cut else end


def _stripped(text: str, start: int, end: int, more: str = "") -> Range:
    words = text[start:end]
    left = len(words) - len(words.lstrip(f"\ufeff \t\f{more}"))
    return start + left, max(start + left, start + len(words.rstrip()))
