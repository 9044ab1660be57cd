"""Trains the reader. Each command can be run again; `train` goes on from its last checkpoint.

    python scripts/train_reader.py prepare  --out runs/second --recipe scripts/reader_recipes/second.toml
    python scripts/train_reader.py train    --out runs/second
    python scripts/train_reader.py evaluate --out runs/second
    python scripts/train_reader.py export   --out runs/second --mean-with runs/first/qa/models/reader
    python scripts/train_reader.py ablate   --out runs/ablations --plan scripts/reader_recipes/ablations.toml

A recipe is a file of the settings that `Recipe` names; `--set name=value` overrides one. `prepare` cuts briefs
and news into passages as the index does, adds hard negatives found by our own full-text search, drops what
also stands in a measuring set, and prints every count; with `--add FILE` it takes in the answerable questions of
a set that analysts marked (`marks.json` of an index), cut the same way. `train` runs on the CPU (in bfloat16 where
the processor has it) or on a GPU, writes `train.jsonl` and draws `loss.png`. `evaluate` prints the figures on the
sets that settings may be chosen on. `export` writes the model in half precision. `ablate` does the first three for
every entry of a plan and prints a table. The picture needs matplotlib: `scripts/setup test train` installs it.
"""

import argparse
import copy
import hashlib
import json
import random
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from cpu_attention import FLOAT32_ATTENTION
from evaluate_reader import choice_figures
from index.embedder import base_model_folder
from index.models import preferred_dtype
from reader_data import (
    HELD_OUT_BATCHES,
    BriefSet,
    Example,
    Overlaps,
    Window,
    added_set,
    brief_set,
    public_examples,
    windows_of,
    written_examples,
)  # fmt: skip

STRETCH = 3_000
"""Windows inside which batches of similar length are made."""
CHECKPOINT_STEPS = 100
CHARS_PER_TOKEN = 4.6
IGNORED = -1e4
_JOINT_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what a training run gives."""

    parts: dict[str, float] = field(default_factory=dict)
    """Set → the part of its questions taken. Besides the public sets, those of `OUR_SETS`."""
    init: str = ""
    """Folder of the model to start from; empty: the MiniLM encoder."""
    layers: tuple[int, ...] = ()
    """Which of its layers, in which order: a layer may stand twice (a deeper stack); empty: as they are."""
    tokens: int = 0
    """Take about so many tokens, whole questions chosen by chance; 0: all."""
    epochs: int = 1
    seed: int = 20261125
    max_tokens: int = 256
    stride: int = 64
    neighbours: float = 0.2
    """Negatives of a public question: neighbouring paragraphs."""
    negatives: float = 1.0
    """Negatives of a brief's question, of those our search finds: part taken."""
    late_from: float = 0.3
    """What looks like use comes after this part of a pass; the rest before its mirror image and a half."""
    batch_tokens: int = 8_000
    learning_rate: float = 1.6e-4
    warmup: float = 0.06
    final_rate: float = 0.0
    """What is left of the learning rate at the end of its linear decay: 0, unless another stage follows."""
    weight_decay: float = 0.01
    layer_decay: float = 1.0
    """Learning rate of a layer against that of the layer above."""
    label_smoothing: float = 0.0
    dropout: float = 0.0
    """Of the hidden states; never of the attention, which would lose the fused kernel and a quarter of the speed."""
    freeze_embeddings: bool = True
    joint: bool = False
    """Normalise over legal spans (and the null answer) instead of over starts and ends apart."""
    shared: float = 0.0
    """Weight of a second loss, normalised over all windows of a question (Clark & Gardner 2018)."""
    average: float = 0.0
    """Decay of a running average of the weights, which becomes `model` (and the last weights `last`); 0: none."""

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> "Recipe":
        """From parsed TOML; an unknown name is an error."""
        unknown = values.keys() - {f.name for f in fields(cls)}
        if unknown:
            raise SystemExit(f"a recipe has no setting {', '.join(sorted(unknown))}")
        return cls(**{name: tuple(v) if name == "layers" else v for name, v in values.items()})


