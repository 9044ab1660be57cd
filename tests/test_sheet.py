"""Sheets of questions and of answers: read, written, gone on with after any interruption, safe in a spreadsheet."""

import csv
import io
import json
from dataclasses import asdict, replace

import pytest
from citing import COST, citation_of
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ExportInvalid, QuestionInvalid
from index.types import Filters
from qa.batch import Asked, read_questions
from qa.records import read_records, recorded
from qa.sheet import COLUMNS, AnswerSheet, safe_cell
from qa.types import Answer, Reply

PLAIN = citation_of(COST)
ASKED = [
    Asked("a", "what would it cost", Filters(kind="Insight", after="2020-01-01")),
    Asked("b", "who?\nand \"why\", =1+1"),
    Asked("b", "who?\nand \"why\", =1+1"),
    Asked(7, None, error="line 3 is not JSON"),
    Asked(None, "größe 😀 ⟦x⟧"),
]  # fmt: skip


def outcome_of(asked: Asked):
    if asked.question is None:
        return {"id": asked.id, "error": asked.error}
    other = citation_of("Lt. Col. Ivo Hale")
    answers = (Answer(COST, 0.9, PLAIN, (other,)), Answer(other.quote, 0.7, other))
    return Reply(asked.question, asked.id == "a", 0.9, answers, (), {}, asked.id)


def fill(path, asked=ASKED) -> int:
    """Answers what the sheet lacks, as the command does; returns how many rows that were."""
    n = 0
    with AnswerSheet(path) as sheet:
        for one in asked:
            if not sheet.take(one):
                sheet.add(one, outcome_of(one))
                n += 1
    return n


