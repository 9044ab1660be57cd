"""The measuring of a reader, with a reader whose answers are known."""

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest
from conftest import BRIEF, HashEmbedder

import evaluate_reader
from qa.types import Span


class ScriptedReader:
    """Finds the words that its script names for a question, in whatever passage holds them."""

    folder = None
    limits: tuple[int, ...] = ()

    def __init__(self, script: dict[str, tuple[str, float]]) -> None:
        self.script = script
        self.n_read = 0

    def read_pairs(self, pairs, settings, sizes=None):
        self.limits += (settings.max_answer_tokens,)
        results = []
        for question, hit in pairs:
            self.n_read += 1
            words, score = self.script.get(question, ("", 0.0))
            at = hit.passage.text.find(words) if words else -1
            start = hit.passage.start + at
            results.append([] if at < 0 else [Span(hit, start, start + len(words), score)])
        return results


QUESTIONS = [
    {"q": "What did Brook object to?", "a": ["the joint harbour project"], "type": "position"},
    {"q": "How much a year?", "a": ["$40 million"], "type": "howmany"},
    {"q": "Who is Quill?", "a": ["a senior fellow", "a senior fellow at the Coastal Institute"], "type": "bio"},
    {"q": "Which words are in no passage?", "a": ["no such words"], "type": "what"},
    {"q": "Who built the chapel?", "a": [], "type": "none"},
    {"q": "Why was Hale late?", "a": [], "type": "none"},
]


@pytest.fixture
def briefs(tmp_path) -> Path:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "01.txt").write_bytes(BRIEF.encode())
    (tmp_path / "set" / "01.json").write_text(json.dumps(QUESTIONS), "utf-8")
    return tmp_path


def rows_of(reader: ScriptedReader, folder: Path, most: int | None = None):
    return evaluate_reader.brief_rows(reader, folder, HashEmbedder().count_tokens, most)


def test_a_question_is_scored_in_the_passage_that_holds_its_answer(briefs):
    reader = ScriptedReader(
        {
            "What did Brook object to?": ("harbour project", 4.0),
            "How much a year?": ("$40 million", 3.0),
            "Who is Quill?": ("Coastal", 1.0),
            "Why was Hale late?": ("overdue", 2.0),
        }
    )
    rows = {row.question.text: row for row in rows_of(reader, briefs)}
    assert reader.n_read == 6 * 3  # every passage for every question
    brook = rows["What did Brook object to?"]
    assert (brook.em, brook.f1, brook.words) == (0.0, pytest.approx(0.8), 2)  # 2 of 2 and 2 of 3 words but the article
    assert rows["How much a year?"].em == 1.0
    assert np.isnan(rows["Which words are in no passage?"].f1)
    assert rows["Who built the chapel?"].score == -1e3
    chapel, hale = rows["Who built the chapel?"], rows["Why was Hale late?"]
    assert (chapel.confidence, chapel.earned) == (0.0, 0.0)
    assert hale.confidence == pytest.approx(1 / (1 + math.exp(-0.5 * 2.0))) and hale.earned == 0.0  # ranked first
    assert brook.earned == pytest.approx(0.8) and brook.confidence > hale.confidence
    # Answerable 4, 3, 1 and nothing; unanswerable 2 and nothing: 6 of 8 pairs in order, counting a tie half.
    assert evaluate_reader._brief_auroc(rows.values()) == pytest.approx((2 + 2 + 1 + 0.5) / 8)


def test_with_fewer_passages_the_gold_one_is_still_read(briefs):
    script = {question["q"]: (question["a"][0], 5.0) for question in QUESTIONS if question["a"]}
    reader = ScriptedReader(script)
    rows = rows_of(reader, briefs, most=1)
    assert reader.n_read <= 6 * 2
    assert [row.em for row in rows if row.question.golds][:3] == [1.0, 1.0, 1.0]


def test_lengths_are_compared_on_gold_passages_only(briefs, capsys, monkeypatch):
    script = {question["q"]: (question["a"][0], 5.0) for question in QUESTIONS if question["a"]}
    reader = ScriptedReader(script)
    monkeypatch.setattr(evaluate_reader, "TransformersReader", lambda name: reader)
    monkeypatch.setattr(evaluate_reader, "SentenceTransformerEmbedder", HashEmbedder)
    monkeypatch.setattr("sys.argv", ["", "lengths", "--briefs", str(briefs), "--limits", "8", "30"])
    evaluate_reader.main()
    assert reader.n_read == 2 * 3 and reader.limits == (8, 30)
    assert "| 30 | 100.0 | 100.0 | 3.0 | 4 |" in capsys.readouterr().out


def test_the_official_figures_of_a_file(tmp_path, capsys, monkeypatch):
    context = "The dog slept. The cat ran."
    answer = {"text": "The cat", "answer_start": context.index("The cat")}
    asked = [("Who ran?", [answer]), ("Who slept?", [{"text": "The dog", "answer_start": 0}]), ("Who flew?", [])]
    (tmp_path / "public").mkdir()
    for name, part in (("squad_v1.1_dev", asked[:2]), ("squad_v2.0_dev", asked)):
        qas = [{"question": question, "answers": answers} for question, answers in part]
        with gzip.open(tmp_path / "public" / f"{name}.json.gz", "wt", encoding="utf-8") as file:
            json.dump({"data": [{"paragraphs": [{"context": context, "qas": qas}]}]}, file)
    reader = ScriptedReader({"Who ran?": ("cat", 2.0), "Who slept?": ("cat", -1.0), "Who flew?": ("dog", 1.0)})
    monkeypatch.setattr(evaluate_reader, "TransformersReader", lambda name: reader)
    monkeypatch.setattr("sys.argv", ["evaluate_reader.py", "squad", "--data", str(tmp_path)])
    evaluate_reader.main()
    printed = capsys.readouterr().out
    assert reader.n_read == 3  # what stands in both sets is read once
    first, second = printed.split("squad_v2.0_dev: 3 questions")
    assert "squad_v1.1_dev: 2 questions" in first and "| HasAns EM | 50.0 |" in first
    assert "| best F1 threshold | 1.500 |" in second and "| best F1 | 66.7 |" in second
    assert "| F1 at 0 | 33.3 |" in second and "| NoAns at 0 | 0.0 |" in second