def prepare(recipe: Recipe, data: Path, out: Path, add: Path | None = None) -> None:
    """Writes `windows.npz` (token ids, answer positions, order and group of every window) and `prepare.json`.

    With `add`, a set in the format of SQuAD whose contexts are briefs, its answerable questions are taken too.
    """
    if not recipe.parts and not add:
        raise SystemExit("the recipe names no training sets; give one of scripts/reader_recipes with --recipe")
    rng = random.Random(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(base_model_folder())
    tokenizer.model_max_length = 10**9

    def count_tokens(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    added, n_left_out = added_set(add, count_tokens) if add else (None, 0)
    overlaps = Overlaps(data)
    examples = list(filter(overlaps.keep, _examples(recipe, data, count_tokens, rng, added)))
    if recipe.tokens:
        n_chars = sum(len(e.question) + len(e.header) + len(e.context) for e in examples)
        share = recipe.tokens * CHARS_PER_TOKEN / n_chars
        taken = {group for group in sorted({e.group for e in examples}) if rng.random() < share}
        examples = [e for e in examples if e.group in taken]
    windows: list[Window] = []
    for example in examples:
        windows += windows_of(tokenizer, example, recipe.max_tokens, recipe.stride, rng)
    order = {
        group: rng.uniform(recipe.late_from, 1.0) if late else rng.uniform(0.0, 1.0 - recipe.late_from / 2)
        for group, late in sorted({(w.group, w.late) for w in windows})
    }
    windows.sort(key=lambda w: order[w.group])
    out.mkdir(parents=True, exist_ok=True)
    np.savez(
        out / "windows.npz",
        ids=np.concatenate([np.array(w.ids, np.int32) for w in windows]),
        lengths=np.array([len(w.ids) for w in windows], np.int32),
        questions=np.array([w.n_question for w in windows], np.int32),
        spans=np.array([(w.start, w.end) for w in windows], np.int32),
        groups=np.array([w.group for w in windows], np.int32),
    )
    report = {
        "recipe": asdict(recipe),
        "windows": len(windows),
        "tokens": sum(len(w.ids) for w in windows),
        "unanswerable": sum(w.start == 0 for w in windows),
        "by_set": dict(sorted(Counter(w.origin for w in windows).items())),
        "dropped_overlaps": dict(sorted(overlaps.dropped.items())),
        "held_out_batches": HELD_OUT_BATCHES,
        "added": {"file": add.name, "questions": len(added.questions), "left_out": n_left_out}
        if add and added
        else None,
    }
    (out / "prepare.json").write_text(json.dumps(report, indent=1), "utf-8")
    print(json.dumps(report, indent=1))


def _examples(
    recipe: Recipe,
    data: Path,
    count_tokens: Callable[[str], int],
    rng: random.Random,
    added: BriefSet | None,
) -> Iterator[Example]:
    yield from public_examples(data, recipe.parts, recipe.neighbours, rng)
    yield from written_examples(data, recipe.parts.get("written", 0.0), rng)
    for name in ("briefs", "own-briefs", "news"):
        if recipe.parts.get(name):
            group = brief_set(data, name, count_tokens)
            yield from group.examples(recipe.parts[name], recipe.negatives, rng)
    if added:
        yield from added.examples(1.0, recipe.negatives, rng)


def train(out: Path) -> None:
    """Runs the recipe of `prepare.json`; a checkpoint every 100 steps, a line of `train.jsonl` every 10."""
    recipe = Recipe.load(json.loads((out / "prepare.json").read_text("utf-8"))["recipe"])
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half = device.type == "cuda" or preferred_dtype() == torch.bfloat16
    data = dict(np.load(out / "windows.npz"))
    rng = random.Random(recipe.seed)
    batches = [rows for _ in range(recipe.epochs) for rows in _batches(data, recipe, rng)]
    model = load_model(recipe).to(device)
    optimizer = torch.optim.AdamW(_parameter_groups(model, recipe), fused=True)
    warm = max(1.0, recipe.warmup * len(batches))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(
            (step + 1) / warm,
            recipe.final_rate + (1.0 - recipe.final_rate) * (len(batches) - step) / (len(batches) - warm),
        ),
    )
    average = copy.deepcopy(model.state_dict()) if recipe.average else {}
    step = 0
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
        step, average = saved["step"], saved["average"]
        print(f"going on from step {step}", file=sys.stderr)
    model.train()
    with (out / "train.jsonl").open("a", encoding="utf-8") as log:
        losses: list[float] = []
        n_tokens, since = 0, time.monotonic()
        for rows in batches[step:]:
            batch = _tensors(data, rows, device)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
                output = model(**batch["inputs"])
            loss = loss_of(output.start_logits.float(), output.end_logits.float(), batch, recipe)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            # The average of the first steps is of those steps, not of where they began.
            decay = min(recipe.average, step / (step + 9))
            for name, value in model.state_dict().items() if average else ():
                if value.is_floating_point():
                    average[name].lerp_(value, 1.0 - decay)
            losses.append(float(loss.detach()))
            n_tokens += int(data["lengths"][rows].sum())
            if step % 10 == 0 or step == len(batches):
                rate = round(n_tokens / (time.monotonic() - since))
                mean = round(sum(losses) / len(losses), 4)
                line = json.dumps({"step": step, "of": len(batches), "loss": mean, "tokens_per_second": rate})
                print(line, file=log, flush=True)
                print(line, file=sys.stderr)
                losses, n_tokens, since = [], 0, time.monotonic()
            if step % CHECKPOINT_STEPS == 0 or step == len(batches):
                state = {
                    "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(), "step": step, "average": average,
                }  # fmt: skip
                torch.save(state, checkpoint.with_suffix(".tmp"))
                checkpoint.with_suffix(".tmp").replace(checkpoint)
    if average:
        _save(model, out / "last")
        model.load_state_dict(average)
    _save(model, out / "model")


def _save(model: Any, folder: Path) -> None:  # noqa: ANN401
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base_model_folder()).save_pretrained(folder)


