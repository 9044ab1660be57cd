"""Folder to new generation, with a report. Until the last step, the old generation answers."""

import errno
import gc
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from index.added import ADDED, added_prefix, with_added
from index.commit import writing
from index.embedder import Embedder
from index.errors import BriefQAError, BriefUnreadable, IndexCorrupt, IndexMissing, InputMissing
from index.generation import Found, nothing_readable, write_generation
from index.history import remember
from index.loaders import (
    SourceFile,
    holds,
    list_files,
    load_brief,
    parts_of,
    read_bytes,
    sha256_of_bytes,
    stamp_of,
)
from index.settings import IndexSettings, StoreSettings
from index.store import FileRecord, Store, recorded_inputs
from index.types import Failure, Progress, Report

SAMPLES = Path(__file__).parent / "samples"


def no_progress(stage: str, done: int, total: int) -> None:
    """Shows nothing."""


def build_index(
    index_dir: Path,
    embedder: Embedder,
    inputs: Sequence[Path] = (),
    *,
    rebuild: bool = False,
    drop_missing: bool = False,
    settings: IndexSettings | None = None,
    store: StoreSettings | None = None,
    workers: int = 1,
    opened: Store | None = None,
    progress: Progress = no_progress,
    change: AbstractContextManager[None] | None = None,
) -> Report:
    """Brings the index in step with `inputs` and returns what that took.

    The index afterwards holds exactly the briefs under `inputs`, and those added to it (index/added.py). Files that
    nobody has written to since the last run are not read again, and text whose vector is known is not embedded again;
    what changed becomes a segment of its own, together with older segments of about its size. When nothing differs, no
    generation is written.

    Args:
        index_dir: Folder of the index; made if need be.
        embedder: Makes the vectors.
        inputs: Folders and files. Empty means those of the existing index, or the shipped samples.
        rebuild: Take nothing over from the generation before; mends a damaged index.
        drop_missing: Go on when a folder that held briefs holds none any more, and drop them; where there are no
            others, the index is empty afterwards.
        settings: Empty means those of the existing index, or the defaults.
        store: What searches. Empty means that of the existing index, or the index folder itself.
        workers: Processes that embed; 1: this one does.
        opened: The index as it was opened some time ago: files of it that are still there are not verified again.
        progress: Told how far the work is.
        change: A change of the added files that the run takes in: made when the lock is held, undone if it fails.

    Raises:
        InputMissing: Nothing to index there, or nothing any more; the index stays as it was.
        IndexBusy: Another run is writing this index.
        IndexUnwritable: The folder cannot be written; the index stays as it was.
        IndexMismatch: It was made by another embedder, and `rebuild` is False.
        IndexCorrupt: It is damaged, and `rebuild` is False.
        StoreUnavailable: Milvus is to search, or does, and does not answer.
    """
    with writing(index_dir), change or nullcontext(), _collecting_only_what_is_new():
        started = time.monotonic()
        before = _before(index_dir, rebuild, opened)
        if before and not rebuild:
            before.check_embedder(embedder.name, embedder.fingerprint, embedder.dim)
        named = bool(inputs)
        if not inputs:
            inputs = tuple(map(Path, before.manifest.inputs)) if before else _inputs_without_manifest(index_dir)
        inputs = tuple(Path(os.path.abspath(path)) for path in inputs)
        settings = settings or (before.manifest.settings if before else IndexSettings())
        store = store or (before.manifest.store if before else StoreSettings())
        # The folders of an index that has added briefs may be empty, as long as they held nothing before.
        own = list_files(inputs, none_allowed=drop_missing or (not named and (index_dir / ADDED).is_dir()))
        records = before.file_records() if before else {}
        if not drop_missing:
            _check_nothing_vanished(inputs, own, records, added_prefix(index_dir))
        files = with_added(index_dir, own)
        same_kind = before and not rebuild and (settings, store) == (before.manifest.settings, before.manifest.store)
        valid = before if before and same_kind and before.continues() else None
        found = read_files(files, records if valid else {}, progress)
        report = _changes(found, records, before)
        if found.failed and not found.files:
            raise nothing_readable(found.failed)
        same = not (report.added or report.changed or report.removed)
        if valid and same and tuple(map(str, inputs)) == valid.manifest.inputs:
            return _finished(report, started)
        try:
            report = write_generation(
                index_dir, embedder, settings, store, inputs, found, report,
                rows=valid, vectors=None if rebuild else before, workers=workers,
                progress=progress, finished=lambda report: _finished(report, started),
            )  # fmt: skip
        except (RuntimeError, ValueError, sqlite3.Error) as exc:
            # FAISS, tantivy and SQLite report a full disk in types of their own; only the words tell.
            full = any(words in str(exc) for words in ("disk is full", "No space left"))
            raise OSError(errno.ENOSPC if full else errno.EIO, str(exc)) from exc
        remember(index_dir, before.manifest.report if before else None, report)
        return report


