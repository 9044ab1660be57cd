"""Measures a reader by itself: passages are given, nothing is searched for.

    python scripts/evaluate_reader.py squad   --data ../shared/data
    python scripts/evaluate_reader.py briefs  --briefs ../shared/data/briefs-dev
    python scripts/evaluate_reader.py lengths --briefs ../shared/data/briefs-dev
    python scripts/evaluate_reader.py choice  --data ../shared/data
    python scripts/evaluate_reader.py speed

`squad`: the complete SQuAD 1.1 and 2.0 dev sets, each question with its own paragraph: EM and F1 as the official
evaluations compute them, at the best threshold, at 0 and at the shipped one, and what risk goes with what coverage.
`briefs`: every question with the passage that holds its answer, by type of question; and with all passages of its
brief: whether the score tells answerable from unanswerable, and what the confidence is worth. `lengths`: the first
of these for several limits of an answer's length. `choice`: a few figures of both kinds on the sets that settings
may be chosen on. `speed`: 20 windows of 220 tokens, stage by stage, against the processor's arithmetic. `--reader`
measures another model.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from index.briefs import parse_brief
from index.embedder import SentenceTransformerEmbedder
from index.passages import split_into_passages
from index.sparse import SparseIndex
from index.types import Passage
from qa.calibration import Calibration, signals_of
from qa.evaluation import RIGHT_F1, SquadRow, squad_figures
from qa.metrics import auroc, calibration_error, exact_match, f1, risk_coverage
from qa.questions import Question, load_questions
from qa.reader import TransformersReader
from qa.settings import AskSettings
from qa.types import Hit, Span
from reader_data import choice_set, squad_file

ONE_SPAN = AskSettings(spans_per_passage=1)
AT_ONCE = 256
"""Pairs read together: enough for batches of similar length."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question with the context it is asked of; no golds: the context does not answer it."""

    question: str
    context: str
    golds: tuple[str, ...]


def read_cases(reader: TransformersReader, cases: Sequence[Case]) -> list[Span | None]:
    """The best span of every case; None where there is none at all."""
    spans: list[Span | None] = []
    for begin in tqdm(range(0, len(cases), AT_ONCE), unit_scale=AT_ONCE, unit=" questions", disable=None):
        pairs = [
            (case.question, Hit(Passage("", 1, 0, len(case.context), case.context, ""), 0.0, 0))
            for case in cases[begin : begin + AT_ONCE]
        ]
        spans += [found[0] if found else None for found in reader.read_pairs(pairs, ONE_SPAN)]
    return spans


def squad_rows(reader: TransformersReader, cases: Sequence[Case]) -> list[SquadRow]:
    """Score, confidence, EM and F1 of the best span of every case."""
    calibration = Calibration.load(reader.folder)
    rows = []
    for case, span in zip(cases, read_cases(reader, cases), strict=True):
        if span is None:
            rows.append(SquadRow(-1e3, 0.0, float(not case.golds), float(not case.golds), bool(case.golds)))
            continue
        text = case.context[span.start : span.end]
        confidence = calibration.probability(signals_of(case.question, span))
        row = SquadRow(span.score, confidence, exact_match(text, case.golds), f1(text, case.golds), bool(case.golds))
        rows.append(row)
    return rows


def _cases(data: Path, name: str) -> list[Case]:
    return [
        Case(qa["question"], context, tuple(answer["text"] for answer in qa["answers"]))
        for _, context, qa in squad_file(data / "public" / f"{name}.json.gz")
    ]


