"""Adds briefs one by one and removes them again, each time with a run of the indexer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from index.added import ADDED, added_prefix, put_in, safe_name, taken_out
from index.builder import build_index, no_progress
from index.embedder import Embedder
from index.errors import BriefKept, BriefUnreadable, CitationInvalid
from index.loaders import ARCHIVE, MAX_BYTES, load_brief, parts_of, suffix_of
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
    names: dict[str, str] = {}  # brief id → the name it was offered under
    files: dict[str, bytes] = {}
    ids_in: dict[str, list[str]] = {}
    refused: list[Failure] = []
    for name, content, as_file in _unpacked(offered, refused):
        try:
            ids = _ids_in(name, content, refused)
            if all(brief_id in names for brief_id in ids):
                raise BriefUnreadable(f"{name} holds the same text as {names[ids[0]]}")
            if (known := [held.source for i in ids if (held := _held(opened, i))]) and len(known) == len(ids):
                raise BriefUnreadable(f"{name} is already indexed as {known[0]}")
        except BriefUnreadable as exc:
            refused.append(Failure(name, str(exc)))
            continue
        given = safe_name(as_file, taken)
        taken.add(given)
        files[given] = content
        ids_in[given] = [brief_id for brief_id in ids if brief_id not in names]
        names |= dict.fromkeys(ids_in[given], name)
    if not files:
        return Added((), tuple(refused))
    report = build_index(
        index_dir, embedder, opened=opened, progress=progress, change=put_in(index_dir, files)
    )  # fmt: skip
    now = Store(index_dir, opened)
    briefs: list[Brief] = []
    for given, ids in ids_in.items():
        held_now = [held for brief_id in ids if (held := _held(now, brief_id))]
        briefs += held_now
        if len(held_now) < len(ids):
            name, shown = names[ids[0]], f"{ADDED}/{given}/"
            reasons = [failure.reason for failure in report.failed if shown in f"{failure.source}/"]
            refused.append(Failure(name, reasons[0] if reasons else f"{name} could not be indexed"))
        if not held_now:
            (folder / given).unlink(missing_ok=True)
    return Added(tuple(briefs), tuple(refused))


def _unpacked(offered: Sequence[tuple[str, bytes]], refused: list[Failure]) -> Iterator[tuple[str, bytes, str]]:
    """Each file offered, and those in an archive instead of it: name, content, and what to call it in the folder.

    So that each can be removed by itself. What cannot be taken out of an archive is added to `refused`.
    """
    for name, content in offered:
        if suffix_of(name) != ARCHIVE:
            yield name, content, name
            continue
        try:
            _check_size(name, content)
            for part in parts_of(content, name):
                if isinstance(part, Failure):
                    refused.append(part)
                else:
                    yield part.source, part.content, part.source.rsplit("/", 1)[-1]
        except BriefUnreadable as exc:
            refused.append(Failure(name, str(exc)))


def _ids_in(name: str, content: bytes, refused: list[Failure]) -> list[str]:
    """Ids of the briefs in a file, at least one; what in it cannot be read is added to `refused`."""
    _check_size(name, content)
    ids, failed = [], []
    for part in parts_of(content, name):
        if isinstance(part, Failure):
            failed.append(part)
            continue
        try:
            ids.append(load_brief(part.content, part.source).id)
        except BriefUnreadable as exc:
            failed.append(Failure(part.source, str(exc)))
    if not ids:
        raise BriefUnreadable(failed[0].reason)
    refused += failed
    return ids


def remove_brief(
    index_dir: Path, embedder: Embedder, brief_id: str, opened: Store, progress: Progress = no_progress
) -> Report:
    """Deletes the file of a brief that was added, and brings the index in step with its folders.

    Raises:
        CitationInvalid: There is no such brief.
        BriefKept: It stands in a folder of the analyst's own, where nothing is ever changed, or in a file with others.
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
        if PurePosixPath(source).name != Path(path).name:  # what is attached to a mail; the mail itself takes it along
            raise BriefKept(
                f"“{brief.title}” is not a file of its own but inside {PurePosixPath(source).parent}; remove that one, "
                "and it goes with it"
            )
    change = taken_out([Path(path) for path in records.values()])
    return build_index(index_dir, embedder, opened=opened, progress=progress, change=change)


def _check_size(name: str, content: bytes) -> None:
    if len(content) > MAX_BYTES:
        raise BriefUnreadable(f"{name} is larger than {MAX_BYTES // 1_000_000} MB; split it")


def _held(store: Store, brief_id: str) -> Brief | None:
    try:
        brief = store.brief(brief_id)
    except CitationInvalid:
        return None
    return brief if brief.id == brief_id else None  # a file may be called like an id
