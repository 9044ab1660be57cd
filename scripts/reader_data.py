"""The training material of the reader: sets to examples, examples to windows of tokens.

Public sets and briefs are read from where they lie; `reader_questions/` beside this file holds the questions
that this project wrote on paragraphs of SQuAD 1.1's training file (a paragraph is named by a hash).
"""

import gzip
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from index.briefs import parse_brief
from index.passages import split_into_passages
from index.sparse import SparseIndex
from index.types import Passage

SQUAD = ("squad_v1.1_train_part44", "squad_v1.1_train_recovered", "squad_v1.1_train_cs224n_val")
MEASURING = ("squad_v1.1_dev", "squad_v2.0_dev")
HELD_OUT_BATCHES = ("rights", "cities")
"""Briefs that no reader sees: the honest test set of the README."""
OWN_QUESTIONS = Path(__file__).parent / "reader_questions"
OUR_SETS = ("written", "briefs", "own-briefs", "news")
"""Sets that are no file of the public ones: cut or put together here."""
PASSAGE_TOKENS = 254
QUESTION_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Example:
    """A question and a context; `answer` is the character range in it, None where it does not answer."""

    question: str
    header: str
    context: str
    answer: tuple[int, int] | None
    origin: str
    group: int
    """Examples of one group ask the same question of different contexts."""
    late: bool
    """Whether it looks like what is asked in use: such examples come later in training."""


@dataclass(frozen=True, slots=True)
class Window:
    """What the model sees: question, header and part of a context, as token ids."""

    ids: list[int]
    n_question: int
    """Length of the first segment, special tokens included."""
    start: int
    end: int
    """Tokens of the answer, both inclusive; 0, 0 for the null answer."""
    origin: str
    group: int
    late: bool


def key_of(text: str) -> str:
    """The first 120 letters and digits: two texts with the same key are taken for the same."""
    return re.sub(r"[^0-9a-z]", "", text.lower())[:120]


def paragraph_hash(context: str) -> str:
    """How `reader_questions/` names a paragraph that it may not quote."""
    return hashlib.sha256(key_of(context).encode()).hexdigest()[:12]


