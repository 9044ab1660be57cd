"""A segment: briefs with their passages and vectors, written once, never changed, shared by generations.

seg-000003/
  catalogue.sqlite   the briefs: text and what its header says
  passages.npy       for each row: which brief, paragraph, characters, and the key of its vector
  vectors.npy        for each row its vector
  and what was made of them for searching, and can be made again: dense.faiss, or words.sqlite where Milvus searches
"""

import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.types import Brief, Filters, Paragraph, ParagraphRole, Passage, Vectors

CATALOGUE = "catalogue.sqlite"
PASSAGES = "passages.npy"
VECTORS = "vectors.npy"
DENSE = "dense.faiss"

PASSAGE_TYPE = np.dtype(
    [("brief", "<i4"), ("paragraph", "<i4"), ("start", "<i4"), ("end", "<i4"), ("key", "<u8", (2,))]
)
"""`brief` counts the briefs of the segment from 0; `key` names what was embedded, and by which model."""
Keys = npt.NDArray[np.uint64]

_REMEMBERED = 8
"""Filters for which it is remembered which briefs pass."""
_SCHEMA = """
CREATE TABLE briefs (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, source TEXT NOT NULL, path TEXT NOT NULL,
    title TEXT NOT NULL, date TEXT, kind TEXT, authors TEXT NOT NULL, topics TEXT NOT NULL,
    kind_folded TEXT, authors_folded TEXT NOT NULL, topics_folded TEXT NOT NULL,
    -- Long ones last: to reach what comes after them, SQLite would read them too.
    paragraphs TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX briefs_by_id ON briefs (id);
CREATE INDEX briefs_by_source ON briefs (source);
CREATE INDEX briefs_by_date ON briefs (date);
CREATE INDEX briefs_by_kind ON briefs (kind_folded);
"""
_COLUMNS = "id, text, source, title, date, kind, authors, topics, paragraphs, path"


class SegmentWriter:
    """Writes a segment into an empty folder: `add` every brief, put its `vectors` in place, `finish`."""

    def __init__(self, folder: Path, n_passages: int, dim: int) -> None:
        """Makes the files; `vectors` `(n_passages, dim)` is then to be filled."""
        self._folder = folder
        path = folder / VECTORS
        header = np.lib.format.open_memmap(path, "w+", np.float32, (n_passages, dim))
        offset, size = header.offset, header.nbytes
        del header
        # A map of a file for which the disk has no room kills the process when written to; this fails with an error.
        with path.open("r+b") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, offset + size)
        self.vectors: Vectors = np.lib.format.open_memmap(path, "r+")
        self._passages = np.empty(n_passages, PASSAGE_TYPE)
        self._n_passages = self.n_briefs = 0
        self._catalogue = sqlite3.connect(folder / CATALOGUE)
        # No journal: a half-written catalogue lies in a folder that nothing points to.
        self._catalogue.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)

    def add(self, brief: Brief, passages: npt.NDArray[Any]) -> int:
        """Takes in a brief with its passages (`PASSAGE_TYPE`, the brief’s number set here); returns its first row."""
        first = self._n_passages
        part = self._passages[first : first + len(passages)]
        part[:] = passages
        part["brief"] = self.n_briefs
        self._catalogue.execute(
            f"INSERT INTO briefs VALUES ({','.join('?' * 14)})", (self.n_briefs, *_brief_row(brief))
        )
        self._n_passages += len(passages)
        self.n_briefs += 1
        return first

    def finish(self) -> None:
        """Writes the rest and closes."""
        self._catalogue.commit()
        self._catalogue.close()
        np.save(self._folder / PASSAGES, self._passages)

    def __enter__(self) -> "SegmentWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._catalogue.close()


