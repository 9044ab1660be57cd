"""Folder to new generation, with a report. Until the last step, the old generation answers."""

import contextlib
import errno
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from index.briefs import parse_brief
from index.dense import DenseIndex
from index.embedder import Embedder, Vectors
from index.errors import (
    BriefQAError,
    BriefUnreadable,
    IndexBusy,
    IndexCorrupt,
    IndexMissing,
    IndexUnwritable,
    InputMissing,
)
from index.loaders import SourceFile, decode, list_files, read_bytes
from index.passages import split_into_passages
from index.settings import FORMAT, IndexSettings
from index.sparse import SparseIndex
from index.store import (
    CATALOGUE,
    CURRENT,
    DENSE,
    MANIFEST,
    SCHEMA,
    SPARSE,
    Manifest,
    Store,
    brief_row,
    read_current,
    recorded_inputs,
    sha256_of,
)
from index.types import Brief, Failure, Passage, Report

Progress = Callable[[str, int, int], None]
"""Called with the stage (`reading`, `embedding`, `writing`), how much is done, and of how much."""

SAMPLES = Path(__file__).parent / "samples"
_KEPT_GENERATIONS = 2
"""The current one and the one before it, which a question asked during the swap may still be reading."""


def no_progress(stage: str, done: int, total: int) -> None:
    """Shows nothing."""


@dataclass(frozen=True, slots=True)
class _Collection:
    """What the files on disk amount to."""

    briefs: tuple[Brief, ...]
    files: dict[str, tuple[str, str]]
    """Source → SHA-256 of the bytes, brief id; several sources may hold one brief."""
    failed: tuple[Failure, ...]


def build_index(
    index_dir: Path,
    embedder: Embedder,
    inputs: Sequence[Path] = (),
    *,
    rebuild: bool = False,
    settings: IndexSettings | None = None,
    progress: Progress = no_progress,
) -> Report:
    """Brings the index in step with `inputs` and returns what that took.

    The index afterwards holds exactly the briefs under `inputs`. Text whose vector is known from the
    generation before is not embedded again; when nothing differs, no generation is written.

    Args:
        index_dir: Folder of the index; made if need be.
        embedder: Makes the vectors.
        inputs: Folders and files. Empty means those of the existing index, or the shipped samples.
        rebuild: Take nothing over from the generation before; mends a damaged index.
        settings: Empty means those of the existing index, or the defaults.
        progress: Told how far the work is.

    Raises:
        InputMissing: Nothing to index there; the index stays as it was.
        IndexBusy: Another run is writing this index.
        IndexUnwritable: The folder cannot be written; the index stays as it was.
        IndexMismatch: It was made by another embedder, and `rebuild` is False.
        IndexCorrupt: It is damaged, and `rebuild` is False.
    """
    with _writing(index_dir):
        previous = _previous(index_dir, rebuild)
        if previous is not None and not rebuild:
            previous.check_embedder(embedder.name, embedder.fingerprint, embedder.dim)
        known = previous.manifest if previous is not None else None
        if not inputs:
            inputs = tuple(map(Path, known.inputs)) if known else _inputs_without_manifest(index_dir)
        inputs = tuple(Path(os.path.abspath(path)) for path in inputs)
        settings = settings or (known.settings if known else IndexSettings())
        return _build(index_dir, previous, embedder, inputs, settings, rebuild, progress)


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


@contextlib.contextmanager
def _writing(index_dir: Path) -> Iterator[None]:
    """Holds the lock of the index and tells a full or read-only disk in a sentence."""
    try:
        index_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(index_dir / "lock", timeout=0):
            yield
    except Timeout:
        raise IndexBusy(f"another run is writing the index in {index_dir}; wait until it has finished") from None
    except OSError as exc:
        full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        raise IndexUnwritable(
            f"the index folder {index_dir} cannot be written ({exc.strerror or exc}); "
            f"{'free some space' if full else 'choose another folder with --index-dir'}; the index is as it was"
        ) from exc


def _previous(index_dir: Path, rebuild: bool) -> Store | None:
    """The generation to update; a rebuild goes on without one that cannot be opened."""
    try:
        return Store(index_dir)
    except IndexMissing:
        return None
    except BriefQAError:
        if rebuild:
            return None
        raise


