"""Archives (`.zip`): each file in them is a brief of its own. Nothing is ever written to disk.

An archive that is damaged, or out of all measure, is refused as a whole; a file in it that cannot be taken out is told
by its name, and the others are read.
"""

import io
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterator

from index.errors import BriefUnreadable
from index.types import Failure, Part

MAX_MEMBERS = 2_000
_MAX_UNPACKED = 200_000_000
"""Bytes of all files in an archive together."""
_MAX_RATIO = 200
"""How many times smaller a file may be packed; text is about 4 times, and a bomb a thousand."""
_SMALL = 1_000_000
"""Bytes: what unpacks to less may be packed ever so small."""
_MAX_NAME = 300
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SEPARATOR = re.compile(r"[/\\]")


def members(content: bytes, source: str, wanted: Callable[[str], bool], max_bytes: int) -> Iterator[Part | Failure]:
    """The files in an archive, in its order, or why one cannot be taken out.

    Args:
        content: The archive.
        source: What to call it.
        wanted: Whether a file of this name (without its folders) is one to read; others are passed over, and so is
            what is hidden.
        max_bytes: The most that a file may unpack to.

    Raises:
        BriefUnreadable: It is damaged, holds too much, or nothing that is wanted.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except Exception as exc:  # zipfile raises errors of many types on what is damaged
        raise BriefUnreadable(f"{source} is not a whole zip archive ({_reason(exc)}); pack it again") from exc
    with archive:
        files = [file for file in archive.infolist() if not file.filename.endswith("/")]
        if len(files) > MAX_MEMBERS:
            raise BriefUnreadable(f"{source} holds {len(files):,} files, {MAX_MEMBERS:,} are not too many; split it")
        chosen = [file for file in files if wanted(_SEPARATOR.split(file.filename)[-1]) and not _hidden(file.filename)]
        if not chosen:
            raise BriefUnreadable(f"{source} holds {len(files):,} files and none of a format that is read")
        unpacked = sum(file.file_size for file in chosen)
        if unpacked > _MAX_UNPACKED:
            raise BriefUnreadable(f"{source} unpacks to {unpacked // 1_000_000:,} MB, which is too much; split it")
        seen: set[str] = set()
        for file in chosen:
            name = f"{source}/{_shown(file.filename)}"
            why = _obstacle(file, max_bytes, seen)
            seen.add(file.filename)
            try:
                yield Failure(name, f"{name} {why}") if why else Part(name, archive.read(file))
            except Exception as exc:  # as above
                yield Failure(name, f"{name} is damaged in its archive ({_reason(exc)}); pack it again")


def _hidden(name: str) -> bool:
    """Whether a part of a path is hidden, or what macOS puts beside the files."""
    return any(part.startswith(".") and part != ".." or part == "__MACOSX" for part in _SEPARATOR.split(name))


def _obstacle(file: zipfile.ZipInfo, max_bytes: int, seen: set[str]) -> str | None:
    """Why a file is not taken out of its archive, and what to do; None where nothing is against it."""
    name, kind = file.filename, stat.S_IFMT(file.external_attr >> 16)
    if ".." in _SEPARATOR.split(name) or name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "has a name that leads out of the archive; pack it under another"
    if len(name) > _MAX_NAME or any(unicodedata.category(character)[0] == "C" for character in name):
        return "has a name that is no file name; pack it under another"
    if name in seen:
        return "stands in the archive more than once, and only the first was read; pack it under another name"
    if kind not in (0, stat.S_IFREG):
        return "is a link or a device and no file; pack the file itself"
    if file.flag_bits & 1:
        return "is encrypted; pack it without a password"
    if name.lower().endswith(".zip"):
        return "is an archive inside an archive; unpack it first"
    if file.compress_type not in _METHODS:
        return "is packed in a way that is not read; pack it by “deflate”, as is usual"
    if file.file_size > max_bytes:
        return f"unpacks to more than {max_bytes // 1_000_000} MB; split it"
    if file.file_size > max(_SMALL, _MAX_RATIO * file.compress_size):
        return f"unpacks to more than {_MAX_RATIO} times its size, as no text does; pack it again"
    return None


def _shown(name: str) -> str:
    """A name for a message and a listing, its folders with `/`; of what is no character, and all too long, a sign."""
    shown = "".join("�" if unicodedata.category(c)[0] == "C" else c for c in name.replace("\\", "/"))
    return shown if len(shown) <= _MAX_NAME else f"{shown[:100]}…{shown[-40:]}"


def _reason(exc: Exception) -> str:
    words = " ".join(str(exc).split())[:100].rstrip(" .") or type(exc).__name__
    return "".join(character if character.isprintable() else "�" for character in words)
