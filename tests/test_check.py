"""The check of an index: in order where it is, and what is wrong named, one thing at a time."""

import json
import shutil
import sqlite3

import numpy as np
import pytest
from conftest import BRIEF

from index.builder import build_index
from index.check import check_index
from index.errors import IndexMissing
from index.segment import Segment
from index.store import sha256_of


@pytest.fixture
def index_dir(tmp_path, folder, embedder):
    build_index(tmp_path / "ix", embedder, [folder])
    return tmp_path / "ix"


def told(index_dir):
    return [(finding.ok, finding.what) for finding in check_index(index_dir)]


def seal(index_dir):
    """Makes manifest and pointer fit the files again, as a program with a mistake would have written them."""
    manifest = index_dir / "gen-000001" / "manifest.json"
    raw = json.loads(manifest.read_text("utf-8"))
    record = raw["segments"][0]
    record["files"] = {name: sha256_of(index_dir / "segments" / record["name"] / name) for name in record["files"]}
    manifest.write_text(json.dumps(raw), "utf-8")
    (index_dir / "CURRENT").write_text(f"gen-000001 {sha256_of(manifest)}\n")


def test_a_whole_index_is_in_order(index_dir):
    findings = told(index_dir)
    assert all(ok for ok, _ in findings)
    assert [what for _, what in findings][1:] == [
        "2 briefs have the text their id was made from, and 6 passages lie in them",
        "the vectors are of length 1, and both searches hold all 6 passages",
        "the 2 files indexed are as they were",
    ]


def test_every_damaged_file_is_named(index_dir):
    for name in ("vectors.npy", "passages.npy"):
        path = index_dir / "segments" / "seg-000001" / name
        path.write_bytes(path.read_bytes()[:-1])
    (index_dir / "gen-000001" / "files.json").unlink()
    findings = told(index_dir)
    assert [ok for ok, _ in findings] == [False] * 3
    for name, (_, what) in zip(("files.json is missing", "passages.npy", "vectors.npy"), findings, strict=True):
        assert name in what and what.endswith("mend it with: briefqa index --rebuild")


def test_what_no_checksum_tells_is_found(index_dir):
    vectors = np.load(index_dir / "segments" / "seg-000001" / "vectors.npy")
    np.save(index_dir / "segments" / "seg-000001" / "vectors.npy", vectors * 2)
    seal(index_dir)
    assert (False, "seg-000001 holds vectors that are not of length 1; mend it with: briefqa index --rebuild") in told(
        index_dir
    )
    np.save(index_dir / "segments" / "seg-000001" / "vectors.npy", vectors[::-1])
    seal(index_dir)
    # Reversed, they are all there: found under other rows, and so by their own vector still.
    assert all(ok for ok, _ in told(index_dir))
    np.save(index_dir / "segments" / "seg-000001" / "vectors.npy", -vectors)
    seal(index_dir)
    assert any("does not find passage" in what for ok, what in told(index_dir) if not ok)


def test_a_text_that_is_not_the_one_indexed(index_dir):
    catalogue = sqlite3.connect(index_dir / "segments" / "seg-000001" / "catalogue.sqlite")
    catalogue.execute("UPDATE briefs SET text = replace(text, 'objected', 'rejected')")
    catalogue.commit()
    catalogue.close()
    seal(index_dir)
    assert (
        False,
        "the text of harbour.txt is not the one its id was made from; mend it with: briefqa index --rebuild",
    ) in told(index_dir)


def test_what_the_folder_holds_by_now_is_told_and_is_no_damage(index_dir, folder):
    (folder / "harbour.txt").write_text(BRIEF + " ", "utf-8")
    (folder / "grain.txt").rename(folder / "wheat.txt")
    assert told(index_dir)[-1] == (
        True,
        "since the last run 1 files are new, 1 changed, 1 gone; take them in with: briefqa index",
    )
    shutil.rmtree(folder)
    assert told(index_dir)[-1][1].startswith("the folder cannot be compared: there is no file or folder")


def test_no_index_is_no_finding(tmp_path):
    with pytest.raises(IndexMissing):
        list(check_index(tmp_path))


def test_parts_of_different_length_cannot_be_opened(index_dir):
    folder = index_dir / "segments" / "seg-000001"
    np.save(folder / "passages.npy", np.load(folder / "passages.npy")[:-1])
    with pytest.raises(ValueError, match=r"different numbers of passages: \[5, 6\]"):
        Segment(folder)
