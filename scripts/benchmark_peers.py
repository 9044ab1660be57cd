"""BriefQA beside Haystack and txtai: the same briefs, questions, passages and models, in one run.

    python scripts/benchmark_peers.py --setup                       # two virtual environments in runs/peers
    python scripts/benchmark_peers.py --briefs ../shared/data/briefs-train --questions ../shared/data/briefs-dev

Every engine gets the passages our splitter makes (header line in front), our embedder and our reader.
Haystack: BM25 and embedding retrievers, reciprocal rank fusion, ten passages to its extractive reader, its own “no
answer”. txtai: hybrid embeddings, ten passages to its Questions pipeline, one after the other in the order found, until
one gives an answer (it gives no score; none of ten counts as “not found”). Each runs in a process of
its own, one after the other.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PEERS = Path("runs/peers")
PACKAGES = {
    "haystack": ("haystack-ai==3.4.1", "transformers-haystack==2.0.0", "sentence-transformers-haystack"),
    "txtai": ("txtai==9.14.0",),
}
N_READ = 10
N_RETRIEVED = 100

Ask = Callable[[str], tuple[str | None, list[int]]]
"""A question to the answer (None: not found) and the passages read, best first."""


def setup() -> None:
    """Makes an environment for each peer, in which this project's packages can be seen too."""
    site = next(path for path in sys.path if path.endswith("site-packages"))
    for name, packages in PACKAGES.items():
        folder = PEERS / name
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        ours = next(folder.glob("lib/*/site-packages")) / "project.pth"
        ours.write_text(site + "\n", "utf-8")
        subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages], check=True)


def haystack(passages: list[str], embedder: str, reader: str) -> Ask:
    """Its pipeline as its documentation builds it."""
    from haystack import Document, Pipeline
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack.utils import ComponentDevice
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
        SentenceTransformersTextEmbedder,
    )
    from haystack_integrations.components.readers.transformers import TransformersExtractiveReader

    cpu = ComponentDevice.from_str("cpu")
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    documents = [Document(id=str(row), content=text) for row, text in enumerate(passages)]
    encoder = SentenceTransformersDocumentEmbedder(model=embedder, device=cpu, progress_bar=False)
    encoder.warm_up()
    store.write_documents(encoder.run(documents)["documents"])
    pipeline = Pipeline()
    pipeline.add_component("embedder", SentenceTransformersTextEmbedder(model=embedder, device=cpu, progress_bar=False))
    pipeline.add_component("dense", InMemoryEmbeddingRetriever(store, top_k=N_RETRIEVED))
    pipeline.add_component("words", InMemoryBM25Retriever(store, top_k=N_RETRIEVED))
    pipeline.add_component("joiner", DocumentJoiner("reciprocal_rank_fusion", top_k=N_READ))
    pipeline.add_component("reader", TransformersExtractiveReader(reader, device=cpu, top_k=3))
    pipeline.connect("embedder.embedding", "dense.query_embedding")
    pipeline.connect("dense", "joiner")
    pipeline.connect("words", "joiner")
    pipeline.connect("joiner.documents", "reader.documents")

    def ask(question: str) -> tuple[str | None, list[int]]:
        inputs = {"embedder": {"text": question}, "words": {"query": question}, "reader": {"query": question}}
        found = pipeline.run(inputs, include_outputs_from={"joiner"})
        answers = found["reader"]["answers"]
        return answers[0].data if answers else None, [int(d.id) for d in found["joiner"]["documents"]]

    return ask


def txtai(passages: list[str], embedder: str, reader: str) -> Ask:
    """Its hybrid embeddings and its Questions pipeline."""
    from txtai import Embeddings
    from txtai.pipeline import Questions

    embeddings = Embeddings(path=embedder, hybrid=True, gpu=False)
    embeddings.index(list(enumerate(passages)))
    questions = Questions(reader, gpu=False)

    def answer_in(question: str, passage: str) -> str | None:
        try:
            answer: str | None = questions([question], [passage])[0]
        except TypeError:  # where the model's answer is “none”, it looks for the words of a special token and fails
            return None
        return answer

    def ask(question: str) -> tuple[str | None, list[int]]:
        rows = [int(row) for row, _ in embeddings.search(question, N_READ)]
        return next(filter(None, (answer_in(question, passages[row]) for row in rows)), None), rows

    return ask


def briefqa(passages: list[str], embedder: str, reader: str) -> Ask:
    """Ours, over an index of the same briefs."""
    from index.store import Store
    from qa.assistant import Assistant

    work = PEERS / "briefqa"
    assistant = Assistant.open(work)
    store = Store(work)
    rows = {(p.brief_id, p.start): row for row, p in enumerate(store.passages(store.rows()))}

    def ask(question: str) -> tuple[str | None, list[int]]:
        reply = assistant.ask(question)
        return reply.answers[0].text if reply.found else None, [rows[p.brief_id, p.start] for p in reply.passages]

    return ask


