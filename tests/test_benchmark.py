"""The benchmark's collections are what they are said to be."""

import json

import numpy as np
import pytest
from conftest import HashEmbedder

import benchmark
from index.builder import build_index
from index.embedder import SentenceTransformerEmbedder
from index.store import Store
from index.types import Filters

TEXTS = [f"Paragraph {n} tells that the dam of place {n} holds {n} million litres of water." for n in range(30)]


@pytest.fixture
def source(tmp_path):
    (tmp_path / "texts.json").write_text(json.dumps([(text, 17) for text in TEXTS]), "utf-8")
    (tmp_path / "headers.json").write_text(json.dumps(["2021-03-15|Insight|On Dams", "None|None|On Locks"]), "utf-8")
    return tmp_path


@pytest.mark.parametrize("n", [11, 100])
def test_a_collection_has_the_number_of_passages_asked_for(source, tmp_path, n):
    n_briefs = benchmark.write_briefs(source, tmp_path / "briefs", n)
    report = build_index(tmp_path / "ix", HashEmbedder(), [tmp_path / "briefs"])
    assert (report.n_passages, report.n_briefs, report.failed) == (n, n_briefs, ())
    store = Store(tmp_path / "ix")
    assert {p.text for p in store.passages(store.rows())} <= set(TEXTS)
    assert all(brief.date for brief in store.briefs(Filters()))


def test_a_vector_is_the_real_one_turned_a_little(source):
    real = SentenceTransformerEmbedder().embed_passages(TEXTS)
    np.save(source / "vectors.npy", real)
    embedder = benchmark.RecombinedEmbedder(source)
    headed = [f"{title} | 2021-03-15\n{TEXTS[4]}" for title in ("On Dams", "On Locks")]
    vectors = embedder.embed_passages(headed)
    np.testing.assert_array_equal(vectors, embedder.embed_passages(headed))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert (vectors @ real[4] > 0.98).all() and (vectors @ real[4] < 0.9999).all()
    assert not np.array_equal(vectors[0], vectors[1])


def test_percentiles_and_the_table():
    assert set(benchmark._percentiles(lambda at: at, 5)) == {"p50", "p95"}
    result = {
        "stages_ms": {"ask": {"p50": 1.5, "p95": 2.5}}, "asks_per_second": {"1": 6.1}, "build_seconds": 3.25,
        "update_seconds": 0.125, "open_seconds": 0.5, "cold_start_seconds": 7.0, "disk_mb": 12.0,
        "memory_mb": {"own": 400, "mapped": 20}, "segment": "flat",
    }  # fmt: skip
    rows = dict(benchmark.rows_of([result, result]))
    assert rows["ask, p50 / p95 ms"] == ["1.5 / 2.5"] * 2
    assert rows["memory, own / mapped MB"] == ["400 / 20"] * 2
