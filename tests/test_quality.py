"""Judging and measuring by way of the page, without a browser: what is kept, shown and refused."""

import json
from threading import Thread
from types import SimpleNamespace

import gradio as gr
import pytest
from fake_assistant import HEAT, HOSTILE, REVIEW, SCRIPT, FakeAssistant, cite

from index.errors import MarkInvalid
from qa.marks import mark_of
from ui import render
from ui.quality import marks_page
from ui.quality_tab import MAX_SET_CHARS, Teaching, judged_of

LEVY = "0.4 cents on each kilowatt-hour"
ADA, BOB = SimpleNamespace(session_hash="ada"), SimpleNamespace(session_hash="bob")
SET = "\n".join(
    json.dumps(line)
    for line in (
        {"question": "How large is the levy?", "answers": [LEVY], "type": "howmany", "brief": HEAT.source},
        {"question": "Why did Harris object?", "answers": ["it falls on tenants"], "type": f"<{SCRIPT}>"},
        {"question": "Who is king?", "answers": [], "type": "none"},
    )
)


@pytest.fixture
def assistant() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture
def teaching(assistant) -> Teaching:
    return Teaching(assistant)  # type: ignore[arg-type]


def judge(teaching, question, at, right, words=None) -> dict:
    reply = teaching.assistant.ask(question)
    told, _ = teaching.judge(reply, gr.EventData(None, {"at": at, "right": right, "words": words}))
    return json.loads(told)


def measure(teaching, text, name="levy.jsonl", *, who=ADA, progress=lambda *_, **__: None) -> str:
    return teaching.measure_file(gr.EventData(None, {"name": name, "text": text}), who, progress)


def test_an_answer_is_judged_and_taken_back(teaching, assistant):
    at = cite(HEAT, LEVY).id
    assert judge(teaching, "levy?", at, True) == {"said": "Kept as right.", "failed": False, "judged": {at: True}}
    told = judge(teaching, "levy?", at, False)
    assert told["judged"] == {at: False} and told["said"].startswith("Kept as wrong.")
    assert judge(teaching, "levy again?", at, True)["judged"] == {at: True}
    assert judged_of(assistant, assistant.ask("levy?")) == {at: False}
    told = judge(teaching, "levy?", at, None)
    assert (told["said"], told["judged"]) == ("Taken back.", {})
    assert [mark.question for mark in assistant.marks()] == ["levy again?"]


def test_what_leaned_on_the_question_before_is_kept_as_it_was_understood(teaching, assistant):
    """By itself, “what do they carry?” is no question to ask again, to measure on or to learn from."""
    reply = assistant.ask("what do they carry?", after=assistant.ask("ferry?"))
    at = cite(HOSTILE, "1,900 passengers").id
    teaching.judge(reply, gr.EventData(None, {"at": at, "right": True, "words": None}))
    assert [mark.question for mark in assistant.marks()] == ["what do the ferry carry?"]
    assert judged_of(assistant, reply) == {at: True}


def test_selected_words_are_kept_where_they_stand(teaching, assistant):
    start = HEAT.text.index("collect 🙂 for")
    told = judge(teaching, "levy?", f"{HEAT.id}:{start}-{start + 13}", True, "collect 🙂 for")
    assert told["said"] == "Kept as the right words for “levy?”."
    (mark,) = assistant.marks()
    assert HEAT.text[mark.start : mark.end] == mark.words == "collect 🙂 for"


@pytest.mark.parametrize("place", [f"{HEAT.id}:10-23", "0123456789ab:1-2", "<b>"])
def test_words_that_stand_elsewhere_are_refused_in_a_sentence(teaching, assistant, place):
    """10–23 are what an offset in UTF-16 gives when it is a few characters late."""
    assistant.resolve = lambda at: (HEAT, 10, 23) if at.startswith(HEAT.id) else assistant.brief(at)
    told = judge(teaching, "levy?", place, True, "collect 🙂 for")
    assert told["failed"] and told["said"].endswith(".") and assistant.marks() == ()


def test_nothing_is_judged_before_a_question(teaching):
    told, page = teaching.judge(None, gr.EventData(None, {"at": cite(HEAT, LEVY).id, "right": True, "words": None}))
    assert json.loads(told) == {
        "said": "Ask a question first, then tell what answers it.", "failed": True, "judged": {},
    }  # fmt: skip
    assert "Nothing is marked yet" in page


def test_cards_show_what_was_judged(assistant):
    reply = assistant.ask("How large is the levy?")
    at = reply.answers[0].citation.id
    page = render.reply_page(reply, {at: False})
    assert page.count('aria-pressed="true"') == 1
    assert f'data-judge="0" data-at="{at}" aria-pressed="true">Wrong</button>' in page
    assert 'aria-pressed="true"' not in render.reply_page(reply)


def test_words_can_be_marked_only_where_a_question_was_asked():
    assert "These are the right words" not in render.brief_page(HEAT, 0, 0)
    page = render.brief_page(HEAT, 0, 0, asked=SCRIPT)
    assert "These are the right words" in page and "hidden>Take back" in page and "<script>" not in page
    judged = {cite(REVIEW, LEVY).id: True, cite(HEAT, LEVY).id: False}
    page = render.brief_page(HEAT, 0, 0, asked="levy?", judged=judged)
    assert f'<output class="bq-taught">Kept as wrong: “{LEVY}”.</output>' in page and "hidden>Take back" not in page