def print_squad(args: argparse.Namespace) -> None:
    """Both dev sets; a question that stands in both is read once."""
    reader = TransformersReader(args.reader)
    sets = {name: _cases(args.data, name)[:: args.every] for name in ("squad_v1.1_dev", "squad_v2.0_dev")}
    cases = list(dict.fromkeys(case for part in sets.values() for case in part))
    began = time.monotonic()
    rows = dict(zip(cases, squad_rows(reader, cases), strict=True))
    seconds = time.monotonic() - began
    threshold = Calibration.load(reader.folder).threshold
    for name, part in sets.items():
        print(f"\n{name}: {len(part)} questions\n")
        _print_table(squad_figures([rows[case] for case in part], threshold))
    print(f"\n{len(cases)} questions read in {seconds:.0f} s: {len(cases) / seconds:.0f} a second")
    answered = np.array([rows[case].confidence for case in sets["squad_v2.0_dev"]])
    right = np.array([rows[case].f1 if rows[case].answerable else 0.0 for case in sets["squad_v2.0_dev"]])
    print("\nSQuAD 2.0:\n")
    _print_risk(answered, right)


def _print_table(figures: dict[str, float]) -> None:
    print("| figure | value |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name} | {value:.3f} |" if "threshold" in name else f"| {name} | {100 * value:.1f} |")


@dataclass(frozen=True, slots=True)
class BriefRow:
    """What the reader made of a question of a brief."""

    question: Question
    em: float
    """Of the best span in the gold passage; nan where there is none."""
    f1: float
    words: int
    """Of the best span in the gold passage."""
    score: float
    """Highest score of a span over all passages of the brief."""
    confidence: float
    """Of the surest span over all passages of the brief."""
    earned: float
    """F1 of that span; 0.0 where the brief does not answer."""


def brief_rows(
    reader: TransformersReader,
    folder: Path,
    count_tokens: Callable[[str], int],
    most: int | None = None,
    settings: AskSettings = ONE_SPAN,
) -> list[BriefRow]:
    """Reads every question of `folder` with the passages of its brief, cut and headed as in use.

    With `most`, only so many passages: those that our full-text search ranks first, and the gold one; 0 gives
    the gold passage alone.

    The gold passage is the one that holds the first of the acceptable answers that stands in a passage at
    all; of several, the one that our full-text search ranks first for the question.
    """
    calibration = Calibration.load(reader.folder)
    rows = []
    questions: dict[str, list[Question]] = {}
    for q in load_questions(folder):
        questions.setdefault(q.file, []).append(q)
    paths = {f"{path.parent.name}/{path.name}": path for path in sorted(folder.rglob("*.txt"))}
    for file, asked in tqdm(questions.items(), unit=" briefs", disable=None):
        brief = parse_brief(paths[file].read_bytes().decode("utf-8"), file)
        passages = split_into_passages(brief, count_tokens, 254)
        search = SparseIndex.build(passages)
        ranked = {q: _ranked(q.text, passages, search) for q in asked}
        golds = {q: _gold_passage(q, passages, ranked[q]) for q in asked}
        pairs = [
            (q, at)
            for q in asked
            for at in dict.fromkeys([*ranked[q][:most], *([] if golds[q] is None else [golds[q]])])
        ]
        ranks = {(q, at): rank for q in asked for rank, at in enumerate(ranked[q])}
        found = reader.read_pairs([(q.text, Hit(passages[at], 0.0, ranks[q, at])) for q, at in pairs], settings)
        spans = {pair: spans[0] for pair, spans in zip(pairs, found, strict=True) if spans}
        for q in asked:
            rated = [spans[q, at] for at in ranked[q][:most] if (q, at) in spans]
            sure = [(calibration.probability(signals_of(q.text, span)), span) for span in rated]
            confidence, surest = max(sure, key=lambda pair: pair[0], default=(0.0, None))
            earned = f1(brief.text[surest.start : surest.end], q.golds) if surest and q.golds else 0.0
            gold = golds[q]
            text = ""
            if (q, gold) in spans:
                text = brief.text[spans[q, gold].start : spans[q, gold].end]
            em, score = (exact_match(text, q.golds), f1(text, q.golds)) if gold is not None else (np.nan, np.nan)
            best = max((span.score for span in rated), default=-1e3)
            rows.append(BriefRow(q, em, score, len(text.split()), best, confidence, earned))
    return rows