def _build(
    index_dir: Path,
    previous: Store | None,
    embedder: Embedder,
    inputs: tuple[Path, ...],
    settings: IndexSettings,
    rebuild: bool,
    progress: Progress,
) -> Report:
    started = time.monotonic()
    collection = _read(list_files(inputs), progress)
    if not collection.briefs:
        raise _nothing_readable(collection.failed)
    before = previous.file_hashes() if previous else {}
    after = {source: digest for source, (digest, _) in collection.files.items()}
    report = Report(
        generation=previous.manifest.generation if previous else 0,
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(s for s in after.keys() & before.keys() if after[s] != before[s])),
        unchanged=tuple(sorted(s for s in after.keys() & before.keys() if after[s] == before[s])),
        removed=tuple(sorted(before.keys() - after.keys())),
        failed=collection.failed,
        n_briefs=len(collection.briefs),
        n_passages=previous.n_passages if previous else 0,
        n_embedded=0,
        seconds=0.0,
        finished_at="",
    )
    same = not (report.added or report.changed or report.removed)
    if previous and same and not rebuild and (inputs, settings) == _made_from(previous.manifest):
        return _finished(report, started)
    limit = min(settings.max_passage_tokens, embedder.max_tokens) - 2
    failed = list(report.failed)
    briefs, passages = [], []
    for brief in collection.briefs:
        try:
            passages += split_into_passages(brief, embedder.count_tokens, limit)
            briefs.append(brief)
        except BriefUnreadable as exc:
            failed.append(Failure(brief.source, str(exc)))
    if not briefs:
        raise _nothing_readable(failed)
    kept = {brief.id for brief in briefs}
    files = {source: value for source, value in collection.files.items() if value[1] in kept}
    keys = [_vector_key(embedder, passage) for passage in passages]
    vectors, n_embedded = _embed(passages, keys, embedder, None if rebuild else previous, settings, progress)
    report = replace(
        report, generation=_next_generation(index_dir), failed=tuple(failed), n_briefs=len(briefs),
        added=tuple(s for s in report.added if s in files), changed=tuple(s for s in report.changed if s in files),
        n_passages=len(passages), n_embedded=n_embedded,
    )  # fmt: skip
    report = _finished(report, started)
    working = Path(index_dir, f".building-{os.getpid()}")
    _remove_leftovers(index_dir)
    try:
        working.mkdir()
        _write(working, briefs, files, passages, keys, vectors, progress)
        hashes = {
            path.relative_to(working).as_posix(): sha256_of(path)
            for path in sorted(working.rglob("*"))
            if path.is_file() and not path.name.endswith(".lock")
        }
        manifest = Manifest(
            FORMAT, report.generation, embedder.name, embedder.fingerprint, embedder.dim, settings,
            tuple(str(path) for path in inputs), hashes, report,
        )  # fmt: skip
        (working / MANIFEST).write_text(manifest.to_json(), "utf-8")
        _commit(index_dir, working, report.generation)
    except (OSError, RuntimeError, ValueError, sqlite3.Error) as exc:
        shutil.rmtree(working, ignore_errors=True)
        if isinstance(exc, OSError):
            raise
        # FAISS, tantivy and SQLite report a full disk in types of their own; only the words tell.
        full = any(words in str(exc) for words in ("disk is full", "No space left"))
        raise OSError(errno.ENOSPC if full else errno.EIO, str(exc)) from exc
    _remove_old(index_dir)
    return report


def _nothing_readable(failed: Sequence[Failure]) -> InputMissing:
    return InputMissing(
        f"none of the {len(failed)} files could be read, so nothing was changed; the first: {failed[0].reason}"
    )


def _read(files: list[SourceFile], progress: Progress) -> _Collection:
    briefs: dict[str, Brief] = {}
    found: dict[str, tuple[str, str]] = {}
    failed: list[Failure] = []
    for n, file in enumerate(files):
        progress("reading", n, len(files))
        try:
            content, digest = read_bytes(file)
            brief = parse_brief(decode(content, file.source), file.source, str(file.path))
        except BriefUnreadable as exc:
            failed.append(Failure(file.source, str(exc)))
            continue
        briefs.setdefault(brief.id, brief)
        found[file.source] = (digest, brief.id)
    progress("reading", len(files), len(files))
    return _Collection(tuple(briefs.values()), found, tuple(failed))


