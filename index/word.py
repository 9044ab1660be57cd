"""Word documents (`.docx`) to text."""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from index.errors import BriefUnreadable
from index.types import Properties

if TYPE_CHECKING:
    from docx.document import Document
    from lxml.etree import _Element

_MAX_UNPACKED = 100_000_000
"""Bytes of all parts together: more than 20 MB of a real document unpack to."""
_MAX_XML = 30_000_000
"""Bytes of those that are XML, a tree of which takes a hundred times that at worst; 300 pages are about 5 MB."""
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PARAGRAPH = f"{_W}p"
_NOT_SHOWN = frozenset(
    [f"{_W}del", f"{_W}moveFrom", "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"]
)
"""What was deleted or moved away, and what programs show that cannot show the same thing beside it."""
_SIGNS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "\u2011"}


def text_of_docx(content: bytes, source: str) -> tuple[str, Properties]:
    """The paragraphs of the body, those in tables and text boxes where they stand, each a block; and the properties.

    Notes, comments, heads and feet are left out, and so is what was deleted with changes tracked.

    Raises:
        BriefUnreadable: It is no Word document, is damaged, encrypted, or unpacks to too much.
    """
    document = _opened(content, source)
    try:
        paragraphs = ["".join(_words(paragraph)).strip() for paragraph in _paragraphs(document.element.body)]
        properties = _properties(document)
    except Exception as exc:  # of parts that are not what they should be python-docx tells in errors of many types
        raise _damaged(source, exc) from exc
    # An empty line inside a paragraph would cut it in two.
    blocks = [re.sub(r"\s*\n\s*", "\n", block) for block in paragraphs if block]
    return "\n\n".join(blocks) + "\n", properties


def _opened(content: bytes, source: str) -> "Document":
    import docx

    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise BriefUnreadable(f"{source} is encrypted, or of Word before 2007; save it as .docx without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sizes = {part: part.file_size for part in archive.infolist()}  # no more is ever unpacked
        unpacked = sum(sizes.values())
        xml = sum(size for part, size in sizes.items() if part.filename.lower().endswith((".xml", ".rels")))
        if unpacked > _MAX_UNPACKED or xml > _MAX_XML:
            raise BriefUnreadable(f"{source} unpacks to {unpacked // 1_000_000:,} MB, which is too much; split it")
        document = docx.Document(io.BytesIO(content))
        declares = document.element.getroottree().docinfo.doctype
    except BriefUnreadable:
        raise
    except Exception as exc:  # python-docx lets errors of zipfile, lxml and its own through, of many types
        raise _damaged(source, exc) from exc
    if declares:
        raise BriefUnreadable(f"{source} declares entities, which no Word document does; save it in Word again")
    return document


def _damaged(source: str, exc: Exception) -> BriefUnreadable:
    return BriefUnreadable(f"{source} is not a whole Word document ({_reason(exc)}); save it in Word again")


def _reason(exc: Exception) -> str:
    return " ".join(str(exc).split())[:100].rstrip(" .") or type(exc).__name__


def _paragraphs(body: "_Element") -> Iterator["_Element"]:
    """Every paragraph that is shown, in reading order; one in a text box after the one that holds the box."""
    for paragraph in body.iter(_PARAGRAPH):
        if not any(above.tag in _NOT_SHOWN for above in paragraph.iterancestors()):
            yield paragraph


def _words(element: "_Element") -> Iterator[str]:
    for child in element:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in _SIGNS:
            yield _SIGNS[child.tag]
        elif child.tag not in _NOT_SHOWN and child.tag not in (_PARAGRAPH, f"{_W}pPr", f"{_W}rPr"):
            yield from _words(child)


def _properties(document: "Document") -> Properties:
    said = document.core_properties
    written = said.created or said.modified
    authors = tuple(name.strip() for name in said.author.split(";") if name.strip())
    return Properties(said.title.strip() or None, written.date().isoformat() if written else None, authors)
