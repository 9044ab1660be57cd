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

Nothing here changes the text: every part is a range of it.
"""

import hashlib
import re
from datetime import date, datetime

from index.errors import BriefUnreadable
from index.topics import split_topics
from index.types import Brief, Paragraph, ParagraphRole

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


def parse_brief(text: str, source: str, path: str = "") -> Brief:
    """The brief in `text`; parts of the layout that are absent come out as None or empty.

    Args:
        text: The decoded file, unchanged; all offsets refer to it.
        source: Path to show, relative to the folder indexed.
        path: Absolute path of the file.

    Raises:
        BriefUnreadable: `text` holds no letter or digit, or nothing but a header.
    """
    if not any(character.isalnum() for character in text):
        raise BriefUnreadable(f"{source} holds no text; put the brief's text in it or remove the file")
    blocks = [_trim(text, m.start(), m.end()) for m in _BLOCK.finditer(text)]
    day, kind, title, n_header = _header(text, blocks)
    body = blocks[n_header:]
    topics: tuple[str, ...] = ()
    if len(body) > 1 and _is_tag_line(text, *body[-1]):
        topics = split_topics(text[slice(*body.pop())])
    if not body:
        raise BriefUnreadable(f"{source} holds a header but no paragraph; add the brief's text or remove it")
    authors = _authors(text[slice(*body[-1])]) if len(body) > 1 else ()
    paragraphs = tuple(
        Paragraph(n, start, end, ParagraphRole.BIO if authors and n == len(body) else ParagraphRole.BODY)
        for n, (start, end) in enumerate(body, start=1)
    )
    return Brief(
        id=brief_id(text),
        text=text,
        source=source,
        title=title or _title_from_source(source),
        date=day.isoformat() if day else None,
        kind=kind,
        authors=authors,
        topics=topics,
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


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    block = text[start:end]
    return start + len(block) - len(block.lstrip("\ufeff \t\r\n")), start + len(block.rstrip())


def _header(text: str, blocks: list[tuple[int, int]]) -> tuple[date | None, str | None, str | None, int]:
    """Date, kind, title, and how many blocks the header takes."""
    day: date | None = None
    kind: str | None = None
    title: str | None = None
    used = 0
    for start, end in blocks[:6]:
        block = text[start:end]
        found, found_kind = _date_line(block)
        if found:
            if day and found != day:
                break
            day, kind = found, found_kind
        elif title is None and _is_title(block) and (day or len(blocks) > 1):
            title = block.lstrip("# ").strip()
        elif block.lstrip("# ").strip() != title:
            break
        used += 1
    # A file that is one short line and no more is a brief of one paragraph, not a header.
    return day, kind, title, used - 1 if used == len(blocks) and not day else used


def _date_line(block: str) -> tuple[date | None, str | None]:
    words, _, kind = block.partition("|")
    return parse_date(words), kind.strip() or None


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


def _authors(bio: str) -> tuple[str, ...]:
    """The names that the author bio opens with; empty when it does not read like one."""
    match = _BIO.match(bio)
    if match is None:
        return ()
    names = re.split(r",\s+and\s+|,\s+|\s+and\s+", match["names"])
    while any(_HONORIFIC.match(name) for name in names):
        names = [_HONORIFIC.sub("", name) for name in names]
    return tuple(name.strip() for name in names if len(name.split()) > 1)


def _title_from_source(source: str) -> str:
    stem = source.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return stem.replace("_", " ").replace("-", " ").strip() or source
