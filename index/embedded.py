"""Vectors computed by a run that was killed, so that the next one goes on where it stopped."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from index.types import Vectors

EMBEDDED = "embedded.log"


class EmbeddedLog:
    """A file of records: key, vector, and a checksum of both. Only ever appended to, and gone after a commit.

    Records that were cut off, damaged or made by an embedder of another dimension fail their checksum and do not count.
    """

    def __init__(self, index_dir: Path, dim: int) -> None:
        """Opens the log of `index_dir`, whose lock we hold, for vectors of `dim` numbers."""
        self._path = index_dir / EMBEDDED
        self._record = np.dtype([("key", "V16"), ("vector", "<f4", (dim,)), ("checksum", "<u4")])
        self.known: dict[bytes, Vectors] = {}
        """Key → vector `(dim,)`."""
        self._file = self._path.open("ab")
        # Whole records are to follow the last one that counts.
        self._file.truncate(self._read() * self._record.itemsize)

    def _read(self) -> int:
        """Fills `known` with all records up to the first that does not count, and returns how many those are."""
        n = self._path.stat().st_size // self._record.itemsize
        for at, record in enumerate(np.memmap(self._path, self._record, "r", shape=n) if n else ()):
            key, vector = record["key"].tobytes(), record["vector"]
            if zlib.crc32(vector.tobytes(), zlib.crc32(key)) != record["checksum"]:
                return at
            self.known[key] = vector
        return n

    def append(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Takes down vectors `(n, dim)` under their `keys` of 16 bytes; from here on they survive a kill."""
        records = np.zeros(len(keys), self._record)
        for record, key, vector in zip(records, keys, vectors, strict=True):
            raw = np.ascontiguousarray(vector, "<f4").tobytes()
            record["key"], record["vector"] = np.void(key), vector
            record["checksum"] = zlib.crc32(raw, zlib.crc32(key))
        self._file.write(records.tobytes())
        self._file.flush()

    def __enter__(self) -> "EmbeddedLog":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
