"""Goes on training the embedder on questions and the passages that answer them.

    python scripts/train_embedder.py --out runs/embedder --epochs 2
    briefqa index BRIEFS --embedder runs/embedder/model --index-dir IX
    python scripts/evaluate_retrieval.py --briefs DEVSET --index-dir IX --embedder runs/embedder/model

The questions are those of the training briefs, of the briefs of this repository, of the news and, if asked for, of the
public sets; never those of a set to measure with, nor of the held-out batches. Each question is drawn to its passage
and away from the passages of the other questions of its batch and from one that our own full-text search found for
it and that does not answer it (Henderson et al. 2017, in-batch negatives; scale 20 as in sentence-transformers).
"""

import argparse
import json
import random
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from torch.nn.functional import cross_entropy, normalize

from cpu_attention import FLOAT32_ATTENTION
from index.embedder import base_model_folder
from index.models import preferred_dtype
from reader_data import Overlaps, brief_set, public_examples

_SCALE = 20.0
_PASSAGE_TOKENS = 160
"""Of a passage, so much is read in training: time goes with length, and few are longer."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, the passage that answers it, and one that does not ("": none was found)."""

    question: str
    passage: str
    other: str


def pairs_of(data: Path, public: Sequence[str], seed: int) -> list[Pair]:
    """The training pairs, in the order of their sets."""
    rng = random.Random(seed)
    tokenizer = SentenceTransformer(str(base_model_folder()), device="cpu").tokenizer
    overlaps = Overlaps(data)
    pairs = []
    examples = [
        brief_set(data, name, lambda text: len(tokenizer.tokenize(text))).examples(1.0, 1.0, rng)
        for name in ("briefs", "own-briefs", "news")
    ]
    if public:
        examples.append(public_examples(data, dict.fromkeys(public, 1.0), 0.0, rng))
    for group in examples:
        answers: dict[int, Pair] = {}
        for example in filter(overlaps.keep, group):
            text = f"{example.header}\n{example.context}" if example.header else example.context
            if example.answer:
                answers[example.group] = Pair(example.question, text, "")
            elif example.group in answers and not answers[example.group].other:
                pair = answers[example.group]
                answers[example.group] = Pair(pair.question, pair.passage, text)
        pairs += answers.values()
    print(json.dumps({"pairs": len(pairs), "dropped": dict(overlaps.dropped)}), file=sys.stderr)
    return pairs


def batches_of(pairs: list[Pair], size: int, rng: random.Random) -> Iterator[list[Pair]]:
    """Batches in which no passage stands twice: it would be a wrong negative of its own question."""
    rng.shuffle(pairs)
    waiting = deque(pairs)
    while len(waiting) >= size:
        batch: list[Pair] = []
        for _ in range(len(waiting)):
            pair = waiting.popleft()
            if len(batch) == size or any(_clash(pair, one) for one in batch):
                waiting.append(pair)
            else:
                batch.append(pair)
            if len(batch) == size:
                break
        if len(batch) < size:
            return
        yield batch


def _clash(one: Pair, other: Pair) -> bool:
    return one.passage in (other.passage, other.other) or one.other == other.passage


def train(pairs: list[Pair], out: Path, epochs: int, size: int, rate: float, seed: int) -> None:
    """Trains and writes `out/model`, in half precision, and `out/train.jsonl`."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    model = SentenceTransformer(
        str(base_model_folder()), device="cpu", model_kwargs={"attn_implementation": FLOAT32_ATTENTION}
    )
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    trained = [p for name, p in model.named_parameters() if "word_embeddings" not in name]
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=0.01)
    steps = epochs * len(pairs) // size
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (0.1 * steps), max(0.0, (steps - step) / (0.9 * steps)))
    )
    half = preferred_dtype() == torch.bfloat16
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = model.tokenizer

    def embed(texts: list[str], limit: int) -> torch.Tensor:
        inputs = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            return normalize(model(dict(inputs))["sentence_embedding"].float(), dim=1)

    with (out / "train.jsonl").open("w", encoding="utf-8") as log:
        step, since, losses = 0, time.monotonic(), []
        for _ in range(epochs):
            for batch in batches_of(list(pairs), size, rng):
                questions = embed([pair.question for pair in batch], 48)
                texts = [pair.passage for pair in batch] + [pair.other for pair in batch if pair.other]
                # By length, so that little is padding.
                order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
                parts = [order[begin : begin + 16] for begin in range(0, len(order), 16)]
                encoded = torch.cat([embed([texts[at] for at in part], _PASSAGE_TOKENS) for part in parts])
                place = torch.empty(len(order), dtype=torch.long)
                place[torch.tensor(order)] = torch.arange(len(order))
                loss = cross_entropy(_SCALE * questions @ encoded[place].T, torch.arange(len(batch)))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(trained, 1.0)
                optimizer.step()
                schedule.step()
                step += 1
                losses.append(float(loss.detach()))
                if step % 10 == 0:
                    seconds = round(time.monotonic() - since)
                    line = {"step": step, "of": steps, "loss": sum(losses) / len(losses), "seconds": seconds}
                    print(json.dumps(line), file=log, flush=True)
                    losses = []
    model.eval()
    model.half().save(str(out / "model"))


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--public", nargs="*", default=[], help="public sets to train on too")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=48)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--seed", type=int, default=20261126)
    args = parser.parse_args()
    pairs = pairs_of(args.data, args.public, args.seed)
    train(pairs, args.out, args.epochs, args.batch_size, args.learning_rate, args.seed)


if __name__ == "__main__":
    main()
