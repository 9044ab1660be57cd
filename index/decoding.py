"""Bytes to text, never by a guess that could be another: what is not certain is refused."""

import re

from index.errors import BriefUnreadable

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LATIN = frozenset(["ascii", "us-ascii", "iso-8859-1", "iso8859-1", "latin-1", "latin1", "windows-1252", "cp1252"])
"""Names that browsers take for Windows-1252, whichever is said."""
_NO_ENCODINGS = frozenset(["unicode_escape", "raw_unicode_escape", "idna", "punycode"])
"""Of names and of program text, which Python knows beside those of files."""
_WESTERN = re.compile(
    r"[\t\n\f\r -~\xa0-\xa3\xa5\xa7-\xb1\xb4-\xb7\xba-\xcf\xd1-\xdc\xdf-\xef\xf1-\xfc\xff€‚„…†‡‰Š‹ŒŽ‘’“”•–—™š›œžŸ]*"
)
"""ASCII, the letters of Western European languages but for Icelandic, and the signs of print."""
_DOUBTFUL = re.compile(
    r"[^\W\d_a-zA-Zªº]{3}"  # three accented letters in a row: Cyrillic or Greek, or two bytes a letter
    r"|[a-z][À-ÖØ-ÞŠŒŽŸ]"  # a capital after a small letter: the quotes and accents of the old Macintosh
    r"|(?<![^\W_])[À-ÖØ-ÞŠŒŽŸ][A-Z][a-z]"
    r"|[a-zA-Z](?:[‚„‹]|[“”†‡][a-z])"  # a quote that opens after a letter: DOS
    r"|[a-zA-Z][¡¢£¥¦¨¬¯´¶¸¿¼½¾ªº¹²³±]+[a-z]|[£¥¹³][a-z]{3}"  # signs in words: Polish
)
_UTF8_LETTER = re.compile(rb"[\xc3-\xf4][\x80-\xbf]+")


def decode(content: bytes, source: str, declared: str | None = None) -> str:
    """The text of a file: UTF-8 or, with its mark in front, UTF-16, else what is declared, else Windows-1252.

    Line endings are kept, and the mark in front of UTF-8. Windows-1252 is what English and other Western text in
    another encoding mostly is; that it looks like such text is checked.

    Args:
        content: The file.
        source: What to call it.
        declared: The encoding that the file names, if any.

    Raises:
        BriefUnreadable: Not text, or in an encoding that is not certain.
    """
    if content.startswith(_UTF16):
        return _without_nulls(_declared(content, "utf-16", source), source)
    if declared and _known(declared):
        return _without_nulls(_declared(content, declared, source), source)
    if b"\0" in content:
        raise _null_bytes(source)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        if (text := _western(content)) is not None:
            return text
        raise BriefUnreadable(
            f"{source} is not UTF-8 (byte 0x{content[exc.start]:02x} at position {exc.start}), nor for certain "
            "anything else; save it as UTF-8"
        ) from exc


def _known(declared: str) -> bool:
    """Whether an encoding is one to go by: UTF-8 is tried anyway, and who says Latin-1 often means UTF-8."""
    try:
        "".encode(declared)
    except (LookupError, ValueError):
        return False
    name = declared.lower()
    return name not in _LATIN and not name.startswith("utf") and name.replace("-", "_") not in _NO_ENCODINGS


def _declared(content: bytes, encoding: str, source: str) -> str:
    try:
        return content.decode("gb18030" if encoding.lower() in ("gb2312", "gbk") else encoding)
    except UnicodeError as exc:
        raise BriefUnreadable(f"{source} is not the {encoding} that it says it is; save it as UTF-8") from exc


def _western(content: bytes) -> str | None:
    """`content` read as Windows-1252; None where it may well be something else, such as damaged UTF-8."""
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        return None
    certain = _WESTERN.fullmatch(text) and not _DOUBTFUL.search(text) and not _UTF8_LETTER.search(content)
    return text if certain else None


def _without_nulls(text: str, source: str) -> str:
    if "\0" in text:
        raise _null_bytes(source)
    return text


def _null_bytes(source: str) -> BriefUnreadable:
    return BriefUnreadable(f"{source} holds null bytes, so it is not a text file; convert it to UTF-8 text")
