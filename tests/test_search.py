"""FAISS against numpy, tantivy by hand-made passages, fusion by hand-worked numbers."""

import numpy as np
import pytest

from index.dense import DenseIndex
from index.sparse import SparseIndex
from index.types import Passage
from qa.retriever import fuse
from qa.settings import AskSettings

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


def test_scores_of_chosen_rows():
    vectors = rng.normal(size=(9, 4)).astype(np.float32)
    question = rng.normal(size=4).astype(np.float32)
    dense = DenseIndex.build(vectors)
    np.testing.assert_allclose(dense.scores(question, [7, 2]), vectors[[7, 2]] @ question, rtol=1e-5)
    assert dense.scores(question, np.empty(0, np.int64)).shape == (0,)


def test_fusion_by_hand():
    settings = AskSettings(word_weight=0.5, brief_weight=0.25)
    cosines, words = np.array([0.6, 0.2, 0.5], np.float32), np.array([0.0, 8.0, 4.0], np.float32)
    # own: 0.6, 0.2 + 0.5 * 8/8 = 0.7, 0.5 + 0.5 * 4/8 = 0.75; best of brief a 0.7, of brief b 0.75
    fused = fuse(cosines, words, ["a", "a", "b"], settings)
    assert fused == pytest.approx([0.6 + 0.25 * 0.7, 0.7 + 0.25 * 0.7, 0.75 + 0.25 * 0.75])


def test_fusion_without_a_word_in_common_and_of_nothing():
    assert fuse(np.array([0.5]), np.zeros(1), ["a"], AskSettings(brief_weight=1.0)) == pytest.approx([1.0])
    assert fuse(np.empty(0), np.empty(0), [], AskSettings()).shape == (0,)
