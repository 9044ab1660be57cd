"""Question sets read, replies judged by hand, runs told, compared and drawn."""

import json
import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import BRIEF, KeywordReader

from index.briefs import parse_brief
from index.builder import build_index, no_progress
from index.errors import InputMissing, QuestionInvalid
from qa.assistant import Assistant
from qa.evaluation import Outcome, figures_by_type, figures_of, judge, outcomes_of, worst_of
from qa.measuring import run_questions
from qa.questions import Question, briefs_of, load_questions
from qa.runs import Run, compare, is_run, load_run, run_json
from ui.charts import bars, curve
from ui.report import PICTURES, comparison_markdown, pictures_of, run_markdown

WHO = Question("1", "who?", "who", ("Ana Brook",), "b/1.txt")
NONE = Question("9", "why?", "none", (), "b/1.txt")


def reply(text, brief="x", *, found=True, confidence=0.8, passage="so Ana Brook it was", read=(("x", "Ana Brook"),)):
    """A reply whose best answer is `text` in `brief`, after reading `read`."""
    citation = {"id": f"{brief}:0-1", "brief_id": brief, "passage": passage, "sentence": passage}
    answers = [] if text is None else [{"text": text, "citation": citation, "confidence": confidence}]
    passages = [{"brief_id": name, "text": words} for name, words in read]
    return {"found": found, "confidence": confidence, "answers": answers, "passages": passages}


@pytest.mark.parametrize(
    ("question", "said", "outcome"),
    [
        (WHO, reply("Ana Brook"), Outcome.RIGHT),
        (WHO, reply("Ana Brook", found=False), Outcome.WRONGLY_NOT_FOUND),
        (WHO, reply("Ana Brook", "y"), Outcome.NOT_READ),  # right words, wrong brief
        (WHO, reply("Ivo Hale", read=[("y", "Ana Brook"), ("x", "none")]), Outcome.NOT_RETRIEVED),
        (WHO, reply("Ivo Hale"), Outcome.WRONG_SPAN),
        (WHO, reply("Ivo Hale", passage="elsewhere"), Outcome.NOT_READ),
        (WHO, reply(None, found=False), Outcome.NOT_READ),
        (WHO, reply(None, found=False, read=()), Outcome.NOT_RETRIEVED),
        (NONE, reply("Ivo Hale"), Outcome.WRONGLY_ANSWERED),
        (NONE, reply("Ivo Hale", found=False), Outcome.RIGHTLY_NOT_FOUND),
    ],
)
def test_what_went_wrong(question, said, outcome):
    assert judge(question, said, {"x"}).outcome is outcome


def test_a_row_by_hand():
    read = [("y", "Ana Brook"), ("x", "none"), ("x", "Ana Brook")]
    row = judge(WHO, reply("Ana", read=read), {"x"}, reply("Ana Brook"))
    assert (row.em, row.f1, row.best_f1, row.top3_f1) == (0, pytest.approx(2 / 3), row.f1, row.f1)
    assert (row.right, row.right_brief, row.right_sentence, row.gold_rank) == (True, True, True, 2)
    assert (row.alone_said, row.alone_em, row.alone_f1) == ("Ana Brook", 1, 1)
    assert row.surprise == pytest.approx(0.04)
    hidden = judge(WHO, reply("Ana Brook", found=False), {"x"})
    assert (hidden.em, hidden.f1, hidden.best_f1, hidden.earned, hidden.alone_f1) == (0, 0, 1, 0, None)
    nothing = judge(NONE, reply("Ana", found=False), {"x"})
    assert (nothing.earned, nothing.right_brief, nothing.gold_rank) == (1, None, None)
    anywhere = judge(WHO, reply("Ana Brook", "y", read=read), None)
    assert (anywhere.right, anywhere.right_brief, anywhere.gold_rank) == (True, None, 0)


ROWS = [
    judge(WHO, reply("Ana Brook", confidence=0.8), {"x"}, reply("Ana Brook")),
    judge(replace(WHO, id="2", golds=("Ivo Hale",)), reply("Ivo Hale", "y", found=False, confidence=0.2), {"x"}),
    judge(replace(NONE, id="3"), reply("z", "y", found=False, confidence=0.2), {"x"}),
]


def test_figures_by_hand():
    figures = figures_of(ROWS)
    assert figures["em"] == figures["f1"] == figures["right_brief"] == figures["recall_at_5"] == 0.5
    assert figures["top3_f1"] == figures["best_f1"] == figures["rightly_not_found"] == figures["alone_f1"] == 1
    assert figures["overall"] == pytest.approx(2 / 3)
    assert (figures["auroc"], figures["auroc_right"]) == (pytest.approx(0.75), 1.0)
    assert figures["ece"] == pytest.approx((0.2 + 0.2 + 0.2) / 3)
    by_type = figures_by_type(ROWS)
    assert list(by_type) == ["none", "who"] and by_type["none"]["rightly_not_found"] == 1
    assert math.isnan(by_type["none"]["f1"])
    assert outcomes_of(ROWS)["right"] == outcomes_of(ROWS)["not retrieved"] == 1
    assert [row.id for row in worst_of(ROWS, 5)] == ["2"]


