"""Adds briefs one by one and removes them again, each time with a run of the indexer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from index.added import ADDED, added_prefix, put_in, safe_name, taken_out
from index.builder import build_index, no_progress
from index.embedder import Embedder
from index.errors import BriefKept, BriefUnreadable, CitationInvalid
from index.loaders import MAX_BYTES, load_brief
from index.store import Store
from index.types import Brief, Failure, Progress, Report


@dataclass(frozen=True, slots=True)
class Added:
    """What became of the files that were offered."""

    briefs: tuple[Brief, ...]
    """Those that are in the index now, in the order offered."""
    refused: tuple[Failure, ...]
    """The others, by the names they were offered under; nothing of them is kept."""


def add_briefs(
    index_dir: Path,
    embedder: Embedder,
    offered: Sequence[tuple[str, bytes]],
    opened: Store,
    progress: Progress = no_progress,
) -> Added:
    """Adds files (name, content) to the index, and brings it in step with its folders.

    Args:
        index_dir: Folder of the index; the files are kept in it.
        embedder: Makes the vectors.
        offered: What to add; the names need not be file names.
        opened: The index as it is.
        progress: Told how far the work is.

    Raises:
        BriefQAError: The run failed, as `build_index` tells; then no file is kept.
    """
    folder = index_dir / ADDED
    taken = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    new: dict[str, tuple[str, bytes, str]] = {}  # brief id → name offered, content, name given
    refused = []
    for name, content in offered:
        try:
            brief = _readable(name, content)
            if brief.id in new:
                raise BriefUnreadable(f"{name} holds the same text as {new[brief.id][0]}")
            if known := _held(opened, brief.id):
                raise BriefUnreadable(f"{name} is already indexed as {known.source}")
        except BriefUnreadable as exc:
            refused.append(Failure(name, str(exc)))
            continue
        given = safe_name(name, taken)
        taken.add(given)
        new[brief.id] = (name, content, given)
    if not new:
        return Added((), tuple(refused))
    files = {given: content for _, content, given in new.values()}
    report = build_index(
        index_dir, embedder, opened=opened, progress=progress, change=put_in(index_dir, files)
    )  # fmt: skip
    now = Store(index_dir, opened)
    briefs = []
    for brief_id, (name, _, given) in new.items():
        if held := _held(now, brief_id):
            briefs.append(held)
        else:
            (folder / given).unlink(missing_ok=True)
            reasons = [failure.reason for failure in report.failed if failure.source.endswith(f"{ADDED}/{given}")]
            refused.append(Failure(name, reasons[0] if reasons else f"{name} could not be indexed"))
    return Added(tuple(briefs), tuple(refused))


def remove_brief(
    index_dir: Path, embedder: Embedder, brief_id: str, opened: Store, progress: Progress = no_progress
) -> Report:
    """Deletes the file of a brief that was added, and brings the index in step with its folders.

    Raises:
        CitationInvalid: There is no such brief.
        BriefKept: It stands in a folder of the analyst's own, where nothing is ever changed.
        BriefQAError: The run failed, as `build_index` tells; then the file is kept.
    """
    brief = opened.brief(brief_id)
    prefix = added_prefix(index_dir)
    records = {s: r.path for s, r in opened.file_records().items() if r.brief_id == brief.id}
    for source, path in records.items():
        if not path.startswith(prefix):
            raise BriefKept(
                f"“{brief.title}” is the file {source} in a folder of your own, where nothing is ever changed; "
                "delete or move the file there, then update the index"
            )
    change = taken_out([Path(path) for path in records.values()])
    return build_index(index_dir, embedder, opened=opened, progress=progress, change=change)


def _readable(name: str, content: bytes) -> Brief:
    if len(content) > MAX_BYTES:
        raise BriefUnreadable(f"{name} is larger than {MAX_BYTES // 1_000_000} MB; split it")
    return load_brief(content, name)


def _held(store: Store, brief_id: str) -> Brief | None:
    try:
        brief = store.brief(brief_id)
    except CitationInvalid:
        return None
    return brief if brief.id == brief_id else None  # a file may be called like an id
