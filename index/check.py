"""Whether an index is whole: every file, every brief, every passage and vector, and what the folder holds by now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.added import ADDED, with_added
from index.briefs import brief_id
from index.errors import BriefUnreadable, IndexCorrupt, IndexMismatch, InputMissing, StoreUnavailable
from index.loaders import SourceFile, list_files, parts_of, read_bytes, sha256_of_bytes, stamp_of
from index.store import FileRecord, Store, files_of, read_current, read_manifest, verify_files
from index.types import Part

_SAMPLE = 1000
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    ok: bool
    what: str
    """What was found, in a sentence; where it is not in order, with the way to mend it."""


def check_index(index_dir: Path) -> Iterator[Finding]:
    """Looks at everything there is in the current generation of `index_dir`, one finding for each kind of thing.

    Raises:
        IndexMissing: There is no index.
    """
    mend = "mend it with: briefqa index --rebuild"
    try:
        store = Store(index_dir)
    except IndexCorrupt as exc:
        problems = _damaged_files(index_dir)
        yield from (Finding(False, f"{problem}; {mend}") for problem in problems)
        if not problems:
            yield Finding(False, str(exc))
        return
    except IndexMismatch as exc:
        yield Finding(False, str(exc))
        return
    n_files = len(files_of(store.folder.name, store.manifest))
    yield Finding(True, f"{n_files} files have the content that was written")
    for look in (_texts, _vectors, _sources):
        try:
            finding = look(store)
        except (IndexCorrupt, StoreUnavailable) as exc:  # of what lies in Milvus, opening the index tells nothing
            yield Finding(False, str(exc))
            continue
        yield finding if finding.ok else Finding(False, f"{finding.what}; {mend}")


def _damaged_files(index_dir: Path) -> list[str]:
    """Every file of the current generation that is not what was written; none where its manifest cannot be read."""
    try:
        name, digest = read_current(index_dir)
        return verify_files(index_dir, name, read_manifest(index_dir, index_dir / name, digest), {})[0]
    except IndexCorrupt:
        return []


def _texts(store: Store) -> Finding:
    """Ids are derived from texts, and passages are slices of them."""
    for at, segment in enumerate(store.segments):
        for number in store.live(at).tolist():
            brief = segment.brief(number)
            if brief_id(brief.text) != brief.id:
                return Finding(False, f"the text of {brief.source} is not the one its id was made from")
            rows = segment.rows_of(number)
            table = segment.passages[rows.start : rows.stop]
            if not ((table["start"] >= 0) & (table["start"] < table["end"]) & (table["end"] <= len(brief.text))).all():
                return Finding(False, f"a passage of {brief.source} does not lie in its text")
    found = f"{store.n_briefs} briefs have the text their id was made from"
    return Finding(True, f"{found}, and {store.n_passages} passages lie in them")


def _vectors(store: Store) -> Finding:
    """Vectors have length 1, and the vector search finds a passage by its own vector."""
    for record, segment in zip(store.manifest.segments, store.segments, strict=True):
        for begin in range(0, len(segment), 100_000):
            lengths = np.linalg.norm(segment.vectors[begin : begin + 100_000], axis=1)
            if not (np.abs(lengths - 1) < _TOLERANCE).all():
                return Finding(False, f"{record.name} holds vectors that are not of length 1")
    rows = store.rows()
    sample = np.sort(np.random.default_rng(0).choice(rows, min(len(rows), _SAMPLE), replace=False))
    for row, vector in zip(sample.tolist(), store.vectors_of(sample), strict=True):
        _, scores = store.search_dense(vector, 1)
        if not len(scores) or scores[0] < 1 - _TOLERANCE:
            return Finding(False, f"the vector search does not find passage {row} by its own vector")
    fault = store.fault()
    if fault:
        return Finding(False, fault)
    return Finding(True, f"the vectors are of length 1, and both searches hold all {store.n_passages} passages")


def _sources(store: Store) -> Finding:
    """What the next run would find; never damage."""
    records = store.file_records()
    try:
        inputs = tuple(map(Path, store.manifest.inputs))
        files = with_added(store.index_dir, list_files(inputs, none_allowed=(store.index_dir / ADDED).is_dir()))
    except InputMissing as exc:
        return Finding(True, f"the folder cannot be compared: {exc}")
    in_file: dict[str, dict[str, FileRecord]] = {}
    for source, record in records.items():
        in_file.setdefault(record.path, {})[source] = record
    new = sum(file.path not in in_file for file in files)
    gone = sum(len(in_file[path]) for path in in_file.keys() - {file.path for file in files})
    changed = sum(_has_changed(file, in_file[file.path]) for file in files if file.path in in_file)
    if new or gone or changed:
        found = f"since the last run {new} files are new, {changed} changed, {gone} gone"
        return Finding(True, f"{found}; take them in with: briefqa index")
    return Finding(True, f"the {len(files)} files indexed are as they were")


def _has_changed(file: SourceFile, records: Mapping[str, FileRecord]) -> bool:
    """Whether a file holds something else than it did, or cannot be read any more."""
    stamp = stamp_of(file)
    if stamp and all(record.stamp == stamp for record in records.values()):
        return False
    try:
        content, _ = read_bytes(file)
        parts = [part for part in parts_of(content, file.source) if isinstance(part, Part)]
    except BriefUnreadable:
        return True
    now = {part.source: sha256_of_bytes(part.content) for part in parts}
    if not all(record.stamp for record in records.values()):  # a part of it may have failed, and fail again
        now = {source: sha256 for source, sha256 in now.items() if source in records}
    return now != {source: record.sha256 for source, record in records.items()}
