"""Passages searched for by Milvus: the only file that imports pymilvus.

A collection holds the passages of an index by their rows: the vector, the words as a sparse vector (index/words.py),
and the first row of the brief. It knows no text and no header: the catalogue applies filters, and tells the briefs.

Several generations share a collection. Rows are never given to another passage, so a generation sees those of its
segments and no others, whatever a later or a killed run has put beside them; what no generation on disk sees is swept
by the next run. A rebuild makes a collection of its own. CURRENT, in the index folder, names the generation and so the
collection: one pointer moves both. The alias `briefqa_ID` follows it, for other programs.
"""

import hashlib
import json
import logging
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from index.bm25 import shares, weighed
from index.dense import EXACT_ROWS
from index.errors import IndexCorrupt, PackageMissing, StoreUnavailable
from index.searches import SegmentPart
from index.types import Rows, Vectors
from index.visible import alive, gone, starts, within, without
from index.words import WORDS, Sparse, Words, WordsWriter

try:
    from pymilvus import DataType, MilvusClient, MilvusException
except ImportError as exc:
    raise PackageMissing("Milvus needs a package that is not installed: pip install 'briefqa[milvus]'") from exc

TOKEN = "BRIEFQA_MILVUS_TOKEN"
"""Variable of the environment with `USER:PASSWORD` or a key, where Milvus asks for one; it is written nowhere."""
ID_FILE = "milvus-id"
_MOST = 16_384
"""The most hits that Milvus gives for one question."""
_BATCH = 1_000
"""Passages sent at a time: about 3 MB; Milvus takes up to 64."""
_TIMEOUT = 60.0
"""Seconds for an answer of Milvus."""
_CHANNEL = {"grpc.keepalive_permit_without_calls": 0, "grpc.keepalive_time_ms": int(1000 * _TIMEOUT)}
"""By default pymilvus pings every ten seconds also while nobody asks, for which milvus-lite closes the connection."""
_EF = 400
"""Neighbours that a search of the graph keeps in sight, at least: with the 100 wanted, hardly one is missed."""


def owner_id(index_dir: Path) -> str:
    """What the collections of the index in `index_dir` are called by; a copy of the folder has another."""
    path = index_dir / ID_FILE
    if not path.exists():
        path.write_text(secrets.token_hex(8), "utf-8")
    return hashlib.sha256(f"{path.read_text('utf-8')} {path.stat().st_ino}".encode()).hexdigest()[:12]


@contextmanager
def _asking(uri: str) -> Iterator[None]:
    """Tells what Milvus says is wrong in a sentence."""
    try:
        yield
    except MilvusException as exc:
        said = (str(exc.message).strip().splitlines() or [type(exc).__name__])[0][:200]
        busy = uri.endswith(".db") and "local milvus failed" in said
        raise StoreUnavailable(
            f"Milvus at {uri} does not answer ({'another program has it open' if busy else said}); see that it runs, "
            f"and that {TOKEN} is set if it asks who is there; or leave it: briefqa index --store local"
        ) from exc


@lru_cache(maxsize=8)
def connected(uri: str) -> MilvusClient:
    """A client, one for each address in a program; raises StoreUnavailable."""
    for library in ("pymilvus", "milvus_lite"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)  # what they log, they also raise
    with _asking(uri):
        return MilvusClient(uri, token=os.environ.get(TOKEN, ""), timeout=_TIMEOUT, grpc_options=_CHANNEL)


