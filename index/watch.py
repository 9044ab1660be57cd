"""Keeps an index in step with its folders."""

from collections.abc import Callable, Iterator
from pathlib import Path

from watchfiles import watch

from index.errors import BriefQAError
from index.store import Store
from index.types import Report

_QUIET_MS = 1_000
"""A change is acted on when nothing more has changed for so long: a copy of many files is one update."""
_LOOK_ANYWAY_MS = 60_000
"""Network disks report nothing; so look at least so often."""


def keep_in_step(index_dir: Path, update: Callable[[Store | None], Report]) -> Iterator[Report | BriefQAError]:
    """Runs `update`, which is given the index as opened, now and after every change in the index's folders, for ever.

    Yields the report of every run that wrote a generation, the first whatever it did, and the error of a run that could
    not; the next change is acted on all the same. Ends with KeyboardInterrupt.
    """
    report = update(None)
    yield report
    opened = Store(index_dir)
    inputs = [Path(path) for path in opened.manifest.inputs]
    told = report.generation
    last: str | None = None
    for _ in watch(*inputs, step=_QUIET_MS, rust_timeout=_LOOK_ANYWAY_MS, yield_on_timeout=True, raise_interrupt=True):
        try:
            report = update(opened)
            opened = Store(index_dir, opened)
        except BriefQAError as exc:
            if str(exc) != last:
                yield exc
            last = str(exc)
            continue
        last = None
        if report.generation != told:
            yield report
        told = report.generation
