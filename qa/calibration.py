"""Scores to probabilities: how likely a candidate is right, and when to say that nothing is. Pure."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from qa.types import Span
from qa.words import content_words

FILE = "calibration.json"
_STEM = 5


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
    passage = span.hit.passage
    asked = {word[:_STEM] for word in content_words(question)}
    there = {word[:_STEM] for word in content_words(passage.headed_text)}
    return Signals(span.score, span.hit.rank, len(asked & there) / len(asked) if asked else 0.0)
