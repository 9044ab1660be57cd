"""Fits the probabilities of a reader, and the threshold to abstain, on a set of briefs with questions.

    python scripts/calibrate.py --index-dir INDEX --questions ../shared/data/briefs-dev

The index must hold the briefs asked about (among others, as in use). Writes `calibration.json` into the
reader's folder and prints the figures on the set it was fitted on.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from index.embedder import SentenceTransformerEmbedder
from index.store import Store
from index.types import Filters
from qa.calibration import FILE, Calibration, signals_of
from qa.evaluation import RIGHT_F1
from qa.metrics import auroc, best_threshold, calibration_error, f1
from qa.questions import Question, load_questions
from qa.reader import READER_FOLDER, TransformersReader
from qa.retriever import retrieve
from qa.settings import AskSettings
from qa.types import Span

N_CANDIDATES = 3


def main() -> None:
    """Reads, fits, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index-dir", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--reader", default=None)
    args = parser.parse_args()
    store, embedder = Store(args.index_dir), SentenceTransformerEmbedder()
    reader, settings = TransformersReader(args.reader), AskSettings()
    questions = load_questions(args.questions)
    sources = {brief.id: brief.source for brief in store.briefs(Filters())}
    candidates: list[list[tuple[list[float], float, float]]] = []
    for q in questions:
        spans = reader.read(q.text, retrieve(store, embedder, q.text, Filters(), settings), settings)
        rated = []
        for span in spans[:10]:
            s = signals_of(q.text, span)
            text = span.hit.passage.text[span.start - span.hit.passage.start : span.end - span.hit.passage.start]
            score = f1(text, q.golds) if q.golds and _in_brief(q, span, sources) else 0.0
            rated.append(([s.score, math.log1p(s.rank), s.coverage], score, float(q.golds == ())))
        candidates.append(rated)
    # Weights that rank the first candidates, those that could ever be shown …
    rows = [row for rated in candidates for row in rated[:N_CANDIDATES]]
    ranking = LogisticRegression(C=10.0).fit([row[0] for row in rows], [row[1] >= RIGHT_F1 for row in rows])
    weights = ranking.coef_[0]
    best = [max(rated, key=lambda row: float(np.dot(weights, row[0]))) for rated in candidates]
    answered = np.array([row[1] for row in best])
    abstained = np.array([row[2] for row in best])
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
        "questions": len(questions),
        "overall": overall,
        "auroc": auroc(scores, abstained == 0),
        "ece": calibration_error(scores, (answered >= RIGHT_F1).astype(float)),
    }
    print(fitted.to_json(), json.dumps({k: round(v, 4) for k, v in report.items()}))


def _in_brief(question: Question, span: Span, sources: dict[str, str]) -> bool:
    return f"/{sources[span.hit.passage.brief_id]}".endswith(f"/{question.file}")


if __name__ == "__main__":
    main()
