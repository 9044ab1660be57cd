"""The history of the index: a line a generation, which neither damage nor a crash makes anything depend on."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import BRIEF

from index import history
from index.builder import build_index
from index.history import PastRun, past_runs, remember
from index.store import Store
from index.types import Failure, Report
from ui.history import history_page, time_words

FIRST = Report(
    generation=1, added=("a.txt", "b.txt"), changed=(), unchanged=(), removed=(),
    failed=(Failure("c.txt", "is not UTF-8"),), n_briefs=2, n_passages=6, n_embedded=6, seconds=1.5,
    finished_at="2026-01-02T03:04:05+00:00",
)  # fmt: skip
FIRST_RUN = PastRun(1, "2026-01-02T03:04:05+00:00", 2, 0, 0, 0, 1, 2, 6, 1.5)


def later(generation: int) -> Report:
    return replace(FIRST, generation=generation, added=())


def generations(index_dir: Path, current: Report | None = None) -> list[int]:
    return [run.generation for run in past_runs(index_dir, current)]


def test_every_generation_is_on_record(tmp_path, folder, embedder):
    """A run that changed nothing made none; a rebuild keeps the history."""
    index_dir = tmp_path / "ix"
    first = build_index(index_dir, embedder, [folder])
    build_index(index_dir, embedder)
    (folder / "new.txt").write_bytes(BRIEF.replace("harbour", "railway").encode())
    (folder / "grain.txt").unlink()
    (folder / "bad.txt").write_bytes(b"\0\xe9")
    second = build_index(index_dir, embedder)
    third = build_index(index_dir, embedder, rebuild=True)
    runs = past_runs(index_dir, Store(index_dir).manifest.report)
    assert [(r.generation, r.added, r.changed, r.removed, r.failed, r.n_briefs) for r in runs] == [
        (1, 2, 0, 0, 0, 2), (2, 1, 0, 1, 1, 2), (3, 0, 0, 0, 1, 2),
    ]  # fmt: skip
    assert [(r.seconds, r.finished_at) for r in runs] == [(r.seconds, r.finished_at) for r in (first, second, third)]


def test_the_generation_in_use_ends_the_history_without_a_line(tmp_path):
    """Killed between the swap and the history; or an index of before there was one."""
    assert past_runs(tmp_path, FIRST) == [FIRST_RUN]
    assert past_runs(tmp_path, None) == []
    remember(tmp_path, FIRST, later(2))
    assert generations(tmp_path) == [1, 2]
    assert generations(tmp_path, later(3)) == [1, 2, 3]


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[1]", "null", '{"generation": 9}', '{"generation": "soon"}', "\udce9", '{"generation": 2, "fin'],
)
def test_a_damaged_line_is_left_out(tmp_path, damage):
    remember(tmp_path, None, FIRST)
    remember(tmp_path, FIRST, later(2))
    lines = (tmp_path / history.REPORTS).read_text("utf-8").splitlines()
    lines.insert(1, damage)
    (tmp_path / history.REPORTS).write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    assert past_runs(tmp_path, later(2))[0] == FIRST_RUN
    remember(tmp_path, later(2), later(3))
    assert generations(tmp_path) == [1, 2, 3]
    for line in (tmp_path / history.REPORTS).read_text("utf-8").splitlines():
        json.loads(line)


def test_it_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "_KEPT", 3)
    for generation in range(1, 6):
        remember(tmp_path, None, later(generation))
    assert generations(tmp_path) == [3, 4, 5]


def test_a_history_that_cannot_be_written_costs_no_run(tmp_path, folder, embedder, monkeypatch, caplog):
    """The generation is in use by then: to say that the run failed would be a lie."""

    def full(part, target):
        if str(target).endswith(history.REPORTS):
            raise OSError(28, "No space left on device")
        replaced(part, target)

    replaced = os.replace
    monkeypatch.setattr(os, "replace", full)
    report = build_index(tmp_path / "ix", embedder, [folder])
    assert Store(tmp_path / "ix").manifest.report == report
    assert "could not be written ([Errno 28] No space left on device)" in caplog.text
    assert generations(tmp_path / "ix", report) == [1]


def test_the_page_shows_the_last_runs_on_top():
    runs = [replace(FIRST_RUN, generation=n, n_briefs=1000 + n) for n in range(1, 12)]
    page = history_page(runs)
    assert page.index("<td>1,011</td>") < page.index("<td>1,010</td>")
    assert "<td>1,003</td>" not in page and "3 older runs: briefqa status --history" in page
    assert '<time datetime="2026-01-02T03:04:05+00:00">2 January 2026, 03:04</time>' in page
    assert "older" not in history_page(runs[:8])
    assert history_page(runs[:1]) == ""


def test_a_time_that_is_none_stands_as_it_is():
    assert time_words("<soon>") == "<soon>"
