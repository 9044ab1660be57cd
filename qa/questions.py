"""Question sets with known answers, as folders and files hold them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.errors import QuestionInvalid
from index.types import Brief


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one brief; no gold answers mean that this brief does not answer it."""

    id: str
    text: str
    type: str
    golds: tuple[str, ...]
    file: str
    """Name of the brief's file, its folder in front (`security/01.txt`); empty when it is not known."""
    context: str = ""
    """Text that the brief holds, where the set tells that instead of a file (SQuAD)."""


def load_questions(path: Path) -> list[Question]:
    """The questions of a set, in its order.

    A folder: of every `…/NN.json` that stands beside its brief `NN.txt`, sorted by file, `[{"q": …, "a": […],
    "type": …}]`. One such file. A file in the format of SQuAD 1.1 or 2.0, as `marks.json` of an index is; a question
    of it may tell its `type`. JSON lines `{"question": …, "answers": […], "id": …, "type": …, "brief": FILE}`, of which
    all but the first two may be missing.

    Raises:
        QuestionInvalid: It cannot be read, is none of these, holds no question, or two have one id.
    """
    return _checked(lambda: _of_folder(path) if path.is_dir() else _of_text(path.read_text("utf-8-sig"), path), path)


def questions_in(text: str, name: str) -> list[Question]:
    """The questions in `text`, as `load_questions` gives those of a file called `name`."""
    return _checked(lambda: _of_text(text.removeprefix("\ufeff"), Path(name)), name)


def _checked(read: Callable[[], Iterable[Question]], name: Path | str) -> list[Question]:
    try:
        questions = list(read())
        for question in questions:
            words_told = (question.text, question.type, question.context, *question.golds)
            if not all(isinstance(words, str) for words in words_told):
                raise TypeError(f"what is told of question {question.id} is not all text")
            "".join(words_told).encode()  # half a surrogate pair is no text: no page, file or model takes it
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        told = f"{type(exc).__name__}: {exc}"
        raise QuestionInvalid(f"the questions in {name} cannot be read ({told}); see: briefqa eval --help") from exc
    if not questions:
        raise QuestionInvalid(f"no question stands in {name}; give a folder of briefs with their .json, or a file")
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise QuestionInvalid(f"two questions in {name} have the id {question.id}; give each its own")
        seen.add(question.id)
    return questions


def briefs_of(questions: Sequence[Question], briefs: Sequence[Brief]) -> dict[str, frozenset[str] | None]:
    """For each question, by its id, the ids of the briefs it is about; None where the set does not tell.

    A brief is the one when its source ends in the question's file, or it holds the context, whatever its spacing.
    """
    named: dict[str, set[str]] = {}
    for brief in briefs:
        parts = brief.source.split("/")
        for n in range(len(parts)):
            named.setdefault("/".join(parts[n:]), set()).add(brief.id)
    contexts = {q.context: frozenset[str]() for q in questions if q.context and not q.file}
    if contexts:
        spaced = {brief.id: _spaced(brief.text) for brief in briefs}
        contexts = {c: frozenset(name for name, text in spaced.items() if _spaced(c) in text) for c in contexts}
    return {
        q.id: frozenset(named.get(q.file, ())) if q.file else contexts[q.context] if q.context else None
        for q in questions
    }


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _of_folder(folder: Path) -> Iterator[Question]:
    for path in sorted(folder.rglob("*.json")):
        yield from _of_brief(path, json.loads(path.read_text("utf-8")))


def _of_text(text: str, path: Path) -> Iterator[Question]:
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        # Not splitlines: JSON may hold other line separators inside its strings.
        lines = [line for line in text.split("\n") if line.strip()]
        yield from (_of_line(n, json.loads(line)) for n, line in enumerate(lines, start=1))
        return
    content = json.loads(text)
    yield from _of_brief(path, content) if isinstance(content, list) else _of_squad(content)


def _of_brief(path: Path, items: Sequence[Mapping[str, Any]]) -> Iterator[Question]:
    file = f"{path.parent.name}/{path.stem}.txt".lstrip("/")
    for n, item in enumerate(items):
        yield Question(f"{file}#{n}", item["q"], item["type"], tuple(item["a"]), file)


def _of_squad(content: Mapping[str, Any]) -> Iterator[Question]:
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            for item in paragraph["qas"]:
                golds = () if item.get("is_impossible") else tuple(dict.fromkeys(a["text"] for a in item["answers"]))
                kind = item.get("type", "SQuAD")
                yield Question(str(item["id"]), item["question"], kind, golds, "", paragraph["context"])


def _of_line(number: int, item: Mapping[str, Any]) -> Question:
    golds = [answer if isinstance(answer, str) else answer["text"] for answer in item["answers"]]
    name, kind = item.get("id"), item.get("type")
    return Question(
        str(number if name is None else name), item["question"], "any" if kind is None else str(kind),
        tuple(golds), str(item.get("brief") or ""),
    )  # fmt: skip