@contextmanager
def _collecting_only_what_is_new() -> Iterator[None]:
    """Leaves what there is to the garbage collector for later.

    It would look at all of it again and again, models of half a million objects included, while a run makes lists of
    all files: a third of the time to index one changed brief among 300,000 passages.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _before(index_dir: Path, rebuild: bool, opened: Store | None) -> Store | None:
    """The generation to update; a rebuild goes on without one that cannot be opened."""
    try:
        return Store(index_dir, opened)
    except IndexMissing:
        return None
    except BriefQAError:
        if rebuild:
            return None
        raise


def _inputs_without_manifest(index_dir: Path) -> tuple[Path, ...]:
    """The samples where there was never an index; those of the damaged one where there was."""
    if not any(index_dir.glob("gen-*")):
        return (SAMPLES,)
    inputs = recorded_inputs(index_dir)
    if not inputs:
        raise IndexCorrupt(
            f"the damaged index in {index_dir} no longer tells which folder it was made from; "
            "name it: briefqa index --rebuild FOLDER"
        )
    return tuple(map(Path, inputs))


def _check_nothing_vanished(
    inputs: Sequence[Path], files: Sequence[SourceFile], records: Mapping[str, FileRecord], added: str
) -> None:
    """A disk that is not mounted looks like an empty folder, and then nobody wants an empty index.

    Paths that begin with `added` count for no folder.
    """
    paths = [record.path for record in records.values() if not record.path.startswith(added)]
    now = [file.path for file in files if not file.path.startswith(added)]
    for folder in inputs:
        inside = os.path.join(folder, "")
        held = sum(path.startswith(inside) for path in paths)
        if held and not any(path.startswith(inside) for path in now):
            raise InputMissing(
                f"{folder} held {held} {'brief' if held == 1 else 'briefs'} and now holds none, so nothing was "
                "changed; if they are to be dropped: briefqa index --drop-missing"
            )


def read_files(files: Sequence[SourceFile], known: Mapping[str, FileRecord], progress: Progress) -> Found:
    """What is in `files`; one that is `known`, and still has the same stamp, is not read."""
    found = Found()
    in_file: dict[str, list[str]] = {}
    for source, record in known.items():
        in_file.setdefault(record.path, []).append(source)
    for n, file in enumerate(files):
        progress("reading", n, len(files))
        sources = [source for source in in_file.get(file.path, ()) if holds(file.source, source)]
        stamp = stamp_of(file)
        if sources and stamp and all(known[source].stamp == stamp for source in sources):
            found.files.update((source, known[source]) for source in sources)
            continue
        _read_file(file, stamp, known, found)
    progress("reading", len(files), len(files))
    return found


def _read_file(file: SourceFile, stamp: tuple[int, ...], known: Mapping[str, FileRecord], found: Found) -> None:
    """Adds to `found` what is in a file: mostly one brief, see `parts_of`."""
    read: dict[str, FileRecord] = {}
    n_failed = len(found.failed)
    try:
        content, digest = read_bytes(file)
        for part in parts_of(content, file.source):
            if isinstance(part, Failure):
                found.failed.append(part)
                continue
            sha256 = digest if part.content is content else sha256_of_bytes(part.content)
            record = known.get(part.source)
            try:
                if record and sha256 == record.sha256:
                    brief_id = record.brief_id
                else:
                    brief = load_brief(part.content, part.source, file.path)
                    brief_id = brief.id
                    found.briefs.setdefault(brief_id, brief)
            except BriefUnreadable as exc:
                found.failed.append(Failure(part.source, str(exc)))
            else:
                read[part.source] = FileRecord(file.path, sha256, brief_id, stamp)
    except BriefUnreadable as exc:
        found.failed.append(Failure(file.source, str(exc)))
    if len(found.failed) > n_failed:  # without a stamp, so that the file is read again by the next run
        read = {source: replace(record, stamp=()) for source, record in read.items()}
    found.files.update(read)


def _changes(found: Found, records: Mapping[str, FileRecord], before: Store | None) -> Report:
    old = {source: record.sha256 for source, record in records.items()}
    new = {source: record.sha256 for source, record in found.files.items()}
    return Report(
        generation=before.manifest.generation if before else 0,
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(source for source in new.keys() & old.keys() if new[source] != old[source])),
        unchanged=tuple(sorted(source for source in new.keys() & old.keys() if new[source] == old[source])),
        removed=tuple(sorted(old.keys() - new.keys())),
        failed=tuple(found.failed),
        n_briefs=before.n_briefs if before else 0,
        n_passages=before.n_passages if before else 0,
        n_embedded=0,
        seconds=0.0,
        finished_at="",
    )


def _finished(report: Report, started: float) -> Report:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(report, seconds=round(time.monotonic() - started, 3), finished_at=now)
