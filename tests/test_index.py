"""The index on disk: what a run does, what is found afterwards, what no crash or damage can do."""

import gc
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BRIEF, OTHER, HashEmbedder
from filelock import FileLock

from index import commit, loaders, searches
from index.builder import build_index
from index.errors import (
    IndexBusy,
    IndexCorrupt,
    IndexMismatch,
    IndexMissing,
    IndexStopped,
    IndexUnwritable,
    InputMissing,
)
from index.loaders import SUFFIXES_SAID
from index.settings import FORMAT
from index.store import Manifest, Store, sha256_of
from index.types import Filters


@pytest.fixture
def index_dir(tmp_path, folder, embedder) -> Path:
    build_index(tmp_path / "ix", embedder, [folder])
    return tmp_path / "ix"


def sources(index_dir: Path) -> list[str]:
    return [brief.source for brief in Store(index_dir).briefs(Filters())]


def snapshot(index_dir: Path) -> dict[str, str]:
    return {str(p.relative_to(index_dir)): sha256_of(p) for p in index_dir.rglob("*") if p.is_file()}


def test_the_report_of_a_first_run(tmp_path, folder, embedder):
    told = []
    report = build_index(tmp_path / "ix", embedder, [folder], progress=lambda *step: told.append(step))
    assert (report.added, report.changed, report.removed, report.failed) == (("grain.txt", "harbour.txt"), (), (), ())
    assert (report.generation, report.n_briefs, report.n_passages, report.n_embedded) == (1, 2, 6, 6)
    assert list(dict.fromkeys(step[0] for step in told)) == ["reading", "cutting", "embedding", "writing"]
    assert all(done <= total for _, done, total in told)
    assert Store(tmp_path / "ix").manifest.report == report


@pytest.mark.parametrize("stage", ["reading", "cutting", "embedding", "writing"])
def test_a_run_that_is_stopped_leaves_the_index_as_it_was(index_dir, folder, embedder, stage):
    (folder / "new.txt").write_bytes(BRIEF.replace("harbour", "railway").encode())

    def stop(at, done, total):
        if at == stage:
            raise IndexStopped("the run was stopped; the index is as it was")

    with pytest.raises(IndexStopped):
        build_index(index_dir, embedder, progress=stop)
    assert sources(index_dir) == ["grain.txt", "harbour.txt"]
    assert build_index(index_dir, embedder).added == ("new.txt",)


def test_saved_and_opened_it_finds_what_was_built(index_dir, embedder):
    store = Store(index_dir)
    question = "what did the ambassador object to"
    dense = store.search_dense(embedder.embed_questions([question])[0], 3)[0]
    sparse = store.search_sparse(question, 3)[0]
    for rows in (dense, sparse):
        first = store.passages(rows)[0]
        brief = store.brief(first.brief_id)
        assert first.text.startswith("Ambassador Ana Brook objected")
        assert first.text == brief.text[first.start : first.end]
    assert store.brief("harbour.txt").text == BRIEF


def test_only_what_is_new_is_embedded(index_dir, folder, embedder):
    embedder.n_embedded = 0
    (folder / "harbour.txt").write_text(BRIEF.replace("overdue", "late"), "utf-8")
    (folder / "grain.txt").rename(folder / "wheat.txt")
    (folder / "new.txt").write_text("A lone paragraph about dams.", "utf-8")
    (folder / "bad.txt").write_bytes(b"caf\x8e prices")
    report = build_index(index_dir, embedder)
    assert report.added == ("new.txt", "wheat.txt")
    assert (report.changed, report.unchanged, report.removed) == (("harbour.txt",), (), ("grain.txt",))
    assert [f.reason for f in report.failed] == [
        "bad.txt is not UTF-8 (byte 0x8e at position 3), nor for certain anything else; save it as UTF-8"
    ]
    assert (report.n_embedded, embedder.n_embedded) == (2, 2)  # the edited paragraph and the lone one
    assert sources(index_dir) == ["wheat.txt", "harbour.txt", "new.txt"]


