"""A run of a question set for people: Markdown, and its pictures. Pure."""

from collections.abc import Iterable, Sequence

from qa.evaluation import Row, worst_of
from qa.markup import markdown_inline
from qa.runs import N_WORST, Compared, Run, run_json
from qa.sections import on_a_line
from ui.charts import bars, curve

FIGURES = {
    "alone_em": "reader alone (gold passage given), EM", "alone_f1": "reader alone, F1",
    "best_f1": "whole pipeline, best answer shown or not, F1", "f1": "whole pipeline, F1", "em": "whole pipeline, EM",
    "top3_f1": "top-3 F1", "right_brief": "right brief", "right_sentence": "right sentence",
    "recall_at_1": "recall at 1", "recall_at_3": "recall at 3", "recall_at_5": "recall at 5",
    "recall_at_10": "recall at 10",
    "found_when_answerable": "found when answerable", "rightly_not_found": "rightly not found", "overall": "overall",
    "auroc": "AUROC, answerable against not", "auroc_right": "AUROC, right against unanswerable",
    "ece": "calibration error", "ece_by_chance": "calibration error by chance",
}  # fmt: skip
BY_TYPE = {
    "n_questions": "questions", "alone_f1": "alone F1", "best_f1": "best F1", "f1": "F1", "em": "EM",
    "top3_f1": "top-3 F1", "right_brief": "right brief", "recall_at_5": "recall at 5", "overall": "overall",
}  # fmt: skip
PICTURES = ("risk-coverage.svg", "reliability.svg", "types.svg")


def run_markdown(run: Run, pictures: Sequence[str] = ()) -> str:
    """The run in tables: figures, types, what went wrong, the worst cases; with `pictures` (file names) shown."""
    whole = run_json(run)
    about, figures = whole["about"], whole["figures"]
    n_answerable = sum(bool(row.golds) for row in run.rows)
    timings = ", ".join(f"{stage} {p50:.0f}/{p95:.0f}" for stage, (p50, p95) in run.timings_ms.items())
    said = [
        f"{len(run.rows)} questions, {n_answerable} of them answerable, asked of {about['n_briefs']} briefs "
        f"({about['n_passages']} passages); embedder {markdown_inline(str(about['embedder']))}, reader "
        f"{markdown_inline(str(about['reader']))}.",
        f"{run.n_exact} of {run.n_citations} citations slice their brief exactly."
        + (f" Median / 95th percentile, ms: {timings}." if timings else ""),
    ]
    if n_missing := about["n_about_briefs_not_indexed"]:
        said.append(f"{n_missing} of the questions are about briefs that are not in the index.")
    kinds = [[name, *(number(part[key]) for key in BY_TYPE)] for name, part in whole["by_type"].items()]
    covered = [[number(share), number(earned)] for share, earned in whole["risk_coverage"][1::2]]
    bins = [
        [f"{b['low']:.1f}–{b['high']:.1f}", str(b["n"]), number(b["said"]), number(b["right"])]
        for b in whole["reliability"]
    ]
    blocks = [
        f"# Evaluation: {markdown_inline(on_a_line(str(about['set'])))}",
        *said,
        *(f"![{name}]({name})" for name in pictures),
        _table(["figure", ""], [[told, number(figures[name])] for name, told in FIGURES.items()]),
        "## By type of question",
        _table(["type", *BY_TYPE.values()], kinds),
        "## How they ended",
        _table(["", "questions"], [[name, str(n)] for name, n in whole["outcomes"].items()]),
        "## Risk and coverage: F1 when only the surest are answered",
        _table(["answered", "F1"], covered),
        "## Calibration: what the confidence says, and how many are right",
        _table(["confidence", "questions", "said", "right"], bins),
    ]
    if worst := worst_of(run.rows, N_WORST):
        blocks += ["## Worst cases", "\n".join(_case(n, row) for n, row in enumerate(worst, start=1))]
    return "\n\n".join(blocks) + "\n"


def pictures_of(run: Run) -> dict[str, str]:
    """The pictures of a run as SVG, by file name: `PICTURES`."""
    whole = run_json(run)
    kinds = {name: part for name, part in whole["by_type"].items() if part["f1"] is not None}
    series = {
        "reader alone": [part["alone_f1"] for part in kinds.values()],
        "whole pipeline": [part["f1"] for part in kinds.values()],
    }
    sure = [(b["said"], b["right"]) for b in whole["reliability"]]
    drawn = (
        curve("F1 of the surest answers", "share answered", "F1", whole["risk_coverage"]),
        curve("Confidence and truth", "confidence", "share right", sure, diagonal=True),
        bars("F1 by type of question", list(kinds), series),
    )
    return dict(zip(PICTURES, drawn, strict=True))


def comparison_markdown(compared: Iterable[Compared]) -> str:
    """Two runs, figure by figure, with the interval and the p-value of each difference."""
    rows = [
        [
            c.name, str(c.n), number(c.before), number(c.after), f"{c.difference:+.3f}",
            f"{c.low:+.3f} to {c.high:+.3f}", f"{c.p:.4f}", f"{c.better} / {c.worse}",
        ]
        for c in compared
    ]  # fmt: skip
    head = ["figure", "questions", "before", "after", "difference", "95 % interval", "p", "better / worse"]
    return f"## Compared, question by question\n\n{_table(head, rows)}\n"


def _case(n: int, row: Row) -> str:
    said = f"said “{row.said}” ({row.citation})" if row.said is not None else "said nothing"
    gold = f"gold “{row.golds[0]}”" if row.golds else "the brief does not answer"
    alone = f"; the reader alone says “{row.alone_said}”" if row.alone_said is not None else ""
    told = f"{row.question} [{row.type}, {row.file or 'any brief'}]: {row.outcome} at {row.confidence:.0%}; "
    return f"{n}. {markdown_inline(on_a_line(f'{told}{said}; {gold}{alone}'))}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [[markdown_inline(on_a_line(cell)) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    told = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    return "\n".join([told[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *told[1:]])


def number(value: float | None) -> str:
    """A figure in three places, a count as it is, a dash where there is nothing to count."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