def test_sets_in_every_format(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.json").write_text(json.dumps([{"q": "who?", "a": ["Ana Brook"], "type": "who"}]), "utf-8")
    expected = replace(WHO, id="b/1.txt#0")
    assert load_questions(tmp_path) == load_questions(tmp_path / "b" / "1.json") == [expected]
    squad = {
        "data": [
            {
                "title": "T",
                "paragraphs": [
                    {
                        "context": "Ana  Brook came.",
                        "qas": [
                            {"id": "a", "question": "who?", "answers": [{"text": "Ana"}, {"text": "Ana"}]},
                            {"id": "b", "question": "why?", "is_impossible": True, "answers": []},
                        ],
                    }
                ],
            }
        ]
    }
    (tmp_path / "squad.json").write_text(json.dumps(squad), "utf-8")
    assert load_questions(tmp_path / "squad.json") == [
        Question("a", "who?", "SQuAD", ("Ana",), "", "Ana  Brook came."),
        Question("b", "why?", "SQuAD", (), "", "Ana  Brook came."),
    ]
    lines = ['{"question": "who?", "answers": ["Ana Brook"], "type": "who", "brief": "b/1.txt", "id": 1}', ""]
    lines.append('{"question": "wh\u2028y?", "answers": [{"text": "so"}]}')
    (tmp_path / "q.jsonl").write_text("\n".join(lines), "utf-8")
    assert load_questions(tmp_path / "q.jsonl") == [WHO, Question("2", "wh\u2028y?", "any", ("so",), "")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("q.jsonl", '{"question": "who?"}', "cannot be read .KeyError: 'answers'."),
        ("q.json", "{", "cannot be read .JSONDecodeError"),
        ("q.json", '{"data": []}', "no question stands in"),
        ("q.jsonl", '{"question": "who?", "answers": [{"text": 7}]}', "TypeError: .* is not all text"),
        ("q.jsonl", '{"question": "a", "answers": [], "id": 1}\n' * 2, "two questions in .* have the id 1"),
    ],
)
def test_a_bad_set_is_told_in_a_sentence(tmp_path, name, content, words):
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(QuestionInvalid, match=words):
        load_questions(tmp_path / name)


def test_a_set_named_without_its_folder_finds_its_brief(tmp_path, monkeypatch):
    """The brief of `01.json` was looked for as `/01.txt`, which is none."""
    monkeypatch.chdir(tmp_path)
    Path("01.json").write_text(json.dumps([{"q": "who?", "a": ["Ana Brook"], "type": "who"}]), "utf-8")
    questions = load_questions(Path("01.json"))
    brief = parse_brief(BRIEF, "set/01.txt")
    assert briefs_of(questions, [brief]) == {questions[0].id: {brief.id}}


def test_briefs_of_a_question():
    briefs = [parse_brief(BRIEF, "set/b/1.txt"), parse_brief("A Plan\n\nAna Brook\ncame.", "sub/1.txt")]
    squad = Question("s", "who?", "SQuAD", ("Ana",), "", "Ana  Brook came.")
    anywhere = Question("l", "who?", "any", ("Ana",), "")
    missing = replace(WHO, id="m", file="c/1.txt")
    assert briefs_of([WHO, squad, anywhere, missing], briefs) == {
        "1": {briefs[0].id}, "s": {briefs[1].id}, "l": None, "m": frozenset(),
    }  # fmt: skip


@pytest.fixture
def run(tmp_path, folder, embedder) -> Run:
    """Five questions asked of two briefs."""
    build_index(tmp_path / "ix", embedder, [folder])
    assistant = Assistant(tmp_path / "ix", embedder, KeywordReader())
    questions = [
        Question("cost", "what would it cost", "howmany", ("$40 million a year",), "briefs/harbour.txt"),
        Question("rose", "what rose in may", "what", ("Wheat",), "grain.txt"),
        Question("chapel", "who painted the chapel ceiling", "none", (), "grain.txt"),
        Question("empty", "?", "what", ("x",), ""),
        Question("lost", "what would it cost", "what", ("x",), "not/there.txt"),
    ]
    with pytest.raises(InputMissing, match=r"no brief .* \(not/there\.txt, …\) is in the index"):
        run_questions(assistant, questions[-1:], "set", no_progress)
    questions[0] = replace(questions[0], file="harbour.txt")
    return run_questions(assistant, questions, "set", no_progress)


