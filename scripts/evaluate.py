"""Measures replies made beforehand; to ask and measure in one go: `briefqa eval`.

    python scripts/evaluate.py questions --briefs ../shared/data/briefs-train > questions.jsonl
    briefqa ask --batch questions.jsonl > replies.jsonl          (with the index of those briefs)
    python scripts/evaluate.py replies --briefs ../shared/data/briefs-train --replies replies.jsonl

`replies` first checks that every citation slices its file exactly, then prints the README's table: the
batches the reader was trained on, and those held out. The reader by itself: `evaluate_reader.py`.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from index.store import Store
from index.types import Filters
from qa.evaluation import figures_of, judge
from qa.questions import briefs_of, load_questions
from reader_data import HELD_OUT_BATCHES

COLUMNS = {
    "n_questions": "questions", "em": "EM", "f1": "F1", "best_f1": "F1, found or not", "top3_f1": "top-3 F1",
    "right_sentence": "right sentence", "right_brief": "right brief",
    "recall_at_5": "recall@5", "found_when_answerable": "found", "rightly_not_found": "rightly not found",
    "overall": "overall", "auroc": "AUROC", "ece": "ECE", "ece_by_chance": "ECE by chance",
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
    homes = briefs_of(questions, briefs)
    judged = [judge(q, replies[q.id], homes[q.id]) for q in questions]
    held = [row for row in judged if row.file.split("/")[0] in HELD_OUT_BATCHES]
    seen = [row for row in judged if row.file.split("/")[0] not in HELD_OUT_BATCHES]
    rows = {"held out from training": held, "trained on": seen, "all": judged} if held and seen else {"all": judged}
    print("| | " + " | ".join(COLUMNS.values()) + " |\n|" + "---|" * (len(COLUMNS) + 1))
    for name, part in rows.items():
        figures = figures_of(part)
        cells = [f"{figures[c]:.0f}" if c == "n_questions" else f"{figures[c]:.3f}" for c in COLUMNS]
        print(f"| {name} | " + " | ".join(cells) + " |")
    timings = {
        stage: np.percentile([r["timings_ms"][stage] for r in replies.values() if "timings_ms" in r], (50, 95))
        for stage in ("retrieve", "read", "total")
    }
    print("\n" + ", ".join(f"{stage} p50 {p50:.0f} ms p95 {p95:.0f} ms" for stage, (p50, p95) in timings.items()))


def main() -> None:
    """Parses the command line and runs one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    questions = commands.add_parser("questions")
    replies = commands.add_parser("replies")
    for command, work in ((questions, print_questions), (replies, print_figures)):
        command.set_defaults(work=work)
    for command in (questions, replies):
        command.add_argument("--briefs", type=Path, required=True, help="folder of briefs and their questions")
    replies.add_argument("--replies", type=Path, required=True)
    replies.add_argument("--index-dir", type=Path, required=True)
    args = parser.parse_args()
    args.work(args)


if __name__ == "__main__":
    main()
