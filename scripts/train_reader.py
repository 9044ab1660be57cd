"""Fine-tunes the reader from the MiniLM encoder. Each command can be run again.

    python scripts/train_reader.py prepare --data ../shared/data --out runs/first
    python scripts/train_reader.py train   --out runs/first
    python scripts/train_reader.py export  --out runs/first

`prepare` reads the training sets, cuts briefs and news into passages as the index does, adds hard
negatives found by our own full-text search, drops what also stands in a measuring set, and prints
every count. `train` goes once over the windows, on the CPU in bfloat16 or on a GPU, and goes on after an
interruption from its last checkpoint. `export` writes `qa/models/reader/` in half precision.
"""

import argparse
import gzip
import hashlib
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from index.briefs import parse_brief
from index.embedder import default_model_folder
from index.passages import split_into_passages
from index.sparse import SparseIndex
from index.types import Passage

SEED = 20261125
MAX_TOKENS = 256
STRIDE = 64
BATCH_TOKENS = 8_000
LEARNING_RATE = 1.6e-4
WARMUP = 0.06
SQUAD_LIKE = {
    "squad_v1.1_train_part44": 1.0,
    "squad_v1.1_train_recovered": 0.75,
    "nq_oracle_dev": 1.0,
    "qed_nq_dev": 1.0,
    "tydiqa_goldp_en_train": 1.0,
    "mlqa_en_dev": 1.0,
    "covidqa_windows": 0.5,
}
"""Set: the part of its questions that is used (the rest was left out to keep one pass under an hour)."""
UNANSWERABLE = {"squad_v1.1_train_unanswerable": 1.0}
MEASURING = ("squad_v1.1_dev", "squad_v2.0_dev")
HELD_OUT_BATCHES = ("rights", "cities")
"""Briefs that this reader never sees: the honest test set of the README."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question and a context; `answer` is the character range in it, None where it does not answer."""

    question: str
    header: str
    context: str
    answer: tuple[int, int] | None
    origin: str
    late: bool
    """Whether it looks like what is asked in use: such examples come in the last two thirds of training."""


def _key(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.lower())[:120]


