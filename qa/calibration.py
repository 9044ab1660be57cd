"""Scores to probabilities: how likely a candidate is right, and when to say that nothing is. Pure."""

import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from qa.types import Span

FILE = "calibration.json"
_WORD = re.compile(r"\w+")
_EMPTY = frozenset(
    "a about an and any are as at be been by can did do does for from had has have he her his how i in is it "
    "its many much of on or s she that the their them they this to was we were what when where which who whom "
    "whose why will with would you your".split()
)


@dataclass(frozen=True, slots=True)
class Signals:
    """What the probability of a candidate is computed from."""

    score: float
    """The reader's: span against null answer, in logits."""
    rank: int
    """Of the passage among those found, from 0."""
    coverage: float
    """Share of the question's content words (by their first five letters) in passage or header, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic model over the signals; fitted by `scripts/calibrate.py`, stored beside the reader.

    The defaults are for a reader without a fitted one: even odds where span and null answer tie.
    """

    intercept: float = 0.0
    score: float = 0.5
    log_rank: float = -0.3
    coverage: float = 0.0
    threshold: float = 0.5
    """The least probability of the best candidate for `found`."""

    @classmethod
    def load(cls, folder: Path | None) -> "Calibration":
        """The one stored in `folder`, or the defaults when there is none."""
        path = None if folder is None else folder / FILE
        return cls(**json.loads(path.read_text("utf-8"))) if path and path.is_file() else cls()

    def to_json(self) -> str:
        """As text for `calibration.json`."""
        return json.dumps({name: round(value, 4) for name, value in asdict(self).items()}, indent=1) + "\n"

    def probability(self, signals: Signals) -> float:
        """Probability, between 0 and 1, that the candidate is right."""
        logit = (
            self.intercept
            + self.score * signals.score
            + self.log_rank * math.log1p(signals.rank)
            + self.coverage * signals.coverage
        )
        return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, logit))))


def signals_of(question: str, span: Span) -> Signals:
    """The signals of a candidate answer to `question`."""
    asked = {_stem(word) for word in _WORD.findall(question.casefold()) if word not in _EMPTY}
    passage = span.hit.passage
    there = {_stem(word) for word in _WORD.findall(passage.headed_text.casefold())}
    coverage = len(asked & there) / len(asked) if asked else 0.0
    return Signals(span.score, span.hit.rank, coverage)


def _stem(word: str) -> str:
    return word[:5]
