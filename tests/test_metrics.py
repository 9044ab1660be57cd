import numpy as np
import pytest

from qa.evaluation import SquadRow, squad_figures
from qa.metrics import (
    auroc,
    best_threshold,
    bootstrap_interval,
    calibration_error,
    calibration_error_by_chance,
    exact_match,
    f1,
    normalise_answer,
    permutation_p,
    ranking_figures,
    reliability,
    risk_coverage,
)


def test_normalised_as_the_official_script_does():
    assert normalise_answer("The  U.S. (an ally), a Friend!") == "us ally friend"


@pytest.mark.parametrize(
    ("answer", "golds", "em", "score"),
    [
        ("the cat", ["Cat."], 1, 1),
        ("black cat sat", ["the cat"], 0, 2 * (1 / 3) * 1 / (1 / 3 + 1)),  # one of three, one of one
        ("cat cat", ["cat"], 0, 2 / 3),  # a repeated token counts once
        ("dog", ["cat", "big dog"], 0, 2 / 3),  # the best gold counts
        ("dog", ["cat"], 0, 0),
        ("", [], 1, 1),  # SQuAD 2.0: nothing said, nothing to say
        ("dog", [], 0, 0),
        ("the", ["a"], 1, 1),  # both empty after articles go
    ],
)
def test_em_and_f1_by_hand(answer, golds, em, score):
    assert exact_match(answer, golds) == em
    assert f1(answer, golds) == pytest.approx(score)


def test_the_calibration_error_that_chance_gives():
    assert calibration_error_by_chance(np.array([0.0, 1.0, 1.0])) == 0  # nothing left to chance
    # One case at 0.5 is always wrong by a half; of many, the mean error is that of a binomial, sqrt(2 p q / (pi n)).
    assert calibration_error_by_chance(np.array([0.5])) == pytest.approx(0.5)
    assert calibration_error_by_chance(np.full(400, 0.5)) == pytest.approx(np.sqrt(0.5 / (np.pi * 400)), rel=0.1)


def test_calibration_error_by_hand():
    # Bin 0.9–1.0: said 0.95 twice, right once: |0.5 − 0.95| over 2 of 3; bin 0.2: said 0.25, wrong: 0.25 over 1 of 3.
    error = calibration_error(np.array([0.95, 0.95, 0.25]), np.array([1.0, 0.0, 0.0]))
    assert error == pytest.approx(0.45 * 2 / 3 + 0.25 / 3)
    assert calibration_error(np.array([1.0]), np.array([1.0])) == 0
    assert calibration_error(np.array([]), np.array([])) == 0


def test_auroc_by_hand():
    # Positives 0.9 and 0.4 against negatives 0.5 and 0.4: wins 2, then 0 and a tie: (2 + 0.5) / 4.
    assert auroc(np.array([0.9, 0.4, 0.5, 0.4]), np.array([True, True, False, False])) == pytest.approx(2.5 / 4)
    assert np.isnan(auroc(np.array([0.9]), np.array([True])))


def test_best_threshold_by_hand():
    # Answering the first two earns 1 + 0.5; the third is unanswerable and earns 1 only below the threshold.
    threshold, mean = best_threshold(np.array([3.0, 2.0, 1.0]), np.array([1, 0.5, 0]), np.array([0, 0, 1.0]))
    assert (threshold, mean) == (1.5, pytest.approx(2.5 / 3))
    # Equal scores cannot be told apart: both or neither.
    threshold, mean = best_threshold(np.array([2.0, 2.0]), np.array([1.0, 0.0]), np.array([0.0, 0.9]))
    assert (threshold, mean) == (1.0, pytest.approx(0.5))


def test_reliability_by_hand():
    bins = reliability(np.array([0.95, 0.95, 0.25, 1.0]), np.array([1.0, 0.0, 0.0, 1.0]))
    assert [(b.low, b.high, b.n) for b in bins] == [(0.2, 0.3, 1), (0.9, 1.0, 3)]
    assert [(b.said, b.right) for b in bins] == [(0.25, 0.0), (pytest.approx(2.9 / 3), pytest.approx(2 / 3))]


