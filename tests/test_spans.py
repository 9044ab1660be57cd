import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.spans import TokenSpan, best_token_spans, tidy_range

logit = st.floats(-9, 9, width=32)


def brute_force(start, end, legal_starts, legal_ends, max_tokens, n_best):
    """All pairs by a double loop, sorted, then taken greedily without overlap."""
    pairs = [
        (-(start[i] + end[j]), i, j - i)
        for i in range(len(start))
        for j in range(i, min(i + max_tokens, len(start)))
        if legal_starts[i] and legal_ends[j]
    ]
    found = []
    for negative, i, length in sorted(pairs):
        if len(found) < n_best and all(i + length < s.start or i > s.end for s in found):
            found.append(TokenSpan(i, i + length, float(-negative) - float(start[0]) - float(end[0])))
    return found


@given(st.data())
def test_spans_equal_a_double_loop(data):
    n = data.draw(st.integers(1, 14))
    arrays = [np.array(data.draw(st.lists(logit, min_size=n, max_size=n)), np.float32) for _ in range(2)]
    legal = [np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for _ in range(2)]
    max_tokens, n_best = data.draw(st.integers(1, 16)), data.draw(st.integers(1, 4))
    found = best_token_spans(*arrays, *legal, max_tokens=max_tokens, n_best=n_best)
    expected = brute_force(*arrays, *legal, max_tokens, n_best)
    assert [(s.start, s.end) for s in found] == [(s.start, s.end) for s in expected]
    assert [s.score for s in found] == pytest.approx([s.score for s in expected], abs=1e-4)


def test_logits_by_hand():
    start = np.array([1.0, 9.0, 5.0, 0.0, 2.0], np.float32)
    end = np.array([1.0, 9.0, 0.0, 4.0, 3.0], np.float32)
    legal = np.array([False, False, True, True, True])  # token 0 is the null answer, token 1 the question
    (best, second) = best_token_spans(start, end, legal, legal, max_tokens=9, n_best=2)
    assert best == TokenSpan(2, 3, 5 + 4 - 2)  # not token 1, though its logits are the largest
    assert second == TokenSpan(4, 4, 2 + 3 - 2)  # 2..4 scores 8 but overlaps the best


@pytest.mark.parametrize(
    ("text", "chosen", "tidy"),
    [
        ("He said no, then left.", "no,", "no"),
        ("in the U.S. on Monday", "the U.S.", "the U.S."),
        ("It was signed by John F.", "John F.", "John F."),
        ("It ended (badly).", "ended (badly", "ended (badly"),
        ("It ended (badly).", "(badly", "badly"),
        ("It ended (badly).", "badly).", "badly"),
        ("He called it “overdue.”", "“overdue.”", "“overdue.”"),
        ("He called it “overdue.”", "“overdue", "overdue"),
        ("He called it “overdue.”", "overdue.”", "overdue"),
        ("Harris’ remarks were new", "Harris’", "Harris’"),
        ("  spaced  ", "  spaced  ", "spaced"),
        ("…", "…", "…"),
    ],
)
def test_ends_are_tidied_by_rule(text, chosen, tidy):
    start = text.index(chosen)
    a, b = tidy_range(text, start, start + len(chosen))
    assert text[a:b] == tidy


@given(st.text(st.sampled_from('ab .,“”()"‘’[]…-U'), min_size=1, max_size=30), st.data())
def test_tidying_never_grows_and_never_empties(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    a, b = tidy_range(text, start, end)
    assert start <= a < b <= end
    assert tidy_range(text, a, b) == (a, b)
