"""What compares two stores, and what projects their growth, tells what it is said to."""

import numpy as np
import pytest
from conftest import HashEmbedder

import growth
from compare_stores import differences, some_filters
from index.builder import build_index
from index.store import Store


def test_every_difference_is_told():
    one = {"found": True, "answers": [{"text": "a", "score": 0.5}, {"text": "b"}], "id": None}
    assert list(differences(one, one)) == []
    other = {"found": False, "answers": [{"text": "a", "score": 0.25}, {"text": "b"}], "id": None}
    assert list(differences(one, other)) == ["found: true / false", "answers[0].score: 0.5 / 0.25"]
    assert list(differences({"answers": [1]}, {"answers": []})) == ["answers: [1] / []"]


def test_filters_let_some_through(tmp_path, folder):
    build_index(tmp_path / "ix", HashEmbedder(), [folder])
    store = Store(tmp_path / "ix")
    assert [len(store.briefs(filters)) for filters in some_filters(store).values()] == [2, 1, 1, 1, 1]


@pytest.mark.filterwarnings("ignore")
def test_kinds_of_indexes_find_the_nearest_and_have_their_size():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(40, 32)).astype(np.float32)
    real /= np.linalg.norm(real, axis=1, keepdims=True)
    vectors, questions = growth.turned(real, 1000, rng), growth.turned(real, 5, rng)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert (np.sum(vectors[:40] * real, axis=1) > 0.97).all()
    nearest = np.argsort(-questions @ vectors.T, axis=1)[:, :20]
    found = {kind: growth.measure(kind, vectors, questions, nearest) for kind in growth._GROWS}
    assert found["flat"].recall == 1 and min(row.recall for row in found.values()) > 0.7
    assert 0 <= found["flat"].bytes - 1000 * 32 * 4 < 200
    assert found["IVF,SQ8"].bytes < found["flat"].bytes < found["HNSW"].bytes


@pytest.mark.parametrize(
    ("kind", "expected"), [("flat", (10, 200, 100)), ("IVF,SQ8", (10, 20, 1000)), ("HNSW", (10, 2.8, 140))]
)
def test_the_projection_by_hand(kind, expected):
    """A hundredfold of 100,000 in 1 hour, 100 MB and 2 ms: a scan takes 100 times as long, cells 10, a graph 7/5."""
    measured = growth.Measured(kind, 100_000, 3600, 100_000_000, 2.0, 1.0)
    assert growth.projected(measured) == pytest.approx(expected)
