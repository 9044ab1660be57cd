"""What the page shows, by values."""

import re
from dataclasses import replace

import pytest
from fake_assistant import (
    BRIEFS,
    HEAT,
    HOSTILE,
    REPORT,
    REVIEW,
    SCRIPT,
    FakeAssistant,
    answer,
    cite,
    make_brief,
)
from hypothesis import given
from hypothesis import strategies as st

from index.briefs import parse_brief
from index.errors import QuestionInvalid
from index.types import Facets, Failure, Filters
from qa.types import Answer, Reply
from ui import citing, markup, render
from ui.examples import example_questions
from ui.library import library_page
from ui.render import Mark, Piece, cut
from ui.timeline import timeline


@pytest.mark.parametrize(
    ("confidence", "words"),
    [
        (1.0, "Very likely"), (0.85, "Very likely"), (0.849, "Likely"), (0.6, "Likely"),
        (0.599, "Possible"), (0.3, "Possible"), (0.299, "Unlikely"), (0.0, "Unlikely"),
    ],
)  # fmt: skip
def test_confidence_words(confidence: float, words: str) -> None:
    assert render.confidence_words(confidence) == words


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("2021-03-05", "5 March 2021"), ("1999-12-31", "31 December 1999"), (None, "undated"),
        ("2021-13-01", "2021-13-01"), ("spring 2021", "spring 2021"),
    ],
)  # fmt: skip
def test_date_words(date: str | None, words: str) -> None:
    assert markup.date_words(date) == words


@pytest.mark.parametrize(
    ("n_bytes", "words"), [(0, "0 B"), (999, "999 B"), (1_400_000, "1.4 MB"), (2_500_000_000, "2.5 GB")]
)
def test_size_words(n_bytes: int, words: str) -> None:
    assert render.size_words(n_bytes) == words


def test_counted() -> None:
    assert [markup.counted(n, "brief") for n in (0, 1, 1200)] == ["0 briefs", "1 brief", "1,200 briefs"]


def test_error_is_a_sentence_and_escaped() -> None:
    page = render.message_page(QuestionInvalid("the question is <b>empty</b>"))
    assert page == '<p class="bq-error" role="alert">The question is &lt;b&gt;empty&lt;/b&gt;.</p>'


def test_cut_counts_code_points() -> None:
    """An emoji with a skin tone is two code points, é may be two: offsets count each."""
    text = "a👍🏽 e\u0301t\u00e9 z"
    start = 100 + text.index("e\u0301")
    assert cut(text, 100, (start, start + 4)) == (
        Piece("a👍🏽 "), Piece("e\u0301t\u00e9", Mark.CITED), Piece(" z"),
    )  # fmt: skip


def test_cut_clips_to_the_part() -> None:
    assert cut("abcd", 10, (5, 12)) == (Piece("ab", Mark.CITED), Piece("cd"))
    assert cut("abcd", 10, (12, 99)) == (Piece("ab"), Piece("cd", Mark.CITED))
    assert cut("abcd", 10, (0, 10)) == (Piece("abcd"),)
    assert cut("", 10, (0, 20)) == ()


def test_cited_wins_over_others() -> None:
    assert cut("abcdef", 0, (2, 4), [(1, 5)]) == (
        Piece("a"), Piece("b", Mark.OTHER), Piece("cd", Mark.CITED), Piece("e", Mark.OTHER), Piece("f"),
    )  # fmt: skip


@given(
    st.text(max_size=30),
    st.integers(0, 50),
    st.tuples(st.integers(0, 90), st.integers(0, 90)),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), max_size=3),
)
def test_pieces_joined_are_the_text(
    text: str, offset: int, cited: tuple[int, int], others: list[tuple[int, int]]
) -> None:
    pieces = cut(text, offset, cited, others)
    assert "".join(piece.text for piece in pieces) == text
    assert all(piece.text for piece in pieces)
    marked = "".join(piece.text for piece in pieces if piece.mark is Mark.CITED)
    assert marked == (text[max(cited[0] - offset, 0) : max(cited[1] - offset, 0)] if cited[0] < cited[1] else "")


