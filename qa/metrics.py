"""How good answers, rankings and probabilities are. Pure; each formula names its source."""

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_TRIALS_AT_ONCE = 500  # of a few thousand questions, some ten megabytes
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_answer(text: str) -> str:
    """Lower case, no ASCII punctuation, no articles, single spaces: as in the official SQuAD evaluation."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1.0 when the normalised answer equals a normalised gold one, else 0.0; no gold means that “” is right."""
    return float(any(normalise_answer(answer) == normalise_answer(gold) for gold in golds or ("",)))


def f1(answer: str, golds: Sequence[str]) -> float:
    """Token F1 against the best gold answer (Rajpurkar et al. 2016, 2018).

    2 · precision · recall / (precision + recall) over the multisets of normalised tokens. Where either side
    has no token, 1.0 if both have none, else 0.0.
    """
    return max(_f1(normalise_answer(answer).split(), normalise_answer(gold).split()) for gold in golds or ("",))


def _f1(answer: list[str], gold: list[str]) -> float:
    if not answer or not gold:
        return float(answer == gold)
    shared = sum((Counter(answer) & Counter(gold)).values())
    return 2 * shared / (len(answer) + len(gold))


def calibration_error(
    probabilities: npt.NDArray[np.float64], right: npt.NDArray[np.float64], n_bins: int = 10
) -> float:
    """Expected calibration error (Guo et al. 2017): |mean right − mean probability| over equal-width bins.

    Args:
        probabilities: `(n,)` between 0 and 1.
        right: `(n,)` of 0.0 and 1.0.
        n_bins: Bins; each weighs as many cases as it holds. No case at all gives 0.0.
    """
    if not len(probabilities):
        return 0.0
    bins = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
    gaps = [abs(right[bins == b].sum() - probabilities[bins == b].sum()) for b in range(n_bins)]
    return float(sum(gaps) / len(probabilities))


def calibration_error_by_chance(probabilities: npt.NDArray[np.float64], n_bins: int = 10, trials: int = 500) -> float:
    """The calibration error to expect of `probabilities` `(n,)` that are exactly right: what chance alone gives.

    The mean over `trials` draws of which cases come out right, each with its probability. A few hundred cases give
    several hundredths; an error of that size says nothing against the probabilities.
    """
    rng = np.random.default_rng(0)
    draws = rng.random((trials, len(probabilities))) < probabilities
    return float(np.mean([calibration_error(probabilities, draw.astype(float), n_bins) for draw in draws]))


def auroc(scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]) -> float:
    """Probability that a positive scores above a negative, ties half (Mann–Whitney U); nan without both."""
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return float("nan")
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[places]  # mean rank of equal scores, from 1
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def risk_coverage(
    confidences: npt.NDArray[np.float64], earned: npt.NDArray[np.float64], coverages: Sequence[float]
) -> list[tuple[float, float]]:
    """What is earned when only the surest are answered (El-Yaniv & Wiener 2010; the risk is 1 − it).

    Args:
        confidences: `(n,)`, n > 0.
        earned: `(n,)` what answering each earns, 0 to 1.
        coverages: Shares of the questions to answer, each above 0.

    Returns:
        For each share, the share of whole questions answered, and the mean earned by those.
    """
    ordered = earned[np.argsort(-confidences, kind="stable")]
    counts = [max(1, round(coverage * len(ordered))) for coverage in coverages]
    return [(n / len(ordered), float(ordered[:n].mean())) for n in counts]


def ranking_figures(relevant: npt.NDArray[np.bool_], n_relevant: int) -> dict[str, float]:
    """Figures of one ranked list.

    Args:
        relevant: `(n,)`, best first: whether each hit answers.
        n_relevant: How many passages of the collection do, found or not; at least 1.

    Returns:
        `recall@k`: whether one of the first k does. `MRR`: 1 / the rank of the first that does, 0 without one
        (Voorhees 1999). `nDCG@10`: the sum of 1 / log2(rank + 1) over the ranks up to 10 that do, as a share of the
        most there could be (Järvelin & Kekäläinen 2002, binary).
    """
    figures = {f"recall@{k}": float(relevant[:k].any()) for k in (1, 5, 10, 20)}
    figures["MRR"] = 1.0 / (1 + int(relevant.argmax())) if relevant.any() else 0.0
    gains = 1.0 / np.log2(np.arange(2, 12))
    figures["nDCG@10"] = float(gains[: len(relevant)] @ relevant[:10] / gains[: min(n_relevant, 10)].sum())
    return figures


