"""Who said an answer: hand-marked cases from briefs, each form by itself, and what citations and outputs make of it.

`speakers/cases.json` was marked by reading, before there were rules. The rules were tuned on the even cases,
and on what they found for other answers; the odd ones were measured only, though some of their sentences were
seen in between. Their errors were looked at once, at the end (precision 0.948, recall 0.705), and one of three,
“(ret.)” in a name, mended.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest
from citing import Shelf, citation_of
from conftest import BRIEF
from hypothesis import given
from hypothesis import strategies as st

from index.passages import sentence_spans
from qa.export import export
from qa.records import read_records, record_line
from qa.speakers import MAX_SENTENCE, speaker_of
from qa.types import Answer, Reply, Speaker
from qa.verify import Status, verify_citations
from ui import citing
from ui.render import answer_card


@dataclass(frozen=True)
class Case:
    brief: str
    text: str
    """A paragraph up to the sentence with the answer."""
    answer: str
    speaker: str | None


CASES = [Case(**case) for case in json.loads((Path(__file__).parent / "speakers" / "cases.json").read_text("utf-8"))]


def found(text: str, answer: str, paragraph_start: int = 0) -> str | None:
    """The words of the speaker that is found for the only place where `answer` stands in `text`."""
    assert text.count(answer) == 1
    start = text.index(answer)
    end = start + len(answer)
    spans = [(paragraph_start + a, paragraph_start + b) for a, b in sentence_spans(text[paragraph_start:])]
    touched = [span for span in spans if span[0] < end and span[1] > start]
    speaker = speaker_of(text, paragraph_start, (touched[0][0], touched[-1][1]), (start, end))
    return text[slice(*speaker)] if speaker else None


def measured(cases: list[Case]) -> tuple[float, float]:
    """Precision and recall; a speaker counts only if it is marked so, word for word."""
    outcomes = [(found(case.text, case.answer), case.speaker) for case in cases]
    right = sum(one == marked for one, marked in outcomes if one)
    return right / sum(one is not None for one, _ in outcomes), right / sum(m is not None for _, m in outcomes)


def test_there_are_enough_cases_of_both_kinds():
    assert len(CASES) >= 300
    assert 0.4 < sum(case.speaker is None for case in CASES) / len(CASES) < 0.6
    assert all(case.text.count(case.answer) == 1 and (case.speaker or "") in case.text for case in CASES)


@pytest.mark.parametrize(("cases", "least_recall"), [(CASES, 0.75), (CASES[::2], 0.8), (CASES[1::2], 0.68)])
def test_speakers_are_right_nine_times_in_ten(cases, least_recall):
    precision, recall = measured(cases)
    assert precision >= 0.9
    assert recall >= least_recall


@pytest.mark.parametrize(
    ("text", "answer", "speaker"),
    [
        ("The mayor said that the quay was closed.", "the quay was closed", "The mayor"),
        ("Ana Brook, the mayor of Ister, told us on May 3 that it cost $4 million.", "$4 million",
         "Ana Brook, the mayor of Ister"),
        ("Days before the vote, Harry Harris, then the ambassador to South Korea, noted that tourism pays.",
         "tourism pays", "Harry Harris, then the ambassador to South Korea"),
        ("The Labour Board (LB) warns that 400 jobs will go.", "400 jobs", "The Labour Board (LB)"),
        ("The envoy, Ambassador (ret.) Ana Brook, wrote that 400 jobs will go.", "400 jobs",
         "The envoy, Ambassador (ret.) Ana Brook"),
        ("The board, however, wrote that 400 jobs will go.", "400 jobs", "The board"),
        ("The board met in May, arguing that 400 jobs will go.", "400 jobs", "The board"),
        ("“It is overdue,” said Ivo Hale, the minister of roads.", "overdue", "Ivo Hale, the minister of roads"),
        ("“It is overdue,” the clerk told us, “and dear.”", "dear", "the clerk"),
        ("“It is overdue,” said Ivo Hale. “It is dear.”", "It is dear", "Ivo Hale"),
        ("Ivo Hale called the plan “a tax in a hat.”", "a tax in a hat", "Ivo Hale"),
        ("According to the ministry, 9 ships sank.", "9 ships", "the ministry"),
        ("Nine ships sank, according to two officials who saw the list.", "Nine ships",
         "two officials who saw the list"),
        ("A report by the audit office found that 9 ships sank.", "9 ships", "A report by the audit office"),
        ("In Ivo Hale’s words, the plan is a toy.", "a toy", "Ivo Hale"),
        ("The plan, as one clerk put it, is a toy.", "a toy", "one clerk"),
        ("The ministry’s own estimate is that 9 ships sank.", "9 ships", "The ministry"),
        ("The board puts the loss at 9 million.", "9 million", "The board"),
        ("Ivo Hale is a judge. He said that 9 ships sank.", "9 ships", "Ivo Hale"),
        ("Its chair, Ivo Hale, is ill. He owns a boat. He says that 9 ships sank.", "9 ships", "Its chair, Ivo Hale"),
        ("The ministry is late. It says that 9 ships sank.", "9 ships", "The ministry"),
        ("Ivo Hale, who is ill, disputes this; he points out that 9 ships sank.", "9 ships", "Ivo Hale, who is ill"),
        ("In May the board wrote that the clerk had told Ana Brook that 9 ships sank.", "9 ships", "the clerk"),
        ("Hale saw the ships, then wrote\r\nthat 9 of them sank.", "9 of them", None),
        ("Ivo\r\nHale wrote that 9 of them sank.", "9 of them", "Ivo\r\nHale"),
    ],
)  # fmt: skip
def test_each_form_of_naming_a_speaker(text, answer, speaker):
    assert found(text, answer) == speaker


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The quay was closed in May.", "in May"),
        ("The mayor, Ana Brook, said that it was closed.", "Ana Brook"),  # the answer is the speaker
        ("The mayor said on May 3 that it was closed.", "on May 3"),  # the answer is in the frame
        ("The mayor did not say that it was closed.", "closed"),
        ("Nobody said that it was closed.", "closed"),
        ("We think that it was closed.", "closed"),
        ("It is a so-called “soft” loan.", "soft"),
        ("The law speaks of “premises.”", "premises"),
        ("Things went according to plan, and 9 ships sank.", "9 ships"),
        ("The mayor said that it was late; 9 ships sank.", "9 ships"),
        ("The mayor calls it late, and 9 ships sank.", "9 ships"),
        ("The mayor said that it was late, which 9 clerks deny.", "9 clerks"),
        ("The yard shut and, according to Ivo Hale, owes 9 million.", "The yard shut"),
        ("Comments are awaited. He said that 9 ships sank.", "9 ships"),  # no name, though a capital
        ("He said that 9 ships sank.", "9 ships"),  # nobody is named
        ("Ivo Hale met Ana Brook. He said that 9 ships sank.", "9 ships"),  # others are named
        ("Ms. Brook is a judge. He said that 9 ships sank.", "9 ships"),
        ("Ships sank. They said that 9 were old.", "9 were"),
        ("She said so. It sank. 9 ships are gone.", "sank. 9"),  # in two sentences
        ("The mayor said that " + "the quay and " * (MAX_SENTENCE // 12) + "9 ships sank.", "9 ships"),
    ],
)
def test_where_nobody_is_sure_to_have_said_it_no_speaker_is_found(text, answer):
    assert found(text, answer) is None


def test_a_run_of_capitals_is_read_in_no_time():
    """“(?:NAME ?)+” tried every way to cut a run of capitals into names: 60 of them would have taken ages."""
    run = "A" * 900
    for text in (f"According to Ivo Hale, {run}!, 9 ships sank.", f"So it, said {run}, {run}!, – 9 ships sank."):
        found(text, "9 ships")
    assert found(f"The head, {run}!, is ill. He said that 9 ships sank.", "9 ships") is None


def test_the_speaker_is_sought_in_the_paragraph_of_the_answer_alone():
    before = "Ivo Hale is a judge.\n\n"
    assert found(f"{before}He said that 9 ships sank.", "9 ships", len(before)) is None


words = st.sampled_from(
    "Ivo Hale said that told he He She “ ” , . ; the mayor who and 9 ships according to called it :".split()
)


@given(st.lists(words, min_size=1, max_size=40).map(" ".join), st.data())
def test_whatever_the_text_a_speaker_is_words_of_it_and_not_the_answer(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    touched = [span for span in sentence_spans(text) if span[0] < end and span[1] > start]
    if touched and (speaker := speaker_of(text, 0, (touched[0][0], touched[-1][1]), (start, end))):
        assert 0 <= speaker[0] < speaker[1] <= len(text)
        assert text[slice(*speaker)] == text[slice(*speaker)].strip(" ,")


SAID = citation_of("$40 million a year")


def test_a_citation_names_its_speaker_as_a_slice_of_the_brief():
    assert SAID.speaker == Speaker("Ambassador Ana Brook", BRIEF.index("Ambassador Ana"), BRIEF.index(" objected"))
    assert citation_of("overdue").speaker == Speaker(
        "Lt. Col. Ivo Hale", BRIEF.index("Lt. Col."), BRIEF.index(" called")
    )
    assert citation_of("defended the plan").speaker is None


def test_a_reply_as_json_tells_the_speaker_or_null():
    assert asdict(SAID)["speaker"] == {"text": "Ambassador Ana Brook", "start": 124, "end": 144}
    assert asdict(citation_of("None answered"))["speaker"] is None


def test_files_written_before_there_were_speakers_are_still_read():
    shelf = Shelf(harbour_txt=BRIEF)
    old = json.loads(json.dumps(asdict(SAID)))
    del old["speaker"]
    for content, name in ((json.dumps({"citation": old}), "r.json"), (record_line(SAID), "m.md")):
        verdicts = verify_citations(read_records(content.encode(), name), shelf)
        assert [verdict.status for verdict in verdicts] == [Status.INTACT]


def test_people_are_told_who_said_it():
    its = replace(SAID, speaker=Speaker("Its <b>*head*</b>,\nIvo Hale", 0, 25))
    answer = Answer(its.quote, 0.9, its)
    assert '<p class="bq-said" dir="auto">Said by its &lt;b&gt;*head*&lt;/b&gt;, Ivo Hale</p>' in answer_card(answer)
    assert "bq-said" not in answer_card(Answer(its.quote, 0.9, replace(its, speaker=None)))
    assert "\nSaid by its <b>*head*</b>, Ivo Hale. Mara Quill. “What" in citing.plain(its)
    assert "> — Said by its \\<b\\>\\*head\\*\\</b\\>, Ivo Hale. Mara Quill, *What" in citing.markdown(its)
    assert "]. Said by its <b>*head*</b>, Ivo Hale}" in citing.bibtex(its)
    reply = Reply("q?", True, 0.9, (answer,), ())
    assert f"{its.id}. Said by its \\<b\\>\\*head\\*\\</b\\>, Ivo Hale\n" in export([reply], "m.md").decode()
    assert "Said by its &lt;b&gt;*head*&lt;/b&gt;, Ivo Hale" in export([reply], "m.html").decode()
