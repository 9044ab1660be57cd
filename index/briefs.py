"""Text to Brief: finds date, kind, title, authors, topics and paragraphs, and where they stand.

The layout of a brief, every part of which may be missing:

    March 15, 2021 | Insight            date line
                                        (blank lines between blocks)
    Title
    March 15, 2021 | Insight            the date line and title once more
    Title
    First paragraph …
    Jane Doe is a senior fellow at …    author bio, the last paragraph before the tags
    Topic One Topic Two                 tags, run together on the last line

Front matter (index/frontmatter.py) may come before all that; what it says counts before what the rest says.
Nothing here changes the text: every part is a range of it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from index.errors import BriefUnreadable
from index.frontmatter import FrontMatter, front_matter
from index.topics import split_topics
from index.types import Brief, Paragraph, ParagraphRole, Properties

_BLOCK = re.compile(r"\S[^\r\n]*(?:\r\n|\r|\n)?(?:[^\S\r\n]*\S[^\r\n]*(?:\r\n|\r|\n)?)*")
_DATE_FORMATS = ("%B %d, %Y", "%b %d, %Y", "%b. %d, %Y", "%d %B %Y", "%d %b %Y", "%Y-%m-%d", "%B %Y")
_MAX_TAG_WORDS = 16
_MAX_TITLE_CHARS = 300
_NAME = r"(?:[A-Z][\w’'.-]*|de|van|von|der|bin|al|el|da|di|la)"
_BIO = re.compile(
    r"(?:(?:About the author:|(?:This \w+ was )?(?:[Pp]repared|[Dd]rafted|[Ww]ritten) by)\s+)?"
    rf"(?P<names>(?:(?:Dr|Prof|Professor|Sir|Lt|Col|Gen|Maj|Capt|Ret|Ambassador)\.?\s+)*"
    rf"{_NAME}(?:\s+{_NAME}){{1,4}}"
    rf"(?:(?:,\s+(?:and\s+)?|\s+and\s+){_NAME}(?:\s+{_NAME}){{1,4}})*)"
    r"(?:,[^.]{0,160}?,)?(?:\s+(?:is|are|was|were|serves?|served|leads?|directs?|heads?|headed|teaches|"
    r"writes|wrote|edits|manages|covers|chairs|reports?|reported|works?|worked|retired|spent|has|holds|"
    r"of)\b|,\s+[a-z])"
)
_HONORIFIC = re.compile(r"^(?:Dr|Prof|Professor|Sir|Lt|Col|Gen|Maj|Capt|Ret|Ambassador)\.?\s+")

Range = tuple[int, int]
"""Half-open, in code points of a brief's text."""


@dataclass(frozen=True, slots=True)
class Outline:
    """Where a text says what it is; None for what it does not say."""

    end: int
    """Of the header: everything before it is date, kind and title."""
    date: Range | None
    kind: Range | None
    title: Range | None
    authors: tuple[Range, ...]


def outline(text: str) -> Outline:
    """Where date, kind, title and authors stand in a text that `parse_brief` takes."""
    front, blocks = _blocks(text)
    header, n_header = _header(text, blocks, front.header)
    body, _ = _body(text, blocks[n_header:])
    authors = front.authors or (_authors(text, *body[-1]) if len(body) > 1 else ())
    end = blocks[n_header - 1][1] if n_header else front.end
    return Outline(end, header.get("date"), header.get("kind"), header.get("title"), authors)


def parse_brief(text: str, source: str, path: str = "", beside: Properties = Properties()) -> Brief:
    """The brief in `text`; parts of the layout that are absent come out as None or empty.

    Args:
        text: What the file says, unchanged; all offsets refer to it.
        source: Path to show, relative to the folder indexed.
        path: Absolute path of the file.
        beside: Title, date and authors for a text that names none.

    Raises:
        BriefUnreadable: `text` holds no letter or digit, or nothing but a header.
    """
    if not any(character.isalnum() for character in text):
        raise BriefUnreadable(f"{source} holds no text; put the brief's text in it or remove the file")
    front, blocks = _blocks(text)
    header, n_header = _header(text, blocks, front.header)
    said = {name: text[slice(*place)] for name, place in header.items()}
    day = parse_date(said.get("date", ""))
    body, topics = _body(text, blocks[n_header:])
    if not body:
        raise BriefUnreadable(f"{source} holds a header but no paragraph; add the brief's text or remove it")
    authors = _authors(text, *body[-1]) if len(body) > 1 else ()
    paragraphs = tuple(
        Paragraph(n, start, end, ParagraphRole.BIO if authors and n == len(body) else ParagraphRole.BODY)
        for n, (start, end) in enumerate(body, start=1)
    )
    return Brief(
        id=brief_id(text),
        text=text,
        source=source,
        title=said.get("title") or beside.title or _title_from_source(source),
        date=day.isoformat() if day else beside.date,
        kind=said.get("kind"),
        authors=tuple(text[slice(*place)] for place in front.authors or authors) or beside.authors,
        topics=tuple(text[slice(*place)] for place in front.topics) or topics,
        paragraphs=paragraphs,
        path=path,
    )