def _squad(path: Path) -> Iterator[tuple[str, str, dict]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for article in json.load(file)["data"]:
            for paragraph in article["paragraphs"]:
                for qa in paragraph["qas"]:
                    yield article.get("title") or "", paragraph["context"], qa


def _blocked(data: Path) -> tuple[set[str], set[str]]:
    """Keys of the contexts and questions of every measuring set and of the briefs' devset."""
    contexts: set[str] = set()
    questions: set[str] = set()
    for name in MEASURING:
        for _, context, qa in _squad(data / "public" / f"{name}.json.gz"):
            contexts.add(_key(context))
            questions.add(_key(qa["question"]))
    for path in sorted((data / "briefs-dev").glob("*/*.json")):
        questions.update(_key(qa["q"]) for qa in json.loads(path.read_text("utf-8")))
    return contexts, questions


def _public_examples(data: Path, rng: random.Random) -> Iterator[Example]:
    for name, part in (SQUAD_LIKE | UNANSWERABLE).items():
        by_context: dict[str, list[dict]] = {}
        for _, context, qa in _squad(data / "public" / f"{name}.json.gz"):
            by_context.setdefault(context, []).append(qa)
        contexts = list(by_context)
        for at, context in enumerate(contexts):
            for qa in by_context[context]:
                if rng.random() >= part:
                    continue
                answers = qa["answers"]
                span = None
                if answers:
                    start = answers[0]["answer_start"]
                    span = (start, start + len(answers[0]["text"]))
                yield Example(qa["question"], "", context, span, name, name in UNANSWERABLE)
                # A fifth again as many hard negatives: a neighbouring paragraph, mostly the same article.
                other = contexts[(at + 1) % len(contexts)]
                if answers and rng.random() < 0.2 and answers[0]["text"].lower() not in other.lower():
                    yield Example(qa["question"], "", other, None, f"{name}/neighbour", False)


class _BriefSet:
    """Briefs (or news) with their questions, cut into passages, with a search over all of them."""

    def __init__(self, count_tokens, name: str) -> None:
        self._count, self.name = count_tokens, name
        self.passages: list[Passage] = []
        self.questions: list[tuple[str, dict]] = []

    def add(self, text: str, source: str, questions: list[dict]) -> None:
        brief = parse_brief(text, source)
        self.passages += split_into_passages(brief, self._count, 254)
        self.questions += [(brief.id, qa) for qa in questions]

    def examples(self, rng: random.Random) -> Iterator[Example]:
        search = SparseIndex.build(self.passages)
        for brief, qa in self.questions:
            hits = [self.passages[row] for row in search.search(qa["q"], 30)[0]]
            own = [p for p in hits if p.brief_id == brief]
            foreign = [p for p in hits if p.brief_id != brief]
            holders = [p for p in self.passages if p.brief_id == brief and any(a in p.text for a in qa["a"])]
            if holders:
                # An answer that occurs several times is meant where the words of the question are.
                gold = next((p for p in own if p in holders), holders[0])
                # The shortest acceptable answer is often too bare, the longest too long: the first is best.
                answer = next(a for a in qa["a"] if a in gold.text)
                start = gold.text.index(answer)
                yield self._example(qa, gold, (start, start + len(answer)), "answer")
            negatives = [p for p in own if p not in holders][: 1 if holders else 2]
            if holders and rng.random() < 0.5:
                negatives += [p for p in foreign if not any(a.lower() in p.text.lower() for a in qa["a"])][:1]
            for passage in negatives:
                yield self._example(qa, passage, None, "negative" if holders else "unanswerable")

    def _example(self, qa: dict, passage: Passage, answer: tuple[int, int] | None, what: str) -> Example:
        return Example(qa["q"], passage.header, passage.text, answer, f"{self.name}/{what}", True)


def _brief_sets(data: Path, count_tokens) -> Iterator[_BriefSet]:
    briefs = _BriefSet(count_tokens, "briefs-train")
    for path in sorted((data / "briefs-train").glob("*/*.txt")):
        if path.parent.name not in HELD_OUT_BATCHES:
            questions = json.loads(path.with_suffix(".json").read_text("utf-8"))
            briefs.add(path.read_bytes().decode("utf-8"), path.name, questions)
    yield briefs
    news = _BriefSet(count_tokens, "wikinews")
    articles: dict[str, list[dict]] = {}
    for _, context, qa in _squad(data / "public" / "wikinews_questions.json.gz"):
        articles.setdefault(context, []).append(
            {"q": qa["question"], "a": list(dict.fromkeys(a["text"] for a in qa["answers"]))}
        )
    for n, (text, questions) in enumerate(articles.items()):
        news.add(text, f"news-{n}.txt", questions)
    yield news


def prepare(args: argparse.Namespace) -> None:
    """Writes `windows.npz`: token ids, answer positions and order of every training window."""
    rng = random.Random(SEED)
    tokenizer = AutoTokenizer.from_pretrained(default_model_folder())
    tokenizer.model_max_length = 10**9

    def count_tokens(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    contexts, questions = _blocked(args.data)
    examples = list(_public_examples(args.data, rng))
    for group in _brief_sets(args.data, count_tokens):
        examples += group.examples(rng)
    kept, dropped = [], Counter()
    for example in examples:
        if _key(example.context) in contexts:
            dropped["context"] += 1
        elif _key(example.question) in questions:
            dropped["question"] += 1
        else:
            kept.append(example)
    windows = []
    counts: Counter[str] = Counter()
    for example in kept:
        for ids, n_question, start, end in _windows(tokenizer, example, rng):
            order = rng.uniform(0.3, 1.0) if example.late else rng.uniform(0.0, 0.85)
            windows.append((order, ids, n_question, start, end))
            counts[example.origin] += 1
    windows.sort(key=lambda window: window[0])
    args.out.mkdir(parents=True, exist_ok=True)
    np.savez(
        args.out / "windows.npz",
        ids=np.concatenate([np.array(w[1], np.int32) for w in windows]),
        lengths=np.array([len(w[1]) for w in windows], np.int32),
        questions=np.array([w[2] for w in windows], np.int32),
        spans=np.array([w[3:] for w in windows], np.int32),
    )
    report = {
        "windows": len(windows),
        "tokens": int(sum(len(w[1]) for w in windows)),
        "by_set": dict(sorted(counts.items())),
        "dropped_overlaps": dict(dropped),
        "held_out_batches": HELD_OUT_BATCHES,
        "seed": SEED,
    }
    (args.out / "prepare.json").write_text(json.dumps(report, indent=1), "utf-8")
    print(json.dumps(report, indent=1))


def _windows(tokenizer, example: Example, rng: random.Random) -> Iterator[tuple[list[int], int, int, int]]:
    """Token ids, length of the first segment, and answer positions (0, 0 for the null answer)."""
    question = tokenizer(example.question, add_special_tokens=False, truncation=True, max_length=64)["input_ids"]
    header = tokenizer(example.header, add_special_tokens=False)["input_ids"] if example.header else []
    encoded = tokenizer(example.context, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    first = [tokenizer.cls_token_id, *question, tokenizer.sep_token_id]
    room = MAX_TOKENS - len(first) - len(header) - 1
    at = 0
    while True:
        part = offsets[at : at + room]
        start = end = 0
        if example.answer:
            inside = [i for i, (a, b) in enumerate(part) if a < example.answer[1] and b > example.answer[0]]
            if inside and part[inside[0]][0] <= example.answer[0] and part[inside[-1]][1] >= example.answer[1]:
                start, end = (len(first) + len(header) + i for i in (inside[0], inside[-1]))
        # Windows beside the answer are easy negatives: one in four is enough.
        if start or not example.answer or rng.random() < 0.25:
            window = first + header + ids[at : at + room] + [tokenizer.sep_token_id]
            yield window, len(first), start, end
        if at + room >= len(ids):
            return
        at += room - STRIDE


def _batches(lengths: np.ndarray, rng: random.Random) -> list[list[int]]:
    """Windows in order, batches of similar length inside stretches of 3,000, the batches of one shuffled."""
    batches: list[list[int]] = []
    for begin in range(0, len(lengths), 3_000):
        rows = sorted(range(begin, min(begin + 3_000, len(lengths))), key=lambda row: lengths[row])
        stretch: list[list[int]] = [[]]
        for row in rows:
            if stretch[-1] and (len(stretch[-1]) + 1) * lengths[row] > BATCH_TOKENS:
                stretch.append([])
            stretch[-1].append(row)
        rng.shuffle(stretch)
        batches += stretch
    return batches


def train(args: argparse.Namespace) -> None:
    """One pass over the windows; a checkpoint every 100 steps, a line of `train.jsonl` every 10."""
    torch.manual_seed(SEED)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = np.load(args.out / "windows.npz")
    ids, lengths, first, spans = (data[name] for name in ("ids", "lengths", "questions", "spans"))
    begins = np.concatenate([[0], np.cumsum(lengths)])
    batches = _batches(lengths, random.Random(SEED))
    model = AutoModelForQuestionAnswering.from_pretrained(
        args.init or default_model_folder(),
        dtype=torch.float32,
        attn_implementation="sdpa",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    ).to(device)
    model.get_input_embeddings().weight.requires_grad_(False)
    decay = [p for n, p in model.named_parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for n, p in model.named_parameters() if p.requires_grad and p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}],
        lr=args.learning_rate,
        fused=True,
    )
    warm = WARMUP * len(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (len(batches) - step) / (len(batches) - warm))
    )
    step = 0
    checkpoint = args.out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
        step = saved["step"]
        print(f"going on from step {step}", file=sys.stderr)
    model.train()
    log = (args.out / "train.jsonl").open("a", encoding="utf-8")
    losses: list[float] = []
    n_tokens, since = 0, time.monotonic()
    for rows in batches[step:]:
        # Few different widths: the matrix library keeps a plan, and memory, for every shape it meets.
        width = -(-int(max(lengths[row] for row in rows)) // 32) * 32
        batch = np.zeros((len(rows), width), np.int64)
        kind = np.zeros((len(rows), width), np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for at, row in enumerate(rows):
            n = lengths[row]
            batch[at, :n] = ids[begins[row] : begins[row + 1]]
            kind[at, first[row] : n] = 1
            mask[at, :n] = 1
        with torch.autocast(device.type, dtype=torch.bfloat16):
            output = model(
                input_ids=torch.from_numpy(batch).to(device),
                attention_mask=torch.from_numpy(mask).to(device),
                token_type_ids=torch.from_numpy(kind).to(device),
            )
        blank = torch.from_numpy(mask == 0).to(device)
        target = torch.from_numpy(spans[rows].astype(np.int64)).to(device)
        loss = (
            sum(
                torch.nn.functional.cross_entropy(logits.float().masked_fill(blank, -1e4), target[:, side])
                for side, logits in enumerate((output.start_logits, output.end_logits))
            )
            / 2
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        step += 1
        losses.append(float(loss.detach()))
        n_tokens += int(mask.sum())
        if step % 10 == 0 or step == len(batches):
            rate = n_tokens / (time.monotonic() - since)
            line = {
                "step": step,
                "of": len(batches),
                "loss": round(sum(losses) / len(losses), 4),
                "tokens_per_second": round(rate),
            }
            print(json.dumps(line), file=log, flush=True)
            print(json.dumps(line), file=sys.stderr)
            losses, n_tokens, since = [], 0, time.monotonic()
        if step % 100 == 0 or step == len(batches):
            torch.save(
                {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                    "step": step,
                },
                checkpoint.with_suffix(".tmp"),
            )
            checkpoint.with_suffix(".tmp").replace(checkpoint)
    model.save_pretrained(args.out / "model")
    AutoTokenizer.from_pretrained(default_model_folder()).save_pretrained(args.out / "model")


def export(args: argparse.Namespace) -> None:
    """Writes the trained model to `--to` in half precision, with its tokenizer."""
    model = AutoModelForQuestionAnswering.from_pretrained(args.out / "model", dtype=torch.float16)
    model.save_pretrained(args.to)
    AutoTokenizer.from_pretrained(args.out / "model").save_pretrained(args.to)
    weights = args.to / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    print(json.dumps({"file": str(weights), "bytes": weights.stat().st_size, "sha256": digest}))


def main() -> None:
    """Parses the command line and runs one of the three commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("prepare", "train", "export"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=Path("qa/models/reader"))
    parser.add_argument("--init", type=Path, help="start from this model instead of the MiniLM encoder")
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    args = parser.parse_args()
    {"prepare": prepare, "train": train, "export": export}[args.command](args)


if __name__ == "__main__":
    main()
