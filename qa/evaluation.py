"""How replies to questions with known answers are scored: one by one, then together. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from qa.metrics import auroc, best_threshold, calibration_error, calibration_error_by_chance, exact_match, f1
from qa.questions import Question

RIGHT_F1 = 0.5
"""An answer counts as right, where right or wrong is asked, from this F1 on."""
RECALL_AT = (1, 3, 5, 10)


class Outcome(StrEnum):
    """How a question ended; the first two are as they should be."""

    RIGHT = "right"
    RIGHTLY_NOT_FOUND = "rightly not found"
    NOT_RETRIEVED = "not retrieved"
    """No passage that was read holds a gold answer in the right brief."""
    NOT_READ = "retrieved but not read"
    """One does, but the best answer stands elsewhere."""
    WRONG_SPAN = "wrong span"
    """The best answer stands in such a passage, but is another."""
    WRONGLY_NOT_FOUND = "wrongly not found"
    """The best answer is right, but was not trusted."""
    WRONGLY_ANSWERED = "wrongly answered"
    """The brief asked about does not answer, but something was found."""


@dataclass(frozen=True, slots=True)
class Row:
    """One question, its reply, and how good that is."""

    id: str
    question: str
    type: str
    golds: tuple[str, ...]
    file: str
    found: bool
    confidence: float
    said: str | None
    """The best answer, found or not; None without any."""
    citation: str | None
    """Its id."""
    em: float
    """Of the best answer where found, else 0; 0 for an unanswerable question."""
    f1: float
    best_f1: float
    """Of the best answer, found or not."""
    top3_f1: float
    right_brief: bool | None
    """Whether the best answer comes from the brief asked about; None where that is not known or does not answer."""
    right_sentence: bool
    """Whether the sentence of the best answer holds a gold answer, in the right brief."""
    right: bool
    """Whether the best answer has an F1 of at least 0.5 and is from the right brief."""
    gold_rank: int | None
    """Place, from 0, of the first passage read that holds a gold answer in the right brief."""
    earned: float
    """F1, or for an unanswerable question 1 where nothing was found."""
    outcome: Outcome
    alone_said: str | None = None
    """The best answer when the reader is given the gold passages alone."""
    alone_em: float | None = None
    alone_f1: float | None = None

    @property
    def surprise(self) -> float:
        """How wrong the confidence was, 0 to 1: its squared distance to right or not (Brier 1950)."""
        return (self.confidence - float(self.right)) ** 2


def judge(
    q: Question, reply: Mapping[str, Any], briefs: Collection[str] | None, alone: Mapping[str, Any] | None = None
) -> Row:
    """How good `reply` is.

    Args:
        q: What was asked.
        reply: A `Reply` as JSON.
        briefs: Ids of the briefs that `q` is about; None when any will do.
        alone: The reply when only the gold passages were read; None where there are none.
    """
    best = (reply["answers"] or [None])[0]

    def in_brief(brief_id: str) -> bool:
        return briefs is None or brief_id in briefs

    def holds_gold(text: str) -> bool:
        return any(gold in text for gold in q.golds)

    cited = best["citation"] if best else {}
    at_home = best is not None and in_brief(cited["brief_id"])
    best_f1 = f1(best["text"], q.golds) if best and q.golds else 0.0
    right = at_home and best_f1 >= RIGHT_F1
    ranks = [n for n, p in enumerate(reply["passages"]) if in_brief(p["brief_id"]) and holds_gold(p["text"])]
    found = bool(reply["found"])
    told = best_f1 if found else 0.0
    alone_said = (alone["answers"] or [{"text": ""}])[0]["text"] if alone else None
    return Row(
        id=q.id, question=q.text, type=q.type, golds=q.golds, file=q.file,
        found=found, confidence=reply["confidence"],
        said=best["text"] if best else None, citation=cited.get("id"),
        em=exact_match(best["text"], q.golds) if best and found and q.golds else 0.0,
        f1=told, best_f1=best_f1,
        top3_f1=max((f1(a["text"], q.golds) for a in reply["answers"][:3]), default=0.0) if q.golds else 0.0,
        right_brief=at_home if q.golds and briefs is not None else None,
        right_sentence=at_home and holds_gold(cited.get("sentence", "")),
        right=right, gold_rank=ranks[0] if ranks else None,
        earned=told if q.golds else float(not found),
        outcome=_outcome(q, found, right, at_home and holds_gold(cited.get("passage", "")), bool(ranks)),
        alone_said=alone_said,
        alone_em=None if alone_said is None else exact_match(alone_said, q.golds),
        alone_f1=None if alone_said is None else f1(alone_said, q.golds),
    )  # fmt: skip


def _outcome(q: Question, found: bool, right: bool, in_gold_passage: bool, retrieved: bool) -> Outcome:
    if not q.golds:
        return Outcome.WRONGLY_ANSWERED if found else Outcome.RIGHTLY_NOT_FOUND
    if right:
        return Outcome.RIGHT if found else Outcome.WRONGLY_NOT_FOUND
    if not retrieved:
        return Outcome.NOT_RETRIEVED
    return Outcome.WRONG_SPAN if in_gold_passage else Outcome.NOT_READ


def figures_of(rows: Sequence[Row]) -> dict[str, float]:
    """Figures of some questions together, each between 0 and 1 but the count; nan where there is nothing to count.

    `em` and `f1`: best answer, over answerable questions, 0 where nothing was found; `best_f1`: of the best answer,
    found or not; `alone_em` and `alone_f1`: likewise when the reader gets the gold passages alone, so that from
    `alone_f1` to `best_f1` is lost by the search and the choice among passages, from there to `f1` by abstaining;
    `top3_f1`: the best of three answers, found or not; `right_brief`: the best answer, shown or weak, comes from the
    brief asked about; `right_sentence`: its sentence holds a gold answer; `recall_at_k`: one of the first k passages
    holds a gold answer, in the right brief; `found_when_answerable`; `rightly_not_found`: over unanswerable questions
    (another brief of a series may answer one of them, so 1.0 is not to be had); `overall`: F1 and `rightly_not_found`
    over all questions; `auroc`: of the confidence, answerable against unanswerable; `auroc_right`: right best answers
    against unanswerable; `ece`: calibration error of the confidence, right being a best answer with F1 of at least 0.5
    from the right brief; `ece_by_chance`: the error that probabilities which are exactly right would show on so many
    questions.
    """
    answerable = [row for row in rows if row.golds]
    unanswerable = [row for row in rows if not row.golds]
    confidences = np.array([row.confidence for row in rows], float)
    decided = [row for row in rows if row.right or not row.golds]
    alone = [row for row in answerable if row.alone_f1 is not None]
    return {
        "n_questions": len(rows),
        "em": _mean(row.em for row in answerable),
        "f1": _mean(row.f1 for row in answerable),
        "best_f1": _mean(row.best_f1 for row in answerable),
        "alone_em": _mean(row.alone_em or 0.0 for row in alone),
        "alone_f1": _mean(row.alone_f1 or 0.0 for row in alone),
        "top3_f1": _mean(row.top3_f1 for row in answerable),
        "right_brief": _mean(row.right_brief for row in answerable if row.right_brief is not None),
        "right_sentence": _mean(row.right_sentence for row in answerable),
        **{
            f"recall_at_{k}": _mean(row.gold_rank is not None and row.gold_rank < k for row in answerable)
            for k in RECALL_AT
        },
        "found_when_answerable": _mean(row.found for row in answerable),
        "rightly_not_found": _mean(not row.found for row in unanswerable),
        "overall": _mean(row.earned for row in rows),
        "auroc": auroc(confidences, np.array([bool(row.golds) for row in rows], bool)),
        "auroc_right": auroc(
            np.array([row.confidence for row in decided], float), np.array([row.right for row in decided], bool)
        ),
        "ece": calibration_error(confidences, np.array([row.right for row in rows], float)),
        "ece_by_chance": calibration_error_by_chance(confidences),
    }


def figures_by_type(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """`figures_of` the questions of each type, types in order of their names."""
    types = sorted({row.type for row in rows})
    return {name: figures_of([row for row in rows if row.type == name]) for name in types}


def outcomes_of(rows: Iterable[Row]) -> dict[str, int]:
    """How many questions ended in each way."""
    counted = Counter(row.outcome for row in rows)
    return {outcome.value: counted[outcome] for outcome in Outcome}


def worst_of(rows: Sequence[Row], n: int) -> list[Row]:
    """At most `n` questions that went wrong: those first whose confidence misleads most."""
    wrong = [row for row in rows if row.outcome not in (Outcome.RIGHT, Outcome.RIGHTLY_NOT_FOUND)]
    return sorted(wrong, key=lambda row: (-row.surprise, row.id))[:n]


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


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else float("nan")