def _ranked(question: str, passages: Sequence[Passage], search: SparseIndex) -> list[int]:
    """All passages, those that share words with the question first, best first."""
    return list(dict.fromkeys([*search.search(question, len(passages))[0].tolist(), *range(len(passages))]))


def _gold_passage(question: Question, passages: Sequence[Passage], ranked: Sequence[int]) -> int | None:
    for gold in question.golds:
        for at in ranked:
            if gold in passages[at].text:
                return at
    return None


def print_briefs(args: argparse.Namespace) -> None:
    """EM and F1 with the gold passage given, by type; AUROC over each brief's passages."""
    reader = TransformersReader(args.reader)
    rows = brief_rows(reader, args.briefs, SentenceTransformerEmbedder().count_tokens)
    given = [row for row in rows if not np.isnan(row.f1)]
    print("| type | questions | EM | F1 | words |\n|---|---|---|---|---|")
    for kind in [*sorted({row.question.type for row in given}), "all"]:
        part = [row for row in given if kind in ("all", row.question.type)]
        print(f"| {kind} | {len(part)} | {_mean_cells(part)} |")
    lost = sum(bool(row.question.golds) for row in rows) - len(given)
    print(f"\n{lost} answerable questions have no acceptable answer inside one passage and are left out above.")
    print(
        f"Answerable against unanswerable, by the score over all passages of the brief: AUROC {_brief_auroc(rows):.3f}"
    )
    confidences, earned = (np.array([getattr(row, name) for row in rows]) for name in ("confidence", "earned"))
    error = calibration_error(confidences, (earned >= RIGHT_F1).astype(float))
    print(f"Calibration error of the confidence: {error:.3f}\n")
    _print_risk(confidences, earned)


def _mean_cells(rows: Sequence[BriefRow]) -> str:
    em, score, words = (statistics.fmean(values) for values in zip(*((r.em, r.f1, r.words) for r in rows), strict=True))
    return f"{100 * em:.1f} | {100 * score:.1f} | {words:.1f}"


def _print_risk(confidences: npt.NDArray[np.float64], earned: npt.NDArray[np.float64]) -> None:
    print("| answered, the surest first | mean F1 of the answers |\n|---|---|")
    for coverage, value in risk_coverage(confidences, earned, (0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)):
        print(f"| {coverage:.0%} | {100 * value:.1f} |")


def print_lengths(args: argparse.Namespace) -> None:
    """EM and F1 with the gold passage given, for several limits of an answer's length."""
    reader, count_tokens = TransformersReader(args.reader), SentenceTransformerEmbedder().count_tokens
    print("| at most tokens | EM | F1 | words | longest |\n|---|---|---|---|---|")
    for most in args.limits:
        settings = replace(ONE_SPAN, max_answer_tokens=most)
        rows = brief_rows(reader, args.briefs, count_tokens, most=0, settings=settings)
        given = [row for row in rows if not np.isnan(row.f1)]
        print(f"| {most} | {_mean_cells(given)} | {max(row.words for row in given)} |")


def _brief_auroc(rows: Iterable[BriefRow]) -> float:
    pairs = [(row.score, bool(row.question.golds)) for row in rows]
    return auroc(np.array([score for score, _ in pairs]), np.array([answerable for _, answerable in pairs]))


def choice_figures(model: str | None, data: Path) -> dict[str, float]:
    """A few figures on the sets that settings may be chosen on: SQuAD-like choice set, devset, CLAP NQ."""
    reader = TransformersReader(model)
    count_tokens = SentenceTransformerEmbedder().count_tokens
    squad = squad_rows(reader, [Case(q, context, tuple(golds)) for q, context, golds in choice_set(data)])
    clap = squad_rows(reader, _cases(data, "clapnq_dev"))
    briefs = brief_rows(reader, data / "briefs-dev", count_tokens, most=4)
    figures = squad_figures(squad, 0.5)
    return {
        "choice HasAns F1": figures["HasAns F1"],
        "choice best F1": figures["best F1"],
        "choice AUROC": figures["AUROC"],
        "devset gold-passage F1": float(np.nanmean([row.f1 for row in briefs])),
        "devset AUROC of 4": _brief_auroc(briefs),
        "CLAP NQ AUROC": squad_figures(clap, 0.5)["AUROC"],
    }