def load_model(recipe: Recipe) -> Any:  # noqa: ANN401 (transformers' auto classes have no useful type)
    """The model to start from, its layers put together as the recipe says."""
    model = AutoModelForQuestionAnswering.from_pretrained(
        recipe.init or base_model_folder(),
        dtype=torch.float32,
        attn_implementation="sdpa" if torch.cuda.is_available() else FLOAT32_ATTENTION,
        hidden_dropout_prob=recipe.dropout,
        attention_probs_dropout_prob=0.0,
    )
    stack = model.bert.encoder.layer
    if recipe.layers:
        model.bert.encoder.layer = torch.nn.ModuleList([copy.deepcopy(stack[at]) for at in recipe.layers])
        model.config.num_hidden_layers = len(recipe.layers)
    model.get_input_embeddings().weight.requires_grad_(not recipe.freeze_embeddings)
    return model


def _parameter_groups(model: Any, recipe: Recipe) -> list[dict[str, Any]]:  # noqa: ANN401
    """Matrices with weight decay, vectors without; lower layers learn more slowly where the recipe says so."""
    n_layers = model.config.num_hidden_layers
    groups: dict[tuple[int, bool], list[Any]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            below_top = n_layers if "embeddings" in name else 0
            if ".layer." in name:
                below_top = n_layers - 1 - int(name.split(".layer.")[1].split(".")[0])
            groups.setdefault((below_top, parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": recipe.weight_decay if matrix else 0.0,
            "lr": recipe.learning_rate * recipe.layer_decay**below_top,
        }
        for (below_top, matrix), parameters in groups.items()
    ]


def _batches(data: Mapping[str, np.ndarray], recipe: Recipe, rng: random.Random) -> list[list[int]]:
    """Batches of similar length inside stretches of the order, the batches of a stretch shuffled.

    With a shared loss the windows of a question stay together; else each goes where its length fits.
    """
    lengths, groups = data["lengths"], data["groups"]
    units: list[list[int]] = []
    for row, group in enumerate(groups):
        if recipe.shared and units and groups[units[-1][0]] == group:
            units[-1].append(row)
        else:
            units.append([row])
    batches: list[list[int]] = []
    for begin in range(0, len(units), STRETCH):
        stretch: list[list[int]] = [[]]
        for unit in sorted(units[begin : begin + STRETCH], key=lambda unit: lengths[unit].max()):
            if stretch[-1] and (len(stretch[-1]) + len(unit)) * lengths[unit].max() > recipe.batch_tokens:
                stretch.append([])
            stretch[-1] += unit
        rng.shuffle(stretch)
        batches += stretch
    return batches


def _tensors(data: Mapping[str, np.ndarray], rows: list[int], device: torch.device) -> dict[str, Any]:
    """One padded batch: model inputs `(n, width)`, `span` `(n, 2)`, `group` `(n,)` counted from 0."""
    lengths = data["lengths"][rows]
    begins = np.cumsum(data["lengths"])[rows] - lengths
    # Few different widths: the matrix library keeps a plan, and memory, for every shape it meets.
    width = -(-int(lengths.max()) // 16) * 16
    places = np.arange(width)[None, :]
    mask = places < lengths[:, None]
    ids = np.where(mask, data["ids"][np.minimum(begins[:, None] + places, len(data["ids"]) - 1)], 0)
    kinds = mask & (places >= data["questions"][rows][:, None])
    _, group = np.unique(data["groups"][rows], return_inverse=True)

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.int64)).to(device)

    return {
        "inputs": {"input_ids": tensor(ids), "attention_mask": tensor(mask), "token_type_ids": tensor(kinds)},
        "span": tensor(data["spans"][rows]),
        "group": tensor(group),
    }


