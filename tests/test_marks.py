"""What analysts judged: where the words stand, what is kept of it, and who can read it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import HashEmbedder, KeywordReader

import qa.marks
from index.briefs import parse_brief
from index.builder import build_index, no_progress
from index.errors import CitationInvalid, IndexUnwritable, MarkInvalid, QuestionInvalid
from index.types import Brief
from qa.assistant import Assistant
from qa.evaluation import figures_of
from qa.marks import Marks, mark_of
from qa.measuring import run_questions
from qa.questions import load_questions, questions_in

TEXT = (
    "March 15, 2021 | Insight\r\n\r\nWhat the Talks Left Open\r\n\r\n"
    "Ana Brook 😀 objected to the “joint” project\r\nof 2021. It cost 👩‍👩‍👧 too much.\r\n\r\n"
    "The ministry defended the plan.\r\n"
)
BRIEF = parse_brief(TEXT, "talks/one.txt")


def place(words: str, brief: Brief = BRIEF) -> tuple[int, int, str]:
    start = brief.text.index(words)
    return start, start + len(words), words


def mark(question: str, words: str, *, right: bool = True, brief: Brief = BRIEF) -> qa.marks.Mark:
    return mark_of(brief, question, *place(words, brief), right)


@pytest.fixture
def marks(tmp_path) -> Marks:
    return Marks(tmp_path / "marks.json")


@pytest.mark.parametrize("words", ["😀 objected", "March 15, 2021", "“joint” project\r\nof 2021", "👩‍👩‍👧 too much"])
def test_offsets_are_code_points_of_the_text(words):
    made = mark("who?", words)
    assert BRIEF.text[made.start : made.end] == made.words == words


def test_white_space_around_the_words_is_left_out():
    made = mark("who?", " objected to ")
    assert (made.words, BRIEF.text[made.start : made.end]) == ("objected to", "objected to")


@pytest.mark.parametrize(
    ("start", "end", "words", "told"),
    [
        (0, 5, "March 15", "do not stand at 0–5 of “What the Talks Left Open”"),
        (-3, 2, "", "do not stand"),
        (3, 2, "", "do not stand"),
        (5, 10_000, TEXT[5:], "do not stand"),
        (*place("of 2021.")[:2], "of 2022.", "do not stand"),
        (place("\r\n\r\nThe")[0], place("\nThe")[0], "\r\n\r", "stands in one paragraph"),
        (*place("too much.\r\n\r\nThe ministry"), "stands in one paragraph"),
        (*place("Insight\r\n\r\nWhat the Talks"), "stands in one paragraph"),
    ],
)
def test_words_that_do_not_stand_there_are_refused(start, end, words, told):
    with pytest.raises(MarkInvalid, match=told):
        mark_of(BRIEF, "who?", start, end, words, True)


def test_the_last_mark_on_a_question_and_brief_is_kept(marks):
    other = parse_brief("A Plan\n\nAna Brook came.", "two.txt")
    first, wrong, last = mark("who?", "Ana"), mark("who?", "project", right=False), mark("who?", "Ana Brook")
    elsewhere, again = mark("who?", "Ana", brief=other), mark("what?", "too much", right=False)
    for made, expected in (
        (first, {first}), (wrong, {wrong}), (elsewhere, {wrong, elsewhere}), (again, {wrong, elsewhere, again}),
        (last, {last, elsewhere, again}),
    ):  # fmt: skip
        marks.put(made, (other if made is elsewhere else BRIEF).text)
        assert set(marks.all()) == expected
    marks.drop("who?", BRIEF.id)
    marks.drop("never asked", BRIEF.id)
    assert marks.all() == (elsewhere, again)


def test_the_file_is_a_set_in_the_format_of_squad(marks, tmp_path):
    marks.put(mark("How many cost it?", "too much"), BRIEF.text)
    marks.put(mark("Who came?", "project", right=False), BRIEF.text)
    content = json.loads(marks.squad())
    assert content == json.loads((tmp_path / "marks.json").read_text("utf-8"))
    ((paragraph,),) = [article["paragraphs"] for article in content["data"]]
    ((answer,),) = [item["answers"] for item in paragraph["qas"]]
    assert paragraph["context"] == TEXT
    assert TEXT[answer["answer_start"] :].startswith(answer["text"]) and answer["text"] == "too much"
    assert [(w["question"], w["brief"], w["text"]) for w in content["wrong"]] == [("Who came?", BRIEF.id, "project")]
    (question,) = load_questions(tmp_path / "marks.json")
    assert (question.text, question.golds, question.type) == ("How many cost it?", ("too much",), "howmany")
    assert question.context == TEXT
    assert questions_in(marks.squad(), "marks.json") == [question]


def test_no_mark_is_lost_when_many_are_made_at_once(marks, tmp_path):
    """Each writer has a store of its own, as each program has; a reader always finds a whole file."""
    reading = threading.Event()

    def read() -> int:
        n = 0
        while not reading.is_set():
            n = len(Marks(tmp_path / "marks.json").all())
        return n

    with ThreadPoolExecutor(9) as pool:
        reader = pool.submit(read)
        jobs = [
            pool.submit(Marks(tmp_path / "marks.json").put, mark(f"who {n}?", "Ana"), BRIEF.text) for n in range(24)
        ]  # fmt: skip
        for job in jobs:
            job.result()
        reading.set()
        reader.result()
    assert {made.question for made in marks.all()} == {f"who {n}?" for n in range(24)}


def test_a_crash_while_writing_leaves_the_old_marks(marks, monkeypatch, tmp_path):
    kept = mark("who?", "Ana")
    marks.put(kept, BRIEF.text)

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(qa.marks, "fsync", full)
    with pytest.raises(IndexUnwritable, match="cannot be kept in the index folder .No space left"):
        marks.put(mark("why?", "too much"), BRIEF.text)
    assert marks.all() == (kept,)


@pytest.mark.parametrize("damage", ["{", "[]", '{"data": [{}]}', "moved"])
def test_a_damaged_file_is_told_and_left_as_it_is(marks, tmp_path, damage):
    marks.put(mark("who?", "Ana"), BRIEF.text)
    path = tmp_path / "marks.json"
    start = str(place("Ana")[0])
    damage = (
        path.read_text("utf-8").replace(f'"answer_start": {start}', '"answer_start": 3')
        if damage == "moved"
        else damage
    )
    path.write_text(damage, "utf-8")
    with pytest.raises(MarkInvalid, match=r"marks\.json in the index folder cannot be read"):
        marks.put(mark("why?", "too much"), BRIEF.text)
    assert path.read_text("utf-8") == damage


@pytest.fixture
def assistant(tmp_path, folder, embedder) -> Assistant:
    build_index(tmp_path / "ix", embedder, [folder])
    return Assistant(tmp_path / "ix", embedder, KeywordReader())


def test_an_assistant_keeps_marks_and_is_measured_on_them(assistant, tmp_path, folder):
    citation = assistant.ask("what would it cost").answers[0].citation
    made = assistant.mark(" what would it cost ", citation.id, right=True)
    assert (made.question, made.words) == ("what would it cost", citation.quote)
    assistant.mark("who painted the chapel", citation.id, right=False)
    assert assistant.marks() == (made, replace(made, question="who painted the chapel", right=False))
    run = run_questions(assistant, load_questions(tmp_path / "ix" / "marks.json"), "marks", no_progress)
    figures = figures_of(run.rows)
    assert (figures["n_questions"], figures["em"], figures["right_brief"], figures["alone_em"]) == (1, 1, 1, 1)
    build_index(tmp_path / "ix", HashEmbedder(), [folder], rebuild=True)  # the marks outlive it
    assistant.unmark("who painted the chapel", citation.brief_id)
    assert assistant.marks() == (made,)
    assert questions_in(assistant.marked_set(), "the marks")[0].golds == (citation.quote,)


def test_an_assistant_refuses_what_cannot_be_marked(assistant):
    citation = assistant.ask("what would it cost").answers[0].citation
    with pytest.raises(MarkInvalid, match="do not stand at"):
        assistant.mark("what would it cost", citation.id, right=True, words=citation.quote.upper() + "!")
    with pytest.raises(QuestionInvalid, match="question is empty"):
        assistant.mark(" ", citation.id, right=True)
    with pytest.raises(CitationInvalid):
        assistant.mark("who?", "0123456789ab:1-2", right=True)
    assert assistant.marks() == ()
