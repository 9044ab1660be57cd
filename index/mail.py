"""Mails (`.eml`) to text, and what is attached to them."""

import email
import re
from collections.abc import Iterator
from datetime import date
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from index.briefs import outline
from index.decoding import decode
from index.errors import BriefUnreadable
from index.types import Properties
from index.web import text_of_page

_HEADERS = ("from", "subject", "date", "mime-version", "content-type")
_MAX_HEADER = 2_000
_MAX_NAME = 150
_SEALED = frozenset(["multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"])
_FORWARDED = re.compile(r"(?:(?:fwd?|re|aw|wg)\s*:\s*)+", re.IGNORECASE)
_FLOWED = re.compile(r"(?<!^--) \n(?=\S)", re.MULTILINE)
"""A line of RFC 3676 that ends in a space goes on in the next; a signature's line of dashes does not."""


def text_of_mail(content: bytes, source: str) -> tuple[str, Properties]:
    """What a mail says, laid out like a brief: date, subject, text; and who sent it.

    Its plain text, if it has any, or else its page. Where that has a date of its own, it is taken as it is, and what
    the mail says of itself counts beside it.

    Raises:
        BriefUnreadable: It is no mail, is encrypted, or holds nothing that can be read.
    """
    try:
        return _said(_opened(content, source), source)
    except RecursionError as exc:  # parts in parts in parts
        raise _not_whole(source) from exc


def _said(message: Message, source: str) -> tuple[str, Properties]:
    day, subject = _day(message), _FORWARDED.sub("", _header(message, "subject"))
    body, beside = _body(message, source)
    authors = beside.authors or _senders(message)
    properties = Properties(subject or beside.title, day.isoformat() if day else beside.date, authors)
    said = outline(body)
    if said.date is not None:
        return body, properties
    if said.title is not None and body[slice(*said.title)] == subject:
        body = body[said.end :].lstrip()
    header = [f"{day:%B} {day.day}, {day.year}"] if day else []
    return "\n\n".join([*header, *([subject] if subject else []), body]), properties


def attachments(content: bytes, source: str) -> tuple[bool, list[tuple[str, bytes]]]:
    """Whether a mail says something itself, and the files attached to it: name and content.

    A mail that it brings along is a file, `SUBJECT.eml`.

    Raises:
        BriefUnreadable: It is no mail, or is encrypted.
    """
    try:
        return _attached(_opened(content, source), source)
    except RecursionError as exc:
        raise _not_whole(source) from exc


def _attached(message: Message, source: str) -> tuple[bool, list[tuple[str, bytes]]]:
    says = any(re.search(r"\w", _words_of(part, source)) for part in _texts(message))
    files, taken = [], set()
    for part in _leaves(message):
        if part.get_content_type() == "message/rfc822" and _parts(part):
            inner = _parts(part)[0]
            name, inside = f"{_header(inner, 'subject') or 'mail'}.eml", inner.as_bytes()
        elif _is_attached(part):
            name, inside = part.get_filename() or "", _payload(part)
        else:
            continue
        name = _plain(name)
        stem, dot, suffix = name.rpartition(".")
        number = 1
        while name in taken:
            number += 1
            name = f"{stem} {number}{dot}{suffix}"
        taken.add(name)
        files.append((name, inside))
    return says, files


def _opened(content: bytes, source: str) -> Message:
    try:
        message = email.message_from_bytes(content)
        if not any(name in message for name in _HEADERS):
            raise BriefUnreadable(f"{source} is no mail; save it again in the program that received it")
        sealed = message.get_content_type() in _SEALED
    except (ValueError, LookupError) as exc:
        raise _not_whole(source) from exc
    if sealed:
        raise BriefUnreadable(f"{source} is encrypted; save it decrypted, or its text as .txt")
    return message


def _not_whole(source: str) -> BriefUnreadable:
    return BriefUnreadable(f"{source} is not a whole mail; save it again in the program that received it")


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that have no parts, in order; a mail inside the mail is one."""
    pending = [message]
    while pending:
        part = pending.pop()
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            pending += reversed(_parts(part))
        else:
            yield part


def _parts(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [inner for inner in payload if isinstance(inner, Message)] if isinstance(payload, list) else []


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or part.get_filename() is not None


def _texts(message: Message, kind: str | None = None) -> Iterator[Message]:
    for part in _leaves(message):
        if part.get_content_type() in ((kind,) if kind else ("text/plain", "text/html")) and not _is_attached(part):
            yield part


def _body(message: Message, source: str) -> tuple[str, Properties]:
    plain = [words for part in _texts(message, "text/plain") if re.search(r"\w", words := _words_of(part, source))]
    if plain:
        return "\n\n".join(words.strip("\n") for words in plain) + "\n", Properties()
    for part in _texts(message, "text/html"):
        return text_of_page(_words_of(part, source), source)
    raise BriefUnreadable(f"{source} holds no text; save what is attached to it")


def _words_of(part: Message, source: str) -> str:
    words = decode(_payload(part), source, part.get_content_charset()).replace("\r\n", "\n").replace("\r", "\n")
    if part.get_param("format") == "flowed":
        words = _FLOWED.sub("" if part.get_param("delsp") == "yes" else " ", words)
    return words


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _header(message: Message, name: str) -> str:
    """The words of a header, on one line."""
    words = []
    for piece, charset in decode_header(str(message.get(name, ""))[:_MAX_HEADER]):
        if isinstance(piece, str):
            piece = piece.encode("utf-8", "surrogateescape")  # bytes that no header should have come as such
        try:
            words.append(piece.decode(charset or "utf-8"))
        except (LookupError, UnicodeError):
            words.append(piece.decode("cp1252", "replace"))
    return " ".join("".join(c if c.isprintable() else " " for c in "".join(words)).split())


def _senders(message: Message) -> tuple[str, ...]:
    try:
        pairs = getaddresses([_header(message, "from")])
    except RecursionError:  # brackets in brackets
        return ()
    return tuple(name.strip() or address for name, address in pairs if name.strip() or address)


def _day(message: Message) -> date | None:
    try:
        return parsedate_to_datetime(_header(message, "date")).date()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _plain(name: str) -> str:
    """A file name without folders and without what is no character."""
    name = re.split(r"[/\\]", "".join(c for c in name if c.isprintable()))[-1].strip(" .")
    return name if len(name) <= _MAX_NAME else f"{name[:100]}…{name[-30:]}"
