"""Questions to fuzz the assistant with, two models that cost nothing, and what every reply must keep."""

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fuzz_worker import Wrong
from index.embedder import SentenceTransformerEmbedder
from index.errors import BriefQAError
from index.types import Filters, Vectors
from qa.assistant import Assistant
from qa.export import export
from qa.questions import load_questions
from qa.reader import READER_FOLDER, TransformersReader
from qa.settings import AskSettings
from qa.spans import Logits
from qa.types import Citation, Reply
from qa.verify import Status

BRIEFS = Path(__file__).parent / "reader_questions" / "briefs"
_SYNTAX = (
    '+ - && || ! ( ) { } [ ] ^ " ~ * ? : \\ / text: row:1 brief:[0 header:* text:"a"~2 _exists_: AND OR NOT IN <a> \' `'
).split()
_SIGNS = [
    "“", "”", "„", "«", "‘", '"', "''", "\x00", "\x1b[31m", "\x7f", "\ud800", "\udfff", "\udc80", "\ufeff", "\ufffe",
    "\U0010ffff", "😀", "👩‍👩‍👧‍👦", "🇺🇳", "\u202e", "\u2066", "\u200f", "מה", "ماذا", "हिन्दी", "日本語", "ไทย",
    "e\u0301\u0301\u0301", "\u0300" * 40, "İ", "ı", "ß", "ﬁ", "ǅ", "¹", "½", "\u2028", "\u00a0", "\u200b", "\r\n",
    "\t", "<script>alert(1)</script>", "{{x}}", "%00", "%s", "${x}", "'; DROP TABLE briefs; --", "../../etc/passwd",
    "=1+1",
]  # fmt: skip
_TIMES = [
    "in 2019", "in 1900", "in 9999", "in 0000", "between 2020 and 1999", "since February 30, 2020",
    "before March 99, 2021", "on 31 November 2020", "until the end of 1999", "last January", "last year", "this year",
    "from 2018 till 2018", "after December 31, 2099", "now", "in March 20211",
]  # fmt: skip
_FORMS = [
    "who wrote the brief on {}", "when was the brief {} published", "what is the title of the brief about {}",
    "what about {}?", "and what did he say about {}", "{}", "is {} still", "who is the author of this memo {}",
    "date of the article on {}", "who said {}", "by whom was the essay on {} written",
]  # fmt: skip


def base_questions() -> list[str]:
    """The project's own questions to invented briefs."""
    return [question.text for question in load_questions(BRIEFS)]


def fuzzed(rng: random.Random, base: Sequence[str]) -> str:
    """One question; a tenth of them as they are."""
    text = rng.choice(base)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3, 5, 8, 13])):
        text = rng.choice(MUTATIONS)(rng, text, base)
    return text


# ---- mutations: (rng, question, other questions) → question ----


def _slip(rng: random.Random, text: str, _: Sequence[str]) -> str:
    at = rng.randrange(len(text) + 1)
    letter = rng.choice("abcdefghijklmnopqrstuvwxyzAEIOU0123456789 ")
    return rng.choice(
        [
            text[:at] + text[at + 1 :], text[:at] + letter + text[at:], text[:at] + letter + text[at + 1 :],
            text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :],
        ]
    )  # fmt: skip


def _sign(rng: random.Random, text: str, _: Sequence[str]) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(_SIGNS) * rng.choice([1, 1, 2, 30]) + text[at:]


def _syntax(rng: random.Random, text: str, _: Sequence[str]) -> str:
    words = text.split(" ")
    for _n in range(rng.randrange(1, 6)):
        words.insert(rng.randrange(len(words) + 1), rng.choice(_SYNTAX))
    return rng.choice([" ", ""]).join(words) if rng.random() < 0.2 else " ".join(words)