def test_a_file_that_failed_is_tried_again(index_dir, folder, embedder):
    (folder / "bad.txt").write_bytes(b"\0\1")
    assert "null bytes" in build_index(index_dir, embedder).failed[0].reason
    (folder / "bad.txt").write_text("Mended now.", "utf-8")
    assert build_index(index_dir, embedder).added == ("bad.txt",)


def test_a_brief_that_cannot_be_cut_is_failed_not_added(index_dir, folder, embedder):
    (folder / "wide.txt").write_text(f"{'Word ' * 58}\n\nText of the brief.", "utf-8")
    report = build_index(index_dir, embedder)
    assert (report.added, [f.source for f in report.failed]) == ((), ["wide.txt"])
    with pytest.raises(InputMissing, match="none of the 1 files could be read.*its title takes 58"):
        build_index(index_dir, embedder, [folder / "wide.txt"])


def test_nothing_new_writes_nothing(index_dir, embedder):
    before = snapshot(index_dir)
    report = build_index(index_dir, embedder)
    assert (report.unchanged, report.generation) == (("grain.txt", "harbour.txt"), 1)
    assert snapshot(index_dir) == before


def test_a_rebuild_takes_nothing_over(index_dir, embedder):
    embedder.n_embedded = 0
    report = build_index(index_dir, embedder, rebuild=True)
    assert (report.generation, report.n_embedded) == (2, 6)


def test_two_files_with_one_text_are_one_brief(index_dir, folder, embedder):
    shutil.copy(folder / "grain.txt", folder / "copy.txt")
    report = build_index(index_dir, embedder)
    assert (report.added, report.n_briefs, report.n_embedded) == (("copy.txt",), 2, 0)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_offsets_slice_the_file_whatever_it_holds(tmp_path, embedder, ending):
    text = "\ufeffA Title 😀\n\nCafe\u0301 and naïve “quotes” … 漢字.\n\nSecond 👩‍👩‍👧 paragraph.".replace("\n", ending)
    file = tmp_path / "odd.txt"
    file.write_bytes(text.encode())
    build_index(tmp_path / "ix", embedder, [file])
    store = Store(tmp_path / "ix")
    with file.open(encoding="utf-8", newline="") as opened:
        read = opened.read()
    passages = store.passages(store.rows())
    assert [p.text for p in passages] == [read[p.start : p.end] for p in passages]
    assert len(passages) == 2


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), ["grain.txt", "harbour.txt"]),
        (Filters(after="2022-01-01"), ["grain.txt"]),
        (Filters(after="2021-03-15", before="2021-03-15"), ["harbour.txt"]),
        (Filters(author="quill"), ["harbour.txt"]),
        (Filters(kind="policy brief"), ["grain.txt"]),
        (Filters(topic="north korea"), ["harbour.txt"]),
        (Filters(topic="agriculture trade"), ["grain.txt"]),  # the tags as they stand together
        (Filters(brief="grain.txt"), ["grain.txt"]),
        (Filters(author="%"), []),
    ],
)
def test_filters_are_exact_in_both_searches(index_dir, embedder, filters, expected):
    store = Store(index_dir)
    assert [brief.source for brief in store.briefs(filters)] == expected
    rows = store.rows(filters)
    vector = embedder.embed_questions(["the canal and the harbour project"])[0]
    for found in (store.search_dense(vector, 9, rows)[0], store.search_sparse("canal harbour", 9, rows)[0]):
        briefs = {store.brief(p.brief_id).source for p in store.passages(found)}
        assert briefs <= set(expected)
    assert len(store.search_dense(vector, 9, rows)[0]) == 3 * len(expected)


def test_what_passes_a_filter_is_remembered_for_a_few_filters(index_dir):
    segment = Store(index_dir).segments[0]
    for year in [*range(2010, 2030), 2022]:
        for _ in range(2):
            passing = segment.numbers(Filters(after=f"{year}-01-01"))
            assert len(passing) == (year <= 2021) + (year <= 2022)
            assert not passing.flags.writeable
        assert len(segment._passing) <= 8


