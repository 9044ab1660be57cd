"""Adding and removing briefs in a real Chromium, over a real index with fake models."""

# ruff: noqa: F811  # pytest finds the fixtures of another file by these names
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BRIEF, OTHER, HashEmbedder, KeywordReader
from test_browser import COLOURS, browser, contexts, contrast, expect, make_page, page, query  # noqa: F401

from index.builder import build_index
from index.loaders import SUFFIXES_SAID
from qa.assistant import Assistant
from ui.app import build_app, launch

pytestmark = pytest.mark.browser

FARES = "# Ferry fares\n\nFares rose by nine crowns in June. 😀\n"


@pytest.fixture
def assistant(tmp_path, folder) -> Assistant:
    build_index(tmp_path / "ix", HashEmbedder(), [folder])
    return Assistant(tmp_path / "ix", HashEmbedder(), KeywordReader())


@pytest.fixture
def url(assistant) -> Iterator[str]:
    app = build_app(assistant, examples=[])
    yield launch(app)
    app.close(verbose=False)


@pytest.fixture
def kept(tmp_path) -> Path:
    return tmp_path / "ix" / "added"


@pytest.fixture
def library(page):
    page.get_by_role("tab", name="Library").click()
    expect(page.get_by_role("table")).to_contain_text("2 briefs")
    return page


def drop(page, *files: tuple[str, bytes]) -> None:
    """Drops files (name, content) on the library."""
    dropped = page.evaluate_handle(
        """files => {
          const data = new DataTransfer();
          for (const [name, bytes] of files) data.items.add(new File([new Uint8Array(bytes)], name));
          return data;
        }""",
        [(name, list(content)) for name, content in files],
    )
    table = page.get_by_role("table")
    for kind in ("dragenter", "dragover", "drop"):
        table.dispatch_event(kind, {"dataTransfer": dropped})


def test_files_are_dropped(library, kept, folder) -> None:
    drop(library, ("fares.md", FARES.encode()), ("again.txt", BRIEF.encode()), ("report.odt", b"PK"))
    told = library.get_by_role("region", name="What was added")
    expect(told.get_by_role("button")).to_have_text(["Ferry fares"])
    expect(told.locator(".bq-failed li")).to_have_text([
        "again.txt is already indexed as harbour.txt",
        f"report.odt is not one of {SUFFIXES_SAID}; convert it to text first",
    ])  # fmt: skip
    expect(library.get_by_role("table")).to_contain_text("3 briefs")
    expect(library.get_by_role("table").get_by_role("button", name="Ferry fares")).to_be_visible()
    expect(library.get_by_role("status").get_by_text("Ferry fares")).to_be_attached()
    assert (kept / "fares.md").read_bytes() == FARES.encode()
    assert len(list(folder.iterdir())) == 2
    library.get_by_role("tab", name="Ask").click()
    expect(library.get_by_role("button", name=re.compile("^In 3 briefs"))).to_be_visible()


def test_files_are_chosen(library, kept) -> None:
    library.get_by_label("Add files").set_input_files(
        [{"name": "../fares.md", "mimeType": "text/markdown", "buffer": FARES.encode()}]
    )
    expect(library.get_by_role("region", name="What was added")).to_contain_text("Ferry fares")
    expect(library.get_by_role("table")).to_contain_text("3 briefs")
    assert [path.name for path in kept.iterdir()] == ["fares.md"]


def test_a_text_is_pasted_by_keyboard_alone(library, kept) -> None:
    """From the file chooser on; the form is empty and folded afterwards, and what was added is open at Enter."""
    library.get_by_label("Add files").focus()
    for key in ("Tab", "Enter", "Tab"):  # to “Paste a text”, open it, to the name
        library.keyboard.press(key)
    library.keyboard.insert_text("Fares / June")
    library.keyboard.press("Tab")
    library.keyboard.insert_text(FARES)
    library.keyboard.press("Tab")
    library.keyboard.press("Enter")
    told = library.get_by_role("region", name="What was added")
    expect(told).to_contain_text("added/Fares - June.txt")
    expect(library.locator(".bq-paste")).not_to_have_attribute("open", "")
    assert library.locator(".bq-paste textarea").input_value() == ""
    assert (kept / "Fares - June.txt").read_text("utf-8") == FARES
    told.get_by_role("button", name="Ferry fares").press("Enter")
    expect(library.get_by_role("article", name="Ferry fares")).to_contain_text("nine crowns in June. 😀")