def print_speed(args: argparse.Namespace) -> None:
    """Twenty windows of 220 tokens: medians of each stage, and the share of what plain products reach."""
    import torch

    reader = TransformersReader(args.reader)
    sentence = "the ministry said that a plan for the northern ports would cost more than the council expected".split()
    text, question = " ".join(sentence * 30), "What did the ministry say about the plan?"
    n = 190
    while len(reader._tokenizer(question, " ".join(text.split()[:n]))["input_ids"]) < 220:
        n += 1
    context = " ".join(text.split()[:n])
    pairs = [(question, Hit(Passage("", 1, 0, len(context), context, ""), 0.0, rank)) for rank in range(20)]
    stages: dict[str, list[float]] = {"tokens": [], "model": [], "all": [], "products": []}
    windows = reader._windows(pairs)
    inputs = [window.inputs for window in windows]
    config = reader._model.config
    n_tokens = sum(len(one["input_ids"]) for one in inputs)
    wide, narrow = config.intermediate_size, config.hidden_size
    dtype = next(reader._model.parameters()).dtype
    x, y = torch.randn(n_tokens, narrow, dtype=dtype), torch.randn(n_tokens, wide, dtype=dtype)
    square, up, down = (
        torch.randn(*shape, dtype=dtype) for shape in ((narrow, narrow), (narrow, wide), (wide, narrow))
    )

    def products() -> None:
        for _ in range(config.num_hidden_layers):
            for _ in range(4):
                x @ square
            x @ up
            y @ down

    work = {
        "tokens": lambda: reader._windows(pairs),
        "model": lambda: reader._logits(inputs),
        "all": lambda: reader.read_pairs(pairs, AskSettings(), [20]),
        "products": products,
    }
    for _ in range(args.repeats + 1):
        for stage, run in work.items():
            began = time.perf_counter()
            run()
            stages[stage].append(1e3 * (time.perf_counter() - began))
    medians = {stage: statistics.median(times[1:]) for stage, times in stages.items()}
    print(
        f"{len(inputs)} windows, {n_tokens} tokens, {dtype}, {torch.get_num_threads()} threads: all "
        f"{medians['all']:.0f} ms (tokens {medians['tokens']:.0f}, model {medians['model']:.0f}, spans "
        f"{medians['all'] - medians['tokens'] - medians['model']:.0f}); the model's matrix products alone "
        f"{medians['products']:.0f} ms, {medians['products'] / medians['model']:.0%} of the model's time"
    )


def print_choice(args: argparse.Namespace) -> None:
    """The figures of `choice_figures` as JSON."""
    print(
        json.dumps({name: round(value, 4) for name, value in choice_figures(args.reader, args.data).items()}, indent=1)
    )


def main() -> None:
    """Parses the command line and runs one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, work in (
        ("squad", print_squad),
        ("briefs", print_briefs),
        ("lengths", print_lengths),
        ("choice", print_choice),
        ("speed", print_speed),
    ):
        command = commands.add_parser(name)
        command.set_defaults(work=work)
        command.add_argument("--reader", help="name or folder of another model")
        if name in ("squad", "choice"):
            command.add_argument("--data", type=Path, default=Path("../shared/data"))
        if name == "squad":
            command.add_argument("--every", type=int, default=1, help="take every Nth question only")
        if name in ("briefs", "lengths"):
            command.add_argument("--briefs", type=Path, required=True, help="folder of briefs and their questions")
        if name == "lengths":
            command.add_argument("--limits", type=int, nargs="+", default=[8, 16, 24, 32, 48, 64, 96])
        if name == "speed":
            command.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    args.work(args)


if __name__ == "__main__":
    main()
