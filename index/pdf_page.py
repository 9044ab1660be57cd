"""The picture of a page of a PDF file, and where on it the words of a quote stand.

The text of a PDF file is its letters in their order, but for spaces and for hyphens at the ends of lines. So the place
of a quote is found by counting letters, never by searching for its words, and holds only if all letters are the same.
"""

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from index.errors import BriefUnreadable
from index.pdf import HYPHEN, Line, clean, lines_of, opened, text_of

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

Box = tuple[float, float, float, float]
"""Left, top, width and height, as shares of the page’s width and height."""

_SCALE = 2.0
"""Pixels for a point: a page on a screen of fine pixels."""
_MOST_PIXELS = 4_000_000
_SHARES = 100_000
"""Steps in which PDFium is asked for places on the page."""


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as it is printed."""

    number: int
    """From 1."""
    png: bytes
    marks: tuple[Box, ...]
    """A box for each line of the quote, as far as it is on this page."""


def picture_of_page(content: bytes, source: str, start: int, end: int) -> tuple[str, PagePicture]:
    """The text of a PDF file, as `index.pdf` makes it, and the page on which `start..end` of it begins.

    Raises:
        BriefUnreadable: As the text is refused, or letters of the text are not those of its pages.
    """
    with opened(content, source) as document:
        lines = lines_of(document, source)
        text = text_of(lines)
        if _letters(text) != "".join(_letters(line.text) for line in lines):
            raise BriefUnreadable(f"{source} does not show where on its pages its words stand; open the file itself")
        first, last = len(_letters(text[:start])), len(_letters(text[:end]))
        number = min(text.count("\f", 0, start), len(document) - 1)
        page = document[number]
        text_page = page.get_textpage()
        runs = list(_runs(lines, number, text_page, first, last))
        marks = tuple(_box(page, text_page, run) for run in runs)
        width, height = page.get_size()
        scale = min(_SCALE, (_MOST_PIXELS / max(width * height, 1.0)) ** 0.5)
        made = BytesIO()
        page.render(scale=scale).to_pil().save(made, "PNG")
        text_page.close()
        page.close()
    return text, PagePicture(number + 1, made.getvalue(), marks)


def _letters(text: str) -> str:
    """What is neither space nor a hyphen."""
    return "".join(text.replace("-", " ").replace(HYPHEN, " ").split())


def _runs(
    lines: Sequence[Line], number: int, text_page: "PdfTextPage", first: int, last: int
) -> Iterator[tuple[int, int]]:
    """Of each line on the page, the characters (as PDFium counts them) that hold letters `first..last` of the text."""
    before = 0
    for line in lines:
        size = len(_letters(line.text))
        inside = range(max(first - before, 0), min(last - before, size))
        before += size
        if line.page == number and inside:
            places = _places(text_page, line)
            yield places[inside.start], places[inside.stop - 1] + 1


def _places(text_page: "PdfTextPage", line: Line) -> list[int]:
    """For each letter of `line`, the character of the page that brings it; a ligature brings several."""
    import pypdfium2.raw as pdfium

    places: list[int] = []
    half = ""
    for at in range(*line.chars):
        character = chr(pdfium.FPDFText_GetUnicode(text_page, at))
        if "\ud800" <= character <= "\udbff":  # the first half of a character; the second comes next
            half = character
            continue
        places += [at] * len(_letters(clean(half + character)))
        half = ""
    return places + [line.chars[1] - 1] * bool(half)


def _box(page: "PdfPage", text_page: "PdfTextPage", run: tuple[int, int]) -> Box:
    """What surrounds the characters of a run."""
    import pypdfium2.raw as pdfium

    corners: list[tuple[float, float]] = []
    box, across, down = pdfium.FS_RECTF(), ctypes.c_int(), ctypes.c_int()
    for at in range(*run):
        if not pdfium.FPDFText_GetLooseCharBox(text_page, at, box) or box.left == box.right:  # it is not drawn
            continue
        for x, y in ((box.left, box.top), (box.right, box.bottom)):
            pdfium.FPDF_PageToDevice(page, 0, 0, _SHARES, _SHARES, 0, x, y, across, down)
            corners.append((across.value / _SHARES, down.value / _SHARES))
    if not corners:
        return 0.0, 0.0, 0.0, 0.0
    (left, right), (top, bottom) = ((min(places), max(places)) for places in zip(*corners, strict=True))
    return left, top, right - left, bottom - top
