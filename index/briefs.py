"""Text to Brief: finds date, kind, title, authors, topics and paragraphs, and where they stand.

The layout of a brief, every part of which may be missing:

    March 15, 2021 | Insight            the header, in any order (index/headers.py), perhaps said once more
    Title                               (blank lines between blocks)
    By Jane Doe
    First paragraph …
    Jane Doe is a senior fellow at …    author bios (index/bios.py)
    [1] Ministry of Transport, …        notes
    Topic One Topic Two                 tags, run together on the last line; or “Tags: …”

Front matter (index/frontmatter.py) may come before all that; what it says counts before what the rest says.
Nothing here changes the text: every part is a range of it.
"""

import hashlib
import re
from dataclasses import dataclass

from index.bios import bios_in, is_note
from index.dates import parse_date
from index.errors import BriefUnreadable
from index.frontmatter import FrontMatter, front_matter
from index.headers import Header, labelled, read_header
from index.names import Range
from index.topics import split_topics
from index.types import Brief, Paragraph, ParagraphRole, Properties

_BLOCK = re.compile(r"\S[^\r\n]*(?:\r\n|\r|\n)?(?:[^\S\r\n]*\S[^\r\n]*(?:\r\n|\r|\n)?)*")
MAX_CHARS = 2_000_000
"""Of a brief; a book of 500 pages has a million."""
_MAX_PARAGRAPHS = 50_000
_MAX_TAG_WORDS = 16
_TOPICS_NEAR_END = 6
"""Blocks from the last, among which a line may say the topics behind a label."""


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
    layout = _layout(text)
    said, n_blocks = layout.header.said, layout.header.n_blocks
    end = layout.blocks[n_blocks - 1][1] if n_blocks else layout.front.end
    return Outline(end, said.get("date"), said.get("kind"), said.get("title"), layout.authors)


def parse_brief(text: str, source: str, path: str = "", beside: Properties = Properties()) -> Brief:
    """The brief in `text`; parts of the layout that are absent come out as None or empty.

    Args:
        text: What the file says, unchanged; all offsets refer to it.
        source: Path to show, relative to the folder indexed.
        path: Absolute path of the file.
        beside: Title, date and authors for a text that names none.

    Raises:
        BriefUnreadable: `text` holds no letter or digit, nothing but a header, or too much.
    """
    if len(text) > MAX_CHARS:
        raise BriefUnreadable(f"{source} holds {len(text):,} characters, {MAX_CHARS:,} are not too many; split it")
    if not any(character.isalnum() for character in text):
        raise BriefUnreadable(f"{source} holds no text; put the brief's text in it or remove the file")
    layout = _layout(text)
    if len(layout.blocks) > _MAX_PARAGRAPHS:
        raise BriefUnreadable(
            f"{source} holds {len(layout.blocks):,} paragraphs, {_MAX_PARAGRAPHS:,} are not too many; split it"
        )
    if not layout.body:
        raise BriefUnreadable(f"{source} holds a header but no paragraph; add the brief's text or remove it")
    said = {name: text[slice(*place)] for name, place in layout.header.said.items()}
    day = parse_date(said.get("date", ""))
    paragraphs = tuple(
        Paragraph(n, start, end, ParagraphRole.BIO if (start, end) in layout.bios else ParagraphRole.BODY)
        for n, (start, end) in enumerate(layout.body, start=1)
    )
    return Brief(
        id=brief_id(text),
        text=text,
        source=source,
        title=said.get("title") or beside.title or _title_from_source(source),
        date=day.isoformat() if day else beside.date,
        kind=said.get("kind"),
        authors=tuple(text[slice(*place)] for place in layout.authors) or beside.authors,
        topics=layout.topics,
        paragraphs=paragraphs,
        path=path,
    )


def renamed(brief: Brief, source: str, path: str) -> Brief:
    """The same brief in a file with another name or place; its title changes where it was made from the name."""
    title = brief.title if brief.title != _title_from_source(brief.source) else None
    return parse_brief(brief.text, source, path, Properties(title, brief.date, brief.authors))


def brief_id(text: str) -> str:
    """The first 12 hex digits of the SHA-256 of `text` in UTF-8 (48 bits: 1e-6 odds at 24,000 briefs)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _Layout:
    front: FrontMatter
    blocks: list[Range]
    """After the front matter: header, then body."""
    header: Header
    body: list[Range]
    """The paragraphs."""
    bios: frozenset[Range]
    """Those of them that tell of the authors."""
    authors: tuple[Range, ...]
    topics: tuple[str, ...]


def _layout(text: str) -> _Layout:
    front, blocks = _blocks(text)
    if len(blocks) > _MAX_PARAGRAPHS:
        return _Layout(front, blocks, Header({}), [], frozenset(), (), ())
    header = read_header(text, blocks, front.header)
    body, topics = _body(text, blocks[header.n_blocks :])
    bios, named = bios_in(text, body)
    places = front.topics or header.topics
    return _Layout(
        front, blocks, header, body, bios, tuple(front.authors or header.authors or named),
        tuple(text[slice(*place)] for place in places) or topics,
    )  # fmt: skip


def _trim(text: str, start: int, end: int) -> Range:
    block = text[start:end]
    return start + len(block) - len(block.lstrip("\ufeff \t\r\n")), start + len(block.rstrip())


def _blocks(text: str) -> tuple[FrontMatter, list[Range]]:
    """The front matter, which may be empty, and the blocks after it."""
    front = front_matter(text) or FrontMatter(0, {}, (), ())
    blocks = [_trim(text, m.start(), m.end()) for m in _BLOCK.finditer(text, front.end)]
    return front, [(start, end) for start, end in blocks if start < end]  # a byte order mark by itself is no block


def _body(text: str, blocks: list[Range]) -> tuple[list[Range], tuple[str, ...]]:
    """The paragraphs among the blocks after the header, and the topics that a line near the end tells."""
    for at in range(len(blocks) - 1, max(0, len(blocks) - 1 - _TOPICS_NEAR_END), -1):
        told = labelled(text, *blocks[at]) if "\n" not in text[slice(*blocks[at])] else []
        if told and told[0][0] == "topics":
            return blocks[:at] + blocks[at + 1 :], tuple(text[slice(*place)] for _, place in told)
    if len(blocks) > 1 and _is_tag_line(text, *blocks[-1]):
        return blocks[:-1], split_topics(text[slice(*blocks[-1])])
    return blocks, ()


def _is_tag_line(text: str, start: int, end: int) -> bool:
    words = text[start:end].split()
    return (
        "\n" not in text[start:end]
        and 0 < len(words) <= _MAX_TAG_WORDS
        and not text[start:end].endswith((".", "!", "?", "”", ":"))
        and not is_note(text, start, end)
        and sum(word[0].isupper() for word in words) >= len(words) / 2
    )


def _title_from_source(source: str) -> str:
    stem = source.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return stem.replace("_", " ").replace("-", " ").strip() or source