def squad_file(path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Title, context and question of every entry of a gzipped file in the format of SQuAD."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for article in json.load(file)["data"]:
            for paragraph in article["paragraphs"]:
                for qa in paragraph["qas"]:
                    yield article.get("title") or "", paragraph["context"], qa


def is_choice(context: str) -> bool:
    """Whether a paragraph belongs to the choice set: a fifth of `cs224n_val`, on which settings are compared."""
    return int(paragraph_hash(context)[:4], 16) % 5 == 0


def own_questions(name: str) -> dict[str, list[str]]:
    """Paragraph hash → unanswerable questions of `reader_questions/NAME.tsv`."""
    found: dict[str, list[str]] = {}
    for line in (OWN_QUESTIONS / f"{name}.tsv").read_text("utf-8").splitlines():
        paragraph, question = line.split("\t")
        found.setdefault(paragraph, []).append(question)
    return found


def choice_set(data: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Id, question, context and gold answers (none: unanswerable) of the choice set."""
    contexts: dict[str, str] = {}
    for _, context, qa in squad_file(data / "public" / "squad_v1.1_train_cs224n_val.json.gz"):
        if is_choice(context):
            contexts[paragraph_hash(context)] = context
            yield qa["question"], context, [answer["text"] for answer in qa["answers"]]
    for paragraph, questions in own_questions("choice").items():
        for question in questions:
            yield question, contexts[paragraph], []


class Overlaps:
    """Drops what also stands in a measuring set, and counts it."""

    def __init__(self, data: Path) -> None:
        self._contexts: set[str] = set()
        self._questions: set[str] = set()
        self.dropped: Counter[str] = Counter()
        for name in MEASURING:
            for _, context, qa in squad_file(data / "public" / f"{name}.json.gz"):
                self._contexts.add(key_of(context))
                self._questions.add(key_of(qa["question"]))
        for path in sorted((data / "briefs-dev").glob("*/*.json")):
            self._questions.update(key_of(qa["q"]) for qa in json.loads(path.read_text("utf-8")))
        for question, context, _ in choice_set(data):
            self._contexts.add(key_of(context))
            self._questions.add(key_of(question))

    def keep(self, example: Example) -> bool:
        """Whether neither its context nor its question is one to measure with."""
        what = "context" if key_of(example.context) in self._contexts else ""
        what = what or ("question" if key_of(example.question) in self._questions else "")
        if what:
            self.dropped[f"{example.origin}: {what}"] += 1
        return not what


def public_examples(data: Path, parts: dict[str, float], negatives: float, rng: random.Random) -> Iterator[Example]:
    """Examples of the public sets.

    Args:
        data: Folder of SOURCES.md.
        parts: Set → the part of its questions to take.
        negatives: For every question, how many neighbouring paragraphs (mostly of the same article) to add.
        rng: Chooses.
    """
    group = 0
    for name, part in parts.items():
        path = data / "public" / f"{name}.json.gz"
        if not part or name in OUR_SETS:
            continue
        if not path.exists():
            raise SystemExit(f"there is no training set {name}")
        by_context: dict[str, list[dict[str, Any]]] = {}
        titles: dict[str, str] = {}
        for title, context, qa in squad_file(path):
            by_context.setdefault(context, []).append(qa)
            titles[context] = title
        contexts = list(by_context)
        for at, context in enumerate(contexts):
            if name == "squad_v1.1_train_cs224n_val" and is_choice(context):
                continue
            for qa in by_context[context]:
                if rng.random() >= part:
                    continue
                group += 1
                span = None
                if qa["answers"]:
                    start = qa["answers"][0]["answer_start"]
                    span = (start, start + len(qa["answers"][0]["text"]))
                example = Example(qa["question"], "", context, span, name, group, not span)
                yield example
                other = contexts[(at + 1) % len(contexts)]
                if span and rng.random() < negatives and qa["answers"][0]["text"].lower() not in other.lower():
                    yield replace(example, context=other, answer=None, origin=f"{name}/neighbour")


def written_examples(data: Path, part: float, rng: random.Random) -> Iterator[Example]:
    """Unanswerable questions of `reader_questions/squad.tsv` with their paragraphs."""
    if not part:
        return
    questions = own_questions("squad")
    group = 1_000_000
    seen: set[str] = set()
    for name in SQUAD[:2]:
        for _, context, _ in squad_file(data / "public" / f"{name}.json.gz"):
            paragraph = paragraph_hash(context)
            if paragraph in seen:
                continue
            seen.add(paragraph)
            for question in questions.get(paragraph, ()):
                group += 1
                if rng.random() < part:
                    yield Example(question, "", context, None, "written unanswerable", group, True)


class BriefSet:
    """Briefs (or news) with their questions, cut into passages as the index does, and a search over them."""

    def __init__(self, count_tokens: Callable[[str], int], name: str, first_group: int) -> None:
        self._count, self.name, self._group = count_tokens, name, first_group
        self.passages: list[Passage] = []
        self.questions: list[tuple[str, dict[str, Any]]] = []

    def add(self, text: str, source: str, questions: list[dict[str, Any]]) -> None:
        """One brief with its questions (`q`, `a`)."""
        brief = parse_brief(text, source)
        self.passages += split_into_passages(brief, self._count, PASSAGE_TOKENS)
        self.questions += [(brief.id, qa) for qa in questions]

    def add_marked(self, context: str, source: str, items: list[dict[str, Any]]) -> int:
        """One brief as a set in the format of SQuAD holds it; how many of its questions are left out.

        Left out is what has no answer, or one that no passage holds as a whole.
        """
        brief = parse_brief(context, source)
        passages = split_into_passages(brief, self._count, PASSAGE_TOKENS)
        questions = []
        for item in items:
            for answer in item["answers"][:1]:
                start, end = answer["answer_start"], answer["answer_start"] + len(answer["text"])
                if context[start:end] == answer["text"] and any(p.start <= start and end <= p.end for p in passages):
                    questions.append({"q": item["question"], "a": [answer["text"]], "at": start})
        self.passages += passages
        self.questions += [(brief.id, qa) for qa in questions]
        return len(items) - len(questions)

    def examples(self, part: float, negatives: float, rng: random.Random) -> Iterator[Example]:
        """For each question its passage, and as negatives what our own search finds and does not answer."""
        search = SparseIndex.build(self.passages)
        for brief, qa in self.questions:
            if rng.random() >= part:
                continue
            self._group += 1
            hits = [self.passages[row] for row in search.search(qa["q"], 30)[0]]
            own = [p for p in hits if p.brief_id == brief]
            foreign = [p for p in hits if p.brief_id != brief]
            holders = [p for p in self.passages if p.brief_id == brief and any(a in p.text for a in qa["a"])]
            if holders:
                # An answer that occurs several times is meant where it was marked, else where the question's words are.
                there = [p for p in holders if p.start <= qa.get("at", -1) < p.end]
                gold = next((p for p in there or own if p in holders), holders[0])
                # The shortest acceptable answer is often too bare, the longest too long: the first is best.
                answer = next(a for a in qa["a"] if a in gold.text)
                start = qa["at"] - gold.start if there else gold.text.index(answer)
                yield self._example(qa, gold, (start, start + len(answer)), "answer")
            found = [p for p in own if p not in holders][: 1 if holders else 2]
            if holders and rng.random() < 0.5:
                found += [p for p in foreign if not any(a.lower() in p.text.lower() for a in qa["a"])][:1]
            for passage in found:
                if not holders or rng.random() < negatives:
                    yield self._example(qa, passage, None, "negative" if holders else "unanswerable")

    def _example(self, qa: dict[str, Any], passage: Passage, answer: tuple[int, int] | None, what: str) -> Example:
        return Example(qa["q"], passage.header, passage.text, answer, f"{self.name}/{what}", self._group, True)


def brief_set(data: Path, name: str, count_tokens: Callable[[str], int]) -> BriefSet:
    """The invented `briefs` but for the held-out batches, `own-briefs` of this repository, or the `news`."""
    folders = {"briefs": data / "briefs-train", "own-briefs": OWN_QUESTIONS / "briefs"}
    if name in folders:
        briefs = BriefSet(count_tokens, name, 2_000_000 if name == "briefs" else 4_000_000)
        for path in sorted(folders[name].glob("*/*.txt")):
            if path.parent.name not in HELD_OUT_BATCHES:
                questions = json.loads(path.with_suffix(".json").read_text("utf-8"))
                briefs.add(path.read_bytes().decode("utf-8"), path.name, questions)
        return briefs
    news = BriefSet(count_tokens, name, 3_000_000)
    articles: dict[str, list[dict[str, Any]]] = {}
    for _, context, qa in squad_file(data / "public" / "wikinews_questions.json.gz"):
        articles.setdefault(context, []).append(
            {"q": qa["question"], "a": list(dict.fromkeys(a["text"] for a in qa["answers"]))}
        )
    for n, (text, questions) in enumerate(articles.items()):
        news.add(text, f"news-{n}.txt", questions)
    return news


def added_set(path: Path, count_tokens: Callable[[str], int]) -> tuple[BriefSet, int]:
    """The briefs and questions of a set that analysts marked (`marks.json`), and how many questions are left out."""
    added = BriefSet(count_tokens, "added", 5_000_000)
    n_left_out = 0
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            source = article.get("source") or "added.txt"
            n_left_out += added.add_marked(paragraph["context"], source, paragraph["qas"])
    if not added.questions:
        raise SystemExit(f"no question of {path} has an answer to train on")
    return added, n_left_out


def windows_of(
    tokenizer: Any,  # noqa: ANN401 (transformers gives its tokenizers no useful type)
    example: Example,
    max_tokens: int,
    stride: int,
    rng: random.Random,
) -> Iterator[Window]:
    """Cuts an example into windows of `max_tokens` that overlap by `stride`."""
    question = tokenizer(example.question, add_special_tokens=False, truncation=True, max_length=QUESTION_TOKENS)
    header = tokenizer(example.header, add_special_tokens=False)["input_ids"] if example.header else []
    encoded = tokenizer(example.context, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    first = [tokenizer.cls_token_id, *question["input_ids"], tokenizer.sep_token_id]
    room = max_tokens - len(first) - len(header) - 1
    at = 0
    while True:
        part = offsets[at : at + room]
        start = end = 0
        if example.answer:
            inside = [i for i, (a, b) in enumerate(part) if a < example.answer[1] and b > example.answer[0]]
            if inside and part[inside[0]][0] <= example.answer[0] and part[inside[-1]][1] >= example.answer[1]:
                start, end = (len(first) + len(header) + i for i in (inside[0], inside[-1]))
        # Windows beside the answer are easy negatives: one in four is enough.
        if start or not example.answer or rng.random() < 0.25:
            window = first + header + ids[at : at + room] + [tokenizer.sep_token_id]
            yield Window(window, len(first), start, end, example.origin, example.group, example.late)
        if at + room >= len(ids):
            return
        at += room - stride
