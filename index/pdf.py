"""PDF files to text: lines joined to paragraphs, running heads and page numbers left out.

A form feed stands where a page begins: between paragraphs, or in place of a space. So the text itself tells the page.
"""

import ctypes
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from index.briefs import MAX_CHARS
from index.errors import BriefUnreadable
from index.types import Properties

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

_MAX_PAGES = 1_000
_MAX_CHARS = MAX_CHARS
_LOCK = threading.Lock()
"""PDFium is not made for threads."""
_EDGE = 0.12
"""Share of a page, above and below, where running heads and page numbers are looked for."""
_REPEATED = 0.4
"""Share of the pages on which a line must stand at the same place to be a running head; left pages may have another."""
HYPHEN = "\x02"
"""What PDFium gives for a hyphen that ends a line, in place of the hyphen and the end of the line."""
_LONGEST_WORD = 100
_NEAR = 1.25
"""How many times the usual distance apart lines may be that follow each other in a paragraph."""
_ENDS = re.compile(r"[.!?:][”’\"')\]\d]*$")
_ITEM = re.compile(r"(?:[•‣▪◦●■□–—*-]|\(?(?:\d{1,2}|[a-z])[.)])\s")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page; places in points, upwards from the lower left corner, except `depth`."""

    text: str
    page: int
    left: float
    base: float
    height: float
    """Of its letters, a measure of the size of the type."""
    depth: float
    """How far down the page, from 0 to 1."""
    chars: tuple[int, int] = (0, 0)
    """Which of the page’s characters, as PDFium counts them."""


def text_of_pdf(content: bytes, source: str) -> tuple[str, Properties]:
    """The paragraphs, each a block on one line, form feeds between pages; and the properties.

    Raises:
        BriefUnreadable: It is damaged, encrypted, too long, or holds pictures of text and no text.
    """
    with opened(content, source) as document:
        lines = lines_of(document, source)
        beside = _properties(document)
    return text_of(lines), beside


@contextmanager
def opened(content: bytes, source: str) -> Iterator["PdfDocument"]:
    """The document in a file, and PDFium to itself as long as it is open.

    Raises:
        BriefUnreadable: It is damaged, encrypted or too long; an error of PDFium meanwhile becomes one too.
    """
    import pypdfium2

    with _LOCK:
        try:
            document = pypdfium2.PdfDocument(content)
        except pypdfium2.PdfiumError as exc:
            if exc.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
                raise BriefUnreadable(f"{source} is encrypted; save it without a password") from exc
            raise BriefUnreadable(f"{source} is not a whole PDF file ({exc}); save it again") from exc
        try:
            n_pages = len(document)
            if n_pages > _MAX_PAGES:
                raise BriefUnreadable(f"{source} has {n_pages:,} pages, {_MAX_PAGES:,} are not too many; split it")
            yield document
        except pypdfium2.PdfiumError as exc:
            raise BriefUnreadable(f"{source} has a page that cannot be read ({exc}); save it again") from exc
        finally:
            document.close()


def lines_of(document: "PdfDocument", source: str) -> list[Line]:
    """The lines of the text, in order.

    Raises:
        BriefUnreadable: There are none, or too many.
    """
    lines = _all_lines_of(document, source)
    if not any(character.isalnum() for line in lines for character in line.text):
        raise BriefUnreadable(f"{source} holds pictures of pages and no text (a scan); have its text recognised (OCR)")
    return without_heads(lines, len(document))


def text_of(lines: Sequence[Line]) -> str:
    """The text that `lines` make: paragraphs with a blank line between."""
    return "\n\n".join(paragraphs(lines)) + "\n"


def _all_lines_of(document: "PdfDocument", source: str) -> list[Line]:
    lines: list[Line] = []
    n_chars = 0
    for number in range(len(document)):
        page = document[number]
        text_page = page.get_textpage()
        n_chars += text_page.count_chars()
        if n_chars > _MAX_CHARS:
            raise BriefUnreadable(f"{source} holds more than {_MAX_CHARS:,} characters; split it")
        lines += _lines(text_page, number, page.get_bbox())
        text_page.close()
        page.close()
    return lines


def _lines(text_page: "PdfTextPage", number: int, page_box: tuple[float, float, float, float]) -> Iterator[Line]:
    import pypdfium2.raw as pdfium

    letter_at = partial(pdfium.FPDFText_GetUnicode, text_page.raw)  # most of the time goes here: no Python in between
    text = "".join(map(chr, map(letter_at, range(text_page.count_chars()))))
    _, lower, _, upper = page_box
    box, x, y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    for match in re.finditer(rf"[^\r\n{HYPHEN}]+{HYPHEN}?", text):
        words = clean(match[0])
        if not words.strip(HYPHEN):
            continue
        first = match.end() - len(match[0].lstrip())
        pdfium.FPDFText_GetLooseCharBox(text_page, first, box)
        pdfium.FPDFText_GetCharOrigin(text_page, first, x, y)
        depth = (upper - y.value) / max(upper - lower, 1.0)
        yield Line(words, number, x.value, y.value, box.top - box.bottom, depth, match.span())


def clean(words: str) -> str:
    """Letters in place of ligatures, one space in place of many and of what is no character."""
    words = words.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")  # halves of characters
    words = re.sub("[\ufb00-\ufb06]", lambda ligature: unicodedata.normalize("NFKC", ligature[0]), words)
    return re.sub(r"[\s\x00\x01\x03-\x1f\x7f-\x9f\xad\ufffe\uffff]+", " ", words).strip(" ")


def without_heads(lines: Sequence[Line], n_pages: int) -> list[Line]:
    """`lines` without running heads, running feet and page numbers: such as stand on many pages at the same place.

    Numbers in them may differ from page to page; they stand apart from the text. A document of one page has none.
    """
    pages: dict[tuple[str, int], set[int]] = {}
    for line in lines:
        pages.setdefault(_place(line), set()).add(line.page)
    needed = max(2.0, _REPEATED * n_pages)
    pitch = pitches(lines)
    body: dict[int, list[Line]] = {}
    likely: list[Line] = []
    for line in lines:
        repeated = len(pages[_place(line)]) >= needed and not _EDGE < line.depth < 1 - _EDGE
        (likely if repeated else body.setdefault(line.page, [])).append(line)
    heads = set()
    for line in sorted(likely, key=lambda line: abs(line.depth - 0.5)):  # from the middle outwards
        near = body.setdefault(line.page, [])
        if any(_follow(line, other, pitch) for other in near):
            near.append(line)
        else:
            heads.add(line)
    return [line for line in lines if line not in heads]


def _place(line: Line) -> tuple[str, int]:
    return re.sub(r"\d+", "0", line.text), round(line.depth * 100)


def _follow(one: Line, other: Line, pitch: dict[int, float]) -> bool:
    """Whether two lines are as near as those of a paragraph, and of the same size."""
    gap = abs(one.base - other.base)
    return _size(one) == _size(other) and gap < _NEAR * pitch.get(_size(one), one.height)


def pitches(lines: Sequence[Line]) -> dict[int, float]:
    """For each size of type, how far apart its lines mostly are."""
    gaps: dict[int, Counter[float]] = {}
    for one, other in zip(lines, lines[1:], strict=False):
        if one.page == other.page and _size(one) == _size(other) and one.base > other.base + 1:
            gaps.setdefault(_size(one), Counter())[round(one.base - other.base, 1)] += 1
    return {size: min(c for c, n in counted.items() if n == max(counted.values())) for size, counted in gaps.items()}


def _size(line: Line) -> int:
    return round(line.height)


def paragraphs(lines: Sequence[Line]) -> list[str]:
    """The paragraphs that `lines` make, each on one line but for form feeds, one for each page that begins."""
    pitch = pitches(lines)
    words = Counter(re.findall(r"\w+(?:-\w+)*", " ".join(line.text for line in lines)))
    made: list[str] = []
    before: Line | None = None
    for line in lines:
        turned = "\f" * (line.page - (before.page if before else 0))
        if before is None or _begins(before, line, pitch):
            made.append(turned + line.text)
        else:
            made[-1] = _joined(made[-1], line.text, words, turned or " ")
        before = line
    return [text.replace(HYPHEN, "-") for text in made]


def _begins(before: Line, line: Line, pitch: dict[int, float]) -> bool:
    """Whether `line` begins a paragraph, after the line `before`."""
    if before.text.endswith(HYPHEN):
        return False
    if abs(before.height - line.height) > 0.12 * before.height or _ITEM.match(line.text):
        return True
    if before.page != line.page or line.base > before.base + line.height:  # the next page, or column
        return bool(_ENDS.search(before.text))
    if abs(before.base - line.base) < 0.5 * line.height:
        return False
    if not _follow(before, line, pitch):
        return True
    return line.left > before.left + 0.5 * line.height and not _ITEM.match(before.text)


def _joined(text: str, more: str, words: Counter[str], space: str) -> str:
    """`text` that goes on with `more`, `space` between; a word that was parted at the end of the line is whole again.

    Then `space`, if it is of form feeds, stands before that word.

    Whether the hyphen was of the word is seen from how the document writes it elsewhere or, where it does not, from
    whether it knows both parts as words.
    """
    end = text[-_LONGEST_WORD:]  # the paragraph may be long, and this is done for each of its lines
    match = re.search(rf"(\w+)(?:{HYPHEN}|-)$", end)
    rest = re.match(r"\w+", more)
    if match is None or rest is None:
        return f"{text}{space}{more}"
    head, tail = match[1], rest[0]
    whole, parted = words[head + tail], words[f"{head}-{tail}"]
    both = words[head] > 0 and words[tail] > 1  # the tail stands once at the beginning of its line
    keep = parted > whole or not tail[0].islower() or (not whole and both)
    start = text[: len(text) - len(end) + match.start()]
    if space != " ":
        begin, _, rest_of_word = start.rpartition(" ")
        start = f"{begin}{space}{rest_of_word}"
    return f"{start}{head}{'-' if keep else ''}{more}"


def _properties(document: "PdfDocument") -> Properties:
    said = document.get_metadata_dict()
    day = re.match(r"D:(\d{4})(\d\d)(\d\d)", said.get("CreationDate", ""))
    try:
        written = date(*map(int, day.groups())).isoformat() if day else None
    except ValueError:
        written = None
    authors = tuple(name.strip() for name in said.get("Author", "").split(";") if name.strip())
    return Properties(said.get("Title", "").strip() or None, written, authors)