def test_a_text_without_a_name_is_called_by_its_first_line(library, kept) -> None:
    library.get_by_text("Paste a text").click()
    library.get_by_label("Text", exact=True).fill(FARES)
    library.get_by_role("button", name="Add text").click()
    expect(library.get_by_role("region", name="What was added")).to_contain_text("added/Ferry fares.txt")


def test_what_was_refused_stays_in_the_form(library, kept) -> None:
    library.get_by_text("Paste a text").click()
    library.get_by_label("Text", exact=True).fill(BRIEF)
    library.get_by_label("Name", exact=True).fill("harbour again.md")
    library.get_by_role("button", name="Add text").click()
    told = library.get_by_role("region", name="What was added")
    expect(told).to_contain_text("harbour again.md is already indexed as harbour.txt")
    expect(library.get_by_label("Text", exact=True)).to_have_value(BRIEF)
    assert not kept.exists()


def test_too_much_is_not_even_sent(library, kept) -> None:
    library.locator(".bq-adding").evaluate("form => { form.dataset.most = 100; }")
    drop(library, ("huge.txt", b"x" * 101), ("fares.md", FARES.encode()))
    told = library.get_by_role("region", name="What was added")
    expect(told.get_by_role("button")).to_have_text(["Ferry fares"])
    expect(told).to_contain_text("huge.txt was not sent: at most 20 MB are taken in one go, and no folders")


def test_removed_after_a_question(library, kept) -> None:
    drop(library, ("fares.md", FARES.encode()))
    library.get_by_role("table").get_by_role("button", name="Ferry fares").click()
    expect(library.get_by_role("button", name="Close brief")).to_be_focused()  # the last that opening does
    remove = library.get_by_role("button", name="Remove", exact=True)
    remove.press("Enter")
    question = library.get_by_role("dialog", name="Remove “Ferry fares”?")
    expect(question).to_contain_text("Its file, added/fares.md, is deleted.")
    expect(question.get_by_role("button", name="Keep")).to_be_focused()
    library.keyboard.press("Escape")
    expect(question).to_be_hidden()
    expect(remove).to_be_focused()
    assert (kept / "fares.md").exists()
    remove.press("Enter")
    question.get_by_role("button", name="Remove").click()
    gone = library.get_by_text("“Ferry fares” was removed, and its file added/fares.md deleted.")
    expect(gone).to_be_focused()
    expect(library.get_by_role("table")).to_contain_text("2 briefs")
    expect(library.get_by_role("region", name="What was added")).to_have_count(0)
    assert not list(kept.iterdir()) and query(library) == {}


def test_a_file_of_the_analyst_is_not_removed_and_told_why(library, folder) -> None:
    title = "Grain Prices After the Flood"
    library.get_by_role("table").get_by_role("button", name=title).click()
    library.get_by_role("button", name="Remove", exact=True).click()
    told = library.get_by_role("dialog", name=f"“{title}” is not removed here")
    expect(told).to_contain_text("Its file, grain.txt, is in a folder of your own, where nothing is ever changed.")
    expect(told.get_by_role("button")).to_have_text(["Close"])
    told.get_by_role("button", name="Close").click()
    expect(library.get_by_role("article", name=title)).to_be_visible()
    assert (folder / "grain.txt").read_bytes() == OTHER.encode()


def test_dropped_elsewhere_nothing_is_added(page, kept) -> None:
    """On the other tabs nothing shows that files would be taken."""
    accepted = page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(['x'], 'x.txt'));
          const event = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
          return !document.body.dispatchEvent(event);
        }"""
    )
    assert not accepted


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read(make_page, scheme: str) -> None:
    page = make_page(viewport={"width": 1440, "height": 860}, color_scheme=scheme)
    page.get_by_role("tab", name="Library").click()
    page.get_by_text("Paste a text").click()
    drop(page, ("fares.md", FARES.encode()), ("again.txt", BRIEF.encode()))
    page.get_by_role("region", name="What was added").get_by_role("button", name="Ferry fares").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 860})
        expect(page.get_by_role("dialog")).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for selector in (".bq-pick span", ".bq-drop", ".bq-paste summary", ".bq-dialog p", ".bq-dialog .bq-remove"):
            assert contrast(*page.locator(selector).first.evaluate(COLOURS)) >= 4.5, selector
