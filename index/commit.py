"""How a generation becomes the current one: one writer, everything on disk before the pointer moves."""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from index.embedded import EMBEDDED
from index.errors import IndexBusy, IndexCorrupt, IndexMissing, IndexUnwritable
from index.store import CURRENT, MANIFEST, SEGMENTS, read_current, sha256_of

_KEPT_GENERATIONS = 2
"""The current one and the one before it, which a question asked during the swap may still be reading."""


@contextlib.contextmanager
def writing(index_dir: Path) -> Iterator[None]:
    """Holds the lock of the index, removes what killed runs left, and tells a full or read-only disk in a sentence."""
    try:
        index_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(index_dir / "lock", timeout=0):
            _remove_leftovers(index_dir)
            yield
    except Timeout:
        raise IndexBusy(f"another run is writing the index in {index_dir}; wait until it has finished") from None
    except OSError as exc:
        full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        if full:  # no work done before is worth room that somebody needs now
            (index_dir / EMBEDDED).unlink(missing_ok=True)
        raise IndexUnwritable(
            f"the index folder {index_dir} cannot be written ({exc.strerror or exc}); "
            f"{'free some space' if full else 'choose another folder with --index-dir'}; the index is as it was"
        ) from exc


@contextlib.contextmanager
def working_folder(index_dir: Path) -> Iterator[Path]:
    """An empty folder inside the index folder, gone afterwards unless it was moved."""
    working = index_dir / f".building-{os.getpid()}"
    working.mkdir()
    try:
        yield working
    finally:
        shutil.rmtree(working, ignore_errors=True)


def commit(index_dir: Path, generation: Path, name: str, segment: Path | None) -> None:
    """Makes the finished folders part of the index: flushed first, then renamed, then pointed to.

    Args:
        index_dir: Folder of the index.
        generation: The finished folder of the generation, manifest included.
        name: What it is to be called.
        segment: The finished folder of its new segment, where there is one; it keeps its name.
    """
    for folder in (segment, generation) if segment else (generation,):
        for path in [*folder.rglob("*"), folder]:
            fsync(path)
    segments = index_dir / SEGMENTS
    segments.mkdir(exist_ok=True)
    if segment:
        segment.rename(segments / segment.name)
    fsync(segments)
    target = generation.rename(index_dir / name)
    fsync(index_dir)
    pointer = index_dir / f".{CURRENT}-{os.getpid()}"
    pointer.write_text(f"{name} {sha256_of(target / MANIFEST)}\n", "utf-8")
    fsync(pointer)
    os.replace(pointer, index_dir / CURRENT)
    fsync(index_dir)
    (index_dir / EMBEDDED).unlink(missing_ok=True)
    remove_old(index_dir)


def fsync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def next_generation(index_dir: Path) -> int:
    """One more than that of any generation on disk, also one that a crash left without a pointer to it."""
    return max((int(path.name[4:]) for path in index_dir.glob("gen-*")), default=0) + 1


def next_segment(index_dir: Path) -> str:
    """Name for a segment: no segment on disk has its number, or a higher one."""
    return f"seg-{max((int(path.name[4:]) for path in index_dir.glob(f'{SEGMENTS}/seg-*')), default=0) + 1:06d}"


def remove_old(index_dir: Path) -> None:
    """Removes generations nobody needs, and segments that no kept one names; nothing where the index is damaged."""
    try:
        current = index_dir / read_current(index_dir)[0]
        older = sorted(path for path in index_dir.glob("gen-*") if path.name < current.name)[1 - _KEPT_GENERATIONS :]
        # A newer one was left by a crash before the pointer moved to it.
        kept = {current, *older}
        named = set(_segments_of(current)).union(*map(_segments_of, older))
    except (IndexMissing, IndexCorrupt):
        return
    for path in index_dir.glob("gen-*"):
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)
    for path in index_dir.glob(f"{SEGMENTS}/seg-*"):
        if path.name not in named:
            shutil.rmtree(path, ignore_errors=True)


def _segments_of(generation: Path) -> list[str]:
    try:
        manifest = json.loads((generation / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise IndexCorrupt(f"{generation / MANIFEST} cannot be read ({exc})") from exc
    return [record["name"] for record in manifest.get("segments", ())]


def _remove_leftovers(index_dir: Path) -> None:
    """What killed runs left; we hold the lock, so nobody is still writing it."""
    for path in index_dir.glob(".building-*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in index_dir.glob(f".{CURRENT}-*"):
        path.unlink(missing_ok=True)
    remove_old(index_dir)
