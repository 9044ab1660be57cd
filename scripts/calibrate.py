"""Fits the probabilities of a reader, and the threshold to abstain, on a set of briefs with questions.

    python scripts/calibrate.py --index-dir INDEX --questions ../shared/data/briefs-dev

The index must hold the briefs asked about (among others, as in use). Writes `calibration.json` into the
reader's folder and prints the figures on the set it was fitted on.
"""

import argparse
import json
import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from index.embedder import SentenceTransformerEmbedder
from index.store import Store
from index.types import Filters
from qa.calibration import FILE, Calibration, Signals, signals_of
from qa.evaluation import RIGHT_F1
from qa.metrics import auroc, best_threshold, calibration_error, f1
from qa.periods import period_of
from qa.questions import Question, load_questions
from qa.reader import READER_FOLDER, TransformersReader
from qa.retriever import retrieve
from qa.settings import AskSettings
from qa.spelling import correct
from qa.types import Span

N_CANDIDATES = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span that the reader offers for a question."""

    span: Span
    quote: str
    signals: Signals
    f1: float
    """With the acceptable answers; 0 where it stands in another brief than the one asked about."""
    right_brief: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was understood, and its candidates, in the reader's order."""

    question: Question
    understood: str
    candidates: list[Candidate]


def ask_all(index_dir: Path, questions: Path, reader: TransformersReader) -> list[Asked]:
    """What the reader offers for every question, asked as the assistant asks: spelling mended, dates understood."""
    store, embedder, settings = Store(index_dir), SentenceTransformerEmbedder(), AskSettings()
    sources = {brief.id: f"/{brief.source}" for brief in store.briefs(Filters())}
    asked = []
    for q in tqdm(load_questions(questions), unit=" questions", disable=None):
        understood = correct(q.text, store, embedder.count_tokens)
        period = period_of(understood, date.today())  # noqa: DTZ011 (the asker's own day)
        hits = retrieve(store, embedder, understood, Filters(), settings, period)
        candidates = []
        for span in reader.read(understood, hits, settings):
            passage = span.hit.passage
            quote = passage.text[span.start - passage.start : span.end - passage.start]
            at_home = sources[passage.brief_id].endswith(f"/{q.file}")
            earned = f1(quote, q.golds) if q.golds and at_home else 0.0
            candidates.append(Candidate(span, quote, signals_of(understood, span), earned, at_home))
        asked.append(Asked(q, understood, candidates))
    return asked


def main() -> None:
    """Reads, fits, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index-dir", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--reader", default=None)
    args = parser.parse_args()
    reader = TransformersReader(args.reader)
    asked = ask_all(args.index_dir, args.questions, reader)
    candidates = [
        [([c.signals.score, math.log1p(c.signals.rank), c.signals.coverage], c.f1) for c in one.candidates[:10]]
        for one in asked
    ]
    abstained = np.array([float(one.question.golds == ()) for one in asked])
    # Weights that rank the first candidates, those that could ever be shown …
    rows = [row for rated in candidates for row in rated[:N_CANDIDATES]]
    ranking = LogisticRegression(C=10.0).fit([row[0] for row in rows], [row[1] >= RIGHT_F1 for row in rows])
    weights = ranking.coef_[0]
    best = [max(rated, key=lambda row: float(np.dot(weights, row[0]))) for rated in candidates]
    answered = np.array([row[1] for row in best])
    # … then scaled so that the probability holds for the winner: the best of several is more often right.
    strengths = np.array([np.dot(weights, row[0]) for row in best])
    scaling = LogisticRegression(C=1e6).fit(strengths[:, None], answered >= RIGHT_F1)
    scale, intercept = float(scaling.coef_[0][0]), float(scaling.intercept_[0])
    scores = 1 / (1 + np.exp(-(scale * strengths + intercept)))
    threshold, overall = best_threshold(scores, answered, abstained)
    fitted = Calibration(intercept, *(float(scale * weight) for weight in weights), threshold)
    folder = reader.folder or READER_FOLDER
    (folder / FILE).write_text(fitted.to_json(), "utf-8")
    report = {
        "questions": len(asked),
        "overall": overall,
        "auroc": auroc(scores, abstained == 0),
        "ece": calibration_error(scores, (answered >= RIGHT_F1).astype(float)),
    }
    print(fitted.to_json(), json.dumps({k: round(v, 4) for k, v in report.items()}))


if __name__ == "__main__":
    main()