def loss_of(starts: torch.Tensor, ends: torch.Tensor, batch: Mapping[str, Any], recipe: Recipe) -> torch.Tensor:
    """The loss of a batch.

    Apart: the mean of the cross-entropies of start and end, the null answer being token 0 (Devlin et al. 2018).
    Joint: cross-entropy over the null answer and all spans of the passage up to 48 tokens. Shared: besides, of
    each question with an answer among its windows, minus the log of the answer's share in the spans of all of
    them, each against the null answer of its own window (Clark & Gardner 2018, section 3.3).

    Args:
        starts: `(n, width)` logits.
        ends: `(n, width)` logits.
        batch: As `_tensors` gives it.
        recipe: Chooses the terms.
    """
    blank = batch["inputs"]["attention_mask"] == 0
    starts, ends = starts.masked_fill(blank, IGNORED), ends.masked_fill(blank, IGNORED)
    span = batch["span"]
    if not (recipe.joint or recipe.shared):
        smoothing = recipe.label_smoothing
        sides = ((starts, span[:, 0]), (ends, span[:, 1]))
        if not smoothing:
            return sum(cross_entropy(logits, target) for logits, target in sides) / 2
        return sum(_smoothed(logits, target, ~blank, smoothing) for logits, target in sides) / 2
    passage = batch["inputs"]["token_type_ids"] == 1
    firsts = starts.masked_fill(~passage, IGNORED)
    lasts = torch.nn.functional.pad(ends.masked_fill(~passage, IGNORED), (0, _JOINT_TOKENS - 1), value=IGNORED)
    spans = firsts[:, :, None] + lasts.unfold(1, _JOINT_TOKENS, 1)
    null = starts[:, 0] + ends[:, 0]
    answered = span[:, 0] > 0
    gold = torch.where(answered, starts.gather(1, span[:, :1])[:, 0] + ends.gather(1, span[:, 1:])[:, 0], null)
    all_spans = spans.flatten(1).logsumexp(1)
    if recipe.joint:
        loss = (torch.logaddexp(all_spans, null) - gold).mean() / 2
    else:
        loss = (cross_entropy(starts, span[:, 0]) + cross_entropy(ends, span[:, 1])) / 2
    if recipe.shared:
        n_groups = int(batch["group"].max()) + 1
        against = (all_spans - null).exp().clamp(max=1e30)
        total = null.new_zeros(n_groups).index_add(0, batch["group"], against)
        several = (torch.bincount(batch["group"], minlength=n_groups) > 1)[batch["group"]] & answered
        if several.any():
            shares = (total[batch["group"]].log() - (gold - null))[several]
            loss = loss + recipe.shared * shares.sum() / len(starts)
    return loss