def test_the_randomisation_test_by_hand():
    # Of the 8 draws of three signs, two sum as far from 0 as 3 does: p is near 2/8.
    assert permutation_p(np.array([1.0, 1.0, 1.0, 0.0])) == pytest.approx(0.25, abs=0.02)
    assert permutation_p(np.zeros(5)) == permutation_p(np.array([])) == 1.0
    assert permutation_p(np.array([1.0, -1.0])) == 1.0
    # 20 alike: 2 of 2^20 draws are as far, so hardly any is drawn, and the least p of 10,000 trials remains.
    assert permutation_p(np.full(20, 0.1)) == pytest.approx(1 / 10_001)
    assert permutation_p(np.array([0.3, 0.1, -0.2]), seed=1) == permutation_p(np.array([0.3, 0.1, -0.2]), seed=1)


def test_the_bootstrap_interval_by_hand():
    assert bootstrap_interval(np.full(7, 0.5)) == (0.5, 0.5)
    # The mean of 400 fair coins has a standard error of 0.025; 95 % lie within 1.96 of them.
    low, high = bootstrap_interval(np.tile([0.0, 1.0], 200))
    assert (low, high) == (pytest.approx(0.451, abs=0.004), pytest.approx(0.549, abs=0.004))


def test_squad_figures_by_hand():
    rows = [
        SquadRow(5.0, 0.9, 1.0, 1.0, True),
        SquadRow(3.0, 0.6, 0.0, 0.5, True),
        SquadRow(1.0, 0.4, 0.0, 0.0, False),
        SquadRow(-1.0, 0.2, 1.0, 1.0, True),
        SquadRow(-3.0, 0.1, 0.0, 0.0, False),
    ]
    found = squad_figures(rows, 0.5)
    expected = {
        "HasAns EM": 2 / 3,
        "HasAns F1": 2.5 / 3,
        "best EM threshold": 4.0,  # one answered rightly, two abstentions right: 3 of 5; answering four gives 3 too
        "best EM": 3 / 5,
        "best F1 threshold": 2.0,  # 1 + 0.5 answered, 2 abstained; answering all but the last: 1 + 0.5 + 0 + 1 + 1 ties
        "best F1": 3.5 / 5,
        "EM at 0": 2 / 5,
        "F1 at 0": 2.5 / 5,
        "HasAns F1 at 0": 1.5 / 3,
        "NoAns at 0": 1 / 2,
        "EM as shipped": 3 / 5,
        "F1 as shipped": 3.5 / 5,
        "HasAns F1 as shipped": 1.5 / 3,
        "NoAns as shipped": 1.0,
        "AUROC": 5 / 6,
    }
    assert found == pytest.approx(expected)


def test_a_set_without_unanswerable_questions_has_em_and_f1_only():
    assert squad_figures([SquadRow(-2.0, 0.1, 1.0, 1.0, True)], 0.5) == {"HasAns EM": 1.0, "HasAns F1": 1.0}


def test_risk_coverage_by_hand():
    confidences, earned = np.array([0.2, 0.9, 0.5, 0.7]), np.array([0.0, 1.0, 0.5, 1.0])
    assert risk_coverage(confidences, earned, (0.25, 0.5, 0.75, 1.0)) == [
        (0.25, 1.0),
        (0.5, 1.0),
        (0.75, pytest.approx(2.5 / 3)),
        (1.0, 0.625),
    ]


def test_ranking_figures_by_hand():
    figures = ranking_figures(np.array([False, True, False, True]), 3)
    assert figures["recall@1"] == 0.0 and figures["recall@5"] == 1.0
    assert figures["MRR"] == 0.5
    best = 1 + 1 / np.log2(3) + 1 / 2
    assert figures["nDCG@10"] == pytest.approx((1 / np.log2(3) + 1 / np.log2(5)) / best)
    nothing = ranking_figures(np.zeros(30, bool), 2)
    assert set(nothing.values()) == {0.0}
    late = ranking_figures(np.arange(30) == 10, 1)
    assert (late["recall@10"], late["recall@20"], late["nDCG@10"]) == (0.0, 1.0, 0.0)
    assert ranking_figures(np.ones(30, bool), 30)["nDCG@10"] == pytest.approx(1.0)
