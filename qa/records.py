r"""Citations in files: how an export carries them, and how they are found again in any file that holds some.

Every export carries, as text that a person may read and copy, one record a citation: a JSON object on one line,

    {"briefqa:citation": "0123456789ab:120-164", "source": "harbour.txt", "title": …, "date": …, "paragraph": …,
     "quote": …, "sentence": …, "sentence_start": …}

So a file that went through a word processor or a reference manager can still be verified, as long as the lines are
whole. Around the records the file must still show their quotes, letter by letter: a memo in which somebody changed a
figure is not what was cited. Inside a record's strings every character that Markdown, HTML, TeX or a spreadsheet could
take for its own is written as a JSON escape (`\u007b`): such a line is the same in every format, and cannot end the
block it stands in.
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from index.errors import CitationInvalid
from qa.citations import parse_citation_id
from qa.types import Citation

MARK = "briefqa:citation"
_RECORD = re.compile(r'\{\s*"briefqa:citation"')
_ID = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{12}:\d{1,9}-\d{1,9}(?![0-9A-Za-z])")
_SPECIAL = re.compile(r"[\x00-\x1f\"#$%&*<=>@\[\\\]^_`{|}~\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_FIELDS = ("source", "title", "date", "paragraph", "quote", "sentence", "sentence_start")
_NO_LETTER = re.compile(r"[\W_]+")
_TEX = re.compile(r"\\text[a-z]+\{\}")
_DECODER = json.JSONDecoder(strict=False)
_WORD_PARTS = re.compile(r"word/(?:document|footnotes|endnotes|comments)\d*\.xml")
_WORD_NAMESPACE = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MAX_BYTES = 50_000_000
_BLOCKS = frozenset("p div li pre h1 h2 h3 h4 br tr td th blockquote summary article section dt dd".split())


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a file tells of a citation; of a bare id nothing but the id."""

    id: str
    source: str | None = None
    title: str | None = None
    date: str | None = None
    paragraph: int | None = None
    quote: str | None = None
    sentence: str | None = None
    sentence_start: int | None = None
    shown: bool = True
    """False where the file that holds the record shows other words, but nowhere, letter by letter, the quote."""


def recorded(citation: Citation) -> Recorded:
    """What a record keeps of `citation`."""
    return Recorded(citation.id, *(getattr(citation, name) for name in _FIELDS))


def record_line(citation: Citation) -> str:
    """The record of `citation`: JSON on one line that stands unescaped in any text format."""
    fields = {MARK: citation.id} | {name: getattr(citation, name) for name in _FIELDS}
    return "{" + ", ".join(f'"{name}": {_value(value)}' for name, value in fields.items()) + "}"


def _value(value: str | int | None) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    return '"' + _SPECIAL.sub(lambda match: f"\\u{ord(match[0]):04x}", value) + '"'


def read_records(content: bytes, name: str) -> tuple[Recorded, ...]:
    """The citations that a file holds, each once: those with their words as they stand, then bare ids.

    Args:
        content: Of a reply (JSON, JSON lines), a sheet (CSV) or an export (Markdown, text, HTML, DOCX, BibTeX, CSL).
        name: Of the file, for its suffix and for messages; “-” is a stream, JSON if it begins like it.

    Raises:
        CitationInvalid: It cannot be read, or holds no citation.
    """
    try:
        kept = _read(content, name)
    except RecursionError as exc:
        raise CitationInvalid(f"{name} is nested too deeply to be a reply; write the reply again") from exc
    if not kept:
        raise CitationInvalid(f"no citation stands in {name}; give a reply or an export that briefqa wrote")
    return kept


def _read(content: bytes, name: str) -> tuple[Recorded, ...]:
    parts = list(_parts(content, name))
    outside = "\n".join(_without_records(part) for part in parts if isinstance(part, str))
    visible = _letters(_TEX.sub("", outside) if name.lower().endswith(".bib") else outside)
    found: dict[Recorded, None] = {}
    for part in parts:
        if isinstance(part, Recorded):
            found[part] = None
            continue
        for citation in _records(part):
            found[replace(citation, shown=not visible or _letters(citation.quote or "") in visible)] = None
    found |= dict.fromkeys(Recorded(match[0]) for match in _ID.finditer(outside))
    # An id that stands beside its record, as in a footnote, tells nothing more.
    told = {citation.id for citation in found if citation.quote is not None}
    return tuple(citation for citation in found if citation.quote is not None or citation.id not in told)


