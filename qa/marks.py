"""What analysts judged right or wrong, kept in the index folder as a question set in the format of SQuAD.

In `marks.json` each brief that has right words is an article of one paragraph: its whole text, so that `answer_start`
is an offset of the brief. `wrong`, a field of ours, lists what was judged wrong: it tells nothing about what is right,
so whoever reads the set for its answers passes it over.
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from index.commit import fsync
from index.errors import IndexBusy, IndexUnwritable, MarkInvalid
from index.types import Brief
from qa.citations import citation_id

MARKS_FILE = "marks.json"
_SECONDS_TO_WAIT = 20
_ASKS_FOR = re.compile(r"\b(how (?:many|much)|how|who|what|when|where|which|why)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mark:
    """Whether some words of a brief answer a question; `words == brief.text[start:end]`."""

    question: str
    brief_id: str
    title: str
    source: str
    start: int
    end: int
    words: str
    right: bool

    @property
    def citation_id(self) -> str:
        """Where the words stand."""
        return citation_id(self.brief_id, self.start, self.end)


def mark_of(brief: Brief, question: str, start: int, end: int, words: str, right: bool) -> Mark:
    """The judgment about `brief.text[start:end]`, white space at its ends left out.

    Raises:
        MarkInvalid: Other words than `words` stand there, none do, or they are not of one paragraph.
    """
    if not 0 <= start <= end <= len(brief.text) or brief.text[start:end] != words:
        raise MarkInvalid(
            f"the words marked do not stand at {start}–{end} of “{brief.title}”; open the brief and mark them there"
        )
    start += len(words) - len(words.lstrip())
    words = words.strip()
    end = start + len(words)
    touched = [p for p in brief.paragraphs if p.start < end and start < p.end]
    whole = touched[0].start <= start and end <= touched[0].end if touched else len(words.splitlines()) == 1
    if not whole:  # of the header, where titles and dates stand, a line
        raise MarkInvalid("an answer stands in one paragraph; mark words of one, without those around it")
    return Mark(question, brief.id, brief.title, brief.source, start, end, words, right)


class Marks:
    """The marks in one file: one for each question and brief, the last made. Several programs may use the file."""

    def __init__(self, path: Path) -> None:
        """The file need not be there yet."""
        self._path = path

    def all(self) -> tuple[Mark, ...]:
        """Every mark, brief by brief, those of right words first; raises MarkInvalid where the file is damaged."""
        return tuple(self._read()[0])

    def put(self, mark: Mark, text: str) -> None:
        """Keeps `mark` about the brief whose text is `text`, instead of the one on the same question and brief."""
        with self._changing() as (marks, texts):
            _drop(marks, mark.question, mark.brief_id)
            marks.append(mark)
            texts[mark.brief_id] = text

    def drop(self, question: str, brief_id: str) -> None:
        """Takes the mark on this question and brief back; nothing where there is none."""
        with self._changing() as (marks, _):
            _drop(marks, question, brief_id)

    def squad(self) -> str:
        """The whole set, as it stands in the file."""
        return squad_of(*self._read())

    @contextlib.contextmanager
    def _changing(self) -> Iterator[tuple[list[Mark], dict[str, str]]]:
        """Marks and texts, written as they are afterwards; a reader sees the file before or after, never between."""
        working = self._path.with_name(f".{self._path.name}")
        try:
            # A new lock each time: it then holds between the threads of a program as between programs.
            with FileLock(self._path.with_suffix(".lock"), timeout=_SECONDS_TO_WAIT):
                marks, texts = self._read()
                yield marks, texts
                working.write_text(squad_of(marks, texts), "utf-8")
                fsync(working)
                os.replace(working, self._path)
                fsync(self._path.parent)
        except Timeout:
            raise IndexBusy(f"another program is writing {self._path.name}; try again") from None
        except OSError as exc:
            raise IndexUnwritable(f"the mark cannot be kept in the index folder ({exc.strerror or exc})") from exc

    def _read(self) -> tuple[list[Mark], dict[str, str]]:
        try:
            return _marks_in(json.loads(self._path.read_text("utf-8")))
        except FileNotFoundError:
            return [], {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise MarkInvalid(
                f"{self._path.name} in the index folder cannot be read ({type(exc).__name__}: {exc}); "
                "mend it, or move it away to begin anew"
            ) from exc


def _drop(marks: list[Mark], question: str, brief_id: str) -> None:
    marks[:] = [mark for mark in marks if (mark.question, mark.brief_id) != (question, brief_id)]


def squad_of(marks: Sequence[Mark], texts: Mapping[str, str]) -> str:
    """The marks as a question set; `texts` holds the text of each brief by its id."""
    articles: dict[str, dict[str, Any]] = {}
    wrong = []
    for mark in marks:
        if not mark.right:
            wrong.append({"question": mark.question, "title": mark.title, **_place(mark), **_answer(mark)})
            continue
        empty = {"title": mark.title, **_place(mark), "paragraphs": [{"context": texts[mark.brief_id], "qas": []}]}
        article = articles.setdefault(mark.brief_id, empty)
        name = hashlib.sha256(f"{mark.brief_id}\n{mark.question}".encode()).hexdigest()[:16]
        asked = {"id": name, "question": mark.question, "type": _type_of(mark.question), "is_impossible": False}
        article["paragraphs"][0]["qas"].append(asked | {"answers": [_answer(mark)]})
    document = {"version": "v2.0", "data": list(articles.values()), "wrong": wrong}
    return json.dumps(document, ensure_ascii=False, indent=1)


def _place(mark: Mark) -> dict[str, str]:
    return {"brief": mark.brief_id, "source": mark.source}


def _answer(mark: Mark) -> dict[str, Any]:
    return {"text": mark.words, "answer_start": mark.start}


def _marks_in(document: Mapping[str, Any]) -> tuple[list[Mark], dict[str, str]]:
    marks, texts = [], {}
    for article in document["data"]:
        (paragraph,) = article["paragraphs"]
        texts[article["brief"]] = text = paragraph["context"]
        for item in paragraph["qas"]:
            (answer,) = item["answers"]
            mark = _mark(item["question"], article, answer, right=True)
            if text[mark.start : mark.end] != mark.words:
                raise ValueError(f"the answer to “{mark.question}” does not stand at {mark.start}")
            marks.append(mark)
    marks += [_mark(item["question"], item, item, right=False) for item in document["wrong"]]
    return marks, texts


def _mark(question: str, place: Mapping[str, Any], answer: Mapping[str, Any], *, right: bool) -> Mark:
    start, words = answer["answer_start"], answer["text"]
    return Mark(
        question, place["brief"], place["title"], place["source"], start, start + len(words), words, right
    )  # fmt: skip


def _type_of(question: str) -> str:
    """What the question asks for, by its first word of that kind: `who`, `howmany` …; `other` without any."""
    found = _ASKS_FOR.search(question)
    if not found:
        return "other"
    return "howmany" if " " in found[1] else found[1].lower()