def test_the_second_of_two_equal_words_is_marked() -> None:
    """The quote is never searched for: the offsets say which one."""
    brief = make_brief("T", ["levy and levy"])
    start = brief.paragraphs[0].start + 9
    assert 'levy and <mark class="cited" id="cited" tabindex="-1">levy</mark></p>' in render.brief_page(
        brief, start, start + 4
    )


def test_brief_page() -> None:
    start = HEAT.text.index("it falls on")
    page = render.brief_page(HEAT, start, start + 11, [(start + 4, start + 20)])
    assert '<p class="bq-dateline"><time datetime="2021-03-15">15 March 2021</time> · <bdi>Insight</bdi></p>' in page
    assert '<h2 class="bq-title" dir="auto">Heat Pumps in the Stonebridge Valley</h2>' in page
    assert '<p class="bq-authors">Mara Lindqvist, Tomás Ibarra</p>' in page
    assert '>it falls on</mark><mark class="other"> tenants </mark>who cannot' in page
    place = f'data-number="5" data-start="{HEAT.paragraphs[4].start}"'
    assert f'<p {place} dir="auto" class="bq-bio">Mara Lindqvist is' in page
    assert "<li>Energy</li><li>Housing</li>" in page
    assert "File <bdi>energy/heat-pumps.txt</bdi>" in page
    assert "“reluctantly” agreed to collect 🙂" in page


def test_a_span_may_cross_paragraphs() -> None:
    """Both parts are marked, only the first is named, and the gap between is not shown."""
    brief = make_brief("T", ["One two.", "Three four."])
    start, end = brief.text.index("two"), brief.text.index(" four")
    assert (
        '<p data-number="1" data-start="3" dir="auto">One <mark class="cited" id="cited" tabindex="-1">two.</mark></p>'
        '<p data-number="2" data-start="13" dir="auto"><mark class="cited">Three</mark> four.</p>'
    ) in render.brief_page(brief, start, end)


@pytest.mark.parametrize("place", [(0, 0), (1, 2)])
def test_nothing_to_mark(place: tuple[int, int]) -> None:
    """A brief opened as a whole, and a range outside all paragraphs."""
    assert "<mark" not in render.brief_page(make_brief("T", ["One two."]), *place)


def test_a_citation_into_the_header_is_marked_there() -> None:
    text = "March 15, 2021 | Insight\n\nA & B\n\nOne two.\n\nThree."
    brief = parse_brief(text, "a.txt")
    page = render.brief_page(brief, 0, 14)
    mark = '<mark class="cited" id="cited" tabindex="-1">'
    assert f'<p class="bq-dateline">{mark}March 15, 2021</mark> · <bdi>Insight</bdi></p>' in page
    assert page.count("<mark") == 1
    title = text.index("A & B")
    assert f'<h2 class="bq-title" dir="auto">{mark}A &amp; B</mark></h2>' in render.brief_page(brief, title, title + 5)


def test_a_question_read_otherwise_is_told_and_asked_again_as_it_was_read() -> None:
    reply = replace(FakeAssistant().ask("the levy?"), question="the levi?", understood="the <levy>?")
    page = render.reply_page(reply)
    assert '<p class="bq-understood">Read as <q dir="auto">the &lt;levy&gt;?</q></p>' in page
    assert 'data-asked="the &lt;levy&gt;?"' in page
    assert "bq-understood" not in render.reply_page(FakeAssistant().ask("the levy?"))


def test_brief_without_date_kind_authors_topics() -> None:
    brief = make_brief("T", ["One."], date=None, kind=None, authors=(), topics=())
    assert render.brief_page(brief, 0, 0).endswith(
        '</div><article class="bq-brief" aria-label="T"><p class="bq-dateline">undated</p>'
        '<h2 class="bq-title" dir="auto">T</h2>'
        '<div class="bq-text"><p data-number="1" data-start="3" dir="auto">One.</p></div>'
        '<p class="bq-source">File <bdi>brief.txt</bdi> '
        '<button type="button" class="bq-act" data-do="remove">Remove</button></p></article>'
    )