class MilvusSearches:
    """The searches of one generation. Safe to use from several threads."""

    def __init__(self, uri: str, collection: str, parts: Sequence[SegmentPart]) -> None:
        """Asks Milvus for nothing yet: what does not search needs none.

        Args:
            uri: Where Milvus is.
            collection: The collection that holds the rows of the generation.
            parts: Its segments.

        Raises:
            sqlite3.Error: The words of a segment cannot be read.
        """
        self._uri, self._collection, self._parts = uri, collection, parts
        self._words = Words([part.segment.folder for part in parts])
        self._visible = within((part.first_row, part.first_row + len(part.segment)) for part in parts)
        left = np.concatenate([np.empty(0, np.int64), *map(gone, parts)])
        if len(left):
            self._visible += f" and brief not in {left.tolist()}"
        self._n_rows = sum(len(p.segment) if p.alive is None else int(p.alive.sum()) for p in parts)
        self._checked = not parts
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._n_rows

    def dense(self, question: Vectors, k: int, rows: Rows | None) -> tuple[Rows, Vectors]:
        """By the index of Milvus; `rows` are told to it as briefs."""
        briefs = None if rows is None else starts(self._parts, rows, once=True)
        found, _, scores = self._hits(question.astype(np.float32), "vector", k, briefs)
        return found, scores

    def sparse(self, question: str, k: int, briefs: Rows | None) -> tuple[Rows, Vectors]:
        """See `SparseIndex.search`."""
        found, _, scores = self._hits(self._words.of_question(question), "words", k, briefs)
        return found, scores

    def coverage(self, question: str, rows: Rows, briefs: Rows, n_rows: int) -> tuple[Vectors, Vectors]:
        """See `SparseIndex.coverage`."""
        weights = weighed(self._words.terms(question), self._words.weight)
        if not weights or not len(rows):
            return np.zeros(len(rows), np.float32), np.zeros(len(rows), np.float32)
        found, of_brief, scores = self._holding(self._words.of_bits(list(weights)), np.unique(briefs), n_rows)
        held, of_words = scores.astype(np.int64), list(weights.values())
        return shares(of_words, held, rows, found), shares(of_words, held, briefs, of_brief)

    def knows(self, word: str) -> bool:
        """See `SparseIndex.knows`."""
        return all(self._words.weight(term) > 0 for term in self._words.terms(word))

    def search_like(self, word: str, k: int) -> Rows:
        """See `SparseIndex.search_like`."""
        near = [other for term in self._words.terms(word) for other in self._words.near(term)]
        return np.sort(self._hits(dict.fromkeys(self._words.of_bits(near), 1.0), "words", k, None)[0])

    def fault(self) -> str | None:
        """Compares the row and brief of every passage in Milvus with the catalogue."""
        if not self._parts:
            return None
        self._check()
        with _asking(self._uri):
            pages = connected(self._uri).query_iterator(
                self._collection, filter=self._visible, output_fields=["row", "brief"], batch_size=_BATCH
            )
            held = []
            while page := pages.next():
                held += [(hit["row"], hit["brief"]) for hit in page]
            pages.close()
        rows = np.concatenate([np.flatnonzero(alive(part)) + part.first_row for part in self._parts])
        said = np.stack([rows, starts(self._parts, rows)], axis=1).astype("<i8")
        found = np.array(sorted(held), "<i8").reshape(-1, 2)
        digests = [hashlib.sha256(table.tobytes()).hexdigest()[:12] for table in (said, found)]
        if digests[0] != digests[1]:
            return (
                f"the passages in Milvus ({len(found)}, {digests[1]}) are not those indexed ({len(said)}, {digests[0]})"
            )
        return None

    def continues(self, index_dir: Path) -> bool:
        """Whether the collection is there, whole, and that of the index in `index_dir` itself."""
        if not self._collection.startswith(f"briefqa_{owner_id(index_dir)}_"):
            return False
        try:
            self._check()
        except IndexCorrupt:
            return False
        return True

    def _check(self) -> None:
        """Once for a generation: that Milvus has all of it, and has it at hand."""
        with self._lock:
            if self._checked:
                return
            client = connected(self._uri)
            with _asking(self._uri):
                there = client.has_collection(self._collection)
                if there:
                    client.load_collection(self._collection)
                n = _count(client, self._collection, self._visible) if there else 0
            if n != self._n_rows:
                raise IndexCorrupt(
                    f"Milvus at {self._uri} holds {n} of the {self._n_rows} passages of the index, in the collection "
                    f"{self._collection}; send them again with: briefqa index"
                )
            self._checked = True

    def _holding(self, question: Sparse, briefs: Rows, n_rows: int) -> tuple[Rows, Rows, Vectors]:
        """All passages of `briefs` that hold a word of `question`; `n_rows` is as many as there may be."""
        found = self._hits(question, "words", n_rows, briefs)
        if len(found[0]) < _MOST or len(briefs) == 1:
            return found
        halves = [self._holding(question, half, n_rows) for half in np.array_split(briefs, 2)]
        return tuple(map(np.concatenate, zip(*halves, strict=True)))  # type: ignore[return-value]

    def _hits(self, question: Vectors | Sparse, field: str, k: int, briefs: Rows | None) -> tuple[Rows, Rows, Vectors]:
        """Rows, the first rows of their briefs, and scores, best first, equal scores by row."""
        if len(question) == 0 or k <= 0 or not self._parts or (briefs is not None and not len(briefs)):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        self._check()
        allowed = self._visible if briefs is None else f"{self._visible} and brief in {briefs.tolist()}"
        k = min(k, _MOST)
        with _asking(self._uri):
            found = connected(self._uri).search(
                self._collection, [question], allowed, k, ["brief"], anns_field=field, timeout=_TIMEOUT,
                search_params={"params": {"ef": max(_EF, k)}} if field == "vector" else None,
            )[0]  # fmt: skip
        rows = np.array([hit["row"] for hit in found], np.int64)
        of_brief = np.array([hit["entity"]["brief"] for hit in found], np.int64)
        scores = np.array([hit["distance"] for hit in found], np.float32)
        order = np.lexsort((rows, -scores))
        return rows[order], of_brief[order], scores[order]


