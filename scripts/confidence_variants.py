"""What was tried to tell right answers from wrong ones, and what each brought.

    python scripts/confidence_variants.py --index-dir INDEX --questions ../shared/data/briefs-dev

Each of the first lines of the table changes one thing of the probabilities in use: a signal less, one more. The last
are rules that others use, for which nothing is fitted. All by cross-validation: the weights are fitted on nine tenths
of the briefs and judged on the rest, ten times; only the threshold for “overall” is the best one afterwards, in every
line.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from calibrate import N_CANDIDATES, Asked, Candidate, ask_all
from qa.assistant import normalised
from qa.evaluation import RIGHT_F1
from qa.metrics import auroc, best_threshold, calibration_error
from qa.reader import TransformersReader
from qa.words import content_words

Signal = Callable[[Asked, Candidate], float]
N_PARTS = 10
N_CONSIDERED = 10
"""Candidates of a question, by the reader's score, of which one is chosen."""


def stems(text: str) -> set[str]:
    """The content words of a text by their first five letters."""
    return {word[:5] for word in content_words(text)}


def same_words(asked: Asked, candidate: Candidate) -> float:
    """How many other places give the same answer."""
    quote = normalised(candidate.quote)
    return float(sum(normalised(other.quote) == quote for other in asked.candidates[:N_CONSIDERED]) - 1)


def same_brief(asked: Asked, candidate: Candidate) -> float:
    """Share of the first candidates that stand in the same brief."""
    brief = candidate.span.hit.passage.brief_id
    first = asked.candidates[:N_CONSIDERED]
    return sum(other.span.hit.passage.brief_id == brief for other in first) / len(first)


def margin(asked: Asked, candidate: Candidate) -> float:
    """By how much the passage's best span scores higher."""
    passage = candidate.span.hit.passage
    return max(c.span.score for c in asked.candidates if c.span.hit.passage == passage) - candidate.span.score


def fitting_kind(asked: Asked, candidate: Candidate) -> float:
    """A number where one is asked for, capitals where a person is; 0 for other questions."""
    words = asked.understood.casefold().split()
    if {"when", "many", "much", "year"} & set(words[:3]):
        return 1.0 if any(map(str.isdigit, candidate.quote)) else -1.0
    if "who" in words[:2]:
        return 1.0 if any(map(str.isupper, candidate.quote)) else -1.0
    return 0.0


def repeated(asked: Asked, candidate: Candidate) -> float:
    """Share of the answer's words that the question holds already."""
    said = stems(candidate.quote)
    return len(said & stems(asked.understood)) / len(said) if said else 1.0


IN_USE: dict[str, Signal] = {
    "the reader’s score": lambda _, c: c.signals.score,
    "rank of the passage": lambda _, c: math.log1p(c.signals.rank),
    "the question’s words in the passage": lambda _, c: c.signals.coverage,
}
MORE: dict[str, Signal] = {
    "score of the search": lambda _, c: c.span.hit.score,
    "margin in the passage": margin,
    "length of the answer": lambda _, c: math.log1p(len(c.quote.split())),
    "words of the question in the answer": repeated,
    "kind of answer asked for": fitting_kind,
    "same answer elsewhere": same_words,
    "first candidates of the same brief": same_brief,
}


def null_softmax(asked: Asked, candidate: Candidate) -> float:
    """Probability of the span among the spans of its passage and “none”, by the softmax of their scores."""
    passage = candidate.span.hit.passage
    scores = [c.span.score for c in asked.candidates if c.span.hit.passage == passage]
    return math.exp(candidate.span.score - np.logaddexp.reduce([0.0, *scores]))


