"""Replies as documents, by the ending of the file's name. Pure.

.json        the replies, as `briefqa ask --json` prints each, in a list
.md          Markdown: each answer in its sentence, with footnotes
.html        a page that stands alone and runs nothing
.docx        a Word document with real footnotes
.bib         BibTeX: an entry for each brief, its quotes in a note
.csl.json    CSL-JSON, for reference managers, likewise

Each carries a record of every citation (see `qa.records`), so it can be verified later from the file alone.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from index.errors import ExportInvalid
from qa.markup import markdown, page
from qa.references import bibtex, csl_json
from qa.sections import citations_of
from qa.types import Reply
from qa.word import document


def export(replies: Sequence[Reply], name: str) -> bytes:
    """The content of the file `name` that holds `replies`; raises ExportInvalid as `check_export` does."""
    check_export(name)
    content = next(write(replies) for ending, write in _WRITERS.items() if name.lower().endswith(ending))
    # A file name that is not UTF-8 comes as lone surrogates, which no file can hold.
    return content if isinstance(content, bytes) else content.encode("utf-8", "replace")


def check_export(name: str) -> None:
    """Raises ExportInvalid when the ending of `name` is none that is written."""
    if not name.lower().endswith(tuple(_WRITERS)):
        raise ExportInvalid(f"{name} does not end in {', '.join(sorted(_WRITERS))}; choose one of these forms")


def _json(replies: Sequence[Reply]) -> str:
    return json.dumps([asdict(reply) for reply in replies], ensure_ascii=False, indent=1) + "\n"


_WRITERS: dict[str, Callable[[Sequence[Reply]], str | bytes]] = {
    ".csl.json": lambda replies: csl_json(citations_of(replies)),  # before .json, which it ends in too
    ".json": _json,
    ".md": markdown,
    ".html": page,
    ".docx": document,
    ".bib": lambda replies: bibtex(citations_of(replies)),
}