def test_answer_card() -> None:
    card = render.answer_card(answer(0.73, ((HEAT, "0.4 cents"), (REVIEW, "0.4 cents"))))
    citation, also = cite(HEAT, "0.4 cents"), cite(REVIEW, "0.4 cents")
    assert '<p class="bq-words" dir="auto">0.4 cents</p>' in card
    assert (
        '<blockquote class="bq-sentence" dir="auto">It was paid for by a levy of '
        '<mark class="cited">0.4 cents</mark> on each kilowatt-hour sold'
    ) in card
    assert '<span class="bq-sure" title="73% likely to be right">Likely</span>' in card
    assert f'data-open="{citation.id}">Heat Pumps in the Stonebridge Valley</button>' in card
    assert "<bdi>Mara Lindqvist, Tomás Ibarra</bdi> · <bdi>Insight</bdi> · <time" in card
    assert "15 March 2021</time> · ¶&nbsp;2" in card
    assert f'data-open="{also.id}">Two Winters On: the Heating Levy Reviewed</button>' in card
    assert "2 June 2023</time> · ¶&nbsp;2" in card


def test_timeline_puts_each_citation_at_its_date() -> None:
    later = replace(cite(REVIEW, "0.4 cents"), date="2021-03-25", authors=())
    middle = replace(cite(REVIEW, "8.2 million euros"), date="2021-03-18", authors=("A",))
    undated = replace(cite(HOSTILE, "Night sailings"), date=None)
    first = Answer("0.4 cents", 0.9, later, (cite(HEAT, "0.4 cents"), undated))
    picture = timeline([first, Answer("8.2 million euros", 0.5, middle)])
    stops = re.findall(r'<li class="(.*?)" style="--at: (.*?)%"><button type="button" data-open="(.*?)">', picture)
    assert stops == [
        ("bq-early", "0.0", cite(HEAT, "0.4 cents").id), ("bq-early", "30.0", middle.id),
        ("bq-late", "100.0", later.id),
    ]  # fmt: skip
    assert re.findall(r'<b dir="auto">(.*?)</b>', picture) == ["Mara Lindqvist et al.", "A", REVIEW.title]
    assert '<q dir="auto">8.2 million euros</q>' in picture
    assert "<span>2021</span><span>2021</span>" in picture


@pytest.mark.parametrize("other", ["2021-03-15", None, "spring 2021"])
def test_no_timeline_on_a_single_date(other: str | None) -> None:
    citation = cite(HEAT, "0.4 cents")
    assert timeline([Answer("0.4 cents", 0.9, citation, (replace(citation, date=other),))]) == ""


def test_weak_candidates_are_not_on_the_timeline() -> None:
    reply = FakeAssistant().ask("Why did Harris object?")
    weak = answer(0.29, ((REVIEW, "8.2 million euros"),))
    assert "bq-timeline" not in render.reply_page(replace(reply, answers=(*reply.answers, weak)))
    assert "bq-timeline" in render.reply_page(replace(reply, answers=(*reply.answers, replace(weak, confidence=0.3))))


def test_found_reply_leads_with_the_best_answer() -> None:
    page = render.reply_page(FakeAssistant().ask("the levy?"))
    assert page.index("bq-first") < page.index("Other readings") < page.index("capped at 60 euros")
    assert page.index("capped at 60 euros") < page.index("<summary>Passages read (6)</summary>")
    assert "do not answer" not in page


def test_a_weak_further_answer_is_folded() -> None:
    reply = FakeAssistant().ask("Why did Harris object?")
    weak = answer(0.29, ((REVIEW, "8.2 million euros"),))
    page = render.reply_page(replace(reply, answers=(*reply.answers, weak)))
    assert "Other readings" not in page
    assert page.index("Weak candidates, probably wrong (1)") < page.index("8.2 million euros</p>")


