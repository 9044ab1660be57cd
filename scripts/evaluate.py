"""Measures the product by three commands.

    python scripts/evaluate.py questions --briefs ../shared/data/briefs-train > questions.jsonl
    briefqa ask --batch questions.jsonl > replies.jsonl          (with the index of those briefs)
    python scripts/evaluate.py replies --briefs ../shared/data/briefs-train --replies replies.jsonl
    python scripts/evaluate.py squad --file ../shared/data/public/squad_v2.0_dev.json.gz

`replies` first checks that every citation slices its file exactly, then prints the README's table: the
batches the reader was trained on, and those held out. `squad` gives the reader the paragraph, as the
official evaluation does, and prints EM and F1 at the best threshold and at 0.
"""

import argparse
import gzip
import json
import sys
import time
from pathlib import Path

import numpy as np

from index.store import Store
from index.types import Filters, Passage
from qa.evaluation import load_questions, score_replies
from qa.metrics import best_threshold, exact_match, f1
from qa.reader import TransformersReader
from qa.settings import AskSettings
from qa.types import Hit

HELD_OUT = ("rights", "cities")
COLUMNS = {
    "n_questions": "questions", "em": "EM", "f1": "F1", "top3_f1": "top-3 F1", "right_brief": "right brief",
    "recall_at_5": "recall@5", "found_when_answerable": "found", "rightly_not_found": "rightly not found",
    "overall": "overall", "auroc": "AUROC", "ece": "ECE",
}  # fmt: skip


def print_questions(args: argparse.Namespace) -> None:
    """One JSON line a question, as `briefqa ask --batch` reads them."""
    for q in load_questions(args.briefs):
        print(json.dumps({"id": q.id, "question": q.text}, ensure_ascii=False))


def print_figures(args: argparse.Namespace) -> None:
    """Checks every citation against its file, then prints a table of figures."""
    replies = {}
    for line in filter(None, args.replies.read_text("utf-8").split("\n")):
        reply = json.loads(line)
        replies[reply["id"]] = reply
    failed = [reply for reply in replies.values() if "error" in reply]
    briefs = Store(args.index_dir).briefs(Filters())
    texts = {brief.source: Path(brief.path).open(encoding="utf-8", newline="").read() for brief in briefs}
    n_citations = 0
    for reply in replies.values():
        for answer in reply.get("answers", []):
            for cited in (answer["citation"], *answer["also"]):
                assert texts[cited["source"]][cited["start"] : cited["end"]] == cited["quote"], cited
                n_citations += 1
    print(f"{len(replies)} replies, {len(failed)} errors; each of {n_citations} citations slices its file exactly.\n")
    questions = load_questions(args.briefs)
    sources = {brief.id: brief.source for brief in briefs}
    rows = {"all": questions}
    if any(q.file.split("/")[0] in HELD_OUT for q in questions):
        rows = {
            "held out from training": [q for q in questions if q.file.split("/")[0] in HELD_OUT],
            "trained on": [q for q in questions if q.file.split("/")[0] not in HELD_OUT],
        } | rows
    print("| | " + " | ".join(COLUMNS.values()) + " |\n|" + "---|" * (len(COLUMNS) + 1))
    for name, part in rows.items():
        figures = score_replies(part, replies, sources)
        cells = [f"{figures[c]:.0f}" if c == "n_questions" else f"{figures[c]:.3f}" for c in COLUMNS]
        print(f"| {name} | " + " | ".join(cells) + " |")
    timings = {
        stage: np.percentile([r["timings_ms"][stage] for r in replies.values() if "timings_ms" in r], (50, 95))
        for stage in ("retrieve", "read", "total")
    }
    print("\n" + ", ".join(f"{stage} p50 {p50:.0f} ms p95 {p95:.0f} ms" for stage, (p50, p95) in timings.items()))


def print_squad(args: argparse.Namespace) -> None:
    """Official EM and F1 of the reader on a SQuAD file, each question with its own paragraph."""
    with gzip.open(args.file, "rt", encoding="utf-8") as file:
        articles = json.load(file)["data"]
    cases = [
        (qa, paragraph["context"])
        for article in articles
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ][:: args.every]
    reader, settings = TransformersReader(args.reader), AskSettings(spans_per_passage=1)
    started = time.monotonic()
    rows = []
    for n, (qa, context) in enumerate(cases):
        hit = Hit(Passage("", 1, 0, len(context), context, ""), 0.0, 0)
        spans = reader.read(qa["question"], [hit], settings)
        text, score = (context[spans[0].start : spans[0].end], spans[0].score) if spans else ("", -1e3)
        golds = [answer["text"] for answer in qa["answers"]]
        rows.append((score, exact_match(text, golds), f1(text, golds), float(not golds)))
        if n % 1000 == 0:
            print(f"{n} of {len(cases)}", file=sys.stderr)
    scores, em, f1s, none = np.array(rows).T
    answerable = none == 0
    result = {"questions": len(rows), "HasAns EM": em[answerable].mean(), "HasAns F1": f1s[answerable].mean()}
    if none.any():
        for name, values in (("EM", em), ("F1", f1s)):
            threshold, result[f"best {name}"] = best_threshold(scores, values, none)
            result[f"best {name} threshold"] = threshold
            result[f"{name} at 0"] = np.where(scores >= 0, values, none).mean()
    result["questions per second"] = len(rows) / (time.monotonic() - started)
    print(json.dumps({name: round(float(value), 4) for name, value in result.items()}, indent=1))


def main() -> None:
    """Parses the command line and runs one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    questions = commands.add_parser("questions")
    replies = commands.add_parser("replies")
    squad = commands.add_parser("squad")
    for command, work in ((questions, print_questions), (replies, print_figures), (squad, print_squad)):
        command.set_defaults(work=work)
    for command in (questions, replies):
        command.add_argument("--briefs", type=Path, required=True, help="folder of briefs and their questions")
    replies.add_argument("--replies", type=Path, required=True)
    replies.add_argument("--index-dir", type=Path, required=True)
    squad.add_argument("--file", type=Path, required=True)
    squad.add_argument("--reader", default=None)
    squad.add_argument("--every", type=int, default=1, help="take every Nth question only")
    args = parser.parse_args()
    args.work(args)


if __name__ == "__main__":
    main()
