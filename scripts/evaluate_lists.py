"""How well questions that ask for several things are answered, and that those which do not get one answer.

    python scripts/evaluate_lists.py --index-dir IX

`IX` holds `briefs-train`, over which `tests/lists/cases.json` was written by hand: questions with their items, and
questions that only look like such. An answer is right if it holds an item (a form of it, or words with a token F1 of
0.6) and not much besides; an item is told if a right answer holds it. “Before” is the same reply without lists. The
rules were tuned on the even cases only.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from index.embedder import SentenceTransformerEmbedder
from qa.assistant import Assistant, normalised
from qa.lists import asks_for_several
from qa.metrics import f1
from qa.reader import TransformersReader
from qa.settings import AskSettings
from qa.types import Hit, Span

CASES = Path(__file__).parent.parent / "tests" / "lists" / "cases.json"
_LIKE = 0.6
_BESIDES = 6
"""Words that an answer may have more than twice those of the items it holds."""


class RememberingReader:
    """The reader, which reads a question only once."""

    def __init__(self) -> None:
        self._reader = TransformersReader()
        self._read: dict[str, list[Span]] = {}
        self.name, self.folder = self._reader.name, self._reader.folder

    def read(self, question: str, hits: Sequence[Hit], settings: AskSettings) -> list[Span]:
        """As `TransformersReader.read`."""
        if question not in self._read:
            self._read[question] = self._reader.read(question, hits, settings)
        return self._read[question]


@dataclass
class Counts:
    """Of one way of answering."""

    n_answers: int = 0
    n_right: int = 0
    n_items: int = 0
    n_told: int = 0

    def add(self, answers: Sequence[str], items: Sequence[Sequence[str]]) -> None:
        """Counts the reply to one question."""
        told: set[int] = set()
        for answer in answers:
            held = {n for n, forms in enumerate(items) if any(_holds(answer, form) for form in forms)}
            most = _BESIDES + 2 * sum(max(len(normalised(form).split()) for form in items[n]) for n in held)
            if held and len(normalised(answer).split()) <= most:
                self.n_right += 1
                told |= held
        self.n_answers += len(answers)
        self.n_items += len(items)
        self.n_told += len(told)

    def figures(self) -> str:
        """Precision, recall and F1 over items."""
        precision, recall = self.n_right / max(self.n_answers, 1), self.n_told / max(self.n_items, 1)
        both = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        return f"{self.n_answers:>7} {precision:>9.3f} {recall:>7.3f} {both:>7.3f}"


def _holds(answer: str, form: str) -> bool:
    return f" {normalised(form)} " in f" {normalised(answer)} " or f1(answer, [form]) >= _LIKE


def main() -> None:
    """Prints the figures of both halves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--index-dir", type=Path, required=True)
    options = parser.parse_args()
    assistant = Assistant(options.index_dir, SentenceTransformerEmbedder(None), RememberingReader())
    ways = ("first answer, before", "three answers, before", "list")
    counts = {(half, way): Counts() for half in ("even", "odd") for way in ways}
    taken, lists = {"even": 0, "odd": 0}, {"even": 0, "odd": 0}
    for n, case in enumerate(json.loads(CASES.read_text("utf-8"))):
        half = ("even", "odd")[n % 2]
        with patch("qa.assistant.asks_for_several", return_value=None):
            before = assistant.ask(case["question"])
        reply = assistant.ask(case["question"])
        if not case["items"]:
            several = asks_for_several(case["question"])
            taken[half] += bool(several and several.surely)
            lists[half] += reply.n_listed > 1
            continue
        texts = [answer.text for answer in before.answers] if before.found else []
        listed = [answer.text for answer in reply.answers[: reply.n_listed]] if reply.found else []
        for way, answers in zip(ways, (texts[:1], texts[:3], listed), strict=True):
            counts[half, way].add(answers, case["items"])
    print(f"{'':<29}{'answers':>7} {'precision':>9} {'recall':>7} {'F1':>7}")
    for (half, way), count in counts.items():
        print(f"{half:<5} {way:<22} {count.figures()}")
    for half in taken:
        print(f"{half:<5} questions for one thing: {taken[half]} taken for a list, {lists[half]} answered by one")


if __name__ == "__main__":
    main()
