"""The folder for briefs that were added one by one, `INDEX_DIR/added`: it belongs to the index, beside its inputs.

Everything in it is indexed by every run, whichever folders are named; the analyst's own folders are only ever read.
"""

import os
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from index.commit import fsync
from index.loaders import SUFFIXES, SourceFile, list_files

ADDED = "added"
_NOT_IN_NAMES = re.compile(r'[<>:"|?*/\\]+')
_RESERVED = frozenset(
    ["CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³")]
)  # fmt: skip
_MAX_STEM_BYTES = 100


def added_prefix(index_dir: Path) -> str:
    """What the path of every file in the folder begins with."""
    return os.path.join(os.path.abspath(index_dir / ADDED), "")


def with_added(index_dir: Path, own: Sequence[SourceFile]) -> list[SourceFile]:
    """The analyst's `own` files, then those added, which are shown as `added/NAME`; each file once."""
    prefix = added_prefix(index_dir)
    files = [file for file in own if not file.path.startswith(prefix)]
    taken = {file.source for file in files}
    for file in list_files((Path(prefix),), none_allowed=True) if os.path.isdir(prefix) else ():
        source = f"{ADDED}/{file.source}"
        while source in taken:  # the analyst has a folder of that name too
            source = f"{ADDED}/{source}"
        files.append(SourceFile(file.path, source))
    return files


def safe_name(name: str, taken: Collection[str] = ()) -> str:
    """A file name for what somebody calls `name`, whatever that is; valid on every system, and not hidden.

    Args:
        name: A file name or a title, from anywhere; without a suffix we read, it becomes a `.txt`.
        taken: File names there are; none is given again, not even in other letters (`A.txt`, `a.txt`).
    """
    name = unicodedata.normalize("NFC", _NOT_IN_NAMES.sub("-", name))
    # Controls, marks of direction and halves of characters go; any white space is a space.
    name = "".join(c for c in " ".join(name.split()) if unicodedata.category(c)[0] != "C")
    stem, suffix = os.path.splitext(name)
    if suffix.lower() not in SUFFIXES:
        stem, suffix = name, ".txt"
    stem = stem.encode()[:_MAX_STEM_BYTES].decode("utf-8", "ignore").strip(" .-") or "brief"
    if stem.split(".")[0].strip().upper() in _RESERVED:
        stem = f"_{stem}"
    folded = {other.casefold() for other in taken}
    number, free = 1, f"{stem}{suffix.lower()}"
    while free.casefold() in folded:
        number += 1
        free = f"{stem} {number}{suffix.lower()}"
    return free


@contextmanager
def put_in(index_dir: Path, contents: Mapping[str, bytes]) -> Iterator[None]:
    """Writes files (name → content) into the folder, each whole or not at all; takes all out if what follows fails.

    Killed in between, they stay, and the next run takes them in.
    """
    folder = index_dir / ADDED
    folder.mkdir(exist_ok=True)
    for leftover in folder.glob(".*.part"):  # of a run that was killed
        leftover.unlink()
    written: list[Path] = []
    try:
        for name, content in contents.items():
            target = folder / name
            if target.exists():
                raise FileExistsError(f"{name} was added by somebody else just now")
            written += [part := _aside(target), target]
            part.write_bytes(content)
            fsync(part)
            os.replace(part, target)
        fsync(folder)
        yield
    except BaseException:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise


@contextmanager
def taken_out(paths: Sequence[Path]) -> Iterator[None]:
    """Takes files out of the folder; puts them back if what follows fails, else they are deleted.

    Killed in between, they are out of the folder, and the next run takes note.
    """
    moved: list[Path] = []
    try:
        for path in paths:
            with suppress(FileNotFoundError):  # deleted by hand: the run that follows takes note
                os.replace(path, _aside(path))
                moved.append(path)
        yield
    except BaseException:
        for path in moved:
            os.replace(_aside(path), path)
        raise
    for path in moved:
        with suppress(OSError):  # the run has succeeded; what is hidden is no part of the index
            _aside(path).unlink()


def _aside(path: Path) -> Path:
    """Where a file of the folder is while it is written or removed: hidden, so never indexed."""
    return path.with_name(f".{path.name}.part")