def rows_of(path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def test_a_sheet_of_answers_by_hand(tmp_path):
    path = tmp_path / "answers.csv"
    assert fill(path) == 5
    first, second, third, failed, last = rows_of(path)
    other = citation_of("Lt. Col. Ivo Hale")
    assert {name: first[name] for name in COLUMNS[:-1]} == {
        "id": "a", "question": "what would it cost", "filters": "after=2020-01-01; kind=Insight", "read as": "",
            "found": "yes",
        "confidence": "0.9000", "answer": COST, "sentence": "She said it would cost $40 million a year.",
        "title": PLAIN.title, "date": "2021-03-15", "kind": "Insight", "authors": "Mara Quill",
        "source": "harbour.txt", "paragraph": "1", "citation": PLAIN.id,
        "also": f"Lt. Col. Ivo Hale ({other.id})",
        "further answers": f"Lt. Col. Ivo Hale ({other.id})", "error": "",
    }  # fmt: skip
    assert (second["question"], second["found"], second["answer"]) == ('who? and "why", =1+1', "no", "")
    assert third == second
    assert (failed["id"], failed["error"]) == ("7", "line 3 is not JSON")
    assert (last["id"], last["question"]) == ("", "größe 😀 ⟦x⟧")
    assert read_records(path.read_bytes(), "answers.csv") == (recorded(PLAIN), recorded(other))


def test_lines_of_answers_are_replies_and_verified(tmp_path):
    path = tmp_path / "answers.jsonl"
    assert fill(path) == 5
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert lines[0] == {"asked": ["a", "what would it cost", "after=2020-01-01; kind=Insight"]} | json.loads(
        json.dumps(asdict(outcome_of(ASKED[0])))
    )
    assert lines[3] == {"asked": ["7", "line 3 is not JSON", ""], "id": 7, "error": "line 3 is not JSON"}
    assert recorded(PLAIN) in read_records(path.read_bytes(), "answers.jsonl")


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl"])
def test_whatever_a_kill_leaves_the_sheet_is_finished_the_same(tmp_path, name):
    """Cut anywhere: no row is lost, none is asked twice, none stays torn."""
    path = tmp_path / name
    fill(path)
    whole = path.read_bytes()
    end = b"\r\n" if name.endswith("csv") else b"\n"
    for cut in range(0, len(whole), 61):
        path.write_bytes(whole[:cut])
        n_there = max(whole[:cut].count(end) - name.endswith("csv"), 0)
        assert fill(path) == 5 - n_there
        assert path.read_bytes() == whole
    assert fill(path) == 0


def test_other_words_or_filters_are_another_question(tmp_path):
    path = tmp_path / "answers.csv"
    fill(path)
    assert fill(path, [replace(ASKED[0], filters=Filters()), replace(ASKED[0], question="when"), ASKED[0]]) == 2
    assert fill(path, [ASKED[1]] * 3) == 1  # two rows are there


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl"])
@pytest.mark.parametrize("content", ["id,question\r\na,why\r\n", '{"id": 1}\n', "notes", '{"asked": "x"}\n', "\n\r\n"])
def test_a_file_that_is_none_of_ours_is_left_alone(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode())
    with pytest.raises(ExportInvalid, match="is there and is no sheet that briefqa wrote; choose another file"):
        AnswerSheet(path)
    assert path.read_bytes() == content.encode()


def test_a_sheet_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(ExportInvalid, match=r"answers\.csv cannot be written \(No such file or directory\)"):
        AnswerSheet(tmp_path / "none" / "answers.csv")
    with pytest.raises(ExportInvalid, match=r"answers\.txt does not end in \.csv or \.jsonl"):
        AnswerSheet(tmp_path / "answers.txt")


def test_a_row_that_a_full_disk_cuts_off_is_taken_back(tmp_path):
    path = tmp_path / "answers.csv"
    with AnswerSheet(path) as sheet:
        sheet.add(ASKED[0], outcome_of(ASKED[0]))
        before = path.read_bytes()
        file = sheet._file

        class Full:
            """A file on a disk with room for nine more bytes."""

            seek, truncate, close = file.seek, file.truncate, file.close

            def write(self, line):
                return file.write(line[:9])

        sheet._file = Full()
        with pytest.raises(ExportInvalid, match="cannot be written .the disk is full."):
            sheet.add(ASKED[1], outcome_of(ASKED[1]))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "＋1", "－1", "＠x", "=cmd|' /C calc'!A0"],
)
def test_no_cell_is_a_formula(tmp_path, text):
    assert safe_cell(text) == safe_cell(safe_cell(text)) and safe_cell(text)[0] == "'"
    cited = replace(PLAIN, title=text, quote=text, sentence=text, sentence_start=PLAIN.start, source=text, kind=text)
    path = tmp_path / "answers.csv"
    with AnswerSheet(path) as sheet:
        one = Asked(text, text, Filters(topic=text))
        sheet.add(one, Reply(text, True, 0.9, (Answer(text, 0.9, cited), Answer(text, 0.8, cited)), ()))
    row = rows_of(path)[0]
    assert not [name for name, cell in row.items() if cell.lstrip().startswith(tuple("=+-@＝＋－＠"))]
    assert read_records(path.read_bytes(), "answers.csv") == (recorded(cited),)
    assert fill(path, [one]) == 0


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.text()), max_size=4))
def test_any_words_keep_to_one_row_and_are_known_again(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("sheet") / "answers.csv"
    asked = [Asked(name, words) for name, words in pairs]
    assert fill(path, asked) == len(asked)
    assert path.read_bytes().count(b"\r\n") == 1 + len(asked)
    assert fill(path, asked) == 0


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_sheet_of_questions_is_read_by_its_first_row(delimiter):
    rows = [
        ["Id", " Question ", "kind", "note", "After"],
        ["1", "what, then; why", "Insight", "mine", ""],
        [],
        ["", "line one\nline two", "", "", "2020-01-01"],
        ["3", ""],
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    common = Filters(kind="Analysis", topic="Trade")
    assert read_questions(text.getvalue(), "Q.CSV", common) == [
        Asked("1", "what, then; why", Filters(kind="Insight", topic="Trade")),
        Asked(None, "line one\nline two", Filters(kind="Analysis", topic="Trade", after="2020-01-01")),
        Asked("3", "", common),
    ]


@pytest.mark.parametrize("text", ["", "what would it cost\n", "id,text\n1,why\n"])
def test_a_sheet_without_questions_is_told(text):
    with pytest.raises(QuestionInvalid, match='q.csv has no column "question" in its first row'):
        read_questions(text, "q.csv")
