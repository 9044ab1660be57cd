"""Files to briefs: which there are, what they hold, and who makes text of it. No other code reads briefs from disk.

Most files hold one brief. Those in an archive are briefs of their own, `archive.zip/name.txt`, and so is what is
attached to a mail, `mail.eml/name.pdf`.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from index.apart import attached_apart, page_apart, text_apart
from index.archive import members
from index.briefs import parse_brief
from index.decoding import decode
from index.errors import BriefUnreadable, InputMissing
from index.mail import text_of_mail
from index.pdf import text_of_pdf
from index.pdf_page import PagePicture
from index.types import Brief, Failure, Part, Properties
from index.web import text_of_html
from index.word import text_of_docx

MAX_BYTES = 20_000_000
_SETTLED_NS = 3_000_000_000
ARCHIVE = ".zip"
MAIL = ".eml"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to index: where it is, and the name it is shown by (relative, with `/`)."""

    path: str
    """Absolute."""
    source: str


def list_files(inputs: tuple[Path, ...], *, none_allowed: bool = False) -> list[SourceFile]:
    """Every file to index under `inputs` (folders and files), sorted by name, each once.

    Names are relative to the one folder given, or to the parent that several inputs share. Hidden files
    and folders are left out; links to folders are not followed, so a loop cannot trap the walk.

    Raises:
        InputMissing: An input does not exist, a file has a suffix we do not read, or nothing was found and that is
            not allowed.
    """
    roots = [os.path.abspath(path) for path in inputs]
    found: set[str] = set()
    for root in roots:
        if os.path.isdir(root):
            for folder, folders, names in os.walk(root):
                folders[:] = [name for name in folders if not name.startswith(".")]
                found.update(os.path.join(folder, name) for name in names if _is_brief(name))
        elif not os.path.exists(root):
            raise InputMissing(f"there is no file or folder {root}; give the folder that holds the briefs")
        elif suffix_of(root) not in SUFFIXES:
            raise InputMissing(f"{root} is not one of {SUFFIXES_SAID}; convert it to text first")
        else:
            found.add(root)
    if not found and not none_allowed:
        raise InputMissing(f"there is no file to index ({SUFFIXES_SAID}) in {', '.join(roots)}; nothing was changed")
    one_folder = len(roots) == 1 and os.path.isdir(roots[0])
    base = roots[0] if one_folder else os.path.commonpath([os.path.dirname(root) for root in roots])
    cut = len(os.path.join(base, ""))
    # Strings, not paths, as far as here: of a hundred thousand files the difference is seconds.
    return [SourceFile(path, path[cut:].replace(os.sep, "/")) for path in sorted(found)]


def _is_brief(name: str) -> bool:
    return not name.startswith(".") and suffix_of(name) in SUFFIXES


def stamp_of(file: SourceFile) -> tuple[int, ...]:
    """Size, times of change in nanoseconds and inode of a file: while they stay the same, so does its content.

    Any write moves the time of change (`ctime`), and no program can set it. Empty, so that the file is read the next
    time too, where that cannot be relied on: it changed within the last three seconds (file systems count time in
    steps of up to two), its time lies in the future, or the system is not POSIX.
    """
    try:
        at = os.stat(file.path)
    except OSError:
        return ()
    if os.name != "posix" or time.time_ns() - at.st_ctime_ns < _SETTLED_NS:
        return ()
    return at.st_size, at.st_mtime_ns, at.st_ctime_ns, at.st_ino


def read_bytes(file: SourceFile) -> tuple[bytes, str]:
    """The content of a file and its SHA-256 in hex.

    Raises:
        BriefUnreadable: It cannot be read, is too large, or another program goes on writing it.
    """
    try:
        for _ in range(3):
            before = os.stat(file.path)
            if before.st_size > MAX_BYTES:
                raise BriefUnreadable(f"{file.source} is larger than {MAX_BYTES // 1_000_000} MB; split it")
            content = Path(file.path).read_bytes()
            after = os.stat(file.path)
            if (before.st_mtime_ns, before.st_ino, len(content)) == (after.st_mtime_ns, after.st_ino, after.st_size):
                return content, sha256_of_bytes(content)
    except OSError as exc:
        raise BriefUnreadable(f"{file.source} cannot be read: {exc.strerror or exc}") from exc
    raise BriefUnreadable(f"{file.source} changed while it was read; index again when it is complete")


