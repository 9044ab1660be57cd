"""Embedding by several processes, and by several machines, gives the index that one process gives."""

import os
from pathlib import Path

import pytest
from hashed import Dying, HashEmbedder
from typer.testing import CliRunner

from index.builder import build_index
from index.embedded import EMBEDDED
from index.errors import IndexMissing, InputMissing, ModelUnavailable
from index.settings import IndexSettings
from index.shards import embed_shard
from index.store import Store, sha256_of
from ui.cli import app

THREADS = os.environ.get("OMP_NUM_THREADS")
SMALL = IndexSettings(batch_size=3)
"""Batches, so that there are some."""


@pytest.fixture
def many(folder) -> Path:
    for n in range(12):
        (folder / f"dam{n:02d}.txt").write_text(
            f"Report {n} of the dams.\n\n{'Water ' * n}rose in harbour {n}.", "utf-8"
        )
    return folder


def contents(index_dir: Path) -> dict[str, str]:
    """SHA-256 of every file of the segments but the catalogue, which SQLite writes."""
    return {path.name: sha256_of(path) for path in index_dir.glob("segments/seg-000001/*") if path.suffix != ".sqlite"}


def test_two_processes_make_the_same_files(tmp_path, many):
    told = []
    one = build_index(tmp_path / "one", HashEmbedder(), [many], settings=SMALL)
    two = build_index(
        tmp_path / "two", HashEmbedder(), [many], settings=SMALL, workers=2, progress=lambda *step: told.append(step)
    )
    assert one.n_embedded == two.n_embedded == one.n_passages > 20
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert [step[1] for step in told if step[0] == "embedding"] == [*range(0, one.n_passages, 3), one.n_passages]
    assert os.environ.get("OMP_NUM_THREADS") == THREADS


def test_a_process_that_is_ended_is_told_and_changes_nothing(tmp_path, many):
    with pytest.raises(ModelUnavailable, match="one of the 2 processes that embed was ended.*fewer: --workers"):
        build_index(tmp_path / "ix", Dying(), [many], settings=SMALL, workers=2)
    with pytest.raises(IndexMissing):
        Store(tmp_path / "ix")


def test_parts_embedded_apart_make_the_same_index(tmp_path, many):
    (many / "bad.txt").write_bytes(b"\0\1")
    reports = [embed_shard(tmp_path / f"part-{n}", HashEmbedder(), [many], n, 3) for n in (1, 2, 3)]
    assert sum(report.n_files for report in reports) == 15
    assert [failure.source for report in reports for failure in report.failed] == ["bad.txt"]
    assert embed_shard(tmp_path / "part-2", HashEmbedder(), [many], 2, 3).n_embedded == 0  # it goes on where it was
    whole = build_index(tmp_path / "whole", HashEmbedder(), [many])
    assert sum(report.n_embedded for report in reports) == whole.n_embedded
    (tmp_path / "ix").mkdir()
    logs = [tmp_path / f"part-{n}" / EMBEDDED for n in (3, 1, 2)]
    (tmp_path / "ix" / EMBEDDED).write_bytes(b"".join(log.read_bytes() for log in logs))
    embedder = HashEmbedder()
    report = build_index(tmp_path / "ix", embedder, [many])
    assert (report.n_embedded, embedder.n_embedded) == (0, 0)
    assert contents(tmp_path / "ix") == contents(tmp_path / "whole")
    assert not (tmp_path / "ix" / EMBEDDED).exists()


@pytest.mark.parametrize("part", [(0, 2), (3, 2)])
def test_parts_that_there_are_not(tmp_path, many, part):
    with pytest.raises(InputMissing, match=f"there is no part {part[0]} of 2; give one of 1/2 to 2/2"):
        embed_shard(tmp_path / "ix", HashEmbedder(), [many], *part)


@pytest.mark.parametrize("words", [["briefs", "--shard", "2"], ["--shard", "1/2"], ["briefs", "--workers", "0"]])
def test_options_that_make_no_sense(words):
    assert CliRunner().invoke(app, ["index", *words]).exit_code == 2
