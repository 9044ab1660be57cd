"""The page in a real Chromium, over the fake assistant. Run with `pytest -m browser`."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from fake_assistant import HEAT, HOSTILE, REVIEW, SCRIPT, FakeAssistant, cite

from ui.app import build_app, launch

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
expect.set_options(timeout=20_000)  # no test fails because the machine has other work

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("BRIEFQA_CHROMIUM") or shutil.which("chromium")
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
LEVY = "0.4 cents on each kilowatt-hour"


@pytest.fixture(scope="module")
def assistant() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture(scope="module")
def url(assistant) -> Iterator[str]:
    app = build_app(assistant, examples=["How large is the levy?"])  # type: ignore[arg-type]
    yield launch(app)
    app.close(verbose=False)


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    if CHROMIUM is None:
        pytest.skip("no Chromium: install the system's chromium, or name one in BRIEFQA_CHROMIUM")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def contexts(browser: "playwright.Browser") -> Iterator[dict[str, "playwright.BrowserContext"]]:
    """Contexts by their options: what one page has loaded, the next need not load again."""
    kept: dict[str, playwright.BrowserContext] = {}
    yield kept
    for context in kept.values():
        context.close()


@pytest.fixture
def make_page(browser: "playwright.Browser", contexts: dict[str, "playwright.BrowserContext"], url: str) -> Iterator:
    """Opens the page, for another person in another context; afterwards no request may have left this machine."""
    requested: list[str] = []
    pages = []

    def make(person: str = "", **options: object) -> "playwright.Page":
        name = f"{person} {options}"
        if name not in contexts:
            contexts[name] = browser.new_context(**options)
        page = contexts[name].new_page()
        pages.append(page)
        page.on("request", lambda request: requested.append(request.url))
        page.goto(url)
        expect(page.get_by_label("Question", exact=True)).to_be_visible(timeout=90_000)  # the first reads it from disk
        return page

    yield make
    for page in pages:
        page.close()
    hosts = {urlsplit(address).hostname for address in requested if address.startswith(("http", "ws"))}
    assert hosts == {"127.0.0.1"}


@pytest.fixture
def page(make_page) -> "playwright.Page":
    return make_page(viewport={"width": 1280, "height": 800})


def query(page: "playwright.Page") -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def ask(page: "playwright.Page", question: str) -> None:
    box = page.get_by_label("Question", exact=True)
    box.fill(question)
    box.press("Enter")


def first_words(page: "playwright.Page") -> "playwright.Locator":
    return page.locator("#answers .bq-first .bq-words")


def citation(page: "playwright.Page") -> "playwright.Locator":
    return page.locator("#answers").get_by_role("button", name=HEAT.title).first


def reader(page: "playwright.Page") -> "playwright.Locator":
    return page.get_by_role("article", name=HEAT.title)


def test_ask_and_read_the_answer(page) -> None:
    ask(page, "How large is the levy?")
    expect(first_words(page)).to_have_text(LEVY)
    expect(page.locator("#answers .bq-first mark")).to_have_text(LEVY)
    sure = page.get_by_text("Very likely", exact=True)
    expect(sure).to_have_attribute("title", "91% likely to be right")
    expect(page.locator("#answers .bq-first .bq-also")).to_contain_text("2 June 2023")


def test_a_citation_opens_its_brief_beside_the_answers(page) -> None:
    ask(page, "How large is the levy?")
    citation(page).click()
    expect(reader(page)).to_be_visible()
    mark = page.locator("mark#cited")
    expect(mark).to_have_text(LEVY)
    expect(mark).to_be_in_viewport()
    expect(mark).to_be_focused()
    answer, brief = page.locator("#answers").bounding_box(), reader(page).bounding_box()
    assert answer["x"] + answer["width"] <= brief["x"]
    expect(page.locator("mark.other")).to_have_text("capped at 60 euros a household")


def test_the_passage_comes_into_view_each_time(page) -> None:
    """Also when the same citation is clicked again, which changes nothing in the page."""
    page.set_viewport_size({"width": 1280, "height": 300})
    ask(page, "How large is the levy?")
    citation(page).click()
    expect(page.locator("mark#cited")).to_be_in_viewport()
    page.locator("#reader").evaluate("reader => reader.scrollTo(0, reader.scrollHeight)")
    expect(page.locator("mark#cited")).not_to_be_in_viewport()
    citation(page).click()
    expect(page.locator("mark#cited")).to_be_in_viewport()


def test_closing_the_brief_leads_back(page) -> None:
    ask(page, "How large is the levy?")
    citation(page).click()
    page.get_by_role("button", name="Close brief").click()
    expect(reader(page)).to_be_hidden()
    expect(citation(page)).to_be_focused()


def test_a_new_question_closes_the_brief_of_the_old(page) -> None:
    ask(page, "How large is the levy?")
    citation(page).click()
    expect(reader(page)).to_be_visible()
    ask(page, "Why did Harris object?")
    expect(first_words(page)).to_have_text("it falls on tenants who cannot choose their heating")
    expect(reader(page)).to_be_hidden()


def test_opening_a_brief_leaves_the_focus_to_who_types(page) -> None:
    ask(page, "How large is the levy?")
    box = page.get_by_label("Question", exact=True)
    citation(page).evaluate("button => { button.click(); document.querySelector('#question textarea').focus(); }")
    expect(page.locator("mark#cited")).to_be_in_viewport()
    # The mark is scrolled to and focused in one go, in the second frame after the brief stands there.
    page.evaluate("() => new Promise(done => setTimeout(done, 200))")
    expect(box).to_be_focused()


def test_a_question_that_leans_on_the_one_before_is_filled_in_and_the_link_stands_alone(page) -> None:
    ask(page, "How many ride the ferry?")
    expect(first_words(page)).to_have_count(1)
    expect(page.locator(".bq-understood")).to_have_count(0)
    ask(page, "What do they carry?")
    expect(page.locator(".bq-understood")).to_have_text("Read as What do the ferry carry?")
    page.wait_for_function("new URLSearchParams(location.search).get('q') === 'What do the ferry carry?'")
    page.go_back()
    expect(page.locator(".bq-understood")).to_have_count(0)
    expect(page.get_by_label("Question", exact=True)).to_have_value("How many ride the ferry?")


def test_unanswerable_is_said(page) -> None:
    ask(page, "Who is the king of Spain?")
    expect(page.locator(".bq-verdict")).to_have_text("The briefs do not answer this.")
    expect(first_words(page)).to_have_count(0)
    weak = page.get_by_text("landlords carry half of it").first
    expect(weak).to_be_hidden()
    page.get_by_text(re.compile("Weak candidates")).click()
    expect(weak).to_be_visible()


def test_a_passage_read_can_be_opened(page) -> None:
    ask(page, "Who is the king of Spain?")
    page.locator("#answers .bq-passages").first.get_by_role("button", name=HEAT.title).first.click()
    expect(page.locator("mark#cited")).to_have_text(re.compile("^The valley’s nine towns"))


def test_empty_question(page) -> None:
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("^The question is empty; ask something like"))


def test_a_filter_that_is_no_date(page) -> None:
    page.get_by_role("button", name=re.compile("^In 3 briefs, 2021–2023 · filter")).click()
    page.get_by_label("After").fill("soon")
    ask(page, "levy")
    expect(page.get_by_role("alert")).to_have_text("After must be a date like 2021-03-15, not 'soon'.")


def test_a_filter_is_offered_what_the_briefs_have(page) -> None:
    filters = page.locator("#filters > button")
    expect(filters).to_have_attribute("aria-expanded", "false")
    page.get_by_role("button", name=re.compile("^In 3 briefs, 2021–2023 · filter")).click()
    expect(filters).to_have_attribute("aria-expanded", "true")
    page.get_by_label("Kind").click()
    page.get_by_role("option", name="Policy Brief").click()
    ask(page, "How large is the levy?")
    expect(page.get_by_text("Passages read (2)")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(filters).to_have_text(re.compile("^In 3 briefs, 2021–2023 · filter"))


def test_example_question(page) -> None:
    page.get_by_role("link", name="How large is the levy?").click()
    expect(page.get_by_label("Question", exact=True)).to_have_value("How large is the levy?")
    expect(first_words(page)).to_have_text(LEVY)


def test_keyboard_only(page) -> None:
    """The question box has the focus at the start; Tab and Enter lead to the brief and back."""
    expect(page.get_by_label("Question", exact=True)).to_be_focused()
    page.keyboard.type("How large is the levy?")
    page.keyboard.press("Enter")
    expect(first_words(page)).to_have_text(LEVY)
    for _ in range(3):  # Ask, the filters, the citation
        page.keyboard.press("Tab")
    expect(citation(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("mark#cited")).to_be_focused()
    page.keyboard.press("Escape")
    expect(reader(page)).to_be_hidden()
    expect(citation(page)).to_be_focused()


def test_the_focus_is_seen(page) -> None:
    """At every stop of the Tab key, from the question through the answers and the brief to the end of the page."""
    ask(page, "How large is the levy?")
    citation(page).click()
    expect(page.locator("mark#cited")).to_be_focused()
    page.get_by_label("Question", exact=True).focus()
    stops = []
    while len(stops) < 60:
        page.keyboard.press("Tab")
        name, seen = page.evaluate(FOCUS)
        if name == "BODY":
            break
        stops.append(name)
        assert seen, name
    assert len(set(stops)) > 15 and any("Close brief" in stop for stop in stops), stops


# What has the focus, in words, and whether a ring, a border or a line of its own shows it.
FOCUS = """() => {
  const element = document.activeElement;
  const ring = e => { const s = getComputedStyle(e); return s.outlineStyle !== 'none' || s.boxShadow !== 'none'; };
  const name = element === document.body ? 'BODY' : `${element.id} ${element.ariaLabel ?? element.textContent}`;
  return [name, ring(element)];
}"""


def test_keys_of_the_question_box(page) -> None:
    """`/` leads to it from anywhere; ↑ brings back what was asked, the last first."""
    for question in ("How large is the levy?", "Why did Harris object?"):
        ask(page, question)
        expect(page.get_by_role("region", name=f"Reply to: {question}")).to_be_visible()
    box = page.get_by_label("Question", exact=True)
    page.get_by_role("tab", name="Ask").focus()
    page.keyboard.press("/")
    expect(box).to_be_focused()
    page.keyboard.press("Delete")
    page.keyboard.press("ArrowUp")
    expect(box).to_have_value("Why did Harris object?")
    page.keyboard.press("ArrowUp")
    expect(box).to_have_value("How large is the levy?")
    page.keyboard.press("Enter")
    expect(first_words(page)).to_have_text(LEVY)


def test_the_last_question_asked_is_the_one_answered(page) -> None:
    """Two questions at once: what stays is the reply to the second, whatever the first takes."""
    ask(page, "slow levy")
    ask(page, "Why did Harris object?")
    expect(page.get_by_role("region", name="Reply to: Why did Harris object?")).to_be_visible()
    expect(first_words(page)).to_have_text("it falls on tenants who cannot choose their heating")
    assert query(page) == {"q": ["Why did Harris object?"]}


def test_a_reply_is_told_to_those_who_listen(page) -> None:
    ask(page, "Who is the king of Spain?")
    expect(page.get_by_role("status").get_by_text("The briefs do not answer this.")).to_be_attached()
    ask(page, "How large is the levy?")
    expect(page.get_by_role("status").get_by_text(LEVY)).to_be_attached()


def test_asking_again_drops_what_was_asked_before(page, assistant: FakeAssistant) -> None:
    """Its reply is never shown, and one that still waits for its turn is not answered at all."""
    ask(page, "How large is the levy?")
    expect(first_words(page)).to_have_text(LEVY)
    page.evaluate("""() => {
        window.seen = new Set();
        const look = () => window.seen.add(document.querySelector('#answers .bq-reply')?.dataset.asked);
        new MutationObserver(look).observe(document.querySelector('#answers'), { childList: true, subtree: true });
    }""")
    assistant.dropped.clear()
    ask(page, "slow ferry")
    expect(page.locator("#answers .progress-text")).to_be_visible()
    ask(page, "slow levy")
    ask(page, "Why did Harris object?")
    expect(first_words(page)).to_have_text("it falls on tenants who cannot choose their heating")
    assert set(page.evaluate("[...window.seen]")) <= {"How large is the levy?", "Why did Harris object?", None}
    assert assistant.dropped == ["slow ferry", "slow levy"]
    assert query(page) == {"q": ["Why did Harris object?"]}
    page.go_back()
    page.go_back()
    page.go_back()
    expect(first_words(page)).to_have_text(LEVY)


def test_progress_is_in_view(page) -> None:
    """It stood in the middle of the reply that is replaced, and so below the window when that is long."""
    ask(page, "Who is the king of Spain?")
    expect(page.locator(".bq-verdict")).to_have_text("The briefs do not answer this.")
    ask(page, "slow levy")
    expect(page.locator("#answers .progress-text")).to_be_in_viewport()
    expect(first_words(page)).to_have_text(LEVY)


def test_copy_citation(make_page) -> None:
    page = make_page(permissions=["clipboard-read", "clipboard-write"])
    ask(page, "How large is the levy?")
    for form, start in (("Plain text", "“0.4"), ("Markdown", "> “0.4"), ("BibTeX", "@misc{")):
        page.evaluate("navigator.clipboard.writeText('')")
        page.locator(".bq-first").get_by_text("Copy citation").click()
        page.locator(".bq-first").get_by_role("button", name=form).click()
        expect(page.get_by_role("status").get_by_text("Copied")).to_be_visible()
        page.wait_for_function("navigator.clipboard.readText().then(text => text !== '')")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(start) and cite(HEAT, LEVY).id in copied
        expect(page.locator(".bq-first").get_by_role("button", name=form)).to_be_hidden()


def test_a_copied_link_opens_its_citation(make_page) -> None:
    page = make_page(permissions=["clipboard-read", "clipboard-write"])
    ask(page, "How large is the levy?")
    page.locator(".bq-first").get_by_role("link", name="Link").click()
    expect(page.get_by_role("status").get_by_text("Copied")).to_be_visible()
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(page.locator("mark#cited")).to_have_text(LEVY)
    expect(page.locator("mark#cited")).to_be_in_viewport()


def test_the_address_asks(page, url: str) -> None:
    page.goto(f"{url}?q=How+large+is+the+levy%3F&kind=Policy+Brief")
    expect(page.get_by_label("Question", exact=True)).to_have_value("How large is the levy?")
    expect(page.get_by_text("Passages read (2)")).to_be_visible()
    expect(page.get_by_role("button", name="In 1 brief, 2023 · kind “Policy Brief”")).to_be_visible()


def test_back_and_forward(page) -> None:
    """The address follows what one does, and what one did comes back."""
    ask(page, "How large is the levy?")
    expect(first_words(page)).to_have_text(LEVY)
    citation(page).click()
    expect(page.locator("mark#cited")).to_have_text(LEVY)
    assert query(page) == {"q": ["How large is the levy?"], "brief": [HEAT.id], "c": [cite(HEAT, LEVY).id]}
    ask(page, "Why did Harris object?")
    harris = "it falls on tenants who cannot choose their heating"
    expect(first_words(page)).to_have_text(harris)
    page.go_back()
    expect(page.locator("mark#cited")).to_have_text(LEVY)
    expect(page.get_by_label("Question", exact=True)).to_have_value("How large is the levy?")
    page.go_back()
    expect(reader(page)).to_be_hidden()
    expect(first_words(page)).to_have_text(LEVY)
    page.go_back()
    expect(first_words(page)).to_have_count(0)
    expect(page.get_by_label("Question", exact=True)).to_have_value("")
    page.go_forward()
    expect(first_words(page)).to_have_text(LEVY)
    assert query(page) == {"q": ["How large is the levy?"]}


def test_through_the_marks_of_a_brief(page) -> None:
    ask(page, "How large is the levy?")
    citation(page).click()
    place = page.locator("#brief .bq-marks output")
    expect(place).to_have_text("1 of 2")
    page.get_by_role("button", name="Next mark").click()
    expect(page.locator("mark.here")).to_have_text("capped at 60 euros a household")
    expect(page.locator("mark.here")).to_be_in_viewport()
    expect(place).to_have_text("2 of 2")
    page.get_by_role("button", name="Next mark").click()
    expect(page.locator("mark.here")).to_have_text(LEVY)
    page.get_by_role("button", name="Previous mark").click()
    expect(place).to_have_text("2 of 2")


def test_a_mark_of_the_time_line_opens_its_citation(page) -> None:
    ask(page, "How large is the levy?")
    marks = page.locator("#answers .bq-timeline").get_by_role("button")
    expect(marks).to_have_count(3)
    marks.filter(has_text="2 June 2023").click()
    expect(page.get_by_role("article", name=REVIEW.title)).to_be_visible()
    expect(page.locator("mark#cited")).to_have_text(LEVY)
    ask(page, "Why did Harris object?")
    expect(page.get_by_role("region", name="Reply to: Why did Harris object?")).to_be_visible()
    expect(page.locator("#answers .bq-timeline")).to_have_count(0)


def test_search_in_a_brief(page) -> None:
    """Also across the edge of a mark; the text and its marks are left as they are."""
    ask(page, "How large is the levy?")
    citation(page).click()
    expect(page.locator("mark#cited.here")).to_be_visible()
    before = page.locator("#brief .bq-text").inner_html()
    box = page.get_by_label("Search in this brief")
    for words, found in (("LEVY", "3"), ("levy of 0.4", "1"), (".", "10"), ("[", "none"), ("zebra", "none")):
        box.fill(words)
        expect(page.locator(".bq-search output")).to_have_text(found)
    box.fill("levy")
    box.press("Enter")
    expect(page.locator(".bq-search output")).to_have_text("1 of 3")
    box.press("Shift+Enter")
    expect(page.locator(".bq-search output")).to_have_text("3 of 3")
    box.fill("levy of 0.4")
    box.press("Enter")
    painted = page.evaluate("[...CSS.highlights.get('bq-current')].map(String)")
    assert painted == ["levy of 0.4"]
    assert page.locator("#brief .bq-text").inner_html() == before


def test_ask_only_this_brief(page) -> None:
    ask(page, "How large is the levy?")
    page.locator("#answers").get_by_role("button", name=REVIEW.title).first.click()
    page.get_by_role("button", name="Ask only this brief").click()
    expect(page.get_by_role("button", name=f"In 1 brief, 2023 · brief “{REVIEW.title}”")).to_be_visible()
    expect(page.get_by_role("article", name=REVIEW.title)).to_be_visible()
    assert query(page) == {"q": ["How large is the levy?"], "only": [REVIEW.id], "brief": [REVIEW.id]}
    expect(page.get_by_text("Passages read (2)")).to_be_visible()


def test_print_shows_the_brief_alone(page) -> None:
    ask(page, "How large is the levy?")
    citation(page).click()
    expect(reader(page)).to_be_visible()
    page.emulate_media(media="print")
    expect(reader(page)).to_be_visible()
    for hidden in ("#asking", "#answers", ".bq-tools", "#reader-close"):
        expect(page.locator(hidden)).to_be_hidden()


def test_library_opens_a_brief(page) -> None:
    page.get_by_role("tab", name="Library").click()
    table = page.get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(4)
    page.get_by_text("1 file could not be indexed").click()
    expect(page.locator("#library .bq-failed")).to_have_text(f"{SCRIPT}.pdf: is encrypted")
    table.get_by_role("button", name=HEAT.title).click()
    expect(reader(page)).to_be_visible()
    expect(page.locator("#brief mark")).to_have_count(0)


def test_library_is_searched_and_sorted(page) -> None:
    page.get_by_role("tab", name="Library").click()
    table = page.get_by_role("table")
    box = page.get_by_label("Search the library")
    box.fill("lindqvist ENERGY 2023")
    expect(table.get_by_role("rowheader")).to_have_text([REVIEW.title])
    expect(table).to_contain_text("1 of 3 briefs")
    box.fill("")
    page.get_by_role("button", name="2021: 1 brief").click()
    expect(table.get_by_role("rowheader")).to_have_text([HEAT.title])
    page.get_by_role("button", name="2021: 1 brief").click()
    hostile = re.compile("^Ferries")
    table.get_by_role("button", name="Date").click()
    expect(table.get_by_role("rowheader")).to_have_text([HEAT.title, REVIEW.title, hostile])
    expect(table.get_by_role("columnheader", name="Date")).to_have_attribute("aria-sort", "ascending")
    table.get_by_role("button", name="Date").click()
    expect(table.get_by_role("rowheader")).to_have_text([REVIEW.title, HEAT.title, hostile])
    table.get_by_role("button", name="Title").click()
    expect(table.get_by_role("rowheader")).to_have_text([hostile, HEAT.title, REVIEW.title])


def test_nothing_jumps_while_the_page_loads_and_answers(make_page) -> None:
    """Of what shifts by itself, little: 0.1 is what counts as good."""
    page = make_page(viewport={"width": 1280, "height": 800})
    expect(page.get_by_role("button", name=re.compile("^In 3 briefs"))).to_be_visible()
    ask(page, "slow levy")
    expect(first_words(page)).to_have_text(LEVY)
    shifts = page.evaluate(
        """() => new Promise(done => {
          new PerformanceObserver(list => done(list.getEntries().map(e => e.hadRecentInput ? 0 : e.value)))
            .observe({ type: 'layout-shift', buffered: true });
          setTimeout(() => done([]), 500); // none at all
        })"""
    )
    assert sum(shifts) < 0.1


def test_programs_are_told_how_to_ask(page) -> None:
    """The API page names our endpoints and no inner event of the page; it too fetches nothing from elsewhere."""
    page.get_by_role("button", name="Use via API").click()
    expect(page.get_by_text("6 API endpoints")).to_be_visible()
    expect(page.get_by_text("Answers a question from the indexed policy briefs")).to_be_visible()


def test_update_reports(page) -> None:
    page.get_by_role("tab", name="Index").click()
    page.get_by_role("button", name="Update").click()
    report = page.get_by_role("region", name="Report of the last run")
    expect(report).to_contain_text("1 added, 0 changed, 1 removed, 1 unchanged, 1 failed.")
    expect(report).to_contain_text("is encrypted")
    expect(page.locator("#status")).to_contain_text("Generation4")
    expect(page.get_by_role("region", name="History of the index").get_by_role("row")).to_have_count(5)


def test_the_health_of_the_index(page) -> None:
    page.get_by_role("tab", name="Index").click()
    page.get_by_role("button", name="Check").click()
    health = page.get_by_role("region", name="Health of the index")
    expect(health).to_contain_text("1 thing not in order.")
    expect(health).to_contain_text(SCRIPT)


def test_a_run_of_the_indexer_tells_how_far_it_is_and_can_be_stopped(make_page, assistant, monkeypatch) -> None:
    """Meanwhile another person asks, and is answered."""
    page, other = make_page("one"), make_page("other")
    page.get_by_role("tab", name="Index").click()
    stop = page.get_by_role("button", name="Stop")
    expect(page.get_by_role("button", name="Rebuild")).to_be_visible()
    expect(stop).to_be_hidden()
    monkeypatch.setattr(assistant, "endless", True)
    page.get_by_role("button", name="Rebuild").click()
    expect(page.locator("#report .progress-level")).to_contain_text("Embedding")
    ask(other, "How large is the levy?")
    expect(first_words(other)).to_have_text(LEVY)
    stop.click()
    expect(page.get_by_role("alert")).to_have_text("The run was stopped; the index is as it was.")
    expect(stop).to_be_hidden()


def test_a_brief_cannot_run_anything(page) -> None:
    """The hostile brief is shown everywhere it can be; its words are words, and no template is filled."""
    page.get_by_role("tab", name="Library").click()
    page.get_by_role("table").get_by_role("button", name="Ferries").click()
    expect(page.locator("#brief")).to_contain_text(SCRIPT)
    page.get_by_role("tab", name="Index").click()
    expect(page.locator("#report")).to_contain_text(f"{SCRIPT}.pdf")
    page.get_by_role("tab", name="Ask").click()
    ask(page, "ferry?")
    expect(first_words(page)).to_have_text(SCRIPT)
    page.locator("#answers").get_by_role("button", name="Ferries").first.click()
    expect(page.locator("mark#cited")).to_have_text(SCRIPT)
    expect(page.locator("#brief")).to_contain_text("${alert(1)} {{value}} costs nothing")
    assert page.evaluate("window.hacked") is None
    expect(page.locator("#answers img, #brief img, #report img, #library img")).to_have_count(0)


def test_an_address_cannot_run_anything(page, url: str) -> None:
    page.goto(f"{url}?{urlencode({'q': f'ferry {SCRIPT}', 'kind': SCRIPT, 'brief': SCRIPT})}")
    expect(page.get_by_label("Question", exact=True)).to_have_value(f"ferry {SCRIPT}")
    expect(page.locator("#brief")).to_contain_text(SCRIPT)
    expect(page.locator("#filters")).to_contain_text(f"kind “{SCRIPT}”")
    assert page.evaluate("window.hacked") is None


def test_a_question_is_words(page) -> None:
    """Markdown, entities and control characters of a question are neither followed nor lost."""
    question = "levy [x](javascript:alert(1)) **b** &lt; \u202e \x07 ${1} {{2}}"
    ask(page, question)
    expect(page.locator("#answers .bq-reply")).to_have_attribute("data-asked", question)
    expect(page.locator('#answers :is(a[href^="javascript"], strong)')).to_have_count(0)
    page.get_by_role("tab", name="Quality").click()
    expect(page.get_by_role("region", name="Marks")).to_be_visible()
    page.go_back()
    page.go_forward()
    expect(page.get_by_label("Question", exact=True)).to_have_value(question)


def test_who_has_no_password_sees_nothing(browser) -> None:
    app = build_app(FakeAssistant(), examples=["How large is the levy?"])  # type: ignore[arg-type]
    page = browser.new_page()
    try:
        page.goto(launch(app, auth=("ada", "secret")))
        expect(page.get_by_role("button", name="Login")).to_be_visible(timeout=90_000)
        assert "levy" not in page.content()
        page.get_by_label("username").fill("ada")
        page.get_by_label("password").fill("secret")
        page.get_by_role("button", name="Login").click()
        ask(page, "How large is the levy?")
        expect(first_words(page)).to_have_text(LEVY)
    finally:
        page.close()
        app.close(verbose=False)


def test_two_people_each_get_their_own(make_page) -> None:
    one, other = make_page("one"), make_page("other")
    ask(one, "slow levy")
    ask(other, "Why did Harris object?")
    expect(first_words(one)).to_have_text(LEVY)
    expect(first_words(other)).to_have_text("it falls on tenants who cannot choose their heating")
    citation(one).click()
    citation(other).click()
    expect(one.locator("#brief mark")).to_have_text([LEVY, "capped at 60 euros a household"])
    expect(other.locator("#brief mark")).to_have_text(["it falls on tenants who cannot choose their heating"])


def select(page: "playwright.Page", words: str) -> None:
    """Selects words of the open brief, across its marks."""
    page.evaluate(
        """words => {
          const walker = document.createTreeWalker(document.querySelector('#brief .bq-text'), NodeFilter.SHOW_TEXT);
          const places = [];
          while (walker.nextNode()) {
            for (let i = 0; i < walker.currentNode.length; i++) places.push([walker.currentNode, i]);
          }
          const at = places.map(([node, i]) => node.data[i]).join('').indexOf(words);
          const [first, last] = [places[at], places[at + words.length - 1]];
          getSelection().setBaseAndExtent(first[0], first[1], last[0], last[1] + 1);
        }""",
        words,
    )


def test_an_answer_is_judged_and_that_is_seen_again(page, assistant) -> None:
    assistant.marked.clear()
    ask(page, "How large is the levy?")
    right, wrong = (page.locator(".bq-first").get_by_role("button", name=name) for name in ("Right", "Wrong"))
    right.press("Enter")
    expect(page.locator(".bq-first .bq-taught")).to_have_text("Kept as right.")
    expect(right).to_have_attribute("aria-pressed", "true")
    expect(right).to_be_focused()
    page.reload()
    expect(right).to_have_attribute("aria-pressed", "true")
    wrong.click()
    expect(wrong).to_have_attribute("aria-pressed", "true")
    expect(right).to_have_attribute("aria-pressed", "false")
    assert [(mark.words, mark.right) for mark in assistant.marks()] == [(LEVY, False)]
    wrong.click()
    expect(page.locator(".bq-first .bq-taught")).to_have_text("Taken back.")
    expect(wrong).to_have_attribute("aria-pressed", "false")
    assert assistant.marks() == ()


def test_the_right_words_are_selected_in_a_brief(page, assistant) -> None:
    """They begin inside a mark and hold a character that is two for the browser and one for Python."""
    assistant.marked.clear()
    ask(page, "How large is the levy?")
    citation(page).click()
    teach = page.get_by_role("button", name="These are the right words")
    expect(teach).to_be_disabled()
    words = "kilowatt-hour sold in the county, which the utility “reluctantly” agreed to collect 🙂 for two"
    select(page, words)
    teach.click()
    expect(page.locator("#brief .bq-taught")).to_have_text("Kept as the right words for “How large is the levy?”.")
    (mark,) = assistant.marks()
    assert HEAT.text[mark.start : mark.end] == mark.words == words
    assert page.evaluate("[...CSS.highlights.get('bq-right')].map(String)") == [words]
    citation(page).click()
    expect(page.locator("#brief .bq-taught")).to_have_text(f"Kept as right: “{words}”.")
    select(page, "🙂 for two years.Councillor Harris")
    teach.click()
    expect(page.locator("#brief .bq-taught")).to_have_text("An answer stands in one paragraph; select words of one.")
    page.get_by_role("button", name="Take back").click()
    expect(page.locator("#brief .bq-taught")).to_have_text("Taken back.")
    expect(page.get_by_role("button", name="Take back")).to_be_hidden()
    assert assistant.marks() == ()


def test_the_right_words_are_found_by_keys_alone(page, assistant) -> None:
    """In a hostile brief with line breaks of two characters, which the browser would make one."""
    assistant.marked.clear()
    ask(page, "ferry?")
    page.locator("#answers").get_by_role("button", name="Ferries").first.press("Enter")
    box = page.get_by_label("Search in this brief")
    box.fill("ended 🙂 in 2018")
    box.press("Enter")
    expect(page.locator(".bq-search output")).to_have_text("1 of 1")
    teach = page.get_by_role("button", name="These are the right words")
    for _ in range(3):  # Ask only this brief, Print, and here
        page.keyboard.press("Tab")
    expect(teach).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#brief .bq-taught")).to_have_text("Kept as the right words for “ferry?”.")
    (mark,) = assistant.marks()
    assert mark.words == HOSTILE.text[mark.start : mark.end] == "ended 🙂 in\r\n2018"
    assert page.evaluate("window.hacked") is None


def test_marks_are_listed_taken_back_and_saved(page, assistant) -> None:
    assistant.marked.clear()
    assistant.mark("How large is the levy?", cite(HEAT, LEVY).id, right=True)
    assistant.mark(f"who {SCRIPT}?", cite(HOSTILE, "Night").id, right=False)
    page.get_by_role("tab", name="Quality").click()
    marks = page.get_by_role("region", name="Marks")
    expect(marks).to_contain_text("1 right, 1 wrong, kept with the index")
    marks.locator("summary").press("Enter")
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download the marks").click()
    assert saving.value.suggested_filename == "marks.json"
    assert Path(saving.value.path()).read_text("utf-8") == assistant.marked_set()
    expect(marks).to_contain_text(f"who {SCRIPT}?")
    assert page.evaluate("window.hacked") is None
    marks.get_by_role("button", name=f"Take back: who {SCRIPT}?").press("Enter")
    expect(marks).to_contain_text("1 right, 0 wrong")
    expect(marks.locator("summary")).to_be_focused()
    marks.get_by_role("button", name=HEAT.title).click()
    expect(page.locator("mark#cited")).to_have_text(LEVY)


def test_the_quality_on_a_file_and_on_the_marks(page, assistant) -> None:
    assistant.marked.clear()
    assistant.mark("How large is the levy?", cite(HEAT, LEVY).id, right=True)
    page.get_by_role("tab", name="Quality").click()
    page.get_by_label("Measure on a file").set_input_files(question_set(["levy?", "Who is king?"]))
    on_file = page.get_by_role("region", name="Quality on levy.jsonl")
    expect(on_file).to_contain_text("2 questions, 2 of them answerable, asked of 3 briefs.")
    expect(on_file.get_by_role("img")).to_have_count(3)
    expect(on_file.get_by_role("table")).to_have_count(4)
    page.get_by_role("button", name="Measure on the marks").press("Enter")
    expect(page.get_by_role("region", name="Quality on the marks")).to_contain_text("1 question")


def test_a_file_that_is_no_set_is_told(page) -> None:
    page.get_by_role("tab", name="Quality").click()
    box = page.get_by_label("Measure on a file")
    box.set_input_files({"name": "<b>.json", "mimeType": "application/json", "buffer": b"{"})
    expect(page.get_by_role("alert")).to_contain_text("The questions in <b>.json cannot be read")
    told = page.locator("#measure-file output")
    box.set_input_files({"name": "a.json", "mimeType": "application/json", "buffer": b"\xff"})
    expect(told).to_have_text("a.json is no text in UTF-8.")
    box.set_input_files({"name": "a.json", "mimeType": "application/json", "buffer": b" " * 5_000_001})
    expect(told).to_have_text("a.json is larger than 5 MB; measure it with: briefqa eval.")


def test_measuring_can_be_stopped_and_others_ask_meanwhile(make_page) -> None:
    page, other = make_page("one"), make_page("other")
    page.get_by_role("tab", name="Quality").click()
    stop = page.get_by_role("button", name="Stop")
    expect(page.get_by_role("button", name="Measure on the marks")).to_be_visible()
    expect(stop).to_be_hidden()
    page.get_by_label("Measure on a file").set_input_files(question_set([f"slow levy {n}?" for n in range(200)]))
    expect(page.locator("#quality")).to_contain_text("/200 questions")
    ask(other, "How large is the levy?")
    expect(first_words(other)).to_have_text(LEVY)
    stop.click()
    expect(page.get_by_role("alert")).to_have_text("Measuring was stopped; nothing of it is kept.")
    expect(stop).to_be_hidden()


def question_set(questions: list[str]) -> dict[str, object]:
    """A file of questions that the heat pump brief answers."""
    lines = [json.dumps({"question": q, "answers": [LEVY], "brief": HEAT.source}) for q in questions]
    return {"name": "levy.jsonl", "mimeType": "application/jsonl", "buffer": "\n".join(lines).encode()}


WIDTHS = (390, 768, 1440)
# Buttons that are too narrow for their words.
CLIPPED = """() => [...document.querySelectorAll('#columns :is(.lg, .sm)')]
  .filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1)
  .map(e => e.textContent)"""
# Rules of WCAG and of good practice; styles from elsewhere are not fetched, for there are none.
AXE_RUN = """() => axe.run({ resultTypes: ['violations'], preload: false }).then(found => found.violations
  .filter(fault => ['serious', 'critical'].includes(fault.impact))
  .map(fault => [fault.id, ...fault.nodes.map(node => node.html)]))"""


def axe_script() -> str:
    """The script of axe-core: that of the installed package, or the one that BRIEFQA_AXE names (from npm)."""
    if named := os.environ.get("BRIEFQA_AXE"):
        return Path(named).read_text("utf-8")
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_fits_and_can_be_used_by_all(make_page, assistant, scheme: str) -> None:
    """Nothing is wider than the page, at three widths and with large letters; axe-core finds no serious fault."""
    assistant.marked.clear()
    page = make_page(viewport={"width": 1440, "height": 860}, color_scheme=scheme, reduced_motion="reduce")
    page.evaluate(axe_script())

    def look(view: str) -> None:
        expect(page.locator(".pending")).to_have_count(0)
        assert page.evaluate(AXE_RUN) == [], view
        assert not page.evaluate("document.getAnimations().some(a => a.effect.getComputedTiming().duration > 1)"), view
        for letters in ("100%", "200%"):
            page.evaluate("size => { document.documentElement.style.fontSize = size; }", letters)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 860})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (view, width, letters)
                assert page.evaluate(CLIPPED) == [], (view, width, letters)
        page.evaluate("document.documentElement.style.fontSize = ''")

    filters = page.get_by_role("button", name=re.compile("^In 3 briefs"))
    filters.click()
    expect(page.get_by_label("After")).to_be_visible()
    look("at first, with filters")
    filters.click()
    ask(page, "Who is the king of Spain?")
    page.get_by_text(re.compile("Weak candidates")).click()
    look("not found")
    ask(page, "How large is the levy?")
    expect(page.locator(".bq-timeline")).to_be_visible()
    page.locator(".bq-first").get_by_text("Copy citation").click()
    look("answers")
    citation(page).click()
    expect(page.locator("mark#cited")).to_be_visible()
    look("reader")
    page.get_by_role("tab", name="Library").click()
    expect(page.get_by_role("table")).to_be_visible()
    page.get_by_text("Paste a text").click()
    look("library")
    page.get_by_role("button", name="Remove", exact=True).click()
    look("before a brief is removed")
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("tab", name="Quality").click()
    page.get_by_label("Measure on a file").set_input_files(question_set(["levy?", "Why did Harris object?"]))
    expect(page.get_by_role("region", name="Quality on levy.jsonl")).to_be_visible()
    look("quality")
    page.get_by_role("tab", name="Index").click()
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("region", name="Health of the index")).to_contain_text("not in order.")
    look("index")


def test_narrow_phone(make_page) -> None:
    page = make_page(viewport={"width": 360, "height": 700}, has_touch=True)
    ask(page, "How large is the levy?")
    citation(page).tap()
    expect(page.locator("mark#cited")).to_be_in_viewport()
    answer, brief = page.locator("#answers").bounding_box(), reader(page).bounding_box()
    assert answer["y"] + answer["height"] <= brief["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_in_both_schemes(make_page, scheme: str) -> None:
    """WCAG contrast of at least 4.5 for the text, the small print, the links and the marks."""
    page = make_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    ask(page, "How large is the levy?")
    citation(page).click()
    expect(page.locator("mark#cited")).to_be_visible()
    for selector in (
        ".bq-first .bq-words", ".bq-first .bq-where", ".bq-cite .bq-open", ".bq-sure", "mark#cited",
        ".bq-text p", ".bq-source", "#ask-button", ".bq-tools", ".bq-acts .bq-act", "#filters button",
    ):  # fmt: skip
        assert contrast(*page.locator(selector).first.evaluate(COLOURS)) >= 4.5, selector
    paper = page.locator("#reader").evaluate("e => getComputedStyle(e).backgroundColor")
    assert (luminance(paper) < 0.1) == (scheme == "dark")


# Colour of an element's text, and of the first background below it that is not transparent.
COLOURS = """element => {
  const colour = getComputedStyle(element).color;
  for (let e = element; e; e = e.parentElement) {
    const background = getComputedStyle(e).backgroundColor;
    if (background !== 'rgba(0, 0, 0, 0)') return [colour, background];
  }
  return [colour, 'rgb(255, 255, 255)'];
}"""


def luminance(colour: str) -> float:
    """Relative luminance as in WCAG 2 of a computed `rgb(r, g, b)`."""
    parts = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio as in WCAG 2."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
