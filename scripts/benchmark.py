"""How fast and how large, at a thousand to a million passages, stage by stage.

    python scripts/benchmark.py --briefs ../shared/data/briefs-train --out runs/bench --sizes 1000 10000 100000

A collection of any size is put together from the paragraphs of the briefs under --briefs: real text in new orders under
numbered titles. Their vectors are the real ones of each paragraph, turned a little by chance for every brief
it stands in, so that a million can be had without an hour of embedding; questions are embedded for real, and read for
real. Every size is measured in a process of its own. Writes `benchmark.json` and `benchmark.png` (the picture needs
matplotlib: `scripts/setup test train`) and prints a table. Questions come from the .json files beside the briefs.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index.briefs import parse_brief
from index.builder import build_index
from index.embedder import SentenceTransformerEmbedder
from index.store import Store
from index.types import Filters, Vectors
from qa.assistant import Assistant
from qa.reader import TransformersReader
from qa.retriever import retrieve
from qa.settings import AskSettings

_TURN = 0.15
"""Length of what chance adds to a vector of length 1."""
_PARAGRAPHS = 11
"""In a brief, about as in the real ones."""
_QUESTIONS = 120


class RecombinedEmbedder:
    """The default embedder for questions; for passages, the stored vector of their text, turned a little."""

    def __init__(self, folder: Path) -> None:
        """Reads the vectors that `prepare` wrote to `folder`."""
        self._model = SentenceTransformerEmbedder()
        texts = json.loads((folder / "texts.json").read_text("utf-8"))
        self._rows = {text: row for row, (text, _) in enumerate(texts)}
        self._tokens = dict(texts)
        self._vectors: Vectors = np.load(folder / "vectors.npy")
        self.name, self.dim, self.max_tokens = "recombined", self._model.dim, self._model.max_tokens
        self.fingerprint = hashlib.sha256(self._model.fingerprint.encode() + self._vectors.tobytes()).hexdigest()

    def count_tokens(self, text: str) -> int:
        """Word pieces of `text`, those of a known paragraph remembered."""
        return self._tokens.get(text) or self._model.count_tokens(text)

    def embed_questions(self, questions: Sequence[str]) -> Vectors:
        """As the default embedder does."""
        return self._model.embed_questions(questions)

    def embed_passages(self, passages: Sequence[str]) -> Vectors:
        """Stored vectors, each turned by chance; the text decides how."""
        found = np.empty((len(passages), self.dim), np.float32)
        for row, headed in enumerate(passages):
            _, _, text = headed.partition("\n")
            seed = int.from_bytes(hashlib.blake2b(headed.encode(), digest_size=8).digest(), "big")
            turn = np.random.default_rng(seed).normal(size=self.dim) * (_TURN / np.sqrt(self.dim))
            found[row] = self._vectors[self._rows[text]] + turn
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found


def prepare(briefs: Path, out: Path) -> None:
    """Embeds every paragraph of the briefs once, and notes questions."""
    model = SentenceTransformerEmbedder()
    paragraphs: dict[str, int] = {}
    headers: list[str] = []
    questions: list[str] = []
    for path in sorted(briefs.rglob("*.txt")):
        brief = parse_brief(path.read_text("utf-8"), path.name)
        headers.append(f"{brief.date}|{brief.kind}|{brief.title}")
        for paragraph in brief.paragraphs:
            text = brief.text[paragraph.start : paragraph.end]
            # One passage each, so that the number of passages can be chosen.
            if "\n" not in text and 40 < len(text) and 20 < model.count_tokens(text) < 180:
                paragraphs[text] = model.count_tokens(text)
        if path.with_suffix(".json").exists():
            questions += [qa["q"] for qa in json.loads(path.with_suffix(".json").read_text("utf-8"))]
    random.Random(0).shuffle(questions)
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "vectors.npy", model.embed_passages([f"{text}" for text in paragraphs]))
    (out / "texts.json").write_text(json.dumps(list(paragraphs.items())), "utf-8")
    (out / "headers.json").write_text(json.dumps(headers), "utf-8")
    (out / "questions.json").write_text(json.dumps(questions[:_QUESTIONS]), "utf-8")


def write_briefs(source: Path, folder: Path, n_passages: int) -> int:
    """Writes briefs with `n_passages` paragraphs in all to `folder`; returns how many briefs."""
    texts = [text for text, _ in json.loads((source / "texts.json").read_text("utf-8"))]
    headers = json.loads((source / "headers.json").read_text("utf-8"))
    rng = random.Random(n_passages)
    n = 0
    for begin in range(0, n_passages, _PARAGRAPHS):
        date, kind, title = rng.choice(headers).split("|", 2)
        body = rng.sample(texts, min(_PARAGRAPHS, n_passages - begin))
        place = folder / f"{n // 1000:03d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{n % 1000:03d}.txt").write_text(brief_text(f"{title} ({n})", date, kind, body), "utf-8")
        n += 1
    return n


def brief_text(title: str, date: str, kind: str, body: Sequence[str]) -> str:
    """A brief in the layout that the header parser knows."""
    line = f"{date if date != 'None' else '2020-01-01'} | {kind if kind != 'None' else 'Insight'}"
    return "\n\n".join([line, title, line, title, *body])


def measure(source: Path, work: Path, n_passages: int) -> dict[str, Any]:
    """Everything about one size."""
    folder, index_dir = work / "briefs", work / "index"
    n_briefs = write_briefs(source, folder, n_passages)
    embedder = RecombinedEmbedder(source)
    questions = json.loads((source / "questions.json").read_text("utf-8"))
    build = _seconds(lambda: build_index(index_dir, embedder, [folder]))
    opening = _seconds(lambda: Store(index_dir))
    assistant = Assistant(index_dir, embedder, TransformersReader())
    store = Store(index_dir)
    for question in questions[:10]:
        assistant.ask(question)
    vectors = [embedder.embed_questions([question])[0] for question in questions]
    settings = AskSettings()
    stages = {
        "embed question": _percentiles(lambda at: embedder.embed_questions([questions[at]]), len(questions)),
        "dense": _percentiles(lambda at: store.search_dense(vectors[at], settings.n_retrieved), len(questions)),
        "full text": _percentiles(lambda at: store.search_sparse(questions[at], settings.n_retrieved), len(questions)),
        "retrieve": _percentiles(
            lambda at: retrieve(store, embedder, questions[at], Filters(), settings), len(questions)
        ),
        "retrieve, filtered by date": _percentiles(
            lambda at: retrieve(store, embedder, questions[at], Filters(after="2018-01-01"), settings), len(questions)
        ),
        "ask": _percentiles(lambda at: assistant.ask(questions[at]), len(questions)),
    }
    throughput = {str(n): _throughput(assistant, questions, n) for n in (1, 4, 16)}
    started = time.perf_counter()
    command = [sys.executable, __file__, "--briefs", "-", "--out", str(source), "--cold", str(index_dir)]
    first = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    path = folder / "000" / "000.txt"
    text = path.read_text("utf-8")
    updates = []
    for revision in range(3):
        path.write_text(text.replace("(0)", f"(0, revision {revision})"), "utf-8")
        updates.append(_seconds(assistant.update))
    reopened = _seconds(lambda: assistant.ask(questions[0]))
    store = Store(index_dir)  # the one opened before belongs to a generation that is gone by now
    return {
        "passages": store.n_passages, "briefs": n_briefs, "segment": store.manifest.segments[0].dense,
        "build_seconds": build, "open_seconds": opening, "update_seconds": sorted(updates)[1],
        "first_ask_after_update_ms": 1000 * reopened, "stages_ms": stages, "asks_per_second": throughput,
        "cold_start_seconds": round(first["answered_at"] - started, 2),
        "memory_mb": first["memory_mb"], "disk_mb": store.disk_bytes / 1e6,
    }  # fmt: skip


def cold(source: Path, index_dir: Path) -> dict[str, Any]:
    """When the first answer came, and the memory after all questions, in a process that has done nothing else."""
    assistant = Assistant(index_dir, RecombinedEmbedder(source), TransformersReader())
    questions = json.loads((source / "questions.json").read_text("utf-8"))
    assistant.ask(questions[0])
    answered_at = time.perf_counter()  # the same clock in every process of a machine
    for question in questions:
        assistant.ask(question)
    return {"answered_at": answered_at, "memory_mb": _memory()}


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return round(time.perf_counter() - begin, 3)


def _percentiles(call: Callable[[int], object], n: int) -> dict[str, float]:
    times = []
    for at in range(n):
        begin = time.perf_counter()
        call(at)
        times.append(1000 * (time.perf_counter() - begin))
    return {"p50": round(float(np.median(times)), 2), "p95": round(float(np.percentile(times, 95)), 2)}


def _throughput(assistant: Assistant, questions: Sequence[str], n_askers: int, seconds: float = 8.0) -> float:
    until = time.monotonic() + seconds
    counts = [0] * n_askers

    def asks(asker: int) -> None:
        while time.monotonic() < until:
            assistant.ask(questions[(asker * 7 + counts[asker]) % len(questions)])
            counts[asker] += 1

    threads = [threading.Thread(target=asks, args=(asker,)) for asker in range(n_askers)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return round(sum(counts) / (time.monotonic() - begin), 2)


def _memory() -> dict[str, float]:
    """Megabytes of this process: its own, and of files mapped (which the system can drop and read again)."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines())
    return {
        name: round(int(fields[field].split()[0]) / 1024) for name, field in (("own", "RssAnon"), ("mapped", "RssFile"))
    }


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    wide = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return {"processor": model, "cores": os.cpu_count(), "instructions": wide, "python": platform.python_version()}