class Segment:
    """An opened segment. Rows and briefs are numbered from 0 within it. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Opens the segment in `folder`.

        Raises:
            ValueError, OSError: A file is not what it should be.
        """
        self.folder = folder
        self._catalogue = sqlite3.connect(
            f"{(folder / CATALOGUE).resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        # A connection refers to itself: left to the garbage collector, file and cache stay for minutes.
        weakref.finalize(self, self._catalogue.close)
        self._lock = threading.Lock()
        self._passing: dict[Filters, npt.NDArray[np.int64]] = {}
        self.passages: npt.NDArray[Any] = np.load(folder / PASSAGES, mmap_mode="r", allow_pickle=False)
        self.vectors: Vectors = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
        self.brief_of: npt.NDArray[np.int32] = np.ascontiguousarray(self.passages["brief"])
        self.n_briefs = int(self._all("SELECT count(*) FROM briefs")[0][0])
        counts = {len(self.passages), len(self.vectors)}
        if len(counts) > 1:
            raise ValueError(f"its parts hold different numbers of passages: {sorted(counts)}")

    def __len__(self) -> int:
        return len(self.passages)

    def numbers(self, filters: Filters) -> npt.NDArray[np.int64]:
        """The numbers of the briefs that pass `filters`, ascending; not to be written to."""
        # Several questions are asked under the same filters, and a segment never changes.
        numbers = self._passing.get(filters)
        if numbers is None:
            where, values = _where(filters)
            found = self._all(f"SELECT number FROM briefs WHERE {where} ORDER BY number", values)
            numbers = np.array([number for (number,) in found], np.int64)
            numbers.flags.writeable = False
            if len(self._passing) >= _REMEMBERED:
                self._passing.clear()
            self._passing[filters] = numbers
        return numbers

    def named(self, id_or_source: str) -> list[int]:
        """The numbers of the briefs with this id, or whose file is shown by this name."""
        query = "SELECT number FROM briefs WHERE id = ?1 UNION SELECT number FROM briefs WHERE source = ?1"
        return [n for (n,) in self._all(query, [id_or_source])]

    def identities(self) -> Iterator[tuple[int, str, str, str]]:
        """Number, id, source and path of every brief."""
        yield from self._all("SELECT number, id, source, path FROM briefs ORDER BY number")

    def brief(self, number: int) -> Brief:
        """The brief with this number."""
        return _brief(self._all(f"SELECT {_COLUMNS} FROM briefs WHERE number = ?", [number])[0])

    def briefs(self, filters: Filters) -> Iterator[tuple[int, Brief]]:
        """Number and brief of those that pass `filters`, by number."""
        where, values = _where(filters)
        query = f"SELECT number, {_COLUMNS} FROM briefs WHERE {where} ORDER BY number"
        for number, *row in self._all(query, values):
            yield number, _brief(row)

    def headers(self, filters: Filters) -> Iterator[tuple[int, str | None, str | None, list[str], list[str]]]:
        """Number, date, kind, authors and topics of the briefs that pass `filters`; no text is read."""
        where, values = _where(filters)
        query = f"SELECT number, date, kind, authors, topics FROM briefs WHERE {where} ORDER BY number"
        for number, date, kind, authors, topics in self._all(query, values):
            yield number, date, kind, json.loads(authors), json.loads(topics)

    def rows_of(self, number: int) -> range:
        """The rows of a brief, which follow each other."""
        begin, end = np.searchsorted(self.brief_of, [number, number + 1])
        return range(int(begin), int(end))

    def passage(self, row: int) -> Passage:
        """The passage of a row."""
        at = self.passages[row]
        brief = self.brief(int(at["brief"]))
        start, end = int(at["start"]), int(at["end"])
        return Passage(brief.id, int(at["paragraph"]), start, end, brief.text[start:end], brief.header)

    def rows_with_keys(self, keys: Keys) -> dict[bytes, int]:
        """Of those of `keys` `(n, 2)` that are here, key (as bytes) → a row with it."""
        stored = self.passages["key"]
        candidates = np.flatnonzero(np.isin(stored[:, 0], keys[:, 0]))
        return {stored[row].tobytes(): int(row) for row in candidates}

    def _all(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock:  # one connection: SQLite would serialise the calls anyway
            return self._catalogue.execute(query, values).fetchall()


def _brief_row(brief: Brief) -> tuple[object, ...]:
    paragraphs = [(p.number, p.start, p.end, p.role.value) for p in brief.paragraphs]
    return (
        brief.id, brief.source, brief.path, brief.title, brief.date, brief.kind,
        json.dumps(brief.authors), json.dumps(brief.topics),
        None if brief.kind is None else brief.kind.casefold(),
        "\n".join(brief.authors).casefold(), " ".join(brief.topics).casefold(),
        json.dumps(paragraphs), brief.text,
    )  # fmt: skip


def _brief(row: Sequence[Any]) -> Brief:
    id_, text, source, title, date, kind, authors, topics, paragraphs, path = row
    return Brief(
        id_, text, source, title, date, kind, tuple(json.loads(authors)), tuple(json.loads(topics)),
        tuple(Paragraph(n, start, end, ParagraphRole(role)) for n, start, end, role in json.loads(paragraphs)), path,
    )  # fmt: skip


def _where(filters: Filters) -> tuple[str, list[str]]:
    """A condition on `briefs` and its values. A brief without a date or kind never passes a filter on it."""
    conditions = {
        "date >= ?": filters.after,
        "date <= ?": filters.before,
        "instr(authors_folded, ?)": None if filters.author is None else filters.author.casefold(),
        "kind_folded = ?": None if filters.kind is None else filters.kind.casefold(),
        "instr(topics_folded, ?)": None if filters.topic is None else filters.topic.casefold(),
        "? IN (id, source)": filters.brief,
    }
    used = {condition: value for condition, value in conditions.items() if value is not None}
    return " AND ".join(used) or "1", list(used.values())