def test_bad_input_changes_nothing(index_dir, tmp_path, embedder):
    before = snapshot(index_dir)
    (tmp_path / "empty").mkdir()
    (tmp_path / "brief.odt").write_bytes(b"PK")
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "bad.txt").write_bytes(b"\x81")
    for path, words in (
        ("nowhere", "there is no file or folder"),
        ("empty", r"there is no file to index \(.*\.zip\) in"),
        ("brief.odt", f"is not one of {SUFFIXES_SAID}"),
        ("only", "none of the 1 files could be read, so nothing was changed; the first: bad.txt is not UTF-8"),
    ):
        with pytest.raises(InputMissing, match=words):
            build_index(index_dir, embedder, [tmp_path / path])
    assert snapshot(index_dir) == before


def test_another_embedder_is_refused_and_rebuild_accepts_it(index_dir):
    other = HashEmbedder("other", 32)
    with pytest.raises(IndexMismatch, match=r"made with the embedder hash \(64 dimensions.*not other \(32 dimensions"):
        build_index(index_dir, other)
    build_index(index_dir, other, rebuild=True)
    assert Store(index_dir).manifest.embedder == "other"


def test_no_index(tmp_path):
    with pytest.raises(IndexMissing, match="make one with: briefqa index FOLDER"):
        Store(tmp_path / "none")


@pytest.mark.parametrize("harm", ["missing", "flipped", "cut"])
@pytest.mark.parametrize(
    "file",
    [
        "gen-000001/manifest.json",
        "gen-000001/files.json",
        "gen-000001/sparse/meta.json",
        "segments/seg-000001/catalogue.sqlite",
        "segments/seg-000001/passages.npy",
        "segments/seg-000001/vectors.npy",
        "segments/seg-000001/dense.faiss",
    ],
)
def test_damage_is_named_and_a_rebuild_mends_it(index_dir, folder, embedder, file, harm):
    path = index_dir / file
    content = bytearray(path.read_bytes())
    if harm == "missing":
        path.unlink()
    else:
        # In the manifest a digit, so that it stays JSON: only the checksum tells.
        manifest = file.endswith("manifest.json")
        at = content.index(b'"dim": 64') + 7 if manifest else len(content) // 2
        content[at] ^= 1
        path.write_bytes(content if harm == "flipped" else content[:-1])
    with pytest.raises(IndexCorrupt, match=f"{file}.*mend it with: briefqa index --rebuild"):
        Store(index_dir)
    with pytest.raises(IndexCorrupt):
        build_index(index_dir, embedder)
    if file.endswith("manifest.json") and harm != "flipped":
        # Once, a rebuild of such an index put the samples in the place of the user's briefs.
        with pytest.raises(IndexCorrupt, match="no longer tells which folder.*briefqa index --rebuild FOLDER"):
            build_index(index_dir, embedder, rebuild=True)
        build_index(index_dir, embedder, [folder], rebuild=True)
    else:
        build_index(index_dir, embedder, rebuild=True)
    assert sources(index_dir) == ["grain.txt", "harbour.txt"]


def test_a_nonsense_pointer_is_damage(index_dir):
    (index_dir / "CURRENT").write_text("whatever\n")
    with pytest.raises(IndexCorrupt, match="does not name a generation"):
        Store(index_dir)


def test_an_index_of_another_format_is_refused(index_dir):
    folder = index_dir / "gen-000001"
    raw = json.loads((folder / "manifest.json").read_text("utf-8")) | {"format": 99}
    (folder / "manifest.json").write_text(json.dumps(raw), "utf-8")
    (index_dir / "CURRENT").write_text(f"gen-000001 {sha256_of(folder / 'manifest.json')}\n")
    with pytest.raises(IndexMismatch, match=f"has format 99, this program reads {FORMAT}"):
        Store(index_dir)


def test_the_manifest_survives_its_own_text(index_dir):
    manifest = Store(index_dir).manifest
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_one_writer_at_a_time(index_dir, embedder):
    with FileLock(index_dir / "lock"), pytest.raises(IndexBusy, match="another run is writing"):
        build_index(index_dir, embedder, rebuild=True)


