"""FAISS against numpy, tantivy by hand-made passages, fusion by hand-worked numbers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from index import dense, sparse
from index.dense import DenseIndex, write_dense
from index.sparse import SparseIndex, SparseWriter
from index.types import Passage
from qa.retriever import fuse
from qa.settings import AskSettings

rng = np.random.default_rng(7)


def dense_index(folder, vectors):
    return DenseIndex.open(folder / "x", vectors, write_dense(vectors, folder / "x"))


@pytest.mark.parametrize("gather", [0, 1000])
@pytest.mark.parametrize("k", [1, 5, 200])
@pytest.mark.parametrize("rows", [None, [3, 17, 18, 40], []])
def test_faiss_equals_brute_force(tmp_path, monkeypatch, k, rows, gather):
    monkeypatch.setattr(dense, "_GATHER_ROWS", gather)
    vectors = rng.normal(size=(50, 16)).astype(np.float32)
    vectors[18] = vectors[17]  # a tie
    question = 3 * rng.normal(size=16).astype(np.float32)  # not of unit length
    mask = None if rows is None else np.isin(np.arange(50), rows)
    found, scores = dense_index(tmp_path, vectors).search(question, k, mask)
    allowed = np.arange(50) if rows is None else np.array(rows, np.int64)
    exact = vectors[allowed] @ question
    order = np.lexsort((allowed, -exact))[:k]
    assert found.tolist() == allowed[order].tolist()
    np.testing.assert_allclose(scores, exact[order], rtol=1e-5, atol=1e-5)


def test_cells_find_what_an_exact_search_finds(tmp_path, monkeypatch):
    """What large segments use, on clustered vectors as real ones are; also where a filter empties the near cells."""
    monkeypatch.setattr(dense, "EXACT_ROWS", 1000)
    monkeypatch.setattr(dense, "_GATHER_ROWS", 0)
    centres = rng.normal(size=(40, 16))
    vectors = (centres[rng.integers(40, size=6000)] + 0.3 * rng.normal(size=(6000, 16))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kind = write_dense(vectors, tmp_path / "x")
    assert kind.startswith("IVF256,SQ8 probe ") and float(kind.split()[-1]) >= 0.99
    index = DenseIndex.open(tmp_path / "x", vectors, kind)
    assert len(index) == 6000
    for question in vectors[:20]:
        found, scores = index.search(question, 20)
        assert len(np.intersect1d(found, np.argsort(-vectors @ question)[:20])) >= 18
        np.testing.assert_allclose(scores, vectors[found] @ question, rtol=1e-5)
        far = vectors @ question < 0.2
        found, _ = index.search(question, 5, far)
        assert len(found) == 5 and far[found].all()


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


@pytest.mark.parametrize("told", [0, 1000])
def test_only_allowed_briefs_and_the_same_scores(monkeypatch, told):
    monkeypatch.setattr(sparse, "_TOLD_BRIEFS", told)
    words = SparseIndex.build([replace(p, brief_id=brief) for p, brief in zip(PASSAGES * 2, "aabbcd", strict=True)])
    every = dict(zip(*map(np.ndarray.tolist, words.search("projects", 6)), strict=True))
    assert set(every) == {0, 1, 3, 4}
    found, scores = words.search("projects", 6, np.array([2, 4]))  # the briefs b and c
    assert dict(zip(found.tolist(), scores.tolist(), strict=True)) == {row: pytest.approx(every[row]) for row in (3, 4)}
    assert words.search("projects", 6, np.empty(0, np.int64))[0].tolist() == []


def test_a_wide_filter_loses_nothing(monkeypatch):
    """The hits allowed stand far behind the first hits: a search that sieved only those would find none."""
    monkeypatch.setattr(sparse, "_TOLD_BRIEFS", 0)
    texts = ["harbour " * (1 + row % 3) + "and quay" for row in range(300)]
    words = SparseIndex.build([replace(passage(text), brief_id=str(row)) for row, text in enumerate(texts)])
    best = words.search("harbour", 300)[0]
    allowed = np.sort(best[-5:])
    assert words.search("harbour", 5, allowed)[0].tolist() == best[-5:].tolist()


def write_words(folder, rows, base=None, removed=()):
    folder.mkdir()
    writer = SparseWriter(folder, base, np.array(removed, np.int64))
    for row in rows:
        writer.add(row, row, PASSAGES[row % 3].text, PASSAGES[row % 3].header)
    writer.finish()
    return SparseIndex.open(folder)


def found_by(words, question="projects moon sao"):
    return [x.tolist() for x in words.search(question, 9)]


def test_a_saved_full_text_index_finds_the_same(tmp_path):
    opened = write_words(tmp_path / "a", [0, 1, 2])
    assert len(opened) == 3
    assert found_by(opened) == found_by(SparseIndex.build(PASSAGES))


@pytest.mark.parametrize("links", [True, False])
def test_an_index_made_from_another_shares_its_files_and_leaves_it_alone(tmp_path, monkeypatch, links):
    first = write_words(tmp_path / "a", [0, 1, 2])
    before = found_by(first)
    if not links:
        monkeypatch.setattr(sparse.os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    second = write_words(tmp_path / "b", [7], tmp_path / "a", [1, 2])
    assert len(second) == 2
    assert found_by(second)[0] == [7, 0]
    assert found_by(first) == found_by(SparseIndex.open(tmp_path / "a")) == before
    shared = [path for path in (tmp_path / "b").iterdir() if path.stat().st_nlink > 1]
    assert bool(shared) == links


def idf(n: int, of: int) -> float:
    return math.log(1 + (of - n + 0.5) / (n + 0.5))


def test_coverage_by_hand():
    texts = ["Moon spoke of grain.", "Harris spoke of dams and of dams.", "Harris fell silent.", "Dams in Ruritania."]
    passages = [replace(passage(text), brief_id=brief) for text, brief in zip(texts, "aabb", strict=True)]
    passages[2] = replace(passages[2], header="Grain | 2021-03-15")
    words = SparseIndex.build(passages)
    rows, briefs = np.arange(4), np.array([0, 0, 2, 2])
    weights = {"harris": idf(2, 4), "dam": idf(2, 4), "grain": idf(1, 4)}  # “talks” is in headers only: none in a text
    all_of_it = sum(weights.values()) + idf(0, 4)
    in_passages, in_briefs = words.coverage("what did Harris say of dams, grain and talks to Nobody", rows, briefs, 4)
    talks = idf(0, 4)
    held = [
        talks + weights["grain"],
        talks + weights["harris"] + weights["dam"],
        weights["harris"] + weights["grain"],  # grain in its header
        talks + weights["dam"],
    ]
    assert in_passages == pytest.approx([one / all_of_it for one in held])
    assert in_briefs == pytest.approx([1.0] * 4)
    few = words.coverage("Harris grain", np.array([1, 3]), np.array([0, 2]), 4)
    total = weights["harris"] + weights["grain"]
    assert few[0] == pytest.approx([weights["harris"] / total, 0])
    assert few[1] == pytest.approx([1.0, 1.0])


def test_coverage_of_nothing_and_of_very_long_questions():
    words = SparseIndex.build([passage(" ".join(f"term{n}" for n in range(60))), passage("term1")])
    rows, briefs = np.arange(2), np.zeros(2, np.int64)
    assert [x.tolist() for x in words.coverage("nobody knows", rows, briefs, 2)] == [[0, 0], [0, 0]]
    assert words.coverage("term1", np.empty(0, np.int64), np.empty(0, np.int64), 0)[0].shape == (0,)
    question = " ".join(f"term{n}" for n in range(60))  # the 23 rarest count: not term1, which both passages hold
    assert words.coverage(question, rows, briefs, 2)[0].tolist() == pytest.approx([1.0, 0.0])


def test_fusion_by_hand():
    settings = AskSettings(word_weight=0.5, brief_weight=0.25)
    fused = fuse(np.array([0.6, 0.2]), np.array([0.5, 1.0]), np.array([1.0, 0.0]), settings)
    assert fused == pytest.approx([0.6 + 0.25 + 0.25, 0.2 + 0.5])
    assert fuse(np.empty(0), np.empty(0), np.empty(0), settings).shape == (0,)
