"""Pages of PDF files as they are printed: the marks lie on the quoted words, or nothing is shown."""

# ruff: noqa: F811  # pytest finds the fixtures of another file by these names
import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import HashEmbedder, KeywordReader
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from test_browser import browser, contexts, expect, make_page, page  # noqa: F401
from test_pdf import Words, written

from index import pdf_page
from index.builder import build_index
from index.errors import BriefUnreadable, CitationInvalid
from index.loaders import load_brief, picture_of
from index.pdf_page import PagePicture, picture_of_page
from qa.assistant import Assistant
from ui.app import build_app, launch

FERRY = Path(__file__).parent / "golden" / "ferry.pdf"
WIDTH, HEIGHT = 595, 842


def picture(content: bytes, quote: str) -> PagePicture:
    """The picture of the page where `quote` first stands."""
    text = load_brief(content, "a.pdf").text
    start = text.index(quote)
    again, made = picture_of_page(content, "a.pdf", start, start + len(quote))
    assert again == text
    return made


def ink(made: PagePicture) -> tuple[int, int]:
    """Dark pixels on the whole page, and under its marks."""
    page = np.array(Image.open(io.BytesIO(made.png)).convert("L")) < 128
    height, width = page.shape
    under = np.zeros_like(page)
    for left, top, wide, high in made.marks:
        under[
            round(top * height) : round((top + high) * height), round(left * width) : round((left + wide) * width)
        ] = 1
    return int(page.sum()), int((page & under).sum())


def test_a_mark_lies_on_each_line_of_the_quote():
    content = written([[Words("The fares rose by", 700), Words("nine crowns in May.", 686), Words("So it was.", 640)]])
    made = picture(content, "rose by nine crowns")
    assert made.number == 1
    (left, top, width, height), second = made.marks
    assert top < (HEIGHT - 700) / HEIGHT < top + height  # the line that the letters stand on
    assert second[1] < (HEIGHT - 686) / HEIGHT < second[1] + second[3]
    assert left > 72 / WIDTH and second[0] == pytest.approx(72 / WIDTH, abs=0.005)
    assert left + width < 0.5 and second[0] + second[2] < 0.5


def test_the_marks_of_a_whole_page_hold_all_its_ink_and_those_of_a_part_their_share():
    content = written([[Words("The fares rose by nine crowns", 700), Words("in May.", 686)]])
    text = load_brief(content, "a.pdf").text
    _, whole = picture_of_page(content, "a.pdf", 0, len(text))
    total, under = ink(whole)
    assert total == under > 0
    _, half = ink(picture(content, "nine crowns"))
    assert 0.2 < half / total < 0.6
    assert ink(picture_of_page(content, "a.pdf", 5, 5)[1])[1] == 0


def test_letters_that_are_printed_otherwise_are_counted():
    """A hyphen at the end of a line and a running head are no letters of the text, and a ligature is two."""
    head = Words("Harbour Watch", 800, 250, 9)
    pages = [[head, Words("Of the gov-", 700), Words("ernment and its fare.", 686)], [head, Words("It fell.", 700)]]
    made = picture(written(pages), "government and")
    assert [mark[0] > 72 / WIDTH + 0.02 for mark in made.marks] == [True, False]
    assert ink(picture(FERRY.read_bytes(), "dissatisfied"))[1] > 100  # “fi” may be one letter there


def test_a_quote_over_two_pages_is_shown_where_it_begins():
    content = written([[Words("The fares rose by", 100)], [Words("nine crowns in May.", 700)]])
    made = picture(content, "rose by\fnine crowns")
    assert made.number == 1 and len(made.marks) == 1
    assert picture(content, "nine crowns").number == 2


def test_a_rotated_page_and_one_that_is_out_of_all_measure():
    pages = [[Words("The fares rose by nine crowns.", 700)]]
    turned = written(pages, shape="/MediaBox[0 0 595 842]/Rotate 90")
    left, _, width, height = picture(turned, "fares rose").marks[0]
    assert height > width and left > 0.7  # what was at the top is on the right
    made = picture(written(pages, shape="/MediaBox[0 0 9999 9999]"), "fares rose")
    assert Image.open(io.BytesIO(made.png)).width == pytest.approx(2000, abs=1)


def test_letters_that_are_not_those_of_the_text_show_nothing(monkeypatch):
    monkeypatch.setattr(pdf_page, "text_of", lambda lines: "The fores rose by nine crowns.\n")
    with pytest.raises(BriefUnreadable, match=r"^a\.pdf does not show where on its pages its words stand; open the"):
        picture_of_page(written([[Words("The fares rose by nine crowns.", 700)]]), "a.pdf", 4, 9)