ENGINES = {"briefqa": briefqa, "haystack": haystack, "txtai": txtai}


def run(engine: str, work: Path) -> None:
    """Builds, warms and asks one engine; writes its replies."""
    given = json.loads((work / "given.json").read_text("utf-8"))
    begin = time.perf_counter()
    ask = ENGINES[engine](given["passages"], given["embedder"], given["reader"])
    built = time.perf_counter() - begin
    for question in given["questions"][:5]:
        ask(question)
    replies = []
    for question in given["questions"]:
        begin = time.perf_counter()
        answer, rows = ask(question)
        replies.append({"answer": answer, "rows": rows, "ms": 1000 * (time.perf_counter() - begin)})
    # Not getrusage: its maximum counts the process that started this one too.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines())
    report = {"build_seconds": built, "memory_mb": int(status["VmHWM"].split()[0]) / 1024, "replies": replies}
    (work / f"{engine}.json").write_text(json.dumps(report), "utf-8")


def compare(briefs: list[Path], questions_folder: Path, every: int, work: Path) -> list[dict[str, Any]]:
    """Runs the engines and scores their replies alike."""
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    from index.builder import build_index
    from index.embedder import WEIGHTS, SentenceTransformerEmbedder
    from index.store import Store
    from index.types import Filters
    from qa.metrics import exact_match, f1
    from qa.questions import load_questions
    from qa.reader import READER_FOLDER

    work.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    build_index(work / "briefqa", SentenceTransformerEmbedder(), [*briefs, questions_folder], rebuild=True)
    built = time.perf_counter() - begin
    store = Store(work / "briefqa")
    passages = store.passages(store.rows())
    sources = {brief.id: f"/{brief.source}" for brief in store.briefs(Filters())}
    questions = load_questions(questions_folder)[::every]
    # In float32: the half precision in which our weights are shipped is slow on a CPU where nobody expects it.
    single = AutoModelForQuestionAnswering.from_pretrained(READER_FOLDER, dtype=torch.float32)
    single.save_pretrained(work / "reader")
    AutoTokenizer.from_pretrained(READER_FOLDER).save_pretrained(work / "reader")
    SentenceTransformer(str(WEIGHTS), model_kwargs={"dtype": torch.float32}).save(str(work / "embedder"))
    given = {
        "passages": [p.headed_text for p in passages], "questions": [q.text for q in questions],
        "embedder": str(work / "embedder"), "reader": str(work / "reader"),
    }  # fmt: skip
    (work / "given.json").write_text(json.dumps(given), "utf-8")
    rows = []
    for engine in ENGINES:
        python = sys.executable if engine == "briefqa" else str(work / engine / "bin" / "python")
        subprocess.run([python, __file__, "--engine", engine], check=True)
        report = json.loads((work / f"{engine}.json").read_text("utf-8"))
        found = [reply["answer"] for reply in report["replies"]]
        has = [(q, reply) for q, reply in zip(questions, report["replies"], strict=True) if q.golds]

        def held(q: Any, reply: dict[str, Any]) -> bool:  # noqa: ANN401 (a question of our evaluation)
            return any(
                sources[passages[row].brief_id].endswith(f"/{q.file}") and any(g in passages[row].text for g in q.golds)
                for row in reply["rows"][:5]
            )

        times = [reply["ms"] for reply in report["replies"]]
        rows.append(
            {
                "engine": engine,
                "EM": float(np.mean([exact_match(r["answer"], q.golds) if r["answer"] else 0.0 for q, r in has])),
                "F1": float(np.mean([f1(r["answer"], q.golds) if r["answer"] else 0.0 for q, r in has])),
                "recall@5": float(np.mean([held(q, r) for q, r in has])),
                "rightly not found": float(
                    np.mean([not answer for answer, q in zip(found, questions, strict=True) if not q.golds])
                ),
                "ms p50": float(np.median(times)),
                "ms p95": float(np.percentile(times, 95)),
                "build s": built if engine == "briefqa" else report["build_seconds"],
                "memory MB": report["memory_mb"],
            }
        )
    return rows


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup", action="store_true", help="make the peers' environments")
    parser.add_argument("--briefs", type=Path, nargs="+", default=[])
    parser.add_argument("--questions", type=Path, help="folder of briefs with their questions; indexed too")
    parser.add_argument("--every", type=int, default=1, help="take every Nth question only")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.setup:
        setup()
    elif args.engine:
        run(args.engine, PEERS)
    else:
        rows = compare(args.briefs, args.questions, args.every, PEERS)
        (PEERS / "peers.json").write_text(json.dumps(rows, indent=1), "utf-8")
        print("| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
        for row in rows:
            values = [f"{v:.3g}" if isinstance(v, float) else v for v in row.values()]
            print("| " + " | ".join(values) + " |")


if __name__ == "__main__":
    main()
