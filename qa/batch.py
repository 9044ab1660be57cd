"""Many questions at once: read from JSON lines or a sheet, each answered or told why not."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from index.errors import QuestionInvalid
from index.types import Filters
from qa.assistant import Assistant
from qa.types import Reply

FILTERS = ("after", "before", "author", "kind", "topic", "brief")
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a batch."""

    id: Any
    """As it was given: any JSON from JSON lines, text from a sheet; None where there is none."""
    question: str | None
    filters: Filters = Filters()
    error: str | None = None
    """Why it cannot be asked."""


def read_questions(text: str, name: str, common: Filters = Filters()) -> list[Asked]:
    """The questions of a batch, in order.

    Args:
        text: JSON lines `{"id": …, "question": …, filters…}`, or a sheet (comma, semicolon or tab between its cells)
            whose first row names the columns: `question`, and if wanted `id` and the filters.
        name: Of the file: one that ends in `.csv` is a sheet.
        common: Filters for those questions that do not give their own.

    Raises:
        QuestionInvalid: A sheet without a column `question`. A line that is no question is told in its place.
    """
    if name.lower().endswith(".csv"):
        return list(_of_sheet(text, name, common))
    # Not splitlines: JSON may hold other line separators inside its strings.
    lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return [_of_line(n, line, common) for n, line in lines]


def answer_one(assistant: Assistant, asked: Asked, top_k: int) -> Reply | dict[str, Any]:
    """The reply with the id asked with or, as JSON, the error in its place."""
    if asked.question is None or asked.error is not None:
        return {"id": asked.id, "error": asked.error}
    try:
        return replace(assistant.ask(asked.question, asked.filters, top_k=top_k), id=asked.id)
    except QuestionInvalid as exc:
        return {"id": asked.id, "question": asked.question, "error": str(exc)}


def outcome_json(outcome: Reply | dict[str, Any]) -> dict[str, Any]:
    """What `answer_one` gave, as JSON."""
    return asdict(outcome) if isinstance(outcome, Reply) else outcome


def _of_line(number: int, line: str, common: Filters) -> Asked:
    try:
        item = json.loads(line)
    except (ValueError, RecursionError) as exc:
        return Asked(None, None, error=f"line {number} is not JSON ({exc})")
    if not isinstance(item, dict) or not isinstance(item.get("question"), str):
        return Asked(None, None, error=f'line {number} has no "question"')
    wrong = [key for key in FILTERS if item.get(key) is not None and not isinstance(item[key], str)]
    if wrong:
        return Asked(item.get("id"), None, error=f'"{wrong[0]}" on line {number} is not text')
    return Asked(item.get("id"), item["question"], _filtered(common, item))


def _of_sheet(text: str, name: str, common: Filters) -> Iterator[Asked]:
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        read = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [row for row in read if any(map(str.strip, row))]
    except csv.Error as exc:
        raise QuestionInvalid(f"{name} is not a sheet ({exc}); save it as CSV UTF-8") from exc
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "question" not in head:
        raise QuestionInvalid(f'{name} has no column "question" in its first row; name the columns there')
    for row in rows[1:]:
        cells = dict(zip(head, row, strict=False))  # what lies outside the named columns is not ours
        given = {key: cells[key].strip() for key in FILTERS if cells.get(key, "").strip()}
        yield Asked(cells.get("id", "").strip() or None, cells.get("question", ""), _filtered(common, given))


def _filtered(common: Filters, given: Mapping[str, Any]) -> Filters:
    return replace(common, **{key: given[key] for key in FILTERS if given.get(key) is not None})