def test_the_list_of_marks_shows_words_as_words(assistant):
    marks = [
        mark_of(brief, f"who {SCRIPT}?", cite(brief, LEVY).start, cite(brief, LEVY).end, LEVY, right)
        for brief, right in ((HEAT, True), (REVIEW, False))
    ]
    page = marks_page(marks)
    assert "1 right, 1 wrong, kept with the index: all who use it share them." in page
    assert f'data-forget="{REVIEW.id}"' in page and f'data-open="{cite(HEAT, LEVY).id}"' in page
    assert "<script" not in page and "<img" not in page and page.count("&lt;script&gt;") == 6
    assert "The first 500 are listed." in marks_page(marks * 300)
    assert marks_page(marks * 300).count("<li>") == 500


def test_a_mark_is_taken_back_from_the_list(teaching, assistant):
    judge(teaching, "levy?", cite(HEAT, LEVY).id, True)
    assert "Nothing is marked yet" in teaching.forget(gr.EventData(None, {"question": "levy?", "brief": HEAT.id}))
    assert assistant.marks() == ()


def test_damaged_marks_are_told_and_stop_no_answer(teaching, assistant):
    def damaged():
        raise MarkInvalid("marks.json in the index folder cannot be read")

    assistant.marks = assistant.marked_set = damaged
    told = '<p class="bq-error" role="alert">Marks.json in the index folder cannot be read.</p>'
    assert teaching.marks() == teaching.measure_marks(ADA, None) == told
    assert judged_of(assistant, assistant.ask("levy?")) == {}
    with pytest.raises(gr.Error, match="cannot be read"):
        teaching.marked_set()


def test_figures_of_a_set(teaching):
    steps = []
    page = measure(teaching, SET, progress=lambda at, **_: steps.append(at))
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert "<h2>On levy.jsonl</h2><p>3 questions, 2 of them answerable, asked of 3 briefs.</p>" in page
    for figure in ("<dt>whole pipeline, EM</dt><dd>0.500</dd>", "<dt>rightly not found</dt><dd>1.000</dd>"):
        assert figure in page
    for name in ("recall at 10", "top-3 F1", "AUROC, answerable against not", "calibration error"):
        assert f"<dt>{name}</dt><dd>" in page
    assert page.count("<svg") == page.count('role="img"') == 3
    assert '<th scope="row">none</th><td>1</td><td>–</td>' in page
    assert '<th scope="row">rightly not found</th><td>1</td>' in page
    assert "<script" not in page and "&lt;&lt;script&gt;" in page


def test_figures_of_the_marks(teaching):
    assert "No right answer is marked yet" in teaching.measure_marks(ADA, None)
    judge(teaching, "levy?", cite(HEAT, LEVY).id, True)
    judge(teaching, "Why did Harris object?", cite(HEAT, "pilot").id, False)
    page = teaching.measure_marks(ADA, lambda *_, **__: None)
    assert "<h2>On the marks</h2><p>1 question, 1 of them answerable" in page
    assert "<dt>whole pipeline, EM</dt><dd>1.000</dd>" in page


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("set.exe", SET, "Set.exe is not one of .json, .jsonl, .ndjson"),
        ("set.json", " " * (MAX_SET_CHARS + 1), "Set.json has 5,000,001 characters, at most 5,000,000 are taken"),
        ("set.json", "{", "The questions in set.json cannot be read (JSONDecodeError"),
        ("set.json", "[" * 100_000, "The questions in set.json cannot be read (RecursionError"),
        ("set.jsonl", '{"question": "a", "answers": [], "type": "\\ud800"}', "UnicodeEncodeError"),
        ("set.json", '{"data": []}', "No question stands in set.json"),
        ("set.jsonl", '{"question": 7, "answers": [], "type": "x"}', "question 1 is not all text"),
        (
            "set.jsonl",
            '{"question": "?", "answers": [], "brief": "gone.txt"}',
            "No brief that the questions in set.jsonl",
        ),
        (f"/home/ada/{SCRIPT[:8]}.json", "{", "The questions in &lt;script&gt;.json cannot be read"),
    ],
)
def test_a_bad_file_is_refused_in_a_sentence(teaching, name, text, told):
    page = measure(teaching, text, name)
    assert page.startswith('<p class="bq-error" role="alert">') and told in page and "/home" not in page


def test_a_run_is_stopped_by_who_began_it_and_nobody_else(teaching):
    def progress(at, **_):
        teaching.stop(BOB)
        if at == (1, 3):
            teaching.stop(ADA)

    assert "Measuring was stopped; nothing of it is kept." in measure(teaching, SET, progress=progress)
    assert "<h2>On levy.jsonl</h2>" in measure(teaching, SET)  # and the next one is not


def test_one_set_is_measured_at_a_time(teaching):
    pages = []

    def progress(at, **_):
        if at == (1, 3):
            other = Thread(target=lambda: pages.append(measure(teaching, SET, who=BOB)))
            other.start()
            other.join()

    assert "<h2>On levy.jsonl</h2>" in measure(teaching, SET, progress=progress)
    assert pages == ['<p class="bq-error" role="alert">Another set is being measured; wait until that has ended.</p>']
    assert "<h2>On levy.jsonl</h2>" in measure(teaching, SET, who=BOB)
