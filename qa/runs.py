"""A run of a question set as a value and as JSON; two runs compared."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from index.errors import QuestionInvalid
from qa.evaluation import Outcome, Row, figures_by_type, figures_of, outcomes_of, worst_of
from qa.metrics import bootstrap_interval, permutation_p, reliability, risk_coverage

COVERAGES = tuple(n / 20 for n in range(1, 21))
N_WORST = 20
COMPARED = ("earned", "f1", "em", "best_f1", "top3_f1", "right", "right_brief", "right_sentence", "recall_at_5")


@dataclass(frozen=True, slots=True)
class Run:
    """What a question set showed."""

    about: dict[str, Any]
    """What was asked, of which index, with which models."""
    rows: tuple[Row, ...]
    timings_ms: dict[str, tuple[float, float]]
    """Stage → median and 95th percentile."""
    n_citations: int
    n_exact: int
    """Citations whose offsets slice the brief, and its file where that is text, to the quote."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of two runs, question by question."""

    name: str
    n: int
    before: float
    after: float
    difference: float
    """After − before."""
    low: float
    high: float
    """95 % interval of the difference (`bootstrap_interval`)."""
    p: float
    """`permutation_p`."""
    better: int
    worse: int


def run_json(run: Run) -> dict[str, Any]:
    """The run as JSON: its figures in every cut, what went wrong, and every question, for `load_run`."""
    confidences = np.array([row.confidence for row in run.rows], float)
    right = np.array([row.right for row in run.rows], float)
    # What answering would earn: a question is answered or not by its confidence alone here.
    earned = np.array([row.best_f1 for row in run.rows], float)
    whole = {
        "about": run.about,
        "figures": figures_of(run.rows),
        "by_type": figures_by_type(run.rows),
        "outcomes": outcomes_of(run.rows),
        "risk_coverage": risk_coverage(confidences, earned, COVERAGES),
        "reliability": [asdict(part) for part in reliability(confidences, right)],
        "timings_ms": run.timings_ms,
        "n_citations": run.n_citations,
        "n_exact": run.n_exact,
        "worst": [row.id for row in worst_of(run.rows, N_WORST)],
        "rows": [asdict(row) for row in run.rows],
    }
    return {name: _without_nan(part) for name, part in whole.items()}


def load_run(path: Path) -> Run:
    """The run in a file that `briefqa eval --json` wrote; raises BriefQAError when it is none."""
    try:
        raw = json.loads(path.read_text("utf-8"))
        rows = tuple(_row(row) for row in raw["rows"])
        timings = {stage: (pair[0], pair[1]) for stage, pair in raw["timings_ms"].items()}
        return Run(raw["about"], rows, timings, raw["n_citations"], raw["n_exact"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as exc:
        raise QuestionInvalid(f"{path} is no run that briefqa eval --json wrote ({type(exc).__name__}: {exc})") from exc


def _row(raw: Mapping[str, Any]) -> Row:
    told = {field.name: raw[field.name] for field in fields(Row)}
    return Row(**told | {"golds": tuple(raw["golds"]), "outcome": Outcome(raw["outcome"])})


def is_run(path: Path) -> bool:
    """Whether the file holds a run rather than questions."""
    try:
        raw = json.loads(path.read_text("utf-8")) if path.suffix == ".json" and path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(raw, dict) and "rows" in raw


def compare(before: Run, after: Run) -> list[Compared]:
    """Every figure of `COMPARED` over the questions that both runs asked.

    Raises:
        QuestionInvalid: They have no question in common.
    """
    first = {(row.id, row.question): row for row in before.rows}
    pairs = [(first[row.id, row.question], row) for row in after.rows if (row.id, row.question) in first]
    if not pairs:
        raise QuestionInvalid("the two runs have no question in common; compare runs of one question set")
    compared = []
    for name in COMPARED:
        both = [(_figure(one, name), _figure(other, name)) for one, other in pairs]
        told = [pair for pair in both if None not in pair]
        if not told:
            continue
        values = np.array(told, float)
        differences = values[:, 1] - values[:, 0]
        means = values.mean(axis=0)
        compared.append(
            Compared(
                name,
                len(told),
                float(means[0]),
                float(means[1]),
                float(differences.mean()),
                *bootstrap_interval(differences),
                permutation_p(differences),
                int((differences > 0).sum()),
                int((differences < 0).sum()),
            )  # fmt: skip
        )
    return compared


def _figure(row: Row, name: str) -> float | None:
    """One of `COMPARED`; None where it does not apply to the question."""
    if not row.golds and name != "earned":
        return None
    if name == "recall_at_5":
        return float(row.gold_rank is not None and row.gold_rank < 5)
    value = getattr(row, name)
    return None if value is None else float(value)


def _without_nan(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """`value` with None for nan, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value
