"""A part of a large collection, embedded on a machine of its own.

Machine 2 of 4 runs `briefqa index FOLDER --shard 2/4 --index-dir part-2`: every fourth file is read, cut and embedded,
and part-2/embedded.log is all that is written. That is the log a run that was ended leaves (index/embedded.py), its
records stand alone, and so the logs of all parts, put behind each other, are one that a run on a single machine goes
on from: `cat part-*/embedded.log >> INDEX_DIR/embedded.log`, then `briefqa index FOLDER`, which embeds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.builder import no_progress, read_files
from index.commit import writing
from index.embedded import EmbeddedLog
from index.embedder import Embedder
from index.embedding import fill_vectors
from index.errors import InputMissing
from index.generation import cut
from index.loaders import list_files
from index.settings import IndexSettings
from index.types import Failure, Progress


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What embedding a part did."""

    shard: int
    of: int
    n_files: int
    n_passages: int
    n_embedded: int
    """Passages whose vector had to be computed; the others stood in the log from an earlier run."""
    failed: tuple[Failure, ...]


def embed_shard(
    index_dir: Path,
    embedder: Embedder,
    inputs: Sequence[Path],
    shard: int,
    of: int,
    *,
    settings: IndexSettings = IndexSettings(),
    workers: int = 1,
    progress: Progress = no_progress,
) -> ShardReport:
    """Embeds the files number `shard`, `shard + of`, … of those under `inputs`, counted from 1.

    Raises:
        InputMissing: There is nothing to index there, or `shard` is not one of 1 to `of`.
        IndexBusy, IndexUnwritable: As for `build_index`.
    """
    if not 1 <= shard <= of:
        raise InputMissing(f"there is no part {shard} of {of}; give one of 1/{of} to {of}/{of}")
    with writing(index_dir), EmbeddedLog(index_dir, embedder.dim) as log:
        files = list_files(tuple(path.absolute() for path in inputs))[shard - 1 :: of]
        found = read_files(files, {}, progress)
        wanted = {brief.id: brief.source for brief in found.briefs.values()}
        cuts, failed = cut(wanted, found, None, embedder, settings, progress)
        passages = [passage for each in cuts for passage in each.passages]
        keys = np.concatenate([np.empty((0, 2), np.uint64), *(each.keys for each in cuts)])
        n_embedded = fill_vectors(
            passages, keys, np.empty((len(passages), embedder.dim), np.float32), {}, log, embedder,
            batch_size=settings.batch_size, workers=workers, progress=progress,
        )  # fmt: skip
    return ShardReport(shard, of, len(files), len(passages), n_embedded, tuple(failed))