def test_reply_without_answer_says_so_first() -> None:
    """A weak candidate is folded, and never in the place or size of an answer."""
    page = render.reply_page(FakeAssistant().ask("who is king?"))
    verdict = page.index("The briefs do not answer this.")
    weak = page.index('<details class="bq-weak"><summary>Weak candidates, probably wrong (1)</summary>')
    nearest, further = page.index("<ol class="), page.index("<summary>Further passages (3)</summary>")
    assert verdict < nearest < further < weak < page.index("bq-words")
    assert page[nearest:further].count("<li>") == 3
    assert "bq-first" not in page
    assert "<details open" not in page
    assert ">Unlikely</span>" in page


def test_reply_that_read_nothing() -> None:
    page = render.reply_page(Reply("q", False, 0.0, (), ()))
    assert "The briefs do not answer this." in page
    assert "Are the filters too narrow?" in page
    assert "<details" not in page


def test_a_passage_read_opens_at_its_place() -> None:
    passage = FakeAssistant().ask("the levy?", Filters(kind="Insight")).passages[0]
    page = render.reply_page(Reply("q", False, 0.0, (), (passage,)))
    assert f'data-open="{HEAT.id}:{HEAT.paragraphs[0].start}-{HEAT.paragraphs[0].end}"' in page


def test_library_page() -> None:
    page = library_page(BRIEFS, FakeAssistant().facets())
    assert '<caption aria-live="polite" data-all="3 briefs">3 briefs</caption>' in page
    assert f'data-open="{REVIEW.id}">Two Winters On: the Heating Levy Reviewed</button></th>' in page
    assert "<td>Policy Brief</td><td>Mara Lindqvist</td><td>Energy</td></tr>" in page
    assert "No briefs are indexed yet." in library_page((), Facets(0, {}, {}, {}, {}))


def test_library_counts_by_year_and_topic() -> None:
    """Years without a brief keep their place; bars are relative to the longest."""
    facets = Facets(4, {"2023": 1, "2021": 3}, {}, {}, {"Energy": 4, "A&B": 1})
    page = library_page(BRIEFS, facets)
    bars = re.findall(r'<li style="--size: (\d+)%" title="([^"]*)">(?:<button[^>]*data-narrow="([^"]*)")?', page)
    assert bars == [
        ("100", "2021: 3 briefs", "2021"), ("0", "2022: 0 briefs", ""), ("33", "2023: 1 brief", "2023"),
        ("100", "Energy: 4 briefs", "Energy"), ("25", "A&amp;B: 1 brief", "A&amp;B"),
    ]  # fmt: skip


def test_library_draws_nothing_that_tells_nothing() -> None:
    page = library_page(BRIEFS, Facets(2, {"2021": 2}, {}, {}, {"Energy": 1, "Trade": 1}))
    assert "<figure" not in page


def test_library_of_very_many() -> None:
    page = library_page([HEAT] * 2500, FakeAssistant().facets())
    assert ">2,500 briefs, of which the first 2,000 are listed</caption>" in page
    assert page.count('scope="row"') == 2000


def test_report_page() -> None:
    page = render.report_page(REPORT)
    assert "<p>1 added, 0 changed, 1 removed, 1 unchanged, 1 failed. " in page
    assert "9 passages in 3 briefs, 2 embedded anew, in 1.2 s.</p>" in page
    assert ".pdf</bdi>: is encrypted</li>" in page
    assert "<summary>Removed (1)</summary><ul><li><bdi>old.txt</bdi></li></ul>" in page
    assert "Changed (" not in page
    assert "No run of the indexer" in render.report_page(None)


def test_status_page() -> None:
    page = render.status_page(replace(FakeAssistant().status(), n_passages=12_345))
    assert "<dt>Passages</dt><dd>12,345</dd>" in page
    assert "<dt>Size on disk</dt><dd>1.4 MB</dd>" in page


