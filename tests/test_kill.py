"""kill −9 at random moments of first build, update and merge; a folder on a full disk; a watcher.

`BRIEFQA_KILLS=200 pytest tests/test_kill.py` kills as often as the figure in the README says.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import HashEmbedder

from index.builder import build_index
from index.check import check_index
from index.errors import IndexMissing, IndexUnwritable
from index.store import Store, read_current
from index.types import Filters

KILLS = int(os.environ.get("BRIEFQA_KILLS", "9"))
RUN = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from conftest import HashEmbedder
from index.builder import build_index
print("ready", flush=True)
sys.stdin.readline()
build_index(Path({index_dir!r}), HashEmbedder(), [Path({folder!r})])
print("finished", flush=True)
"""


def brief(n: int, version: int) -> str:
    return f"March 3, 2021 | Insight\n\nDam {n}\n\nReport {n} of the dams, version {version}.\n\nSecond paragraph {n}."


def started(index_dir: Path, folder: Path) -> subprocess.Popen:
    code = RUN.format(tests=str(Path(__file__).parent), index_dir=str(index_dir), folder=str(folder))
    run = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout.readline() == "ready\n"
    return run


def go(run: subprocess.Popen) -> None:
    run.stdin.write("go\n")
    run.stdin.flush()


def state(index_dir: Path) -> dict[str, str] | None:
    """What the index answers from, every part of it checked; None where there is no index yet."""
    try:
        read_current(index_dir)
    except IndexMissing:
        return None
    assert all(finding.ok for finding in check_index(index_dir))
    store = Store(index_dir)
    vector = HashEmbedder().embed_questions(["report of the dams"])[0]
    rows = store.rows()
    assert sorted(store.search_dense(vector, len(rows))[0].tolist()) == rows.tolist()
    assert len(store.search_sparse("dams paragraph", len(rows))[0]) == len(rows)
    return {b.source: b.text for b in store.briefs(Filters())}


def test_killed_at_random_moments_nothing_is_lost(tmp_path, record_property):
    """After each kill the index holds exactly the briefs of before or of after, and the next run completes it."""
    rng = random.Random(11)
    folder, index_dir = tmp_path / "briefs", tmp_path / "ix"
    folder.mkdir()
    counts = {"none": 0, "before": 0, "after": 0}
    seconds = 0.2
    for kill in range(KILLS):
        if kill % 3 == 0:  # a first build
            shutil.rmtree(index_dir, ignore_errors=True)
            for path in folder.iterdir():
                path.unlink()
            changed = range(40)
        else:  # an update, small ones in a row leading to merges
            changed = [rng.randrange(60) for _ in range(rng.choice((1, 3, 15)))]
            if rng.random() < 0.3:
                (folder / f"{rng.choice(sorted(folder.iterdir())).name}").unlink()
        before = state(index_dir)
        for n in changed:
            (folder / f"{n:02d}.txt").write_text(brief(n, kill), "utf-8")
        after = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
        run = started(index_dir, folder)
        go(run)
        time.sleep(rng.uniform(0, seconds))
        run.kill()
        out, _ = run.communicate()
        assert run.returncode == -signal.SIGKILL or "finished" in out
        found = state(index_dir)
        assert found in (before, after), f"kill {kill}"
        counts["none" if found is None else "after" if found == after else "before"] += 1
        begun = time.monotonic()
        build_index(index_dir, HashEmbedder(), [folder])
        seconds = 0.7 * seconds + 0.3 * 1.5 * (time.monotonic() - begun)
        assert state(index_dir) == after
        assert not list(index_dir.glob(".building-*"))
    record_property("kills", json.dumps(counts))
    assert sum(counts.values()) == KILLS


def test_two_processes_read_while_one_writes(tmp_path):
    """Readers that open the index again and again see whole generations only, never an error."""
    folder, index_dir = tmp_path / "briefs", tmp_path / "ix"
    folder.mkdir()
    for n in range(5):
        (folder / f"{n:02d}.txt").write_text(brief(n, 0), "utf-8")
    build_index(index_dir, HashEmbedder(), [folder])
    code = f"""
import sys, re, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from index.store import Store
from index.types import Filters
print("ready", flush=True)
seen, store, until = set(), None, time.monotonic() + 60
while max(seen, default=0) < 12 and time.monotonic() < until:
    store = Store(Path({str(index_dir)!r}), store if len(seen) % 2 else None)
    versions = {{re.search(r"version (\\d+)", b.text).group(1) for b in store.briefs(Filters())}}
    assert len(versions) == 1, versions
    seen.add(int(versions.pop()))
print(len(seen), flush=True)
"""
    readers = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [reader.stdout.readline() for reader in readers] == ["ready\n"] * 2
    for version in range(1, 13):
        for n in range(5):
            (folder / f"{n:02d}.txt").write_text(brief(n, version), "utf-8")
        build_index(index_dir, HashEmbedder())
    for reader in readers:
        out, errors = reader.communicate(timeout=90)
        assert reader.returncode == 0, errors
        assert int(out) > 1


def can_mount(folder: Path) -> bool:
    options = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    return subprocess.run(options, capture_output=True, check=False).returncode == 0


def test_a_full_disk_is_told_and_changes_nothing(tmp_path):
    """A file system of 400 kB, on which the first index fits and a larger one does not."""
    disk, folder = tmp_path / "disk", tmp_path / "briefs"
    disk.mkdir()
    folder.mkdir()
    if not can_mount(disk):
        pytest.skip("mounting a small file system is not allowed here")
    try:
        (folder / "00.txt").write_text(brief(0, 0), "utf-8")
        build_index(disk / "ix", HashEmbedder(), [folder])
        before = state(disk / "ix")
        for n in range(1, 400):
            (folder / f"{n:03d}.txt").write_text(brief(n, 0), "utf-8")
        with pytest.raises(IndexUnwritable, match="free some space; the index is as it was"):
            build_index(disk / "ix", HashEmbedder())
        assert state(disk / "ix") == before
        assert not list((disk / "ix").glob(".building-*"))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_watcher_keeps_the_index_in_step(tmp_path):
    folder, index_dir = tmp_path / "briefs", tmp_path / "ix"
    folder.mkdir()
    (folder / "00.txt").write_text(brief(0, 0), "utf-8")
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from conftest import HashEmbedder
from index.builder import build_index
from index.watch import keep_in_step
folder, index_dir = Path({str(folder)!r}), Path({str(index_dir)!r})
for outcome in keep_in_step(index_dir, lambda opened: build_index(index_dir, HashEmbedder(), [folder], opened=opened)):
    print(outcome if isinstance(outcome, Exception) else (outcome.added, outcome.changed, outcome.removed), flush=True)
"""
    watcher = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert watcher.stdout.readline() == "(('00.txt',), (), ())\n"
        time.sleep(1.5)  # until it watches
        (folder / "01.txt").write_text(brief(1, 0), "utf-8")
        assert watcher.stdout.readline() == "(('01.txt',), (), ())\n"
        (folder / "00.txt").unlink()
        assert watcher.stdout.readline() == "((), (), ('00.txt',))\n"
        (folder / "01.txt").unlink()
        assert "nothing was changed" in watcher.stdout.readline()
        (folder / "02.txt").write_text(brief(2, 0), "utf-8")
        assert watcher.stdout.readline() == "(('02.txt',), (), ('01.txt',))\n"
    finally:
        watcher.kill()
        watcher.communicate()
    assert state(index_dir) == {"02.txt": brief(2, 0)}