class MilvusWriter:
    """Puts the passages of a new segment into the collection of the generation before, or into a new one."""

    def __init__(self, index_dir: Path, uri: str, generation: int, collection: str, kept: Sequence[Path]) -> None:
        """Sweeps what earlier runs left.

        Args:
            index_dir: Folder of the index, whose lock we hold.
            uri: Where Milvus is.
            generation: Number of the generation that is made.
            collection: That of the generation before, to go on with; empty: a new one.
            kept: Folders of the segments that stay as they are.

        Raises:
            StoreUnavailable: Milvus cannot be reached.
        """
        self._uri, self._kept = uri, kept
        self._client = connected(uri)
        self._alias = f"briefqa_{owner_id(index_dir)}"
        self.collection = collection or f"{self._alias}_{generation:06d}"
        self._words = WordsWriter()
        self._rows: list[tuple[int, int]] = []
        with _asking(uri):
            self._sweep(index_dir)

    def add(self, row: int, brief: int, text: str, header: str) -> None:
        """Notes a passage."""
        self._rows.append((row, brief))
        self._words.add(text, header)

    def write_segment(self, folder: Path, vectors: Vectors) -> str:
        """Writes the words of the segment, and sends its passages."""
        self._words.write(folder / WORDS)
        averages = Words([*self._kept, folder]).averages
        with _asking(self._uri):
            if not self._client.has_collection(self.collection):
                self._create(*vectors.shape)
            rows = zip(self._rows, vectors, self._words.vectors(averages), strict=True)
            while batch := list(islice(rows, _BATCH)):
                self._client.insert(
                    self.collection,
                    [{"row": row, "brief": brief, "vector": v, "words": w} for (row, brief), v, w in batch],
                )
        return "milvus"

    def finish(self) -> None:
        """Waits until Milvus has all that was sent, on its disk and for searching."""
        if not self._rows:
            return
        first, last = self._rows[0][0], self._rows[-1][0]
        with _asking(self._uri):
            self._client.flush(self.collection)
            self._client.load_collection(self.collection)
            n = _count(self._client, self.collection, within([(first, last + 1)]))
        if n != len(self._rows):
            raise StoreUnavailable(
                f"Milvus at {self._uri} took {n} of the {len(self._rows)} passages sent; run it again"
            )

    def committed(self) -> None:
        """Lets the alias follow."""
        with _asking(self._uri):
            self._point(self.collection)

    def _create(self, n: int, dim: int) -> None:
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        schema.add_field("brief", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
        schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
        indexes = MilvusClient.prepare_index_params()
        if n <= EXACT_ROWS:
            indexes.add_index("vector", index_type="FLAT", metric_type="IP")
        else:
            indexes.add_index("vector", index_type="HNSW", metric_type="IP", params={"M": 16, "efConstruction": 200})
        indexes.add_index("words", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
        # A search need not wait for news: a generation is complete when the first program asks for it.
        self._client.create_collection(
            self.collection, schema=schema, index_params=indexes, consistency_level="Bounded"
        )

    def _sweep(self, index_dir: Path) -> None:
        """Drops collections that no generation on disk names, and rows that none sees."""
        try:
            said = [json.loads(path.read_text("utf-8")) for path in sorted(index_dir.glob("gen-*/manifest.json"))]
        except (OSError, ValueError):  # a damaged index: nothing is certain but what is written anew
            return
        here = [manifest for manifest in said if manifest.get("store", {}).get("uri") == self._uri]
        named = {manifest["collection"] for manifest in here}
        if here and self._client.has_collection(here[-1]["collection"]):
            self._point(here[-1]["collection"])
        for name in self._client.list_collections():
            if name.startswith(f"{self._alias}_") and name not in named:
                for alias in self._client.list_aliases(name)["aliases"]:
                    self._client.drop_alias(alias)
                self._client.drop_collection(name)
        if self.collection in named and self._client.has_collection(self.collection):
            seen = {
                (record["first_row"], record["first_row"] + record["n_rows"])
                for manifest in here
                if manifest["collection"] == self.collection
                for record in manifest["segments"]
            }
            self._client.delete(self.collection, filter=without(seen))

    def _point(self, collection: str) -> None:
        """Makes the alias name `collection`, if it is there: an index that was always empty has none."""
        if not self._client.has_collection(collection):
            return
        if self._alias in self._client.list_aliases(collection)["aliases"]:
            return
        try:
            self._client.alter_alias(collection, self._alias)
        except MilvusException:  # there is none yet
            self._client.create_alias(collection, self._alias)


def _count(client: MilvusClient, collection: str, allowed: str) -> int:
    """Passages, also those sent just now."""
    found: list[dict[str, Any]] = client.query(
        collection, filter=allowed, output_fields=["count(*)"], consistency_level="Strong"
    )
    return int(found[0]["count(*)"])