def test_a_run_asks_everything_twice(run):
    rows = {row.id: row for row in run.rows}
    assert rows["cost"].outcome is Outcome.RIGHT
    assert (rows["cost"].alone_said, rows["cost"].alone_f1) == ("$40 million a year", 1)
    assert rows["rose"].alone_said is not None and rows["rose"].alone_f1 == 0
    assert rows["chapel"].alone_said is None and rows["chapel"].outcome is Outcome.RIGHTLY_NOT_FOUND
    assert (rows["empty"].found, rows["empty"].said) == (False, None)
    assert rows["lost"].outcome is Outcome.NOT_RETRIEVED
    assert run.about["n_about_briefs_not_indexed"] == 1 and run.about["n_briefs"] == 2
    assert run.n_exact == run.n_citations > 0
    assert set(run.timings_ms) == {"retrieve", "read", "total"}


def test_a_run_is_written_and_read_back(run, tmp_path):
    whole = run_json(run)
    (tmp_path / "run.json").write_text(json.dumps(whole, allow_nan=False), "utf-8")
    assert is_run(tmp_path / "run.json") and load_run(tmp_path / "run.json") == run
    assert whole["by_type"]["none"]["f1"] is None
    assert len(whole["rows"]) == 5 and whole["outcomes"]["right"] == 1
    assert whole["risk_coverage"][-1][0] == 1
    (tmp_path / "other.json").write_text('{"rows": [{"id": 1}]}', "utf-8")
    with pytest.raises(QuestionInvalid, match=r"other\.json is no run that briefqa eval --json wrote"):
        load_run(tmp_path / "other.json")
    assert not is_run(tmp_path)


def run_of(rows) -> Run:
    about = {"set": "s|et", "n_briefs": 1, "n_passages": 2, "embedder": "e", "reader": "r"}
    return Run(about | {"n_about_briefs_not_indexed": 0}, tuple(rows), {}, 0, 0)


def test_two_runs_compared_by_hand():
    better = [ROWS[0], replace(ROWS[1], f1=0.5, earned=0.5), ROWS[2]]
    figures = {c.name: c for c in compare(run_of(ROWS), run_of([*better, replace(ROWS[0], id="new")]))}
    assert (figures["f1"].n, figures["earned"].n) == (2, 3)
    assert (figures["f1"].before, figures["f1"].after, figures["f1"].difference) == (0.5, 0.75, 0.25)
    assert (figures["earned"].better, figures["earned"].worse, figures["earned"].p) == (1, 0, 1.0)
    assert (figures["f1"].low, figures["f1"].high) == (0, 0.5)
    assert figures["right_brief"].difference == 0
    assert "| f1 " in comparison_markdown(figures.values())
    with pytest.raises(QuestionInvalid, match="no question in common"):
        compare(run_of(ROWS), run_of([replace(ROWS[0], id="new")]))


def test_the_report_tells_and_draws(run):
    text = run_markdown(run, PICTURES)
    assert "5 questions, 4 of them answerable, asked of 2 briefs (6 passages)" in text
    assert "1 of the questions are about briefs that are not in the index." in text
    assert f"{run.n_citations} of {run.n_citations} citations slice their brief exactly." in text
    assert all(f"![{name}]({name})" in text for name in PICTURES)
    assert "1. what would it cost \\[what, not/there.txt\\]: not retrieved at 73%; said “\\$40 million a year”" in text
    pictures = pictures_of(run)
    assert tuple(pictures) == PICTURES
    for picture in pictures.values():
        assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    assert "s\\|et" in run_markdown(run_of(ROWS))


def test_charts_put_points_where_they_belong():
    svg = "{http://www.w3.org/2000/svg}"
    drawn = ElementTree.fromstring(curve("A <b> & c", "x", "y", [(0, 0), (1, 1)], diagonal=True))
    assert drawn.find(f"{svg}title").text == "A <b> & c"
    diagonal = next(line for line in drawn.iter(f"{svg}line") if line.get("stroke-dasharray"))
    ends = [(float(c.get("cx")), float(c.get("cy"))) for c in drawn.iter(f"{svg}circle")]
    assert ends == [(float(diagonal.get(f"x{n}")), float(diagonal.get(f"y{n}"))) for n in (1, 2)]
    barred = ElementTree.fromstring(bars("t", ["who", "<why>"], {"one": [0.5, None], "two": [1.0, 0.25]}))
    widths = [float(r.get("width")) for r in barred.iter(f"{svg}rect") if r.get("height") == "12"]
    assert widths[0] * 2 == widths[1] == widths[2] * 4
