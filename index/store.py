"""One generation of the index on disk: find it, verify it, search it.

INDEX_DIR/
  CURRENT              one line: name of the generation, SHA-256 of its manifest
  lock                 held while a run writes
  added/               briefs that were added one by one; see index/added.py
  reports.jsonl        what the runs did; see index/history.py
  segments/            see index/segment.py; a generation names those it is made of
  gen-000007/
    manifest.json      format, model, settings, report, segments, and SHA-256 of every other file
    files.json         what was read: source → where it was, its SHA-256, which brief it holds
    sparse/            full-text index of all passages, by row

Rows are numbered over the whole index: the row of a passage is the first row of its segment and its place there. Until
all is cut anew (a rebuild, other settings) a row is never given to another passage; a brief that is gone leaves a gap.
"""

import hashlib
import json
import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.errors import CitationInvalid, IndexCorrupt, IndexMismatch, IndexMissing
from index.searches import LocalSearches, Searches, SegmentPart
from index.segment import Keys, Segment
from index.settings import FORMAT, IndexSettings, StoreKind, StoreSettings
from index.types import Brief, Facets, Failure, Filters, Mask, Passage, Report, Rows, Vectors

CURRENT = "CURRENT"
MANIFEST = "manifest.json"
FILES = "files.json"
SPARSE = "sparse"
SEGMENTS = "segments"


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """What a generation says of one of its segments."""

    name: str
    first_row: int
    n_rows: int
    n_briefs: int
    dense: str
    """Kind of its vector search (`SearchesWriter.write_segment`)."""
    gone: tuple[int, ...]
    """Numbers of the briefs that this generation no longer holds, ascending."""
    files: dict[str, str]
    """Path inside the segment → SHA-256 in hex."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation says of itself."""

    format: int
    generation: int
    embedder: str
    fingerprint: str
    """Of the embedder that made the vectors (`Embedder.fingerprint`)."""
    dim: int
    settings: IndexSettings
    inputs: tuple[str, ...]
    """Absolute paths of the folders and files indexed; an update without any goes to these."""
    segments: tuple[SegmentRecord, ...]
    """In the order of their rows."""
    next_row: int
    """The first row of the next segment."""
    files: dict[str, str]
    """Path inside the generation → SHA-256 in hex."""
    report: Report
    store: StoreSettings = StoreSettings()
    """What searches; an index that does not say so is older than the choice."""
    collection: str = ""
    """Of Milvus: which of its collections."""

    def to_json(self) -> str:
        """As text, keys in order, so that the same manifest has the same bytes."""
        return json.dumps(self, default=_fields_of, indent=1, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """The manifest in `text`; raises ValueError, KeyError or TypeError when it is none."""
        raw: dict[str, Any] = json.loads(text)
        report = raw["report"]
        lists = {name: tuple(report[name]) for name in ("added", "changed", "unchanged", "removed")}
        failed = tuple(Failure(**failure) for failure in report["failed"])
        return cls(
            **raw
            | {
                "settings": IndexSettings(**raw["settings"]),
                "inputs": tuple(raw["inputs"]),
                "segments": tuple(SegmentRecord(**s | {"gone": tuple(s["gone"])}) for s in raw["segments"]),
                "report": Report(**report | lists | {"failed": failed}),
                "store": StoreSettings(StoreKind(raw["store"]["kind"]), raw["store"]["uri"])
                if "store" in raw
                else StoreSettings(),
            }
        )


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was when it was read."""

    path: str
    """Where it was (absolute)."""
    sha256: str
    """Of its bytes, in hex."""
    brief_id: str
    stamp: tuple[int, ...]
    """Size, times and inode; empty when it had changed too shortly before to be trusted (`loaders.stamp_of`)."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_current(index_dir: Path) -> tuple[str, str]:
    """Name of the current generation and SHA-256 of its manifest.

    Raises:
        IndexMissing: There is no index in `index_dir`.
        IndexCorrupt: CURRENT is there but says nothing sensible.
    """
    try:
        words = (index_dir / CURRENT).read_text("utf-8").split()
    except (FileNotFoundError, NotADirectoryError):
        raise IndexMissing(f"there is no index in {index_dir}; make one with: briefqa index FOLDER") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise _corrupt(index_dir, f"{CURRENT} cannot be read ({exc})") from exc
    if len(words) != 2 or not words[0].startswith("gen-"):
        raise _corrupt(index_dir, f"{CURRENT} does not name a generation")
    return words[0], words[1]


def recorded_inputs(index_dir: Path) -> tuple[str, ...]:
    """What the newest generation whose manifest can be read was made from, verified or not; else nothing.

    For mending a damaged index: a wrong path would be noticed, and the folder is better than asking.
    """
    for path in sorted(index_dir.glob(f"gen-*/{MANIFEST}"), reverse=True):
        try:
            return tuple(str(name) for name in json.loads(path.read_text("utf-8"))["inputs"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return ()


def _corrupt(index_dir: Path, what: str) -> IndexCorrupt:
    return IndexCorrupt(f"the index in {index_dir} is damaged: {what}; mend it with: briefqa index --rebuild")


class Store:
    """A generation, opened for searching. Safe to use from several threads."""

    def __init__(self, index_dir: Path, before: "Store | None" = None) -> None:
        """Opens and verifies the current generation of `index_dir`.

        Args:
            index_dir: Folder of the index.
            before: A store of an earlier generation: what both share is neither opened nor verified again.

        Raises:
            IndexMissing: There is no index.
            IndexMismatch: It was written by another version of the format.
            IndexCorrupt: A file is missing or its content is not what the manifest says.
        """
        self._seen: dict[Stamp, str]
        for last_try in (False, True):
            name, digest = read_current(index_dir)
            try:
                self._open(index_dir, name, digest, before)
                return
            except IndexCorrupt:
                # A run that finished just now may have removed the generation we were opening.
                if last_try or read_current(index_dir)[0] == name:
                    raise

    def _open(self, index_dir: Path, name: str, digest: str, before: "Store | None") -> None:
        self.index_dir = index_dir
        self.folder = index_dir / name
        self.pointer = (name, digest)
        self.manifest = read_manifest(index_dir, self.folder, digest)
        problems, self._seen = verify_files(index_dir, name, self.manifest, before._seen if before else {})
        if problems:
            raise _corrupt(index_dir, problems[0])
        opened = before._opened() if before else {}
        try:
            self.segments = [
                opened.get(_identity(record)) or Segment(index_dir / SEGMENTS / record.name)
                for record in self.manifest.segments
            ]
            self._first_rows = np.array([record.first_row for record in self.manifest.segments], np.int64)
            self._first_briefs = np.cumsum([0, *(record.n_briefs for record in self.manifest.segments)])
            self._alive = [_alive(*pair) for pair in zip(self.segments, self.manifest.segments, strict=True)]
            self._searches = self._open_searches(before)
        except (RuntimeError, ValueError, OSError, sqlite3.Error) as exc:
            raise _corrupt(index_dir, f"{name} cannot be opened ({exc})") from exc
        self.n_briefs = sum(record.n_briefs - len(record.gone) for record in self.manifest.segments)
        self.n_passages = sum(
            len(segment) if alive is None else int(alive.sum())
            for segment, alive in zip(self.segments, self._alive, strict=True)
        )
        said = sum(record.n_rows for record in self.manifest.segments)
        n_found = len(self._searches)
        if sum(map(len, self.segments)) != said or n_found != self.n_passages:
            raise _corrupt(index_dir, f"its parts hold different numbers of passages ({n_found}, {self.n_passages})")

    def _open_searches(self, before: "Store | None") -> Searches:
        parts = [
            SegmentPart(segment, _identity(record), record.first_row, record.dense, alive)
            for segment, record, alive in zip(self.segments, self.manifest.segments, self._alive, strict=True)
        ]
        if self.manifest.store.kind == StoreKind.MILVUS:
            from index.milvus import MilvusSearches  # not everybody has its package

            return MilvusSearches(self.manifest.store.uri, self.manifest.collection, parts)
        return LocalSearches(parts, self.folder / SPARSE, before._searches if before else None)

    def _opened(self) -> dict[tuple[str, str], Segment]:
        return {_identity(r): segment for r, segment in zip(self.manifest.segments, self.segments, strict=True)}

    @property
    def disk_bytes(self) -> int:
        """Bytes of the files of this generation."""
        paths = [*files_of(self.folder.name, self.manifest), f"{self.folder.name}/{MANIFEST}"]
        return sum((self.index_dir / path).stat().st_size for path in paths)

    def check_embedder(self, name: str, fingerprint: str, dim: int) -> None:
        """Raises IndexMismatch unless this embedder made the vectors of the index."""
        ours = self.manifest
        if (fingerprint, dim) != (ours.fingerprint, ours.dim):
            raise IndexMismatch(
                f"the index in {self.index_dir} was made with the embedder {ours.embedder} "
                f"({ours.dim} dimensions, {ours.fingerprint[:8]}), not {name} ({dim} dimensions, "
                f"{fingerprint[:8]}); ask with that one, or run: briefqa index --rebuild --embedder {name}"
            )

    def rows(self, filters: Filters = Filters()) -> Rows:
        """Rows `(n,)` of the passages whose brief passes `filters`, ascending."""
        found = []
        for at, segment in enumerate(self.segments):
            chosen = np.zeros(segment.n_briefs, bool)
            chosen[self._numbers(at, filters)] = True
            found.append(np.flatnonzero(chosen[segment.brief_of]) + self._first_rows[at])
        return np.concatenate(found).astype(np.int64) if found else np.empty(0, np.int64)

    def search_dense(self, question: Vectors, k: int, rows: Rows | None = None) -> tuple[Rows, Vectors]:
        """The `k` passages nearest to a question vector `(dim,)`: rows and cosines, best first, equal ones by row.

        `rows` `(n,)`, ascending, where given, are the only ones that may be found; of a brief, all or none.
        """
        return self._searches.dense(question, k, rows)

    def search_sparse(self, question: str, k: int, rows: Rows | None = None) -> tuple[Rows, Vectors]:
        """The `k` best passages for the words of a question: see `SparseIndex.search`.

        `rows` `(n,)`, ascending, where given, are the only ones that may be found; of a brief, all or none.
        """
        if rows is None:
            return self._searches.sparse(question, k, None)
        starts = np.flatnonzero(np.diff(self.brief_numbers(rows), prepend=-1))
        return self._searches.sparse(question, k, rows[starts])

    def coverage(self, question: str, rows: Rows) -> tuple[Vectors, Vectors]:
        """Of the passages of `rows` `(n,)`, ascending, and of their briefs: see `SparseIndex.coverage`."""
        briefs, n_rows = np.empty(len(rows), np.int64), 0
        for at, here, local in self._by_segment(rows):
            brief_of = self.segments[at].brief_of
            numbers = brief_of[local]
            briefs[here] = np.searchsorted(brief_of, numbers) + self._first_rows[at]
            alone = np.unique(numbers)
            n_rows += int((np.searchsorted(brief_of, alone, side="right") - np.searchsorted(brief_of, alone)).sum())
        return self._searches.coverage(question, rows, briefs, n_rows)

    def continues(self) -> bool:
        """See `Searches.continues`."""
        return self._searches.continues(self.index_dir)

    def fault(self) -> str | None:
        """See `Searches.fault`."""
        return self._searches.fault()

    def knows(self, word: str) -> bool:
        """Whether the briefs hold `word` in some form: see `SparseIndex.knows`."""
        return self._searches.knows(word)

    def passages_like(self, word: str, k: int) -> list[Passage]:
        """At most `k` passages that hold a word spelt nearly as `word`: see `SparseIndex.search_like`."""
        return self.passages(self._searches.search_like(word, k))

    def cosines(self, question: Vectors, rows: Rows) -> Vectors:
        """Of the question vector `(dim,)` and the passages of `rows` `(n,)`."""
        scores = np.empty(len(rows), np.float32)
        for at, here, local in self._by_segment(rows):
            scores[here] = self.segments[at].vectors[local] @ question.astype(np.float32)
        return scores

    def vectors_of(self, rows: Rows) -> Vectors:
        """The vectors `(n, dim)` of the passages of `rows` `(n,)`."""
        found = np.empty((len(rows), self.manifest.dim), np.float32)
        for at, here, local in self._by_segment(rows):
            found[here] = self.segments[at].vectors[local]
        return found

    def brief_numbers(self, rows: Rows) -> npt.NDArray[np.int64]:
        """For each of `rows` a number of its brief, equal for equal briefs."""
        numbers = np.empty(len(rows), np.int64)
        for at, here, local in self._by_segment(rows):
            numbers[here] = self.segments[at].brief_of[local] + self._first_briefs[at]
        return numbers

    def passages(self, rows: Rows) -> list[Passage]:
        """The passages of `rows`, in the order asked for."""
        found: dict[int, Passage] = {}
        for at, here, local in self._by_segment(rows):
            with self._reading():
                found.update(zip(here.tolist(), map(self.segments[at].passage, local.tolist()), strict=True))
        return [found[place] for place in range(len(rows))]

    def brief(self, id_or_source: str) -> Brief:
        """The brief with this id, or whose file is shown by this name; raises CitationInvalid."""
        with self._reading():
            for record, segment in zip(self.manifest.segments, self.segments, strict=True):
                for number in segment.named(id_or_source):
                    if not _holds(record.gone, number):
                        return segment.brief(number)
        raise CitationInvalid(
            f"no brief {id_or_source!r} in the index in {self.index_dir}; list what there is with: briefqa briefs"
        )

    def briefs(self, filters: Filters) -> list[Brief]:
        """The briefs that pass `filters`, newest first, those without a date last."""
        with self._reading():
            found = [
                brief
                for record, segment in zip(self.manifest.segments, self.segments, strict=True)
                for number, brief in segment.briefs(filters)
                if not _holds(record.gone, number)
            ]
        found.sort(key=lambda brief: brief.source)
        found.sort(key=lambda brief: brief.date or "", reverse=True)
        return found

    def facets(self, filters: Filters) -> Facets:
        """What the headers of the briefs that pass `filters` say, counted."""
        years, kinds, authors, topics = (Counter[str]() for _ in range(4))
        n_briefs = 0
        with self._reading():
            for record, segment in zip(self.manifest.segments, self.segments, strict=True):
                for number, date, kind, by, about in segment.headers(filters):
                    if not _holds(record.gone, number):
                        n_briefs += 1
                        years.update([date[:4]] if date else [])
                        kinds.update([kind] if kind else [])
                        authors.update(set(by))
                        topics.update(set(about))
        return Facets(n_briefs, *(_ordered(counts) for counts in (years, kinds, authors, topics)))

    def live(self, at: int) -> npt.NDArray[np.int64]:
        """The numbers of the briefs of the segment at place `at` that are not gone, ascending."""
        return self._numbers(at, Filters())

    def file_records(self) -> dict[str, FileRecord]:
        """Every file indexed, by the name it is shown by."""
        raw = json.loads((self.folder / FILES).read_text("utf-8"))
        return {source: FileRecord(path, sha, brief, tuple(stamp)) for source, (path, sha, brief, stamp) in raw.items()}

    def vectors(self, keys: Keys) -> dict[bytes, Vectors]:
        """The vectors `(dim,)` stored under those of `keys` `(n, 2)` that are known, by the bytes of the key."""
        return {
            key: segment.vectors[row] for segment in self.segments for key, row in segment.rows_with_keys(keys).items()
        }

    def _numbers(self, at: int, filters: Filters) -> npt.NDArray[np.int64]:
        segment, record = self.segments[at], self.manifest.segments[at]
        with self._reading():
            numbers = segment.numbers(filters) if filters else np.arange(segment.n_briefs)
        return np.setdiff1d(numbers, np.array(record.gone, np.int64), assume_unique=True) if record.gone else numbers

    def _by_segment(self, rows: Rows) -> Iterator[tuple[int, Rows, Rows]]:
        """For each segment with any of `rows`: its place, where in `rows` they stand, and their rows within it."""
        places = np.searchsorted(self._first_rows, rows, side="right") - 1
        for at in np.unique(places).tolist():
            here = np.flatnonzero(places == at)
            yield at, here, rows[here] - self._first_rows[at]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Tells what SQLite finds wrong as damage."""
        try:
            yield
        except sqlite3.DatabaseError as exc:
            raise _corrupt(self.index_dir, f"a catalogue cannot be read ({exc})") from exc


def _fields_of(value: Any) -> dict[str, Any]:  # noqa: ANN401  # a dataclass
    """What `json` is to write for a dataclass; `asdict` would copy every list of a hundred thousand files."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _identity(record: SegmentRecord) -> tuple[str, str]:
    return record.name, repr(sorted(record.files.items()))


def _holds(ascending: tuple[int, ...], value: int) -> bool:
    at = bisect_left(ascending, value)
    return at < len(ascending) and ascending[at] == value


def _alive(segment: Segment, record: SegmentRecord) -> Mask | None:
    """Which rows of a segment are of briefs that are not gone; None: all."""
    if not record.gone:
        return None
    alive = np.ones(segment.n_briefs, bool)
    alive[list(record.gone)] = False
    mask: Mask = alive[segment.brief_of]
    return mask


def files_of(name: str, manifest: Manifest) -> dict[str, str]:
    """Path inside the index folder → SHA-256, of every file of a generation but its manifest."""
    return {f"{name}/{path}": digest for path, digest in manifest.files.items()} | {
        f"{SEGMENTS}/{record.name}/{path}": digest
        for record in manifest.segments
        for path, digest in record.files.items()
    }


Stamp = tuple[int, ...]
"""Device, inode, size and time of modification of a file."""


def verify_files(
    index_dir: Path, name: str, manifest: Manifest, seen: Mapping[Stamp, str]
) -> tuple[list[str], dict[Stamp, str]]:
    """What is wrong with the files of the generation `name`, and the SHA-256 of each by its stamp.

    A file whose stamp is among those `seen` is not read again.
    """
    expected = files_of(name, manifest)
    problems = []
    stamps: dict[Stamp, str] = {}
    for relative in expected:
        try:
            at = (index_dir / relative).stat()
            stamps[at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns] = relative
        except OSError:
            problems.append(f"{relative} is missing")
    new = {stamp: index_dir / relative for stamp, relative in stamps.items() if stamp not in seen}
    with ThreadPoolExecutor(4) as pool:  # hashing leaves the interpreter free
        hashed = dict(zip(new, pool.map(sha256_of, new.values()), strict=True))
    digests = {stamp: hashed.get(stamp) or seen[stamp] for stamp in stamps}
    for stamp, relative in stamps.items():
        if digests[stamp] != expected[relative]:
            problems.append(f"the content of {relative} is not what was written")
    return problems, digests


def read_manifest(index_dir: Path, folder: Path, digest: str) -> Manifest:
    """The manifest of the generation in `folder`, whose SHA-256 is `digest`; raises IndexCorrupt or IndexMismatch."""
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError as exc:
        raise _corrupt(index_dir, f"{folder.name}/{MANIFEST} is missing") from exc
    if hashlib.sha256(content).hexdigest() != digest:
        raise _corrupt(index_dir, f"the content of {folder.name}/{MANIFEST} is not what was written")
    version = json.loads(content).get("format")
    if version != FORMAT:
        raise IndexMismatch(
            f"the index in {index_dir} has format {version}, this program reads {FORMAT}; "
            "make it anew with: briefqa index --rebuild"
        )
    return Manifest.from_json(content.decode("utf-8"))
