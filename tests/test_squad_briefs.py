"""Paragraphs of a SQuAD-like set as briefs with their questions."""

import gzip
import json

import squad_briefs
from index.briefs import parse_brief
from qa.questions import load_questions


def squad(folder, name, paragraphs):
    data = [
        {
            "title": "Old_Dams",
            "paragraphs": [
                {"context": c, "qas": [{"question": q, "answers": [{"text": a, "answer_start": c.index(a)}] * 2}]}
                for c, q, a in paragraphs
            ],
        }
    ]
    with gzip.open(folder / f"{name}.json.gz", "wt", encoding="utf-8") as file:
        json.dump({"data": data}, file)
    return folder / f"{name}.json.gz"


def test_every_paragraph_is_a_brief_and_is_written_once(tmp_path):
    one = squad(
        tmp_path, "one", [("The dam\nis of stone.", "What is it of?", "stone"), ("It fell.", "What fell?", "It")]
    )
    two = squad(tmp_path, "two", [("The dam is of stone.", "Of what?", "stone"), ("It rose.", "What rose?", "It")])
    assert squad_briefs.write([one, two], tmp_path / "out", questions=True) == 3
    names = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.txt"))
    assert names == ["one/00000.txt", "one/00001.txt", "two/00001.txt"]
    brief = parse_brief((tmp_path / "out" / "one" / "00000.txt").read_text("utf-8"), "one/00000.txt")
    assert (brief.title, [brief.text[p.start : p.end] for p in brief.paragraphs]) == (
        "Old Dams",
        ["The dam is of stone."],
    )
    questions = load_questions(tmp_path / "out")
    assert [(q.text, q.golds, q.file) for q in questions][0] == ("What is it of?", ("stone",), "one/00000.txt")
    assert squad_briefs.write([two], tmp_path / "bare", questions=False) == 2
    assert not list((tmp_path / "bare").rglob("*.json"))