def _smoothed(logits: torch.Tensor, target: torch.Tensor, real: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Cross-entropy with label smoothing over real tokens only, not over padding."""
    logs = logits.log_softmax(1)
    even = (logs * real).sum(1) / real.sum(1)
    return -((1 - smoothing) * logs.gather(1, target[:, None])[:, 0] + smoothing * even).mean()


def draw_losses(out: Path) -> None:
    """`loss.png`: the loss of every ten steps and its running mean."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    lines = [json.loads(line) for line in (out / "train.jsonl").read_text("utf-8").splitlines()]
    steps, losses = [line["step"] for line in lines], [line["loss"] for line in lines]
    running = [float(np.mean(losses[max(0, n - 9) : n + 1])) for n in range(len(losses))]
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    axes.plot(steps, losses, color="0.75", linewidth=0.8, label="ten steps")
    axes.plot(steps, running, color="tab:blue", label="a hundred steps")
    axes.set(xlabel="step", ylabel="loss (nats)", title=f"{out.name}: training loss")
    axes.legend(frameon=False)
    figure.savefig(out / "loss.png", dpi=120)
    plt.close(figure)


def evaluate(data: Path, out: Path) -> dict[str, float]:
    """Figures of `out/model` on the choice set and the briefs' devset, never on a measuring set."""
    figures = choice_figures(str(out / "model"), data)
    (out / "evaluate.json").write_text(json.dumps(figures, indent=1), "utf-8")
    print(json.dumps(figures, indent=1))
    return figures


def export(out: Path, to: Path, mean_with: Path | None = None) -> None:
    """Writes the trained model to `to` in half precision, with its tokenizer.

    With `mean_with`, a model that the training went on from, every weight is the mean of both: it keeps part of what
    the training unlearned (Wortsman et al. 2022, robust fine-tuning).
    """
    model = AutoModelForQuestionAnswering.from_pretrained(out / "model", dtype=torch.float32)
    if mean_with:
        other = AutoModelForQuestionAnswering.from_pretrained(mean_with, dtype=torch.float32).state_dict()
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                value.lerp_(other[name], 0.5)
    model.half().save_pretrained(to)
    AutoTokenizer.from_pretrained(out / "model").save_pretrained(to)
    weights = to / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    print(json.dumps({"file": str(weights), "bytes": weights.stat().st_size, "sha256": digest}))


def ablate(plan: Mapping[str, Any], data: Path, out: Path) -> None:
    """Trains and evaluates `base` with each change of the plan; what is done already is not done again."""
    rows: dict[str, dict[str, float]] = {}
    for name, change in {"base": {}, **plan["changes"]}.items():
        folder = out / name
        done = folder / "evaluate.json"
        if not done.exists():
            values = {**plan["base"], **change}
            values["parts"] = {**plan["base"].get("parts", {}), **change.get("parts", {})}
            if not (folder / "prepare.json").exists():
                prepare(Recipe.load(values), data, folder)
            train(folder)
            draw_losses(folder)
            evaluate(data, folder)
        rows[name] = json.loads(done.read_text("utf-8"))
        print("| change | " + " | ".join(rows["base"]) + " |\n|" + "---|" * (len(rows["base"]) + 1))
        for row, figures in rows.items():
            print(f"| {row} | " + " | ".join(f"{100 * value:.1f}" for value in figures.values()) + " |")


def main() -> None:
    """Parses the command line and runs one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("prepare", "train", "evaluate", "export", "ablate"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe", type=Path, help="settings, as TOML (prepare)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="override one (prepare)")
    parser.add_argument("--add", type=Path, metavar="FILE", help="a set that analysts marked, trained on too (prepare)")
    parser.add_argument("--plan", type=Path, help="a base recipe and changes to it, as TOML (ablate)")
    parser.add_argument("--to", type=Path, default=Path("qa/models/reader"), help="where to write (export)")
    parser.add_argument("--mean-with", type=Path, metavar="MODEL", help="average with this model's weights (export)")
    args = parser.parse_args()
    if args.command == "prepare":
        values = tomllib.loads(args.recipe.read_text("utf-8")) if args.recipe else {}
        prepare(Recipe.load(values | tomllib.loads("\n".join(args.set))), args.data, args.out, args.add)
    elif args.command == "train":
        train(args.out)
        draw_losses(args.out)
    elif args.command == "evaluate":
        evaluate(args.data, args.out)
    elif args.command == "export":
        export(args.out, args.to, args.mean_with)
    else:
        ablate(tomllib.loads(args.plan.read_text("utf-8")), args.data, args.out)


if __name__ == "__main__":
    main()