def _parts(content: bytes, name: str) -> Iterator[Recorded | str]:
    """The citations of replies as they are, and the texts in which records may stand."""
    if content.startswith(b"PK"):
        yield _docx_text(content, name)
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise CitationInvalid(f"{name} is neither UTF-8 text nor a DOCX file; export the reply again") from exc
    suffix = name.rsplit(".", 1)[-1].lower()
    if suffix in ("html", "htm"):
        yield _html_text(text)
    elif suffix == "csv":
        try:
            yield from (cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row)
        except csv.Error as exc:
            raise CitationInvalid(f"{name} is not a whole CSV sheet ({exc}); write the answers again") from exc
    elif suffix in ("json", "jsonl", "ndjson") or (name == "-" and text.lstrip()[:1] in ("{", "[")):
        yield from _in_json(text, name)
    else:
        yield text


def _in_json(text: str, name: str) -> Iterator[Recorded | str]:
    try:
        yield from _in_value(json.loads(text))
        return
    except ValueError:
        pass
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                value = json.loads(line)
            except ValueError as exc:
                raise CitationInvalid(f"line {number} of {name} is not JSON ({exc}); write the reply again") from exc
            yield from _in_value(value)


def _in_value(value: object) -> Iterator[Recorded | str]:
    if isinstance(value, Mapping):
        name = str(value.get(MARK, value.get("id")))
        if isinstance(value.get("quote"), str) and parse_citation_id(name):
            yield _from_fields(name, value)
            return
        if isinstance(value.get("text"), str) and isinstance(value.get("citation"), Mapping):  # an answer
            for part in _in_value(value["citation"]):
                yield replace(part, shown=part.quote == value["text"]) if isinstance(part, Recorded) else part
            value = {name: part for name, part in value.items() if name != "citation"}
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _in_value(part)
    elif isinstance(value, str):
        yield value


def _found(text: str) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Where the whole records of `text` stand, and what they say; of a torn one only the id can be found."""
    at = 0
    for match in _RECORD.finditer(text):
        if match.start() >= at:
            try:
                fields, at = _DECODER.raw_decode(text, match.start())
            except ValueError:
                continue
            yield match.start(), at, fields


def _records(text: str) -> Iterator[Recorded]:
    for _, _, fields in _found(text):
        if parse_citation_id(str(fields[MARK])):
            yield _from_fields(str(fields[MARK]), fields)


def _without_records(text: str) -> str:
    kept, at = [], 0
    for start, end, _ in _found(text):
        kept.append(text[at:start])
        at = end
    return " ".join([*kept, text[at:]])


def _letters(text: str) -> str:
    """Letters and digits alone: whatever a format or a word processor does to spaces and signs."""
    return _NO_LETTER.sub("", text)


def _from_fields(citation_id: str, fields: Mapping[str, Any]) -> Recorded:
    def words(name: str) -> str | None:
        return value if isinstance(value := fields.get(name), str) else None

    def number(name: str) -> int | None:
        return value if isinstance(value := fields.get(name), int) else None

    return Recorded(
        citation_id, words("source"), words("title"), words("date"), number("paragraph"),
        words("quote"), words("sentence"), number("sentence_start"),
    )  # fmt: skip


class _Text(HTMLParser):
    """Gathers what a page shows."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def _html_text(page: str) -> str:
    parser = _Text()
    parser.feed(page)
    parser.close()
    return "".join(parser.parts)


def _docx_text(content: bytes, name: str) -> str:
    """The text of a DOCX file, body before notes, a line a paragraph."""
    lines = []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            chosen = [part for part in parts.infolist() if _WORD_PARTS.fullmatch(part.filename)]
            if sum(part.file_size for part in chosen) > _MAX_BYTES:
                raise CitationInvalid(f"{name} unpacks to more than {_MAX_BYTES // 1_000_000} MB; export it again")
            for part in chosen:
                for paragraph in ElementTree.fromstring(parts.read(part)).iter(f"{_WORD_NAMESPACE}p"):
                    lines.append("".join(piece.text or "" for piece in paragraph.iter(f"{_WORD_NAMESPACE}t")))
    except CitationInvalid:
        raise
    except Exception as exc:  # of a damaged file zipfile raises errors of many types
        raise CitationInvalid(f"{name} is not a whole DOCX file ({exc}); export the reply again") from exc
    return "\n".join(lines)
