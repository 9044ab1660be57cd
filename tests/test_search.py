"""FAISS against numpy, tantivy by hand-made passages, fusion by hand-worked numbers."""

import numpy as np
import pytest

from index.dense import DenseIndex
from index.sparse import SparseIndex
from index.types import Passage
from qa.retriever import fuse

rng = np.random.default_rng(7)


@pytest.mark.parametrize("k", [1, 5, 200])
@pytest.mark.parametrize("rows", [None, [3, 17, 18, 40], []])
def test_faiss_equals_brute_force(k, rows):
    vectors = rng.normal(size=(50, 16)).astype(np.float32)
    vectors[18] = vectors[17]  # a tie
    question = 3 * rng.normal(size=16).astype(np.float32)  # not of unit length
    found, scores = DenseIndex.build(vectors).search(question, k, rows)
    allowed = np.arange(50) if rows is None else np.array(rows, np.int64)
    exact = vectors[allowed] @ question
    order = np.lexsort((allowed, -exact))[:k]
    assert found.tolist() == allowed[order].tolist()
    np.testing.assert_allclose(scores, exact[order], rtol=1e-5, atol=1e-5)


def test_saved_and_loaded_it_finds_the_same(tmp_path):
    dense = DenseIndex.build(rng.normal(size=(20, 8)).astype(np.float32))
    dense.save(tmp_path / "dense.faiss")
    question = rng.normal(size=8).astype(np.float32)
    loaded = DenseIndex.open(tmp_path / "dense.faiss")
    assert (len(loaded), loaded.dim) == (20, 8)
    for ours, theirs in zip(dense.search(question, 5), loaded.search(question, 5), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def passage(text: str, header: str = "Talks | 2021-03-15") -> Passage:
    return Passage("b", 1, 0, len(text), text, header)


PASSAGES = [
    passage("Ambassador Harris objected to the inter-Korean projects."),
    passage("Moon defended his projects and his railway."),
    passage("Nothing of the sort happened in São Tomé.", "Islands | 2019-01-01"),
]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("what did harris object to", 0),  # stems: object, objected
        ("RAILWAYS", 1),
        ("sao tome", 2),  # accents folded
        ("islands", 2),  # in the header only
    ],
)
def test_words_are_found(question, first):
    assert SparseIndex.build(PASSAGES).search(question, 3)[0][0] == first


@pytest.mark.parametrize("question", ["", "the of", "AND OR NOT", '"', "text:* -(", "\0", "😀", "what did he do"])
def test_nothing_in_a_question_is_syntax(question):
    assert SparseIndex.build(PASSAGES).search(question, 3)[0].tolist() == []


def test_only_allowed_rows_and_the_same_scores():
    sparse = SparseIndex.build(PASSAGES)
    every = dict(zip(*map(np.ndarray.tolist, sparse.search("projects", 3)), strict=True))
    assert set(every) == {0, 1}
    found, scores = sparse.search("projects", 3, [1, 2])
    assert (found.tolist(), scores.tolist()) == ([1], pytest.approx([every[1]]))
    assert sparse.search("projects", 3, [])[0].tolist() == []


def test_a_saved_full_text_index_finds_the_same(tmp_path):
    built = SparseIndex.build(PASSAGES, tmp_path)
    opened = SparseIndex.open(tmp_path)
    assert len(opened) == 3
    assert [x.tolist() for x in opened.search("projects moon", 3)] == [
        x.tolist() for x in built.search("projects moon", 3)
    ]


def test_reciprocal_rank_fusion_by_hand():
    fused = fuse((np.array([7, 3]), np.array([3, 9])), 60)
    assert [row for row, _ in fused] == [3, 7, 9]
    assert [score for _, score in fused] == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62])
