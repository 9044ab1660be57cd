"""Question sets with known answers, and how replies to them are scored."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qa.metrics import auroc, best_threshold, calibration_error, calibration_error_by_chance, exact_match, f1

RIGHT_F1 = 0.5
"""An answer counts as right, where right or wrong is asked, from this F1 on."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one brief; no gold answers mean that this brief does not answer it."""

    id: str
    text: str
    type: str
    golds: tuple[str, ...]
    file: str
    """Name of the brief's file, its folder in front: `security/01.txt`."""


def load_questions(folder: Path) -> list[Question]:
    """The questions of every `FOLDER/…/NN.json` that stands beside its brief `NN.txt`, sorted by file."""
    questions = []
    for path in sorted(folder.rglob("*.json")):
        file = f"{path.parent.name}/{path.stem}.txt"
        for n, item in enumerate(json.loads(path.read_text("utf-8"))):
            questions.append(Question(f"{file}#{n}", item["q"], item["type"], tuple(item["a"]), file))
    return questions


@dataclass(frozen=True, slots=True)
class SquadRow:
    """The best span for one question of a SQuAD-like set."""

    score: float
    """Against the null answer, in logits."""
    confidence: float
    """The shipped probability, 0 to 1."""
    em: float
    """Of the span, were it answered; 0 where the question is unanswerable."""
    f1: float
    answerable: bool


def squad_figures(rows: Sequence[SquadRow], threshold: float) -> dict[str, float]:
    """The figures of the official SQuAD evaluations, as fractions.

    `HasAns`: answerable questions, always answered; a SQuAD 1.1 set has no other figure. With unanswerable
    ones also: the best EM and F1 that one threshold on the score reaches over all questions, with that
    threshold (Rajpurkar et al. 2018); EM, F1 and the share of unanswerable questions left unanswered (`NoAns`)
    at a score of 0 and where the confidence reaches `threshold`; AUROC of the score.
    """
    scores, confidences = (np.array([getattr(row, name) for row in rows]) for name in ("score", "confidence"))
    answerable = np.array([row.answerable for row in rows])
    none = (~answerable).astype(float)
    earned = {name: np.array([getattr(row, name.lower()) for row in rows]) * answerable for name in ("EM", "F1")}
    figures = {
        f"HasAns {name}": float(values[answerable].mean()) for name, values in earned.items() if answerable.any()
    }
    if answerable.all():
        return figures
    for name, values in earned.items():
        figures[f"best {name} threshold"], figures[f"best {name}"] = best_threshold(scores, values, none)
    for what, answered in (("at 0", scores >= 0), ("as shipped", confidences >= threshold)):
        for name, values in earned.items():
            figures[f"{name} {what}"] = float(np.where(answered, values, none).mean())
        figures[f"HasAns F1 {what}"] = _mean((earned["F1"] * answered)[answerable].tolist())
        figures[f"NoAns {what}"] = float((~answered)[~answerable].mean())
    figures["AUROC"] = auroc(scores, answerable)
    return figures


def score_replies(
    questions: Sequence[Question], replies: Mapping[str, Mapping[str, Any]], sources: Mapping[str, str]
) -> dict[str, float]:
    """Figures of the replies, each between 0 and 1 but the count.

    Args:
        questions: What was asked.
        replies: Question id → `Reply` as JSON.
        sources: Brief id → name of its file.

    Returns:
        `em` and `f1`: best answer, over answerable questions, 0 where nothing was found; `top3_f1`: the best of
        three answers, found or not; `right_brief`: the best answer, shown or weak, comes from the brief asked
        about; `recall_at_5`: one of the first five passages holds a gold answer, in the right brief;
        `rightly_not_found`: over unanswerable questions (another brief of a series may answer one of them, so
        1.0 is not to be had); `overall`: F1 and `rightly_not_found` over all questions; `auroc`: of the
        confidence, answerable against unanswerable; `ece`: calibration error of the confidence, right being a
        best answer with F1 of at least 0.5 from the right brief; `ece_by_chance`: the error that probabilities which
        are exactly right would show on so many questions.
    """
    answerable = [q for q in questions if q.golds]
    unanswerable = [q for q in questions if not q.golds]
    best = {q.id: (replies[q.id]["answers"] or [None])[0] for q in questions}

    def scored(q: Question, metric: Any) -> float:  # noqa: ANN401 (exact_match or f1)
        return metric(best[q.id]["text"], q.golds) if replies[q.id]["found"] else 0.0

    def in_brief(q: Question, brief_id: str) -> bool:
        return f"/{sources[brief_id]}".endswith(f"/{q.file}")

    right = [
        float(
            bool(q.golds)
            and best[q.id] is not None
            and in_brief(q, best[q.id]["citation"]["brief_id"])
            and f1(best[q.id]["text"], q.golds) >= RIGHT_F1
        )
        for q in questions
    ]
    confidences = np.array([replies[q.id]["confidence"] for q in questions])
    f1s = [scored(q, f1) for q in answerable]
    abstained = [float(not replies[q.id]["found"]) for q in unanswerable]
    return {
        "n_questions": len(questions),
        "em": _mean(scored(q, exact_match) for q in answerable),
        "f1": _mean(f1s),
        "top3_f1": _mean(
            max((f1(a["text"], q.golds) for a in replies[q.id]["answers"][:3]), default=0.0) for q in answerable
        ),
        "right_brief": _mean(
            float(best[q.id] is not None and in_brief(q, best[q.id]["citation"]["brief_id"])) for q in answerable
        ),
        "recall_at_5": _mean(
            float(
                any(
                    in_brief(q, p["brief_id"]) and any(gold in p["text"] for gold in q.golds)
                    for p in replies[q.id]["passages"][:5]
                )
            )
            for q in answerable
        ),
        "found_when_answerable": _mean(float(replies[q.id]["found"]) for q in answerable),
        "rightly_not_found": _mean(abstained),
        "overall": _mean(f1s + abstained),
        "auroc": auroc(confidences, np.array([bool(q.golds) for q in questions])),
        "ece": calibration_error(confidences, np.array(right)),
        "ece_by_chance": calibration_error_by_chance(confidences),
    }


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else float("nan")
