"""What the runs of the indexer did: in `reports.jsonl` a line of JSON for each generation, the oldest first.

Nothing depends on it but the history that is shown: a line that is damaged is left out, and a history that cannot be
written costs a line of it, never the run.
"""

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from index.commit import fsync
from index.types import Report

REPORTS = "reports.jsonl"
_KEPT = 200
"""Lines: some 40 kB, and a year of workdays."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PastRun:
    """What a run of the indexer did, in numbers: its report without the lists of files."""

    generation: int
    finished_at: str
    """ISO date and time, UTC."""
    added: int
    changed: int
    removed: int
    unchanged: int
    failed: int
    n_briefs: int
    n_passages: int
    seconds: float


def past_runs(index_dir: Path, current: Report | None) -> list[PastRun]:
    """The runs on record, the oldest first, each generation once.

    Args:
        index_dir: Folder of the index.
        current: The report of the generation in use, which ends the history also where its line is missing: the run
            was killed before it was written, or the index is older than the history.
    """
    runs = {run.generation: run for run in _recorded(index_dir)}
    if current is not None:
        runs.setdefault(current.generation, _numbers_of(current))
    return list(runs.values())


def remember(index_dir: Path, before: Report | None, report: Report) -> None:
    """Adds `report` to the history, after that of the generation `before`; the lock of the index is held."""
    runs = [*past_runs(index_dir, before), _numbers_of(report)][-_KEPT:]
    part = index_dir / f".{REPORTS}"
    try:
        part.write_text("".join(f"{json.dumps(asdict(run))}\n" for run in runs), "utf-8")
        fsync(part)
        os.replace(part, index_dir / REPORTS)
    except OSError as exc:
        log.warning("the history of the index in %s could not be written (%s)", index_dir, exc)


def _recorded(index_dir: Path) -> Iterator[PastRun]:
    try:
        lines = (index_dir / REPORTS).read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            raw = json.loads(line)
            yield PastRun(**{name: kind(raw[name]) for name, kind in PastRun.__annotations__.items()})
        except (ValueError, TypeError, KeyError):
            continue


def _numbers_of(report: Report) -> PastRun:
    return PastRun(
        report.generation, report.finished_at, len(report.added), len(report.changed), len(report.removed),
        len(report.unchanged), len(report.failed), report.n_briefs, report.n_passages, report.seconds,
    )  # fmt: skip