def test_a_folder_that_cannot_be_written(tmp_path, folder, embedder):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(IndexUnwritable, match="choose another folder with --index-dir; the index is as it was"):
        build_index(tmp_path / "file" / "ix", embedder, [folder])


def test_a_disk_that_fills_up_leaves_the_old_index(index_dir, folder, embedder, monkeypatch):
    before = snapshot(index_dir)
    (folder / "new.txt").write_text("One more.", "utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(commit, "fsync", full)
    with pytest.raises(IndexUnwritable, match="No space left on device.*free some space"):
        build_index(index_dir, embedder)
    assert snapshot(index_dir) == before


def test_a_full_disk_told_by_sqlite_is_told_as_one(index_dir, embedder, monkeypatch):
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(searches, "write_dense", full)
    with pytest.raises(IndexUnwritable, match="disk is full.*free some space"):
        build_index(index_dir, embedder, rebuild=True)


def test_an_index_on_read_only_media_answers(index_dir, monkeypatch):
    """Told as damage once: the full-text engine wants a lock file even to read."""
    before = snapshot(index_dir)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    rows = Store(index_dir).search_sparse("harbour project", 3)[0]
    assert len(rows) == 3
    assert snapshot(index_dir) == before


def test_an_open_store_keeps_answering_from_its_generation(index_dir, folder, embedder):
    store = Store(index_dir)
    (folder / "grain.txt").unlink()
    build_index(index_dir, embedder)
    assert store.brief("grain.txt").text == OTHER
    assert sources(index_dir) == ["harbour.txt"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list open files")
def test_a_store_that_is_left_closes_its_files_at_once(index_dir):
    gc.collect()
    gc.disable()  # what only the garbage collector closes stays open for minutes
    try:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            assert Store(index_dir).briefs(Filters())
        assert len(os.listdir("/proc/self/fd")) == before
    finally:
        gc.enable()


def test_facets_count_briefs(index_dir, folder, embedder):
    store = Store(index_dir)
    facets = store.facets(Filters())
    assert facets.n_briefs == 2
    assert facets.years == {"2021": 1, "2022": 1} and facets.kinds == {"Insight": 1, "Policy Brief": 1}
    assert facets.authors == {"Mara Quill": 1, "Teo Marsh": 1}
    assert store.facets(Filters(kind="insight")).topics == {"Indo-Pacific": 1, "North Korea": 1}
    (folder / "new.txt").write_text(OTHER.replace("310", "320").replace("Teo Marsh", "Ada Frey"), "utf-8")
    (folder / "harbour.txt").unlink()
    build_index(index_dir, embedder)
    facets = Store(index_dir, store).facets(Filters())
    assert facets.years == {"2022": 2} and facets.authors == {"Ada Frey": 1, "Teo Marsh": 1}


def test_a_moved_and_a_copied_index_answer_and_can_be_updated(index_dir, folder, embedder, tmp_path):
    shutil.copytree(index_dir, tmp_path / "copy")
    index_dir.rename(tmp_path / "moved")
    (folder / "grain.txt").unlink()
    for place in ("copy", "moved"):
        assert sources(tmp_path / place) == ["grain.txt", "harbour.txt"]
        assert build_index(tmp_path / place, embedder).removed == ("grain.txt",)
        assert sources(tmp_path / place) == ["harbour.txt"]


def test_two_files_of_an_index_that_changed_places_are_named(index_dir):
    folder = index_dir / "segments" / "seg-000001"
    (folder / "vectors.npy").rename(folder / "x")
    (folder / "passages.npy").rename(folder / "vectors.npy")
    (folder / "x").rename(folder / "passages.npy")
    with pytest.raises(IndexCorrupt, match="the content of segments/seg-000001/.*is not what was written"):
        Store(index_dir)


def test_a_clock_that_goes_backwards_misses_no_change(index_dir, folder, embedder, monkeypatch):
    """All files seem to come from the future: then their times are not relied on, and their content tells."""
    monkeypatch.setattr(loaders.time, "time_ns", lambda: 10**18)
    assert build_index(index_dir, embedder).unchanged == ("grain.txt", "harbour.txt")
    (folder / "grain.txt").write_text(OTHER.replace("310", "320"), "utf-8")
    assert build_index(index_dir, embedder).changed == ("grain.txt",)
    assert {record.stamp for record in Store(index_dir).file_records().values()} == {()}


def test_links_that_lead_in_a_circle_and_many_files_in_one_folder(tmp_path, embedder):
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "loop").symlink_to(folder)
    for n in range(2000):
        (folder / f"{n}.txt").write_text(f"Brief {n} on dams.", "utf-8")
    report = build_index(tmp_path / "ix", embedder, [folder])
    assert (report.n_briefs, report.n_passages) == (2000, 2000)
    assert Store(tmp_path / "ix").brief("1999.txt").text == "Brief 1999 on dams."


def test_an_index_of_the_first_format_is_refused_and_made_anew(tmp_path, folder, embedder):
    """As version 1 left it: everything in the generation, no segments."""
    old = tmp_path / "ix" / "gen-000004"
    old.mkdir(parents=True)
    (old / "manifest.json").write_text(json.dumps({"format": 1, "inputs": [str(folder)], "files": {}}), "utf-8")
    (tmp_path / "ix" / "CURRENT").write_text(f"gen-000004 {sha256_of(old / 'manifest.json')}\n")
    with pytest.raises(IndexMismatch, match=f"has format 1, this program reads {FORMAT}; make it anew with"):
        Store(tmp_path / "ix")
    report = build_index(tmp_path / "ix", embedder, rebuild=True)
    assert (report.generation, report.n_briefs) == (5, 2)
    assert sources(tmp_path / "ix") == ["grain.txt", "harbour.txt"]


KILLED = """
import os, pathlib, signal, sys
sys.path.insert(0, {tests!r})
from conftest import HashEmbedder
from index import builder, commit, generation, searches
steps = 0
def dies(function):
    def step(*args, **kwargs):
        global steps
        if steps == {step}:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1
        return function(*args, **kwargs)
    return step
for module, name in (
    (searches, "write_dense"), (generation, "SparseWriter"), (generation, "_hashes_of"), (generation, "commit"),
    (commit, "sha256_of"), (pathlib.Path, "rename"), (os, "replace"), (commit, "remove_old"),
):
    setattr(module, name, dies(getattr(module, name)))
fsync, fsync_or_die = commit.fsync, dies(commit.fsync)
# Of the many files of a segment, flushing one is like flushing another.
commit.fsync = lambda path: (fsync if path.suffix or len(path.name) > 30 else fsync_or_die)(path)
builder.build_index(pathlib.Path({index_dir!r}), HashEmbedder())
print("finished")
"""


def test_killed_at_any_step_the_old_or_the_new_index_answers(index_dir, folder, embedder):
    """kill −9 before every step of an update; after each, the index opens, and the next run completes."""
    outcomes = set()
    step = 0
    while True:
        (folder / "grain.txt").write_text(OTHER + f"\n\nVersion {step}.", "utf-8")
        (folder / "harbour.txt").write_text(BRIEF, "utf-8")
        build_index(index_dir, embedder)
        (folder / "harbour.txt").unlink()
        code = KILLED.format(tests=str(Path(__file__).parent), step=step, index_dir=str(index_dir))
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        found = sources(index_dir)
        assert found in (["grain.txt", "harbour.txt"], ["grain.txt"])
        outcomes.add(len(found))
        if run.returncode == 0:
            assert "finished" in run.stdout and found == ["grain.txt"]
            break
        assert run.returncode == -signal.SIGKILL, run.stderr
        build_index(index_dir, embedder)
        assert sources(index_dir) == ["grain.txt"]
        step += 1
    assert outcomes == {1, 2} and step > 12
    assert len(list(index_dir.glob("gen-*"))) <= 2
    assert len(list(index_dir.glob("segments/seg-*"))) <= 2
    assert not list(index_dir.glob(".building-*"))