def fitted(asked: Sequence[Asked], signals: Sequence[Signal]) -> tuple[list[Candidate], npt.NDArray[np.float64]]:
    """The candidate chosen for each question, and its probability, as `scripts/calibrate.py` fits them."""
    rows = [np.array([[s(one, c) for s in signals] for c in one.candidates[:N_CONSIDERED]]) for one in asked]
    every = np.concatenate(rows)
    rows = [(row - every.mean(0)) / (every.std(0) + 1e-9) for row in rows]
    right = [np.array([c.f1 >= RIGHT_F1 for c in one.candidates[:N_CONSIDERED]]) for one in asked]
    chosen, sure = np.zeros(len(asked), int), np.zeros(len(asked))
    parts = GroupKFold(N_PARTS).split(rows, groups=[one.question.file for one in asked])
    for known, asked_about in parts:
        first = known.tolist()
        ranking = LogisticRegression(C=10.0).fit(
            np.concatenate([rows[at][:N_CANDIDATES] for at in first]),
            np.concatenate([right[at][:N_CANDIDATES] for at in first]),
        )
        strengths = [row @ ranking.coef_[0] for row in rows]
        winners = [int(np.argmax(strength)) for strength in strengths]
        won = np.array([strength[winner] for strength, winner in zip(strengths, winners, strict=True)])
        scaling = LogisticRegression(C=1e6).fit(won[first][:, None], [right[at][winners[at]] for at in first])
        chosen[asked_about] = np.array(winners)[asked_about]
        sure[asked_about] = scaling.predict_proba(won[asked_about][:, None])[:, 1]
    return [one.candidates[at] for one, at in zip(asked, chosen.tolist(), strict=True)], sure


def surest(asked: Sequence[Asked], rule: Signal) -> tuple[list[Candidate], npt.NDArray[np.float64]]:
    """The candidate that a rule rates highest for each question, and the rating."""
    best = [max(one.candidates, key=lambda c, one=one: rule(one, c)) for one in asked]
    return best, np.array([rule(one, c) for one, c in zip(asked, best, strict=True)])


def complements(asked: Sequence[Asked]) -> tuple[list[Candidate], npt.NDArray[np.float64]]:
    """The surest by softmax; that nothing answers is as likely as that each passage by itself does not."""
    best, _ = surest(asked, null_softmax)
    none = [
        math.prod(1 - max(null_softmax(one, c) for c in one.candidates if c.span.hit.rank == rank) for rank in ranks)
        for one in asked
        for ranks in [{c.span.hit.rank for c in one.candidates}]
    ]
    return best, 1 - np.array(none)


def main() -> None:
    """Prints a line for every variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index-dir", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--reader", default=None)
    args = parser.parse_args()
    asked = [one for one in ask_all(args.index_dir, args.questions, TransformersReader(args.reader)) if one.candidates]
    answerable = np.array([bool(one.question.golds) for one in asked])
    results = {"in use": fitted(asked, list(IN_USE.values()))}
    for name in IN_USE:
        results[f"without {name}"] = fitted(asked, [signal for other, signal in IN_USE.items() if other != name])
    for name, signal in MORE.items():
        results[f"and {name}"] = fitted(asked, [*IN_USE.values(), signal])
    results["all of these"] = fitted(asked, [*IN_USE.values(), *MORE.values()])
    results["threshold on the reader’s score"] = surest(asked, lambda _, c: 1 / (1 + math.exp(-c.span.score)))
    results["threshold on the softmax of a passage"] = surest(asked, null_softmax)
    results["product of complements"] = complements(asked)
    print(f"{len(asked)} questions\n\n| variant | F1 of the first answer | right brief | overall | AUROC | ECE |")
    print("|---" * 6 + "|")
    for name, (best, sure) in results.items():
        earned = np.array([c.f1 for c in best])
        _, overall = best_threshold(sure, earned, (~answerable).astype(float))
        home = np.array([c.right_brief for c in best])[answerable]
        figures = (
            earned[answerable].mean(), home.mean(), overall, auroc(sure, answerable),
            calibration_error(sure, (earned >= RIGHT_F1).astype(float)),
        )  # fmt: skip
        print(f"| {name} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")


if __name__ == "__main__":
    main()