def _quoted(rng: random.Random, text: str, _: Sequence[str]) -> str:
    words = text.split(" ")
    at = rng.randrange(len(words))
    words[at] = rng.choice(['"', "“", "«", "„", "'"]) + words[at] + rng.choice(['"', "”", "»", "“", "'", ""])
    return " ".join(words)


def _splice(rng: random.Random, text: str, base: Sequence[str]) -> str:
    other = rng.choice(base)
    return text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other)) :]


def _shuffled(rng: random.Random, text: str, _: Sequence[str]) -> str:
    words = text.split(" ")
    rng.shuffle(words)
    return " ".join(words[: rng.randrange(len(words) + 1)])


def _case(rng: random.Random, text: str, _: Sequence[str]) -> str:
    return rng.choice([text.upper(), text.lower(), text.title(), text.swapcase(), text[::-1]])


def _timed(rng: random.Random, text: str, _: Sequence[str]) -> str:
    return rng.choice([f"{text} {rng.choice(_TIMES)}", f"{rng.choice(_TIMES)} {text}", rng.choice(_TIMES)])


def _formed(rng: random.Random, text: str, _: Sequence[str]) -> str:
    return rng.choice(_FORMS).replace("{}", text)


def _long(rng: random.Random, text: str, base: Sequence[str]) -> str:
    part = rng.choice(
        [
            text, "a", "the ", "U.S.", "(", '"', "who wrote the brief ", "and ", "x" * 70, "0", rng.choice(_SIGNS),
            " ".join(rng.sample(list(base), 9)),
        ]
    )  # fmt: skip
    length = rng.choice([300, 999, 1_000, 1_001, 5_000, 100_000]) if rng.random() < 0.5 else 900
    return (part * (1 + length // max(len(part), 1)))[:length]


def _any(rng: random.Random, text: str, _: Sequence[str]) -> str:
    return "".join(
        chr(rng.choice([rng.randrange(128), rng.randrange(0x3000), rng.randrange(0x110000)]))
        for _n in range(rng.randrange(60))
    )


MUTATIONS: list[Callable[[random.Random, str, Sequence[str]], str]] = [
    _slip, _slip, _slip, _sign, _sign, _syntax, _syntax, _quoted, _splice, _shuffled, _case, _timed, _formed, _long,
    _any,
]  # fmt: skip


def filters_of(rng: random.Random, ids: Sequence[str]) -> Filters:
    """Mostly none, now and then some that make sense or none."""
    if rng.random() < 0.8:
        return Filters()
    odd = rng.choice([*_SIGNS, "", "a" * 9_999, "%", "_", "2020-02-30", "20200101", "2019"])
    return rng.choice(
        [
            Filters(after="2018-01-01"), Filters(before="2018-01-01"),
            Filters(after="2018-01-01", before="2017-01-01"), Filters(after=odd), Filters(before=odd),
            Filters(author=odd), Filters(topic=odd), Filters(kind=odd), Filters(brief=odd),
            Filters(brief=rng.choice(ids)), Filters(kind="policy brief"), Filters(author="a"),
        ]
    )  # fmt: skip


# ---- models that cost nothing ----


class HashEmbedder:
    """Words in 64 boxes by their letters: texts that share words are near."""

    def __init__(self) -> None:
        self.name, self.fingerprint, self.dim, self.max_tokens = "hash", "0" * 64, 64, 256

    def count_tokens(self, text: str) -> int:
        """Words and signs, a long word counted as several."""
        return sum(1 + len(part) // 8 for part in re.findall(r"\w+|[^\w\s]", text))

    def embed_questions(self, questions: Sequence[str]) -> Vectors:
        """Unit vectors `(n, 64)`."""
        vectors = np.full((len(questions), self.dim), 1e-3, np.float32)
        for row, text in enumerate(questions):
            for word in re.findall(r"\w+", text.lower()):
                vectors[row, sum(word.encode("utf-8", "ignore")) * 31 % self.dim] += 1
        norms: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return norms

    embed_passages = embed_questions


class ChanceReader(TransformersReader):
    """The real tokenizer, windows and span decoding, with logits by chance in place of the model's."""

    def __init__(self, seed: int) -> None:
        from transformers import AutoTokenizer

        self._name, self._folder, self._window = "chance", None, 384
        self._tokenizer: Any = AutoTokenizer.from_pretrained(str(READER_FOLDER), local_files_only=True)
        self._chance = np.random.default_rng(seed)

    def _logits(self, inputs: Sequence[dict[str, list[int]]]) -> list[tuple[Logits, Logits]]:
        sizes = [len(one["input_ids"]) for one in inputs]
        return [(self._by_chance(n), self._by_chance(n)) for n in sizes]

    def _by_chance(self, n: int) -> Logits:
        return self._chance.normal(0, 6, n).astype(np.float32)


def assistant_over(index_dir: Path, *, real: bool, seed: int) -> Assistant:
    """The assistant over an index, with the real models or those that cost nothing."""
    if real:
        return Assistant(index_dir, SentenceTransformerEmbedder(), TransformersReader())
    return Assistant(index_dir, HashEmbedder(), ChanceReader(seed), AskSettings(n_retrieved=20, n_read=3))


# ---- what every reply must keep ----


def ask(
    assistant: Assistant, rng: random.Random, question: str, filters: Filters, before: Reply | None
) -> tuple[str, Reply | None]:
    """Asks, and holds the reply against the briefs: the kind of end it had, and the reply if any; raises Wrong."""
    top_k = rng.choice([3, 3, 3, 1, 10, 1_000, 0, -1])
    try:
        reply = assistant.ask(question, filters, top_k=top_k, after=before)
    except BriefQAError as exc:
        if "\n" in (words := str(exc)) or len(words) > 12_000:
            raise Wrong(f"no clear line: {words[:300]!r}") from exc
        return "refused", None
    check(assistant, reply)
    return "found" if reply.found else "not found", reply


def check(assistant: Assistant, reply: Reply) -> None:
    """Raises Wrong unless every part of the reply slices its brief, and it can be sent as JSON."""
    json.dumps(asdict(reply), ensure_ascii=False).encode("utf-8")
    for answer in reply.answers:
        if answer.text != answer.citation.quote or not 0 <= answer.confidence <= 1:
            raise Wrong(f"the answer {answer.text!r} ({answer.confidence}) is cited as {answer.citation.quote!r}")
        for cited in (answer.citation, *answer.also):
            _check_citation(assistant.brief(cited.brief_id).text, cited)
    for read in reply.passages:
        if assistant.brief(read.brief_id).text[read.start : read.end] != read.text:
            raise Wrong(f"the passage {read.start}–{read.end} of {read.brief_id} is no slice")


def _check_citation(text: str, cited: Citation) -> None:
    slices = [(cited.start, cited.quote), (cited.sentence_start, cited.sentence), (cited.passage_start, cited.passage)]
    if cited.speaker:
        slices.append((cited.speaker.start, cited.speaker.text))
    for start, words in slices:
        if text[start : start + len(words)] != words or not words:
            raise Wrong(f"{cited.id}: {words!r} is not what stands at {start}")


def check_export(assistant: Assistant, rng: random.Random, reply: Reply) -> None:
    """Raises Wrong unless every citation of an export is intact; reads a damaged copy too, which may be refused."""
    name = f"a{rng.choice(['.json', '.md', '.html', '.docx', '.bib', '.csl.json'])}"
    content = export([reply], name)
    if reply.found:
        for verdict in assistant.verify(content, name):
            if verdict.status is not Status.INTACT:
                raise Wrong(f"of the export {name}: {verdict}")
    damaged = bytearray(content)
    for _ in range(rng.randrange(1, 60) if damaged else 0):  # of nothing found, some exports are empty
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    try:
        assistant.verify(bytes(damaged), name)
    except BriefQAError:
        return