@settings(max_examples=25)
@given(st.data())
def test_any_range_of_a_real_file_has_its_marks(data):
    content = FERRY.read_bytes()
    text = load_brief(content, "ferry.pdf").text
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, len(text)))
    _, made = picture_of_page(content, "ferry.pdf", start, end)
    solid = pdf_page._letters(text[start:end].partition("\f")[0])
    assert bool(made.marks) == bool(solid)
    for left, top, width, height in made.marks:
        assert 0 <= left < left + width <= 1 and 0 <= top < top + height <= 1


# ---- of a brief ----


def indexed(path: Path, source: str, content: bytes):
    return replace(load_brief(content, source), path=str(path))


def test_a_brief_shows_its_page_also_out_of_an_archive(tmp_path):
    content = FERRY.read_bytes()
    path = tmp_path / "ferry.pdf"
    path.write_bytes(content)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("2021/ferry.pdf", content)
        archive.writestr("ferry.pdf", written([[Words("Another.", 700)]]))
    alone = picture_of(indexed(path, "ferry.pdf", content), 10, 20)
    inside = indexed(tmp_path / "all.zip", "old/all.zip/2021/ferry.pdf", content)
    assert picture_of(inside, 10, 20) == alone and alone.marks


def test_a_file_that_is_not_what_was_indexed_shows_nothing(tmp_path):
    path = tmp_path / "ferry.pdf"
    brief = indexed(path, "ferry.pdf", FERRY.read_bytes())
    with pytest.raises(BriefUnreadable, match=r"^ferry\.pdf cannot be read: No such file"):
        picture_of(brief, 10, 20)
    path.write_bytes(written([[Words("Another.", 700)]]))
    with pytest.raises(BriefUnreadable, match=r"^ferry\.pdf has changed since it was indexed; update the index$"):
        picture_of(brief, 10, 20)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("other.pdf", FERRY.read_bytes())
    with pytest.raises(BriefUnreadable, match=r"^all\.zip/ferry\.pdf is not in all\.zip any more; update the index$"):
        picture_of(indexed(tmp_path / "all.zip", "all.zip/ferry.pdf", FERRY.read_bytes()), 10, 20)
    with pytest.raises(BriefUnreadable, match=r"^a\.txt has no pages; only PDF files have$"):
        picture_of(load_brief(b"Fares rose. They fell again.", "a.txt"), 0, 5)


# ---- in the page ----


@pytest.fixture
def assistant(tmp_path) -> Assistant:
    (tmp_path / "briefs").mkdir()
    shutil.copy(FERRY, tmp_path / "briefs")
    build_index(tmp_path / "ix", HashEmbedder(), [tmp_path / "briefs"])
    return Assistant(tmp_path / "ix", HashEmbedder(), KeywordReader())


def test_an_id_of_nothing_has_no_page(assistant):
    with pytest.raises(CitationInvalid):
        assistant.page_picture("0123456789ab:0-5")


@pytest.fixture
def url(assistant):
    app = build_app(assistant, examples=[])
    yield launch(app)
    app.close(verbose=False)


@pytest.mark.browser
def test_the_printed_page_is_shown_with_the_quote_marked(page, tmp_path):
    page.get_by_label("Question", exact=True).fill("what did the ministry of transport defend")
    page.get_by_label("Question", exact=True).press("Enter")
    quote = page.locator(".bq-first .bq-words").inner_text()
    page.get_by_role("button", name="Read in brief").first.click()
    page.get_by_role("button", name="Page 1 as printed").click()
    sheet = page.get_by_role("dialog", name="Page 1 of ferry.pdf")
    expect(sheet.get_by_role("img")).to_be_visible()
    assert sheet.get_by_role("img").get_attribute("alt") == f"Page 1 of ferry.pdf; marked on it: “{quote}”"
    paper = sheet.get_by_role("img").bounding_box()
    for mark in sheet.locator(".bq-printed span").all():
        box = mark.bounding_box()
        assert paper["x"] < box["x"] and box["x"] + box["width"] < paper["x"] + paper["width"]
        assert paper["y"] < box["y"] and box["y"] + box["height"] < paper["y"] + paper["height"]
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    (tmp_path / "briefs" / "ferry.pdf").unlink()
    page.get_by_role("button", name="Page 1 as printed").click()
    expect(page.get_by_role("dialog", name="No page to show")).to_contain_text("Ferry.pdf cannot be read")
