"""What was found on disk to a new generation: what is taken over, what is written anew."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.briefs import renamed
from index.commit import commit, next_generation, next_segment, working_folder
from index.embedded import EmbeddedLog
from index.embedder import Embedder
from index.embedding import fill_vectors
from index.errors import BriefUnreadable, InputMissing
from index.passages import split_into_passages
from index.searches import LocalWriter, SearchesWriter
from index.segment import PASSAGE_TYPE, Keys, SegmentWriter
from index.settings import FORMAT, IndexSettings, StoreKind, StoreSettings
from index.sparse import SparseWriter
from index.store import FILES, MANIFEST, SPARSE, FileRecord, Manifest, SegmentRecord, Store, sha256_of
from index.types import Brief, Failure, Passage, Progress, Report

Numbers = npt.NDArray[np.int64]

_GONE_SHARE = 1 / 3
"""A segment of which more than this part is gone is written anew."""
_SHARED_SHARE = 1 / 2
"""The full-text index is made from nothing when more than this part of the one before would have to go."""


@dataclass(slots=True)
class Found:
    """What the files on disk amount to."""

    files: dict[str, FileRecord] = field(default_factory=dict)
    """Source → what is in it; several sources may hold one brief."""
    briefs: dict[str, Brief] = field(default_factory=dict)
    """Id → brief, of those in files whose content was not known."""
    failed: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cut:
    """A brief new to the index, with its passages and the keys of their vectors `(n, 2)`."""

    brief: Brief
    passages: list[Passage]
    keys: Keys

    @property
    def table(self) -> npt.NDArray[Any]:
        """The passages as `PASSAGE_TYPE`."""
        table = np.zeros(len(self.passages), PASSAGE_TYPE)
        for row, p in enumerate(self.passages):
            table[row] = (0, p.paragraph, p.start, p.end, self.keys[row])
        return table


@dataclass(frozen=True, slots=True)
class _Kept:
    """A segment of the generation before, and which of its briefs the new generation still holds."""

    at: int
    """Its place in the store before."""
    record: SegmentRecord
    staying: Numbers
    n_rows: int
    """Rows of the briefs that stay."""


def write_generation(
    index_dir: Path,
    embedder: Embedder,
    settings: IndexSettings,
    store: StoreSettings,
    inputs: Sequence[Path],
    found: Found,
    report: Report,
    *,
    rows: Store | None,
    vectors: Store | None,
    workers: int,
    progress: Progress,
    finished: Callable[[Report], Report],
) -> Report:
    """Writes the generation that holds exactly what was found, makes it the current one, and completes the report.

    Args:
        index_dir: Folder of the index, whose lock we hold.
        embedder: Makes the vectors.
        settings: How briefs are cut and embedded.
        store: What searches.
        inputs: What the manifest is to name as input.
        found: The files; of several that hold one brief, it is shown by the first.
        report: What is known of the run so far.
        rows: The generation before, if its passages are still what cutting would give.
        vectors: The generation before, if its vectors may be used.
        workers: Processes that embed.
        progress: Told how far the work is.
        finished: Sets the times of a report.

    Raises:
        InputMissing: None of the briefs can be cut.
    """
    wanted: dict[str, str] = {}
    for source, record in found.files.items():
        wanted.setdefault(record.brief_id, source)
    before = [_still_valid(rows, at, wanted, found) for at in range(len(rows.segments))] if rows else []
    cuts, failed = cut(wanted, found, rows, embedder, settings, progress)
    lost = wanted.keys() - {cut.brief.id for cut in cuts}
    again = {record.path for record in found.files.values() if record.brief_id in lost}
    files = {
        # What else is in a file with a brief that failed goes without a stamp, so that the file is read again.
        source: replace(record, stamp=()) if record.path in again else record
        for source, record in found.files.items()
        if record.brief_id not in lost
    }
    if failed and not files:
        raise nothing_readable(failed)
    merged = _to_merge([kept.n_rows for kept in before], [k.record.n_rows for k in before], sum(map(_n, cuts)))
    kept = [segment for segment in before if segment.at not in merged]
    moved = [segment for segment in before if segment.at in merged]
    generation, segment_name = next_generation(index_dir), next_segment(index_dir)
    with working_folder(index_dir) as working, EmbeddedLog(index_dir, embedder.dim) as log:
        folder = working / "generation"
        folder.mkdir()
        words = _searches_writer(index_dir, folder, store, generation, rows, kept)
        first_row = rows.manifest.next_row if rows else 0
        writer = _Writer(working / segment_name, first_row, rows, words, embedder, log, settings, workers, progress)
        segment, n_embedded = writer.write(moved, cuts, vectors)
        records = (*(_taken_over(part) for part in kept), *((segment,) if segment else ()))
        words.finish()
        listing = {s: (r.path, r.sha256, r.brief_id, r.stamp) for s, r in files.items()}
        (folder / FILES).write_text(json.dumps(listing, ensure_ascii=False), "utf-8")
        report = finished(
            replace(
                report,
                generation=generation,
                failed=tuple(failed),
                added=tuple(source for source in report.added if source in files),
                changed=tuple(source for source in report.changed if source in files),
                n_briefs=len({record.brief_id for record in files.values()}),
                n_passages=sum(part.n_rows for part in kept) + (segment.n_rows if segment else 0),
                n_embedded=n_embedded,
            )
        )
        manifest = Manifest(
            FORMAT, generation, embedder.name, embedder.fingerprint, embedder.dim, settings,
            tuple(map(str, inputs)), records, first_row + (segment.n_rows if segment else 0),
            _hashes_of(folder, rows), report, store, words.collection,
        )  # fmt: skip
        (folder / MANIFEST).write_text(manifest.to_json(), "utf-8")
        commit(index_dir, folder, f"gen-{generation:06d}", working / segment_name if segment else None)
    words.committed()
    return report


def nothing_readable(failed: Sequence[Failure]) -> InputMissing:
    """The error of a run in which every file failed."""
    return InputMissing(
        f"none of the {len(failed)} files could be read, so nothing was changed; the first: {failed[0].reason}"
    )


def _hashes_of(folder: Path, before: Store | None = None) -> dict[str, str]:
    """Path → SHA-256 of every file under `folder`, the locks of the full-text engine left out.

    Of a file that is one with a file of the generation `before`, the hash is known.
    """
    hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".lock":
            relative = path.relative_to(folder).as_posix()
            known = before.manifest.files.get(relative) if before else None
            same = known and before and path.samefile(before.folder / relative)
            hashes[relative] = known if known and same else sha256_of(path)
    return hashes


def _still_valid(rows: Store, at: int, wanted: dict[str, str], found: Found) -> _Kept:
    """Which briefs of a segment are as they are wanted; these are taken out of `wanted` (id → source).

    One whose file has another name or place now is not: a segment never changes, so it is written anew.
    """
    segment, live = rows.segments[at], set(rows.live(at).tolist())
    staying = []
    for number, brief_id, source, path in segment.identities():
        if number in live and wanted.get(brief_id) == source and found.files[source].path == path:
            staying.append(number)
            del wanted[brief_id]
    numbers = np.array(staying, np.int64)
    n_rows = int(np.isin(segment.brief_of, numbers).sum())
    return _Kept(at, rows.manifest.segments[at], numbers, n_rows)


def cut(
    wanted: dict[str, str],
    found: Found,
    rows: Store | None,
    embedder: Embedder,
    settings: IndexSettings,
    progress: Progress,
) -> tuple[list[Cut], list[Failure]]:
    """The briefs of `wanted` (id → source) in the order of their sources, and what failed, now or before.

    `rows`, the generation before, tells the briefs of files that were not read this time.
    """
    limit = min(settings.max_passage_tokens, embedder.max_tokens) - 2
    cuts, failed = [], list(found.failed)
    for n, (brief_id, source) in enumerate(sorted(wanted.items(), key=lambda pair: pair[1])):
        progress("cutting", n, len(wanted))
        brief = found.briefs.get(brief_id)
        if brief is None or brief.source != source:
            # Known, but shown by another file now; what was not read this time stands in the generation before.
            known = brief or rows.brief(brief_id)  # type: ignore[union-attr]
            brief = renamed(known, source, found.files[source].path)
        try:
            passages = split_into_passages(brief, embedder.count_tokens, limit)
        except BriefUnreadable as exc:
            failed.append(Failure(source, str(exc)))
            continue
        keys = b"".join(_key(embedder, passage) for passage in passages)
        cuts.append(Cut(brief, passages, np.frombuffer(keys, "<u8").reshape(-1, 2)))
    progress("cutting", len(wanted), len(wanted))
    return cuts, failed


def _key(embedder: Embedder, passage: Passage) -> bytes:
    return hashlib.sha256(f"{embedder.fingerprint}\n{passage.headed_text}".encode()).digest()[:16]


def _n(cut: Cut) -> int:
    return len(cut.passages)


def _to_merge(staying: Sequence[int], written: Sequence[int], n_new: int) -> set[int]:
    """Places of the segments whose briefs go into the new one.

    Those of which much is gone; and, from the last, those not much larger than what is to be written: so there are
    never more segments than the logarithm of the index, and a passage is written again no more often than that.

    Args:
        staying: Rows of each segment that stay.
        written: Rows of each segment as it was written.
        n_new: Rows that are new.
    """
    pairs = zip(staying, written, strict=True)
    merged = {at for at, (stay, all_rows) in enumerate(pairs) if stay < (1 - _GONE_SHARE) * all_rows}
    pending = n_new + sum(staying[at] for at in merged)
    for at in reversed(range(len(staying))):
        if at not in merged:
            if 2 * pending < staying[at]:
                break
            merged.add(at)
            pending += staying[at]
    return merged


def _taken_over(kept: _Kept) -> SegmentRecord:
    gone = np.setdiff1d(np.arange(kept.record.n_briefs), kept.staying, assume_unique=True)
    return replace(kept.record, gone=tuple(gone.tolist()))


def _searches_writer(
    index_dir: Path, folder: Path, store: StoreSettings, generation: int, rows: Store | None, kept: list[_Kept]
) -> SearchesWriter:
    if store.kind == StoreKind.MILVUS:
        from index.milvus import MilvusWriter  # not everybody has its package

        staying = [rows.segments[part.at].folder for part in kept] if rows else []
        return MilvusWriter(index_dir, store.uri, generation, rows.manifest.collection if rows else "", staying)
    (folder / SPARSE).mkdir()
    return LocalWriter(_sparse_writer(folder / SPARSE, rows, kept))


def _sparse_writer(folder: Path, rows: Store | None, kept: list[_Kept]) -> SparseWriter:
    """A full-text index with the passages of the segments kept, to which those of the new segment can be added."""
    if rows is None:
        return SparseWriter(folder)
    staying = [
        np.flatnonzero(np.isin(rows.segments[part.at].brief_of, part.staying)) + part.record.first_row for part in kept
    ]
    removed = np.setdiff1d(rows.rows(), np.concatenate(staying), assume_unique=True) if staying else rows.rows()
    if len(removed) <= _SHARED_SHARE * rows.n_passages:
        return SparseWriter(folder, rows.folder / SPARSE, removed)
    words = SparseWriter(folder)
    for part in kept:
        segment = rows.segments[part.at]
        for number in part.staying.tolist():
            brief, rows_of = segment.brief(number), segment.rows_of(number)
            first = part.record.first_row + rows_of.start
            for row, at in enumerate(segment.passages[rows_of.start : rows_of.stop], first):
                words.add(row, first, brief.text[at["start"] : at["end"]], brief.header)
    return words


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the segment of a run and adds its passages to the full-text index."""

    folder: Path
    first_row: int
    rows: Store | None
    words: SearchesWriter
    embedder: Embedder
    log: EmbeddedLog
    settings: IndexSettings
    workers: int
    progress: Progress

    def write(self, moved: list[_Kept], cuts: list[Cut], known: Store | None) -> tuple[SegmentRecord | None, int]:
        """The segment (None where it would be empty), and how many vectors had to be computed."""
        n_moved, n_new = sum(part.n_rows for part in moved), sum(map(_n, cuts))
        if not n_moved + n_new:
            return None, 0
        self.folder.mkdir()
        n_briefs = sum(len(part.staying) for part in moved) + len(cuts)
        with SegmentWriter(self.folder, n_moved + n_new, self.embedder.dim) as writer:
            n_embedded = self._embed(cuts, writer.vectors[n_moved:], known)
            self.progress("writing", 0, n_briefs)
            for brief, table, vectors in self._moved(moved):
                first = self._add(writer, brief, table, n_briefs)
                writer.vectors[first : first + len(table)] = vectors
            for cut in cuts:
                self._add(writer, cut.brief, cut.table, n_briefs)
            writer.finish()
            kind = self.words.write_segment(self.folder, writer.vectors)
        record = SegmentRecord(
            self.folder.name, self.first_row, n_moved + n_new, n_briefs, kind, (), _hashes_of(self.folder)
        )  # fmt: skip
        return record, n_embedded

    def _moved(self, moved: list[_Kept]) -> Iterator[tuple[Brief, npt.NDArray[Any], npt.NDArray[np.float32]]]:
        for part in moved if self.rows else ():
            segment = self.rows.segments[part.at]  # type: ignore[union-attr]
            for number in part.staying.tolist():
                at = segment.rows_of(number)
                here = slice(at.start, at.stop)
                yield segment.brief(number), segment.passages[here], segment.vectors[here]

    def _add(self, writer: SegmentWriter, brief: Brief, table: npt.NDArray[Any], n_briefs: int) -> int:
        first = writer.add(brief, table)
        for row, at in enumerate(table, self.first_row + first):
            self.words.add(row, self.first_row + first, brief.text[at["start"] : at["end"]], brief.header)
        self.progress("writing", writer.n_briefs, n_briefs)
        return first

    def _embed(self, cuts: list[Cut], vectors: npt.NDArray[np.float32], known: Store | None) -> int:
        """Fills `vectors` `(n, dim)` in order; returns how many had to be computed."""
        if not cuts:
            return 0
        keys = np.concatenate([cut.keys for cut in cuts])
        return fill_vectors(
            [passage for cut in cuts for passage in cut.passages], keys, vectors, known.vectors(keys) if known else {},
            self.log, self.embedder,
            batch_size=self.settings.batch_size, workers=self.workers, progress=self.progress,
        )  # fmt: skip
