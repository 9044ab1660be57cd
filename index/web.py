"""Web pages saved as `.html` to text."""

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from index.dates import parse_date
from index.decoding import decode
from index.errors import BriefUnreadable
from index.types import Properties

if TYPE_CHECKING:
    from lxml.etree import _Element

_MAX_TAGS = 60_000
"""Opening and closing ones. Extraction takes about 13 seconds for 40,000 of them."""
_CHARSET = re.compile(
    rb"""<meta[^>]{1,200}?charset\s*=\s*["']?\s*([\w:.-]+)|<\?xml[^>]{1,100}?encoding=["']([\w.-]+)"""
)
_DATA = re.compile(r"data:[\w/+.-]*;base64,[\w+/=\s%]*")
_BLOCKS = frozenset(["head", "p", "item", "cell", "quote", "list", "table", "row", "code"])
_DATES = {"extensive_search": False, "original_date": True, "max_date": "2100-01-01"}
"""Only dates that the page declares: one that is found by looking for it may be that of anything."""


def text_of_html(content: bytes, source: str) -> tuple[str, Properties]:
    """The article of a page, laid out like a brief: date, title, paragraphs; and its authors.

    Menus, advertisements, comments and the like are left out.

    Raises:
        BriefUnreadable: No article is found, the page is too large, or its encoding is not certain.
    """
    declared = _CHARSET.search(content[:4096])
    name = (declared[1] or declared[2]).decode("ascii", "ignore") if declared else None
    return text_of_page(decode(content, source, name), source)


def text_of_page(page: str, source: str) -> tuple[str, Properties]:
    """As `text_of_html`, of a page that is text already."""
    import trafilatura

    page = _DATA.sub("data:,", page).removeprefix("\ufeff")
    if (n_tags := page.count("<")) > _MAX_TAGS:
        raise BriefUnreadable(f"{source} has {n_tags:,} tags, {_MAX_TAGS:,} are not too many; save its text as .txt")
    try:
        found = trafilatura.bare_extraction(
            page, with_metadata=True, include_comments=False, date_extraction_params=_DATES
        )  # fmt: skip
        words = "" if found is None or isinstance(found, dict) or found.body is None else "".join(_words(found.body))
    except Exception as exc:  # whatever a page does to the parsers
        why = " ".join(str(exc).split())[:100] or type(exc).__name__
        raise BriefUnreadable(f"{source} cannot be read as a web page ({why}); save its text as .txt") from exc
    if not words.strip():
        raise BriefUnreadable(f"{source} holds no article that can be told from its menus; save its text as .txt")
    day = date.fromisoformat(found.date) if found.date else None
    title = " ".join((found.title or "").split())
    blocks = [block for block in re.split(r"\s*\n\s*\n\s*", words.strip()) if block]
    while blocks and (blocks[0] == title or (day and parse_date(blocks[0]) == day)):
        del blocks[0]
    header = [f"{day:%B} {day.day}, {day.year}"] if day else []
    authors = tuple(name.strip() for name in (found.author or "").split(";") if name.strip())
    return "\n\n".join([*header, *([title] if title else []), *blocks]) + "\n", Properties(authors=authors)


def _words(element: "_Element") -> Iterator[str]:
    """The words of an element and of what follows it in its parent; blocks between empty lines."""
    edge = "\n\n" if element.tag in _BLOCKS else "\n" if element.tag == "lb" else ""
    yield edge
    yield re.sub(r"\s+", " ", element.text or "")
    for child in element:
        yield from _words(child)
    yield edge if edge == "\n\n" else ""
    yield re.sub(r"\s+", " ", element.tail or "")