def brief_id(text: str) -> str:
    """The first 12 hex digits of the SHA-256 of `text` in UTF-8 (48 bits: 1e-6 odds at 24,000 briefs)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def parse_date(words: str) -> date | None:
    """The date written in `words` (“March 15, 2021”, “15 Mar 2021”, “2021-03-15”), or None.

    A month alone (“March 2021”) is its first day.
    """
    for form in _DATE_FORMATS:
        try:
            return datetime.strptime(words.strip(), form).date()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            continue
    return None


def _trim(text: str, start: int, end: int) -> Range:
    block = text[start:end]
    return start + len(block) - len(block.lstrip("\ufeff \t\r\n")), start + len(block.rstrip())


def _blocks(text: str) -> tuple[FrontMatter, list[Range]]:
    """The front matter, which may be empty, and the blocks after it."""
    front = front_matter(text) or FrontMatter(0, {}, (), ())
    return front, [_trim(text, m.start(), m.end()) for m in _BLOCK.finditer(text, front.end)]


def _header(text: str, blocks: list[Range], before: Mapping[str, Range]) -> tuple[dict[str, Range], int]:
    """Where date, kind and title stand, if not `before` the blocks, and how many blocks the header takes."""
    said = dict(before)
    used = 0
    for start, end in blocks[:6]:
        block = text[start:end]
        words, _, kind = block.partition("|")
        day = parse_date(words)
        title = _trim(text, end - len(block.lstrip("# ")), end)
        if day:
            if "date" not in said:
                said["date"] = _trim(text, start, start + len(words))
                if kind.strip():
                    said["kind"] = _trim(text, start + len(words) + 1, end)
            elif day != parse_date(text[slice(*said["date"])]):
                break
        elif "title" not in said and _is_title(block) and (said or len(blocks) > 1):
            said["title"] = title
        elif "title" not in said or text[slice(*title)] != text[slice(*said["title"])]:
            break
        used += 1
    # A file that is one short line and no more is a brief of one paragraph, not a header.
    return said, used - 1 if used == len(blocks) and "date" not in said else used


def _body(text: str, blocks: list[Range]) -> tuple[list[Range], tuple[str, ...]]:
    """The paragraphs among the blocks after the header, and the topics of the last one if it is a tag line."""
    if len(blocks) > 1 and _is_tag_line(text, *blocks[-1]):
        return blocks[:-1], split_topics(text[slice(*blocks[-1])])
    return blocks, ()


def _is_title(block: str) -> bool:
    return (
        "\n" not in block.strip()
        and len(block) <= _MAX_TITLE_CHARS
        and (block.startswith("#") or not block.rstrip("”’\")'").endswith((".", ":", ";", ",")))
    )


def _is_tag_line(text: str, start: int, end: int) -> bool:
    words = text[start:end].split()
    return (
        "\n" not in text[start:end]
        and 0 < len(words) <= _MAX_TAG_WORDS
        and not text[start:end].endswith((".", "!", "?", "”", ":"))
        and sum(word[0].isupper() for word in words) >= len(words) / 2
    )


def _authors(text: str, start: int, end: int) -> tuple[Range, ...]:
    """Where the names stand that the author bio opens with; nowhere when it does not read like one."""
    match = _BIO.match(text[start:end])
    if match is None:
        return ()
    names: list[Range] = []
    at, stop = start + match.start("names"), start + match.end("names")
    for between in [*re.finditer(r",\s+and\s+|,\s+|\s+and\s+", match["names"]), None]:
        to = start + match.start("names") + between.start() if between else stop
        while honorific := _HONORIFIC.match(text[at:to]):
            at += honorific.end()
        if len(text[at:to].split()) > 1:
            names.append(_trim(text, at, to))
        at = start + match.start("names") + between.end() if between else stop
    return tuple(names)


def _title_from_source(source: str) -> str:
    stem = source.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return stem.replace("_", " ").replace("-", " ").strip() or source