def test_status_page_tells_no_path_of_the_machine() -> None:
    page = render.status_page(replace(FakeAssistant().status(), index_dir="/home/ada/policy/.briefqa"))
    assert "<dt>Folder</dt><dd>.briefqa</dd>" in page
    assert "ada" not in page


def _pages_of_the_hostile_brief() -> dict[str, str]:
    citation = cite(HOSTILE, SCRIPT)
    reply = FakeAssistant().ask("ferry?")
    bad = Answer(citation.quote, 0.9, citation, (citation,))
    return {
        "brief": render.brief_page(HOSTILE, citation.start, citation.end),
        "card": render.answer_card(bad),
        "reply": render.reply_page(replace(reply, question=SCRIPT)),
        "not found": render.reply_page(replace(reply, question=SCRIPT, found=False)),
        "timeline": timeline(
            [Answer(SCRIPT, 0.9, replace(citation, date="2020-01-01"), (replace(citation, date="2021-01-01"),))]
        ),
        "library": library_page([HOSTILE], Facets(2, {}, {}, {}, {SCRIPT: 2})),
        "report": render.report_page(REPORT),
        "status": render.status_page(replace(FakeAssistant().status(), reader=SCRIPT)),
        "error": render.message_page(QuestionInvalid(SCRIPT)),
        "examples": render.examples_page([SCRIPT]),
    }


@pytest.mark.parametrize("name", sorted(_pages_of_the_hostile_brief()))
def test_what_a_brief_contains_is_never_markup(name: str) -> None:
    """`<script>` in text, title, author, topic, file name, question: always words."""
    page = _pages_of_the_hostile_brief()[name]
    assert "<script" not in page.lower()
    assert "<img" not in page
    assert "onerror='" not in page
    assert "&lt;script&gt;" in page


def test_a_file_name_that_is_not_utf8() -> None:
    """Python hands such a name as lone surrogates, which cannot be sent over HTTP."""
    page = render.brief_page(make_brief("T", ["One."], source="caf\udce9.txt"), 0, 0)
    assert "<bdi>caf?.txt</bdi>" in page
    page.encode("utf-8")


def test_no_examples_no_line() -> None:
    assert render.examples_page(()) == ""


def test_examples_are_links_that_ask() -> None:
    assert '<a class="bq-open" dir="auto" href="?q=A+%26+B%3F">A &amp; B?</a>' in render.examples_page(["A & B?"])


def test_examples_come_from_titles_that_ask_and_from_authors() -> None:
    titles = (
        "The Salt Beneath: Who Should Collect the Lithium Rent?", "WHO POLICES THE POLICE, AND WITH WHAT?",
        "What the Strike Is Really About", "Why not?", "Who Mends the Broken Line? A Memo",
        "How Long Will the Harbour Stay Closed?",
    )  # fmt: skip
    briefs = [make_brief(title, ["One."]) for title in titles]
    assert example_questions(briefs) == [
        "Who Should Collect the Lithium Rent?", "Who Mends the Broken Line?", "Who is Mara Lindqvist?",
    ]  # fmt: skip
    assert example_questions(briefs, 4)[2:] == ["How Long Will the Harbour Stay Closed?", "Who is Mara Lindqvist?"]
    assert example_questions([make_brief("T", ["One."], authors=())]) == []


def test_scope_words() -> None:
    facets = FakeAssistant().facets()
    assert render.scope_words(facets, Filters()) == "In 3 briefs, 2021–2023 · filter"
    chosen = Filters(after="2023-01-01", kind="Policy Brief")
    assert render.scope_words(FakeAssistant().facets(chosen), chosen) == (
        "In 1 brief, 2023 · after “2023-01-01”, kind “Policy Brief”"
    )
    assert render.scope_words(FakeAssistant().facets(Filters(kind="Memo")), Filters()) == "In 0 briefs · filter"


def test_citation_in_plain_words() -> None:
    citation = cite(HEAT, "0.4 cents")
    assert citing.plain(citation) == (
        "“0.4 cents”\nMara Lindqvist and Tomás Ibarra. “Heat Pumps in the Stonebridge Valley.” "
        f"Insight, 15 March 2021, ¶ 2. [{citation.id}]"
    )


