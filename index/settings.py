"""What can be chosen about an index. The manifest stores it, and an update keeps to it."""

import os
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from index.errors import StoreUnavailable

FORMAT = 3
"""Version of the files on disk; raised whenever an older program could not read them."""

DEFAULT_INDEX_DIR = ".briefqa"


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """How briefs are cut and embedded."""

    max_passage_tokens: int = 256
    """The most word pieces of a passage with its header and the two special tokens. The default is the
    limit of the default embedder, beyond which it cuts in silence; an embedder's lower limit wins."""

    batch_size: int = 32
    """Passages embedded in one call: enough to fill two cores, small enough for a lively progress bar."""


class StoreKind(StrEnum):
    """Where passages are searched for."""

    LOCAL = "local"
    """In the index folder, by FAISS and tantivy."""
    MILVUS = "milvus"
    """By Milvus; the index folder keeps what it is made from."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Which store an index uses. The manifest stores it, and an update keeps to it."""

    kind: StoreKind = StoreKind.LOCAL
    uri: str = ""
    """Of Milvus: `http://HOST:PORT`, or a file for the one that runs inside the program (its name ends in .db).
    Passwords are no part of it: see `milvus.TOKEN`."""

    def __str__(self) -> str:
        return "by FAISS and tantivy, in the index folder" if self.kind == StoreKind.LOCAL else f"by Milvus, {self.uri}"


def store_settings(kind: StoreKind | None, uri: str | None) -> StoreSettings:
    """The settings that somebody means who names a kind, an address, or both.

    Raises:
        StoreUnavailable: They do not fit each other.
    """
    if kind == StoreKind.LOCAL or (kind is None and uri is None):
        if uri is not None:
            raise StoreUnavailable(f"the local store is in the index folder and has no address; leave out --uri {uri}")
        return StoreSettings()
    if uri is None:
        raise StoreUnavailable("Milvus needs an address: --uri http://HOST:19530, or --uri FILE.db to try it here")
    if uri.endswith(".db") and "://" not in uri:
        return StoreSettings(StoreKind.MILVUS, os.path.abspath(uri))
    parsed = urlsplit(uri)
    if parsed.scheme not in ("http", "https") or not parsed.hostname:
        raise StoreUnavailable(f"{uri} is no address of Milvus; give http://HOST:PORT, or a FILE.db")
    if "@" in parsed.netloc:
        raise StoreUnavailable("an address is kept in the index; take the password out, and set BRIEFQA_MILVUS_TOKEN")
    return StoreSettings(StoreKind.MILVUS, uri)
