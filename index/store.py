"""One immutable generation of the index on disk: find it, verify it, search it.

INDEX_DIR/
  CURRENT              one line: name of the generation, SHA-256 of its manifest
  lock                 held while a run writes
  gen-000007/
    manifest.json      format, model, settings, counts, report, and SHA-256 of every other file
    catalogue.sqlite   briefs, passages and their vectors: the source of truth
    dense.faiss        vectors, by row
    sparse/            full-text index, by row
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.dense import DenseIndex
from index.errors import CitationInvalid, IndexCorrupt, IndexMismatch, IndexMissing
from index.settings import FORMAT, IndexSettings
from index.sparse import SparseIndex
from index.types import Brief, Failure, Filters, Paragraph, ParagraphRole, Passage, Report

CURRENT = "CURRENT"
MANIFEST = "manifest.json"
CATALOGUE = "catalogue.sqlite"
DENSE = "dense.faiss"
SPARSE = "sparse"

Rows = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]


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
    files: dict[str, str]
    """Path inside the generation → SHA-256 in hex."""
    report: Report

    def to_json(self) -> str:
        """As text, keys in order, so that the same manifest has the same bytes."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False)

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
                "report": Report(**report | lists | {"failed": failed}),
            }
        )


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
    """The current generation, opened for searching. Safe to use from several threads."""

    def __init__(self, index_dir: Path) -> None:
        """Opens and verifies the current generation of `index_dir`.

        Raises:
            IndexMissing: There is no index.
            IndexMismatch: It was written by another version of the format.
            IndexCorrupt: A file is missing or its content is not what the manifest says.
        """
        for last_try in (False, True):
            name, digest = read_current(index_dir)
            try:
                self._open(index_dir, name, digest)
                return
            except IndexCorrupt:
                # A run that finished just now may have removed the generation we were opening.
                if last_try or read_current(index_dir)[0] == name:
                    raise

    def _open(self, index_dir: Path, name: str, digest: str) -> None:
        self.index_dir = index_dir
        self.folder = index_dir / name
        self.pointer = (name, digest)
        self.manifest = _read_manifest(index_dir, self.folder, digest)
        for relative, expected in self.manifest.files.items():
            path = self.folder / relative
            if not path.is_file():
                raise _corrupt(index_dir, f"{name}/{relative} is missing")
            if sha256_of(path) != expected:
                raise _corrupt(index_dir, f"the content of {name}/{relative} is not what was written")
        try:
            self._dense = DenseIndex.open(self.folder / DENSE)
            self._sparse = SparseIndex.open(self.folder / SPARSE)
        except (RuntimeError, ValueError) as exc:
            raise _corrupt(index_dir, f"{name} cannot be opened ({exc})") from exc
        self._lock = threading.Lock()
        self._catalogue = sqlite3.connect(
            f"{(self.folder / CATALOGUE).resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        counts = {len(self._dense), len(self._sparse), self._one("SELECT count(*) FROM passages")}
        if len(counts) > 1:
            raise _corrupt(index_dir, f"its parts hold different numbers of passages ({sorted(counts)})")

    @property
    def disk_bytes(self) -> int:
        """Bytes of the current generation."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def check_embedder(self, name: str, fingerprint: str, dim: int) -> None:
        """Raises IndexMismatch unless this embedder made the vectors of the index."""
        ours = self.manifest
        if (fingerprint, dim) != (ours.fingerprint, ours.dim):
            raise IndexMismatch(
                f"the index in {self.index_dir} was made with the embedder {ours.embedder} "
                f"({ours.dim} dimensions, {ours.fingerprint[:8]}), not {name} ({dim} dimensions, "
                f"{fingerprint[:8]}); ask with that one, or run: briefqa index --rebuild --embedder {name}"
            )

    def rows(self, filters: Filters) -> list[int] | None:
        """Rows of the passages whose brief passes `filters`, ascending; None when all do."""
        if not filters:
            return None
        where, values = _where(filters)
        return [
            row
            for (row,) in self._all(
                f"SELECT row FROM passages WHERE brief_id IN (SELECT id FROM briefs WHERE {where}) ORDER BY row",
                values,
            )
        ]

    def search_dense(self, question: Scores, k: int, rows: Sequence[int] | None = None) -> tuple[Rows, Scores]:
        """See `DenseIndex.search`."""
        return self._dense.search(question, k, rows)

    def search_sparse(self, question: str, k: int, rows: Sequence[int] | None = None) -> tuple[Rows, Scores]:
        """See `SparseIndex.search`."""
        return self._sparse.search(question, k, rows)

    def cosines(self, question: Scores, rows: Rows) -> Scores:
        """Of the question vector `(dim,)` and the passages of `rows` `(n,)`."""
        return self._dense.scores(question, rows)

    def brief_ids(self, rows: Rows) -> list[str]:
        """Which brief each of `rows` is a passage of."""
        marks = ",".join("?" * len(rows))
        found = dict(self._all(f"SELECT row, brief_id FROM passages WHERE row IN ({marks})", rows.tolist()))
        return [found[row] for row in rows.tolist()]

    def passages(self, rows: Sequence[int] | Rows) -> list[Passage]:
        """The passages of `rows`, in the order asked for."""
        marks = ",".join("?" * len(rows))
        found = {
            row: Passage(brief_id, paragraph, start, end, text[start:end], header)
            for row, brief_id, paragraph, start, end, text, header in self._all(
                "SELECT row, brief_id, paragraph, start, end, text, header "
                f"FROM passages JOIN briefs ON briefs.id = brief_id WHERE row IN ({marks})",
                [int(row) for row in rows],
            )
        }
        return [found[int(row)] for row in rows]

    def brief(self, id_or_source: str) -> Brief:
        """The brief with this id, or whose file is shown by this name; raises CitationInvalid."""
        rows = self._all(f"SELECT {_BRIEF_COLUMNS} FROM briefs WHERE id = ? OR source = ?", [id_or_source] * 2)
        if not rows:
            raise CitationInvalid(
                f"no brief {id_or_source!r} in the index in {self.index_dir}; list what there is with: briefqa briefs"
            )
        return _brief(rows[0])

    def briefs(self, filters: Filters) -> list[Brief]:
        """The briefs that pass `filters`, newest first, those without a date last."""
        where, values = _where(filters)
        return [
            _brief(row)
            for row in self._all(
                f"SELECT {_BRIEF_COLUMNS} FROM briefs WHERE {where} ORDER BY date IS NULL, date DESC, source", values
            )
        ]

    def file_hashes(self) -> dict[str, str]:
        """Every file indexed, by the name it is shown by, with the SHA-256 of its bytes."""
        return dict(self._all("SELECT source, sha256 FROM files", []))

    def vectors(self, keys: Sequence[bytes]) -> dict[bytes, Scores]:
        """The vectors `(dim,)` stored under those of `keys` that are known."""
        known: dict[bytes, Scores] = {}
        for begin in range(0, len(keys), 500):  # SQLite takes a limited number of values a statement
            part = keys[begin : begin + 500]
            marks = ",".join("?" * len(part))
            for key, vector in self._all(
                f"SELECT vector_key, vector FROM passages WHERE vector_key IN ({marks})", part
            ):
                known[key] = np.frombuffer(vector, np.float32)
        return known

    @property
    def n_briefs(self) -> int:
        """Number of briefs."""
        return self._one("SELECT count(*) FROM briefs")

    @property
    def n_passages(self) -> int:
        """Number of passages."""
        return len(self._dense)

    def _one(self, query: str) -> int:
        return int(self._all(query, [])[0][0])

    def _all(self, query: str, values: Sequence[object]) -> list[Any]:
        try:
            with self._lock:  # one connection: SQLite would serialise the calls anyway
                return self._catalogue.execute(query, values).fetchall()
        except sqlite3.DatabaseError as exc:
            raise _corrupt(self.index_dir, f"{CATALOGUE} cannot be read ({exc})") from exc


def _read_manifest(index_dir: Path, folder: Path, digest: str) -> Manifest:
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


SCHEMA = """
CREATE TABLE briefs (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL, title TEXT NOT NULL,
    header TEXT NOT NULL, date TEXT, kind TEXT, authors TEXT NOT NULL, topics TEXT NOT NULL,
    paragraphs TEXT NOT NULL, kind_folded TEXT, authors_folded TEXT NOT NULL, topics_folded TEXT NOT NULL
);
CREATE TABLE files (source TEXT PRIMARY KEY, sha256 TEXT NOT NULL, brief_id TEXT NOT NULL REFERENCES briefs (id));
CREATE TABLE passages (
    row INTEGER PRIMARY KEY, brief_id TEXT NOT NULL REFERENCES briefs (id), paragraph INTEGER NOT NULL,
    start INTEGER NOT NULL, end INTEGER NOT NULL, vector_key BLOB NOT NULL, vector BLOB NOT NULL
);
CREATE INDEX passages_by_brief ON passages (brief_id);
CREATE INDEX passages_by_key ON passages (vector_key);
"""
_BRIEF_COLUMNS = "id, text, source, title, date, kind, authors, topics, paragraphs, path"


def brief_row(brief: Brief) -> tuple[object, ...]:
    """The values of the table `briefs`, in the order of its columns."""
    paragraphs = [(p.number, p.start, p.end, p.role.value) for p in brief.paragraphs]
    return (
        brief.id, brief.source, brief.path, brief.text, brief.title, brief.header, brief.date, brief.kind,
        json.dumps(brief.authors), json.dumps(brief.topics), json.dumps(paragraphs),
        None if brief.kind is None else brief.kind.casefold(),
        "\n".join(brief.authors).casefold(), " ".join(brief.topics).casefold(),
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