def test_citation_without_date_kind_authors() -> None:
    bare = replace(cite(REVIEW, "8.2 million euros"), date=None, kind=None, authors=())
    assert citing.plain(bare).endswith(f"\n“{REVIEW.title}.” Brief, undated, ¶ 1. [{bare.id}]")
    assert citing.bibtex(bare).startswith(f"@misc{{brief-{bare.start},\n  title = {{{{Two Winters On")


def test_citation_in_markdown_is_never_markup() -> None:
    """Links, images, HTML and line breaks of a brief stay words inside the block quote."""
    hostile = replace(
        cite(HEAT, "0.4 cents"), quote="a [x](javascript:y) <b>\n# *no* `z`", title="![i](u) & T_1", authors=("A|B",)
    )
    assert citing.markdown(hostile) == (
        "> “a \\[x\\](javascript:y) \\<b\\> \\# \\*no\\* \\`z\\`”\n>\n"
        f"> — A\\|B, *\\!\\[i\\](u) \\& T\\_1*, Insight, 15 March 2021, ¶ 2 (`{hostile.id}`)"
    )


def test_citation_in_bibtex() -> None:
    citation = replace(cite(HEAT, "0.4 cents"), title="50% of $1 & \\input{x}_^~#")
    assert citing.bibtex(citation) == (
        f"@misc{{lindqvist2021-{citation.start},\n"
        "  author = {{Mara Lindqvist} and {Tomás Ibarra}},\n"
        "  title = {{50\\% of \\$1 \\& \\textbackslash{}input\\{x\\}\\_\\textasciicircum{}\\textasciitilde{}\\#}},\n"
        "  howpublished = {Insight},\n  date = {2021-03-15},\n  year = {2021},\n"
        f"  note = {{Paragraph 2: “0.4 cents” [{citation.id}]}},\n}}"
    )


def test_bibtex_authors_keep_commas_and_accents() -> None:
    citation = replace(cite(HEAT, "0.4 cents"), authors=("Núñez, Ph.D.", "B"))
    assert "author = {{Núñez, Ph.D.} and {B}}" in citing.bibtex(citation)


def test_three_authors() -> None:
    citation = replace(cite(HEAT, "0.4 cents"), authors=("A", "B", "C"))
    assert "\nA, B and C. “" in citing.plain(citation)


def test_actions_of_a_card() -> None:
    citation = cite(HEAT, "0.4 cents")
    actions = render.actions(citation)
    assert f'href="?brief={HEAT.id}&amp;c={HEAT.id}%3A{citation.start}-{citation.end}" data-copy-link ' in actions
    assert ' data-copy-link title="Copies a link to this passage">Link</a>' in actions
    assert f'data-open="{citation.id}">Read in brief</button>' in actions
    for form in (citing.plain, citing.markdown, citing.bibtex):
        assert f'data-copy="{markup.escape(form(citation))}">' in actions


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("there is no file or folder /home/ada/briefs; give one", "There is no file or folder briefs; give one."),
        ("/srv/ix holds none (see /srv/ix/lock)", "Ix holds none (see lock)."),
        ("no .txt file in /a/b, /c/d", "No .txt file in b, d."),
        ("energy/heat.txt and/or 1 / 2 </b> is not UTF-8", "Energy/heat.txt and/or 1 / 2 </b> is not UTF-8."),
    ],
)
def test_a_sentence_never_tells_where_a_file_lies(message: str, sentence: str) -> None:
    assert render.sentence_of(Exception(message)) == sentence


def test_a_file_that_failed_is_named_once() -> None:
    failures = (Failure("a.txt", "a.txt is not UTF-8"), Failure("b.txt", "the disk is broken"))
    assert re.sub("<[^>]+>", "|", render.failures_list(failures)) == (
        "|||a.txt| is not UTF-8|||b.txt|: the disk is broken||"
    )