def sha256_of_bytes(content: bytes) -> str:
    """In hex."""
    return hashlib.sha256(content).hexdigest()


def holds(file: str, source: str) -> bool:
    """Whether what is shown as `source` is the file shown as `file`, or inside it."""
    return source == file or source.startswith(f"{file}/")


def load_brief(content: bytes, source: str, path: str = "") -> Brief:
    """The brief in a file with this content; which extractor makes its text, the suffix of `source` says.

    For a file that may hold several briefs, see `parts_of`.

    Args:
        content: The file.
        source: Path to show, relative to the folder indexed.
        path: Absolute path of the file.

    Raises:
        BriefUnreadable: No brief can be made of it.
    """
    text, beside = (text_apart if suffix_of(source) in _APART else extract)(content, source)
    return parse_brief(text, source, path, beside)


def parts_of(content: bytes, source: str) -> Iterator[Part | Failure]:
    """The file itself; of an archive the files in it; of a mail what it says and what is attached to it.

    Of these, such as are of no format that is read are passed over, as in a folder; others that cannot be taken out are
    told. What is inside a file that is itself inside one is not taken out.

    Raises:
        BriefUnreadable: The archive is damaged or out of all measure, or nothing in it can be read.
    """
    suffix = suffix_of(source)
    if suffix == ARCHIVE:
        yield from members(content, source, _is_brief, MAX_BYTES)
    elif suffix == MAIL:
        says, files = attached_apart(content, source)
        chosen = [(name, inside) for name, inside in files if _is_brief(name)]
        if says or not chosen:  # a mail that only brings files says nothing
            yield Part(source, content)
        for name, inside in chosen:
            if suffix_of(name) == ARCHIVE:
                yield Failure(f"{source}/{name}", f"{source}/{name} is an archive inside a mail; save it beside it")
            else:
                yield Part(f"{source}/{name}", inside)
    else:
        yield Part(source, content)


def content_of(brief: Brief) -> bytes:
    """The file of a brief, as it is now; of one inside another, what is inside.

    Raises:
        BriefUnreadable: It is not there any more, or cannot be read.
    """
    name = Path(brief.path).name
    content, _ = read_bytes(SourceFile(brief.path, brief.source))
    for part in parts_of(content, name):
        if isinstance(part, Part) and f"/{brief.source}".endswith(f"/{part.source}"):
            return part.content
    raise BriefUnreadable(f"{brief.source} is not in {name} any more; update the index")


def picture_of(brief: Brief, start: int, end: int) -> PagePicture:
    """The page of a PDF file where `start..end` of its text begins, those words marked.

    Raises:
        BriefUnreadable: The brief is of no PDF file, or that is not there any more or says something else now.
    """
    if brief.page_at(0) is None:
        raise BriefUnreadable(f"{brief.source} has no pages; only PDF files have")
    text, picture = page_apart(content_of(brief), brief.source, start, end)
    if text != brief.text:
        raise BriefUnreadable(f"{brief.source} has changed since it was indexed; update the index")
    return picture


def extract(content: bytes, source: str) -> tuple[str, Properties]:
    """The text of a file with this content, and what it says of itself beside; see `load_brief`.

    Raises:
        BriefUnreadable: There is none, or it is of no format that is read.
    """
    extractor = _EXTRACTORS.get(suffix_of(source))
    if extractor is None:
        raise BriefUnreadable(f"{source} is not one of {SUFFIXES_SAID}; convert it to text first")
    return extractor(content, source)


def suffix_of(name: str) -> str:
    """What a file name ends in (`.txt`), in small letters."""
    return os.path.splitext(name)[1].lower()


def _plain_text(content: bytes, source: str) -> tuple[str, Properties]:
    return decode(content, source), Properties()


_EXTRACTORS: dict[str, Callable[[bytes, str], tuple[str, Properties]]] = {
    ".txt": _plain_text,
    ".md": _plain_text,
    ".docx": text_of_docx,
    ".html": text_of_html,
    ".htm": text_of_html,
    MAIL: text_of_mail,
    ".pdf": text_of_pdf,
}
_APART = frozenset(_EXTRACTORS) - {".txt", ".md"}
"""Read by libraries that what is in a file can lead astray; see index/apart.py."""
SUFFIXES = frozenset([*_EXTRACTORS, ARCHIVE])
SUFFIXES_SAID = ", ".join(sorted(SUFFIXES))
"""For a message: `.docx, .htm, …`."""