def rows_of(results: Sequence[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """The lines of the table: what, and its value at every size."""
    for stage in results[0]["stages_ms"]:
        times = [r["stages_ms"][stage] for r in results]
        yield f"{stage}, p50 / p95 ms", [f"{ms['p50']} / {ms['p95']}" for ms in times]
    for n in results[0]["asks_per_second"]:
        yield f"asks a second, {n} at once", [str(r["asks_per_second"][n]) for r in results]
    yield "build (vectors at hand), s", [f"{r['build_seconds']:.1f}" for r in results]
    yield "one brief changed, s", [f"{r['update_seconds']:.2f}" for r in results]
    yield "open and verify, s", [f"{r['open_seconds']:.2f}" for r in results]
    yield "process start to first answer, s", [f"{r['cold_start_seconds']:.1f}" for r in results]
    yield "memory, own / mapped MB", [f"{r['memory_mb']['own']} / {r['memory_mb']['mapped']}" for r in results]
    yield "disk, MB", [f"{r['disk_mb']:.0f}" for r in results]
    yield "vector search", [r["segment"] for r in results]


def draw(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Median times by size, both axes logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    sizes = [r["passages"] for r in results]
    for stage in ("ask", "retrieve", "dense", "full text", "embed question"):
        axes.plot(sizes, [r["stages_ms"][stage]["p50"] for r in results], marker="o", label=stage)
    axes.set(xscale="log", yscale="log", xlabel="passages", ylabel="median, ms", title="Time by size of the collection")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Parses the command line; measures each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--briefs", type=Path, required=True, help="folder of briefs with their questions")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--cold", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.cold:
        print(json.dumps(cold(args.out, args.cold)))
        return
    if args.one:
        work = args.out / f"size-{args.one}"
        shutil.rmtree(work, ignore_errors=True)
        result = measure(args.out, work, args.one)
        (args.out / f"{args.one}.json").write_text(json.dumps(result), "utf-8")
        shutil.rmtree(work)
        return
    prepare(args.briefs, args.out)
    results = []
    for size in args.sizes:
        command = [sys.executable, __file__, "--briefs", str(args.briefs), "--out", str(args.out), "--one", str(size)]
        subprocess.run(command, check=True)
        results.append(json.loads((args.out / f"{size}.json").read_text("utf-8")))
    report = {"machine": _machine(), "sizes": results}
    (args.out / "benchmark.json").write_text(json.dumps(report, indent=1), "utf-8")
    print(json.dumps(report["machine"]))
    print("| passages | " + " | ".join(f"{r['passages']:,}" for r in results) + " |\n|" + "---|" * (len(results) + 1))
    for what, values in rows_of(results):
        print(f"| {what} | " + " | ".join(values) + " |")
    draw(results, args.out / "benchmark.png")


if __name__ == "__main__":
    main()