def _made_from(manifest: Manifest) -> tuple[tuple[Path, ...], IndexSettings]:
    return tuple(Path(path) for path in manifest.inputs), manifest.settings


def _vector_key(embedder: Embedder, passage: Passage) -> bytes:
    return hashlib.sha256(f"{embedder.fingerprint}\n{passage.headed_text}".encode()).digest()


def _embed(
    passages: list[Passage],
    keys: list[bytes],
    embedder: Embedder,
    previous: Store | None,
    settings: IndexSettings,
    progress: Progress,
) -> tuple[Vectors, int]:
    """Vectors `(n_passages, dim)` in order, and how many of them had to be computed."""
    vectors = np.empty((len(passages), embedder.dim), np.float32)
    known = previous.vectors(keys) if previous else {}
    missing = []
    for row, key in enumerate(keys):
        if key in known:
            vectors[row] = known[key]
        else:
            missing.append(row)
    missing.sort(key=lambda row: len(passages[row].text))  # equal lengths together: less padding
    for begin in range(0, len(missing), settings.batch_size):
        progress("embedding", begin, len(missing))
        rows = missing[begin : begin + settings.batch_size]
        vectors[rows] = embedder.embed_passages([passages[row].headed_text for row in rows])
    progress("embedding", len(missing), len(missing))
    return vectors, len(missing)


def _write(
    folder: Path,
    briefs: list[Brief],
    files: dict[str, tuple[str, str]],
    passages: list[Passage],
    keys: list[bytes],
    vectors: Vectors,
    progress: Progress,
) -> None:
    progress("writing", 0, 3)
    with contextlib.closing(sqlite3.connect(folder / CATALOGUE)) as catalogue:
        # No journal: a half-written catalogue lies in a folder that nothing points to.
        catalogue.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + SCHEMA)
        catalogue.executemany(f"INSERT INTO briefs VALUES ({','.join('?' * 14)})", map(brief_row, briefs))
        catalogue.executemany("INSERT INTO files VALUES (?,?,?)", [(source, *value) for source, value in files.items()])
        catalogue.executemany(
            "INSERT INTO passages VALUES (?,?,?,?,?,?,?)",
            (
                (row, p.brief_id, p.paragraph, p.start, p.end, keys[row], vectors[row].tobytes())
                for row, p in enumerate(passages)
            ),
        )
        catalogue.commit()
    progress("writing", 1, 3)
    DenseIndex.build(vectors).save(folder / DENSE)
    progress("writing", 2, 3)
    (folder / SPARSE).mkdir()
    SparseIndex.build(passages, folder / SPARSE)
    progress("writing", 3, 3)


def _commit(index_dir: Path, working: Path, generation: int) -> None:
    """Makes the finished folder the current generation: flushed first, then renamed, then pointed to."""
    for path in [*working.rglob("*"), working]:
        _fsync(path)
    target = index_dir / f"gen-{generation:06d}"
    working.rename(target)
    _fsync(index_dir)
    pointer = index_dir / f".{CURRENT}-{os.getpid()}"
    pointer.write_text(f"{target.name} {sha256_of(target / MANIFEST)}\n", "utf-8")
    _fsync(pointer)
    os.replace(pointer, index_dir / CURRENT)
    _fsync(index_dir)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _next_generation(index_dir: Path) -> int:
    """One more than any generation on disk, also one that a crash left without a pointer to it."""
    return max((int(path.name[4:]) for path in index_dir.glob("gen-*")), default=0) + 1


def _remove_leftovers(index_dir: Path) -> None:
    """What killed runs left; we hold the lock, so nobody is still writing it."""
    for path in index_dir.glob(".building-*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in index_dir.glob(f".{CURRENT}-*"):
        path.unlink(missing_ok=True)


def _remove_old(index_dir: Path) -> None:
    with contextlib.suppress(IndexMissing, IndexCorrupt):
        current = read_current(index_dir)[0]
        older = sorted(path for path in index_dir.glob("gen-*") if path.name != current)
        for path in older[: max(0, len(older) - (_KEPT_GENERATIONS - 1))]:
            shutil.rmtree(path, ignore_errors=True)


def _finished(report: Report, started: float) -> Report:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(report, seconds=round(time.monotonic() - started, 3), finished_at=now)
