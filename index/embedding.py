"""Passages to vectors, those known left out: in this process, or in several beside it."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context

from index.embedded import EmbeddedLog
from index.embedder import Embedder
from index.errors import ModelUnavailable
from index.segment import Keys
from index.types import Passage, Progress, Vectors

_THREADS = "OMP_NUM_THREADS"
_AHEAD = 2
"""Batches that wait for each worker, so that none waits for us."""

_embedder: Embedder | None = None
"""In a worker: its own model."""


def fill_vectors(
    passages: Sequence[Passage],
    keys: Keys,
    vectors: Vectors,
    known: Mapping[bytes, Vectors],
    log: EmbeddedLog,
    embedder: Embedder,
    *,
    batch_size: int,
    workers: int,
    progress: Progress,
) -> int:
    """Fills `vectors` and returns how many had to be computed.

    Args:
        passages: `n` of them.
        keys: `(n, 2)`, names of their vectors.
        vectors: `(n, dim)`, to be filled.
        known: Vectors by the bytes of their keys, beside those in `log`.
        log: Told what is computed, batch by batch.
        embedder: Computes it.
        batch_size: Passages embedded in one call. The batches, and so the vectors to the last bit, are the same
            whatever the number of workers.
        workers: Processes that embed; 1: this one does.
        progress: Told how far the work is.

    Raises:
        ModelUnavailable: A worker was ended.
    """
    missing = []
    for row, key in enumerate(keys):
        vector = known.get(key.tobytes(), log.known.get(key.tobytes()))
        if vector is None:
            missing.append(row)
        else:
            vectors[row] = vector
    missing.sort(key=lambda row: len(passages[row].text))  # equal lengths together: less padding
    batches = [missing[begin : begin + batch_size] for begin in range(0, len(missing), batch_size)]
    texts = ([passages[row].headed_text for row in batch] for batch in batches)
    embedded = map(embedder.embed_passages, texts) if workers == 1 else _by_workers(embedder, texts, workers)
    for n, batch in enumerate(batches):
        progress("embedding", n * batch_size, len(missing))
        vectors[batch] = next(embedded)
        log.append([keys[row].tobytes() for row in batch], vectors[batch])
    progress("embedding", len(missing), len(missing))
    return len(missing)


def _by_workers(embedder: Embedder, texts: Iterable[list[str]], workers: int) -> Iterator[Vectors]:
    """The vectors of each batch of texts, in order, from processes that share the cores evenly."""
    texts = iter(texts)
    pending: deque[Future[Vectors]] = deque()
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start, initargs=(embedder,))
    try:
        with _threads_each(max(1, (os.cpu_count() or 1) // workers)):
            while True:
                pending += [pool.submit(_embed, batch) for batch in islice(texts, _AHEAD * workers - len(pending))]
                if not pending:
                    return
                yield pending.popleft().result()
    except BrokenProcessPool as exc:
        raise ModelUnavailable(
            f"one of the {workers} processes that embed was ended, perhaps for want of memory; "
            "run again with fewer: --workers"
        ) from exc
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _threads_each(n: int) -> Iterator[None]:
    """Lets processes that are started meanwhile compute with `n` threads, unless the user has said how many."""
    given = os.environ.get(_THREADS)
    os.environ.setdefault(_THREADS, str(n))
    try:
        yield
    finally:
        if given is None:
            del os.environ[_THREADS]


def _start(embedder: Embedder) -> None:
    global _embedder
    _embedder = embedder


def _embed(texts: list[str]) -> Vectors:
    assert _embedder is not None
    return _embedder.embed_passages(texts)
