"""A sheet of cited answers on disk, CSV or JSON lines by its ending: appended to row by row, gone on with later.

Every row is one line and is written in one step; what a killed run or a full disk left of a last row is cut off when
the sheet is opened again. Rows that are there are not asked again: a row counts for a question with the same id, words
and filters.

The columns of a CSV are `COLUMNS`. Its cells are text for people: line breaks are spaces, and a cell that a spreadsheet
could take for a formula has an apostrophe in front. What is verbatim stands in `records` (see `qa.records`), so that
`briefqa verify` takes the sheet. Answers that belong together stand in one cell, a semicolon between them, and so do
their citations.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from index.errors import ExportInvalid
from qa.batch import FILTERS, Asked, outcome_json
from qa.records import record_line
from qa.sections import citations_of, on_a_line, shown
from qa.types import Citation, Reply

COLUMNS = (
    "id", "question", "filters", "read as", "found", "confidence", "answer", "sentence", "title", "date", "kind",
    "authors", "source", "paragraph", "citation", "also", "further answers", "error", "records",
)  # fmt: skip
_FORMULA = tuple("=+-@\t＝＋－＠")
_JSON_ROW = b'{"asked": ["'
"""How a row of JSON lines begins."""
Key = tuple[str, str, str]
"""Id, words and filters of a question, as a sheet tells them."""


def check_sheet(path: Path) -> None:
    """Raises ExportInvalid unless the name ends in `.csv` or `.jsonl`."""
    if path.suffix.lower() not in (".csv", ".jsonl"):
        raise ExportInvalid(f"{path} does not end in .csv or .jsonl; choose one of these forms")


class AnswerSheet:
    """The sheet in a file, open for adding rows; a context manager."""

    def __init__(self, path: Path) -> None:
        """Opens the sheet, or begins it.

        Raises:
            ExportInvalid: Another ending, no sheet of answers, or not writable.
        """
        check_sheet(path)
        self._path = path
        self._csv = path.suffix.lower() == ".csv"
        try:
            content = path.read_bytes() if path.exists() else b""
            whole = self._whole_rows(content)
            self._answered = Counter(self._keys(whole))
            self._file: BinaryIO = path.open("ab", buffering=0)
            self._file.truncate(len(whole))
        except OSError as exc:
            raise self._unwritable(exc) from exc
        if self._csv and not whole:
            self._write(_HEAD)

    def __enter__(self) -> "AnswerSheet":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def take(self, asked: Asked) -> bool:
        """Whether a row answers `asked` already; a row counts once."""
        key = _key(asked)
        if not self._answered[key]:
            return False
        self._answered[key] -= 1
        return True

    def add(self, asked: Asked, outcome: Reply | dict[str, Any]) -> None:
        """Adds the row of `asked`; raises ExportInvalid when it cannot be written, and then leaves no part of it."""
        if self._csv:
            self._write(_csv_line(_cells(asked, outcome)))
            return
        row = json.dumps({"asked": _key(asked)} | outcome_json(outcome), ensure_ascii=False)
        self._write(row.encode("utf-8", "replace") + b"\n")

    def _write(self, line: bytes) -> None:
        begin = self._file.seek(0, io.SEEK_END)
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError("the disk is full")
        except OSError as exc:
            self._file.truncate(begin)
            raise self._unwritable(exc) from exc

    def _whole_rows(self, content: bytes) -> bytes:
        end = b"\r\n" if self._csv else b"\n"
        whole = content[: content.rfind(end) + len(end)] if end in content else b""
        begun = _HEAD if self._csv else _JSON_ROW
        if not whole and content[: len(begun)] != begun[: len(content)]:  # nor the beginning of a first row of ours
            raise self._foreign()
        return whole

    def _keys(self, content: bytes) -> list[Key]:
        try:
            text = content.decode("utf-8-sig")
            if not self._csv:
                rows = [json.loads(line)["asked"] for line in text.split("\n") if line]
            elif text:
                head, *rows = csv.reader(io.StringIO(text, newline=""))
                if tuple(head) != COLUMNS:
                    raise self._foreign()
            else:
                rows = []
            return [(row[0], row[1], row[2]) for row in rows]
        except (ValueError, KeyError, TypeError, IndexError, csv.Error) as exc:
            raise self._foreign() from exc

    def _foreign(self) -> ExportInvalid:
        return ExportInvalid(f"{self._path} is there and is no sheet that briefqa wrote; choose another file")

    def _unwritable(self, exc: OSError) -> ExportInvalid:
        return ExportInvalid(f"{self._path} cannot be written ({exc.strerror or exc}); choose another place")


def safe_cell(text: str) -> str:
    """`text` on one line, with an apostrophe in front where a spreadsheet could take it for a formula (CWE-1236)."""
    line = on_a_line(text)
    return f"'{line}" if line.lstrip().startswith(_FORMULA) or line.startswith("\t") else line


def _key(asked: Asked) -> Key:
    told = [f"{name}={value}" for name in FILTERS if (value := getattr(asked.filters, name)) is not None]
    name = "" if asked.id is None else asked.id if isinstance(asked.id, str) else json.dumps(asked.id)
    return safe_cell(name), safe_cell(asked.question or asked.error or ""), safe_cell("; ".join(told))


def _cells(asked: Asked, outcome: Reply | dict[str, Any]) -> list[str]:
    cells = dict(zip(COLUMNS, _key(asked), strict=False))
    if not isinstance(outcome, Reply):
        return _row(cells | {"error": str(outcome["error"])})
    cells |= {
        "read as": outcome.understood or "", "found": "yes" if outcome.found else "no",
        "confidence": f"{outcome.confidence:.4f}",
    }  # fmt: skip
    if answers := shown(outcome):
        items, further = answers[: outcome.n_listed], answers[outcome.n_listed :]
        c = items[0].citation
        cells |= {
            "answer": "; ".join(item.text for item in items), "title": c.title, "date": c.date or "",
            "sentence": " ".join(dict.fromkeys(item.citation.sentence for item in items)),
            "kind": c.kind or "", "authors": ", ".join(c.authors), "source": c.source,
            "paragraph": "; ".join(dict.fromkeys(str(item.citation.paragraph) for item in items)),
            "citation": "; ".join(item.citation.id for item in items),
            "also": _listed([other for item in items for other in item.also]),
            "further answers": _listed([c for a in further for c in (a.citation, *a.also)]),
            "records": " ".join(map(record_line, citations_of([outcome]))),
        }  # fmt: skip
    return _row(cells)


def _listed(citations: Sequence[Citation]) -> str:
    return "; ".join(f"{c.quote} ({c.id})" for c in citations)


def _row(cells: Mapping[str, str]) -> list[str]:
    return [safe_cell(cells.get(name, "")) for name in COLUMNS]


def _csv_line(cells: Sequence[str]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue().encode("utf-8", "replace")


_HEAD = b"\xef\xbb\xbf" + _csv_line(COLUMNS)
"""The first row of a CSV; the mark in front tells Excel that it is UTF-8."""
