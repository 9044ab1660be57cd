"""Writes every paragraph of SQuAD-like sets as a brief, with its questions beside it.

    python scripts/squad_briefs.py ../shared/data/public/squad_v1.1_dev.json.gz --out runs/squad-briefs
    briefqa index runs/squad-briefs --index-dir runs/ix-squad
    python scripts/evaluate_retrieval.py --briefs runs/squad-briefs --index-dir runs/ix-squad

So a set can be searched as a whole (open-domain retrieval), or stand among the briefs as a distraction
(`--no-questions`). A paragraph that several sets hold is written once.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from reader_data import key_of, squad_file


def write(sets: list[Path], out: Path, questions: bool) -> int:
    """Writes `out/SET/NNNNN.txt` (title, paragraph) and, with `questions`, `NNNNN.json`; returns how many briefs."""
    seen: set[str] = set()
    for path in sets:
        folder = out / path.name.removesuffix(".json.gz")
        folder.mkdir(parents=True, exist_ok=True)
        asked: dict[str, list[dict[str, Any]]] = {}
        titles: dict[str, str] = {}
        for title, context, qa in squad_file(path):
            answers = list(dict.fromkeys(answer["text"] for answer in qa["answers"]))
            asked.setdefault(context, []).append({"q": qa["question"], "a": answers, "type": "SQuAD"})
            titles[context] = title.replace("_", " ")
        for n, (context, items) in enumerate(asked.items()):
            if key_of(context) in seen:
                continue
            seen.add(key_of(context))
            paragraph = " ".join(context.split())
            text = f"{titles[context]}\n\n{paragraph}" if titles[context] else paragraph
            (folder / f"{n:05d}.txt").write_text(text, "utf-8")
            if questions:
                (folder / f"{n:05d}.json").write_text(json.dumps(items, ensure_ascii=False), "utf-8")
    return len(seen)


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--no-questions", action="store_true")
    args = parser.parse_args()
    print(f"{write(args.sets, args.out, not args.no_questions)} paragraphs")


if __name__ == "__main__":
    main()