def best_threshold(
    scores: npt.NDArray[np.float64], answered: npt.NDArray[np.float64], abstained: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """The threshold on `scores` with the best mean, and that mean.

    A question whose score reaches the threshold earns `answered`, else `abstained` (the rule of the SQuAD 2.0
    evaluation for `best_f1_thresh`). The threshold lies half-way between two scores.

    Args:
        scores: `(n,)`, n > 0.
        answered: `(n,)` what answering earns.
        abstained: `(n,)` what saying “no answer” earns.
    """
    order = np.argsort(-scores, kind="stable")
    gains = np.concatenate([[0.0], np.cumsum((answered - abstained)[order])])
    ordered = scores[order]
    # A cut between equal scores cannot be made.
    possible = np.concatenate([[True], ordered[1:] < ordered[:-1], [True]])
    cut = int(np.argmax(np.where(possible, gains, -np.inf)))
    edges = np.concatenate([[ordered[0] + 1.0], (ordered[1:] + ordered[:-1]) / 2, [ordered[-1] - 1.0]])
    return float(edges[cut]), float((abstained.sum() + gains[cut]) / len(scores))


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases whose probability lies between `low` and `high`."""

    low: float
    high: float
    n: int
    said: float
    """Their mean probability."""
    right: float
    """The share of them that is right."""


def reliability(probabilities: npt.NDArray[np.float64], right: npt.NDArray[np.float64], n_bins: int = 10) -> list[Bin]:
    """The reliability diagram (Guo et al. 2017): said against right, over the equal-width bins that hold a case.

    Args:
        probabilities: `(n,)` between 0 and 1.
        right: `(n,)` of 0.0 and 1.0.
        n_bins: Bins; `calibration_error` is the mean of |said − right| over them, weighed by `n`.
    """
    bins = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
    return [
        Bin(b / n_bins, (b + 1) / n_bins, int(here.sum()), float(probabilities[here].mean()), float(right[here].mean()))
        for b in range(n_bins)
        if (here := bins == b).any()
    ]


def permutation_p(differences: npt.NDArray[np.float64], trials: int = 10_000, seed: int = 0) -> float:
    """Two-sided p-value of a mean difference, by a paired randomisation test (Fisher 1935; Smucker et al. 2007).

    If the two systems were alike, each question's difference could as well have the other sign. With `extreme` of the
    `trials` draws of signs as far from 0 as what was seen, p = (1 + extreme) / (1 + trials) (Phipson & Smyth 2010).

    Args:
        differences: `(n,)`, one a question; no difference at all gives 1.0.
        trials: Draws.
        seed: Of the draws: the same differences give the same p.
    """
    told = differences[differences != 0]
    if not len(told):
        return 1.0
    rng = np.random.default_rng(seed)
    seen = abs(told.sum())
    extreme = 0
    for begin in range(0, trials, _TRIALS_AT_ONCE):
        signs = rng.integers(0, 2, (min(_TRIALS_AT_ONCE, trials - begin), len(told))) * 2 - 1
        extreme += int((np.abs(signs @ told) >= seen - 1e-9).sum())  # sums in another order may differ by rounding
    return (1 + extreme) / (1 + trials)


def bootstrap_interval(
    differences: npt.NDArray[np.float64], level: float = 0.95, trials: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Interval of the mean of `differences` `(n,)`, n > 0, by the percentile bootstrap (Efron & Tibshirani 1993).

    Questions are drawn with replacement, as many as there are; the interval leaves (1 − level) / 2 of the means of
    `trials` such draws on either side. The same differences and `seed` give the same interval.
    """
    rng = np.random.default_rng(seed)
    n = len(differences)
    means = np.concatenate(
        [
            differences[rng.integers(0, n, (min(_TRIALS_AT_ONCE, trials - begin), n))].mean(axis=1)
            for begin in range(0, trials, _TRIALS_AT_ONCE)
        ]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
