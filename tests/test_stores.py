"""Both stores give the same: FAISS and tantivy in the index folder, and Milvus (milvus-lite, as a server beside us)."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from conftest import BRIEF, OTHER, HashEmbedder
from hypothesis import given
from hypothesis import strategies as st

from index import milvus
from index.bm25 import coarse
from index.builder import build_index
from index.check import check_index
from index.errors import IndexCorrupt, StoreUnavailable
from index.settings import StoreKind, StoreSettings, store_settings
from index.sparse import SparseWriter
from index.store import Store
from index.types import Filters
from index.visible import within, without
from index.words import WORDS, Words, WordsWriter

QUESTIONS = (
    "what did the ambassador object to", "wheat price in May after the flood", "harbour", "Insight 2021", "the", "",
    "who defended the plan of the ministry and called it overdue", "dams of the north, version 3",
)  # fmt: skip
FILTERS = (
    Filters(), Filters(after="2022-01-01"), Filters(before="2021-12-31", kind="insight"), Filters(author="Marsh"),
    Filters(topic="agriculture"), Filters(brief="harbour.txt"), Filters(kind="nothing of the sort"),
)  # fmt: skip


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of a Milvus that outlives the programs that use it, as a real one does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("milvus")
    command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(folder), "--port", str(port)]
    with subprocess.Popen([*command, "--host", "127.0.0.1"], stdout=subprocess.PIPE, text=True) as run:
        assert "listening" in run.stdout.readline()
        yield f"http://127.0.0.1:{port}"
        run.terminate()


@pytest.fixture(params=list(StoreKind))
def store(request) -> StoreSettings:
    if request.param == StoreKind.LOCAL:
        return StoreSettings()
    return StoreSettings(StoreKind.MILVUS, request.getfixturevalue("server"))


@pytest.fixture
def elsewhere(server) -> StoreSettings:
    return StoreSettings(StoreKind.MILVUS, server)


def dam(n: int, version: int = 0) -> str:
    return (
        f"March {n + 1}, 201{n % 10} | Insight\n\nDam {n}\n\nReport {n} of dams, version {version}, by ministry {n}."
        f"\n\nThe flood of the north reached harbour {n} in May."
    )


@pytest.fixture
def many(folder) -> Path:
    """A folder with a dozen briefs."""
    for n in range(10):
        (folder / f"dam{n}.txt").write_text(dam(n), "utf-8")
    return folder


def named(index: Store, rows, *more) -> list[tuple]:
    """Passages by what they are, for two indexes number their rows differently."""
    passages = index.passages(rows)
    return [(p.brief_id, p.start, *(round(float(m[at]), 4) for m in more)) for at, p in enumerate(passages)]


def found(index: Store, scores: bool = True) -> list:
    """Everything that both searches tell, of every question with every filter.

    Without `scores` only which passages: an index that has changed counts words a little otherwise than a new one.
    """
    told = []
    embedder = HashEmbedder()
    for filters in FILTERS:
        rows = index.rows(filters) if filters else None
        for question in QUESTIONS[:2] if filters else QUESTIONS:
            vector = embedder.embed_questions([question])[0]
            dense, cosines = index.search_dense(vector, 99, rows)
            sparse, weights = index.search_sparse(question, 99, rows)
            shares = index.coverage(question, np.sort(dense))
            told += [sorted(named(index, dense, cosines)), sorted(named(index, sparse, *([weights] * scores)))]
            told += [sorted(named(index, np.sort(dense), *(shares * scores)))]
            # Which of several equally good ones are the last is chance.
            told += [index.search_dense(vector, 4, rows)[1].round(4).tolist()]
            told += [index.search_sparse(question, 4, rows)[1].round(4).tolist() * scores]
    told += [index.knows(word) for word in ("harbour", "harbours", "the", "zebra", "insight")]
    told += [sorted((p.brief_id, p.start) for p in index.passages_like(w, 50)) for w in ("harbuor", "whaet", "zzz")]
    return [*told, index.facets(Filters()), [brief.id for brief in index.briefs(Filters())]]


def in_order(index_dir: Path) -> bool:
    return all(finding.ok for finding in check_index(index_dir))


def collections(index_dir: Path, uri: str) -> list[str]:
    return [n for n in milvus.connected(uri).list_collections() if f"_{milvus.owner_id(index_dir)}_" in n]


def test_both_stores_find_the_same(tmp_path, many, elsewhere):
    for store in (StoreSettings(), elsewhere):
        build_index(tmp_path / store.kind, HashEmbedder(), [many], store=store)
    local, remote = Store(tmp_path / "local"), Store(tmp_path / "milvus")
    assert found(local) == found(remote)
    assert in_order(tmp_path / "milvus")
    files = {path.name for path in (tmp_path / "milvus").rglob("*") if path.is_file()}
    assert files == {
        "CURRENT", "lock", "reports.jsonl", "manifest.json", "files.json", milvus.ID_FILE,
        "catalogue.sqlite", "passages.npy", "vectors.npy", WORDS,
    }  # fmt: skip


def test_what_changes_is_sent_and_nothing_is_embedded_twice(tmp_path, many, store):
    """An edit, a removal, a new brief and a new name; an older Store goes on answering from what it was opened on."""
    embedder = HashEmbedder()
    build_index(tmp_path / "ix", embedder, [many], store=store)
    first = Store(tmp_path / "ix")
    before = found(first)
    embedder.n_embedded = 0
    (many / "harbour.txt").write_text(BRIEF.replace("overdue", "late"), "utf-8")
    (many / "dam3.txt").unlink()
    (many / "dam4.txt").rename(many / "lock4.txt")
    (many / "dam9b.txt").write_text(dam(9, 3), "utf-8")
    report = build_index(tmp_path / "ix", embedder)
    assert (report.n_embedded, embedder.n_embedded) == (2, 2)
    assert found(first) == before
    second = Store(tmp_path / "ix", first)
    build_index(tmp_path / "new", HashEmbedder(), [many])
    again = Store(tmp_path / "new")
    assert found(second, scores=False) == found(again, scores=False)
    assert in_order(tmp_path / "ix")
    assert second.manifest.store == store
    (many / "dam5.txt").unlink()
    build_index(tmp_path / "ix", embedder)
    build_index(tmp_path / "ix", embedder, rebuild=True)
    third = Store(tmp_path / "ix")
    assert third.n_briefs == 11 and in_order(tmp_path / "ix")
    if store.kind == StoreKind.MILVUS:
        client, name = milvus.connected(store.uri), third.manifest.collection
        assert collections(tmp_path / "ix", store.uri) == sorted({first.manifest.collection, name}) != [name]
        assert client.describe_alias(f"briefqa_{milvus.owner_id(tmp_path / 'ix')}")["collection_name"] == name
        for n in range(2):
            (many / "dam6.txt").write_text(dam(6, n + 1), "utf-8")
            build_index(tmp_path / "ix", embedder)
        # The generation that the first collection belonged to is gone, and it with it.
        assert collections(tmp_path / "ix", store.uri) == [name]


class Died(BaseException):
    """What ends a run at some step as a kill does: nothing that handles errors handles it."""


MILVUS_STEPS = (
    "insert", "flush", "delete", "create_collection", "create_alias", "alter_alias", "drop_collection", "drop_alias",
)  # fmt: skip


def test_ended_at_any_step_the_old_or_the_new_index_answers(tmp_path, folder, elsewhere, monkeypatch):
    """Before every step of updates and rebuilds; Milvus lives on, with whatever it was sent until then."""
    index_dir, embedder = tmp_path / "ix", HashEmbedder()
    build_index(index_dir, embedder, [folder], store=elsewhere)
    client = milvus.connected(elsewhere.uri)
    left = -1

    def dies(function):
        def step(*args, **kwargs):
            nonlocal left
            left -= 1
            if left == -1:
                raise Died
            return function(*args, **kwargs)

        return step

    for name in MILVUS_STEPS:
        monkeypatch.setattr(client, name, dies(getattr(client, name)))
    monkeypatch.setattr(os, "replace", dies(os.replace))
    n_died = 0
    for rebuild in (False, True):
        for step in count():
            old, new = Store(index_dir).brief("grain.txt").text, f"{OTHER}\n\nVersion {n_died}."
            (folder / "grain.txt").write_text(new, "utf-8")
            left = step
            try:
                build_index(index_dir, embedder, rebuild=rebuild)
            except Died:
                left = -1
            else:
                break
            n_died += 1
            index = Store(index_dir)
            assert index.brief("grain.txt").text in (old, new)
            assert in_order(index_dir)
            assert np.sort(index.search_dense(np.ones(64), 99)[0]).tolist() == index.rows().tolist()
            build_index(index_dir, embedder)
            assert Store(index_dir).brief("grain.txt").text == new and in_order(index_dir)
        assert step > 2
    assert n_died > 8
    left = -1
    for version in "ab":
        (folder / "harbour.txt").write_text(BRIEF + version, "utf-8")
        build_index(index_dir, embedder)
    collection = Store(index_dir).manifest.collection
    assert collections(index_dir, elsewhere.uri) == [collection]
    # The rows of the two generations that were kept when the last run began, and its own.
    assert len(client.query(collection, filter="row >= 0", output_fields=["row"])) <= 3 * Store(index_dir).n_passages


KILLED = """
import os, signal, sys, pathlib
sys.path.insert(0, {tests!r})
from conftest import HashEmbedder
from index import builder, milvus
client = milvus.connected({uri!r})
send = client.insert
client.insert = lambda *args, **kwargs: (send(*args, **kwargs), os.kill(os.getpid(), signal.SIGKILL))
builder.build_index(pathlib.Path({index_dir!r}), HashEmbedder())
"""


def test_killed_after_sending_the_old_index_answers_and_the_next_run_sweeps(tmp_path, many, elsewhere):
    build_index(tmp_path / "ix", HashEmbedder(), [many], store=elsewhere)
    whole = found(Store(tmp_path / "ix"))
    (many / "dam1.txt").write_text(dam(1, 1), "utf-8")
    code = KILLED.format(tests=str(Path(__file__).parent), uri=elsewhere.uri, index_dir=str(tmp_path / "ix"))
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    client, collection = milvus.connected(elsewhere.uri), Store(tmp_path / "ix").manifest.collection
    n_rows = len(client.query(collection, filter="row >= 26", output_fields=["row"]))
    assert n_rows == 2 and found(Store(tmp_path / "ix")) == whole
    (many / "dam1.txt").write_text(dam(1, 0), "utf-8")
    (many / "dam2.txt").unlink()
    build_index(tmp_path / "ix", HashEmbedder())
    assert client.query(collection, filter="row >= 26", output_fields=["row"]) == []
    assert Store(tmp_path / "ix").n_briefs == 11 and in_order(tmp_path / "ix")


def test_what_milvus_lost_is_noticed_and_sent_again(tmp_path, many, elsewhere):
    embedder = HashEmbedder()
    build_index(tmp_path / "ix", embedder, [many], store=elsewhere)
    whole = found(Store(tmp_path / "ix"))
    client, collection = milvus.connected(elsewhere.uri), Store(tmp_path / "ix").manifest.collection
    for harm in (lambda name: client.delete(name, ids=[3]), client.drop_collection):
        for alias in client.list_aliases(collection)["aliases"]:
            client.drop_alias(alias)
        harm(collection)
        embedder.n_embedded = 0
        index = Store(tmp_path / "ix")
        with pytest.raises(IndexCorrupt, match=r"holds \d+ of the 26 passages .* send them again with: briefqa index$"):
            index.search_sparse("harbour", 3)
        assert index.brief("harbour.txt").text == BRIEF  # the catalogue needs no Milvus
        assert not in_order(tmp_path / "ix")
        build_index(tmp_path / "ix", embedder)
        assert found(Store(tmp_path / "ix")) == whole and embedder.n_embedded == 0
        collection = Store(tmp_path / "ix").manifest.collection


def test_passages_that_changed_places_in_milvus_are_found_by_the_thorough_check(tmp_path, many, elsewhere):
    build_index(tmp_path / "ix", HashEmbedder(), [many], store=elsewhere)
    assert in_order(tmp_path / "ix")
    client, collection = milvus.connected(elsewhere.uri), Store(tmp_path / "ix").manifest.collection
    [row] = client.query(collection, filter="row == 3", output_fields=["row", "brief", "vector", "words"])
    client.upsert(collection, [row | {"brief": row["brief"] + 1}])
    said = [finding.what for finding in check_index(tmp_path / "ix") if not finding.ok]
    assert len(said) == 1 and said[0].startswith("the passages in Milvus (26, ")


def test_an_index_moves_between_stores_without_embedding(tmp_path, many, elsewhere):
    embedder = HashEmbedder()
    build_index(tmp_path / "ix", embedder, [many])
    whole, embedder.n_embedded = found(Store(tmp_path / "ix")), 0
    for store in (elsewhere, StoreSettings()):
        build_index(tmp_path / "ix", embedder, store=store)
        assert Store(tmp_path / "ix").manifest.store == store
        assert found(Store(tmp_path / "ix")) == whole
    assert embedder.n_embedded == 0


def test_a_copy_of_the_folder_leaves_the_collections_of_the_first_alone(tmp_path, many, elsewhere):
    embedder = HashEmbedder()
    build_index(tmp_path / "ix", embedder, [many], store=elsewhere)
    shutil.copytree(tmp_path / "ix", tmp_path / "copy")
    whole = found(Store(tmp_path / "ix"))
    assert found(Store(tmp_path / "copy")) == whole
    (many / "dam1.txt").unlink()
    embedder.n_embedded = 0
    build_index(tmp_path / "copy", embedder, [many])
    assert embedder.n_embedded == 0
    assert Store(tmp_path / "copy").manifest.collection != Store(tmp_path / "ix").manifest.collection
    assert found(Store(tmp_path / "ix")) == whole
    assert Store(tmp_path / "copy").n_briefs == 11 and in_order(tmp_path / "copy")


def test_milvus_that_is_away_is_told_and_can_be_left(tmp_path, many):
    """Here the Milvus inside the program, which a second program cannot open."""
    settings = store_settings(None, str(tmp_path / "here.db"))
    build_index(tmp_path / "ix", HashEmbedder(), [many], store=settings)
    whole = found(Store(tmp_path / "ix"))
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_stores import *
index = Store(Path({str(tmp_path / "ix")!r}))
print(index.brief("harbour.txt").title, len(index.briefs(Filters())))
for go in (lambda: index.search_sparse("harbour", 3), lambda: build_index(index.index_dir, HashEmbedder())):
    try:
        go()
    except StoreUnavailable as exc:
        print(exc)
embedder = HashEmbedder()
build_index(index.index_dir, embedder, store=StoreSettings())
print(embedder.n_embedded, Store(index.index_dir).manifest.store)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert out.stderr == ""
    lines = out.stdout.splitlines()
    assert lines[0] == "What the “Harbour” Talks Left Open 12"
    said = f"Milvus at {settings.uri} does not answer (another program has it open); see that it runs, and that"
    assert [line.startswith(said) for line in lines[1:3]] == [True, True]
    assert lines[3] == "0 by FAISS and tantivy, in the index folder"
    assert found(Store(tmp_path / "ix")) == whole


@pytest.mark.parametrize(
    ("kind", "uri", "said"),
    [
        (StoreKind.MILVUS, None, "Milvus needs an address"),
        (StoreKind.LOCAL, "http://localhost:1", "has no address; leave out --uri"),
        (None, "milvus:19530", "milvus:19530 is no address of Milvus"),
        (None, "http://", "is no address of Milvus"),
        (None, "https://me:secret@milvus:19530", "take the password out, and set BRIEFQA_MILVUS_TOKEN"),
    ],
)
def test_addresses_that_make_no_sense(kind, uri, said):
    with pytest.raises(StoreUnavailable, match=said) as told:
        store_settings(kind, uri)
    assert "secret" not in str(told.value)


def test_addresses():
    assert store_settings(None, None) == store_settings(StoreKind.LOCAL, None) == StoreSettings()
    assert store_settings(None, "http://milvus:19530").kind == StoreKind.MILVUS
    assert store_settings(StoreKind.MILVUS, "x.db").uri == os.path.abspath("x.db")


def test_a_large_collection_is_searched_by_a_graph(tmp_path, many, elsewhere, monkeypatch):
    monkeypatch.setattr(milvus, "EXACT_ROWS", 5)
    build_index(tmp_path / "ix", HashEmbedder(), [many], store=elsewhere)
    build_index(tmp_path / "local", HashEmbedder(), [many])
    index = Store(tmp_path / "ix")
    kind = milvus.connected(elsewhere.uri).describe_index(index.manifest.collection, "vector")
    assert kind["index_type"] == "HNSW"
    assert found(index) == found(Store(tmp_path / "local"))


def test_more_passages_than_milvus_gives_at_once(tmp_path, many, elsewhere, monkeypatch):
    build_index(tmp_path / "ix", HashEmbedder(), [many], store=elsewhere)
    index = Store(tmp_path / "ix")
    rows = index.rows()
    whole = index.coverage("flood of the harbour version ministry", rows)
    monkeypatch.setattr(milvus, "_MOST", 3)
    for at_once, halved in zip(whole, index.coverage("flood of the harbour version ministry", rows), strict=True):
        np.testing.assert_array_equal(at_once, halved)


def test_an_index_without_briefs(tmp_path, folder, store):
    embedder = HashEmbedder()
    build_index(tmp_path / "ix", embedder, [folder], store=store)
    for path in folder.iterdir():
        path.unlink()
    build_index(tmp_path / "ix", embedder, drop_missing=True)
    index = Store(tmp_path / "ix")
    assert [len(index.search_sparse("harbour", 3)[0]), len(index.search_dense(np.ones(64), 3)[0])] == [0, 0]
    assert not index.knows("harbour") and index.passages_like("harbuor", 3) == []
    (folder / "new.txt").write_text(BRIEF, "utf-8")
    build_index(tmp_path / "ix", embedder)
    assert len(Store(tmp_path / "ix").search_sparse("harbour", 9)[0]) and in_order(tmp_path / "ix")


def test_products_of_vectors_are_the_scores_of_tantivy(tmp_path):
    """Also where the words lie in two segments, and texts are so long that their lengths are rounded."""
    rng = np.random.default_rng(3)
    vocabulary = [f"word{n}" for n in range(40)]
    texts = [" ".join(rng.choice(vocabulary, size=n)) for n in (3, 20, 39, 40, 41, 55, 130, 300) for _ in range(4)]
    tantivy, halves = SparseWriter(), [WordsWriter(), WordsWriter()]
    for row, text in enumerate(texts):
        header = f"Title {row // 4} word{row // 4}"
        tantivy.add(row, row, text, header)
        halves[row >= 16].add(text, header)
    for name, half in zip("ab", halves, strict=True):
        (tmp_path / name).mkdir()
        half.write(tmp_path / name / WORDS)
    words = Words([tmp_path / "a", tmp_path / "b"])
    vectors = [vector for half in halves for vector in half.vectors(words.averages)]
    index = tantivy.finish()
    for question in ("word1", "word3 word3 word17", "title 5 word39 zebra"):
        asked = words.of_question(question)
        scores = np.array([sum(value * vector.get(d, 0) for d, value in asked.items()) for vector in vectors])
        rows, expected = index.search(question, 100)
        np.testing.assert_allclose(scores[rows], expected, rtol=1e-5)
        assert np.count_nonzero(scores) == len(rows)
    assert words.near("wrod7") == ["word7"] and words.near("wrd17") == ["word17"]
    assert words.near("word") == [f"word{n}" for n in range(10)]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)).map(lambda pair: (pair[0], sum(pair))), min_size=1))
def test_conditions_hold_for_the_rows_of_ranges(ranges):
    """What Milvus is told is Python, too."""
    for row in range(45):
        seen = any(begin <= row < end for begin, end in ranges)
        assert eval(within(ranges), {"row": row}) == seen
        assert eval(without(ranges), {"row": row}) != seen
    assert without([]) == "row >= 0"


def test_lengths_are_kept_in_a_byte():
    assert [coarse(n) for n in (0, 39, 40, 41, 42, 55, 56, 59, 60, 1000)] == [0, 39, 40, 40, 42, 54, 56, 56, 60, 984]
