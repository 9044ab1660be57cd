"""What ten million passages would take: measured growth up to what fits, and a projection on paper from it.

    briefqa index FOLDER --index-dir IX
    python scripts/growth.py --index-dir IX --sizes 10000 30000 100000

Vectors are copies of the real ones of the index, each turned a little by chance (scripts/benchmark.py does the same);
every kind of vector index is built of them, saved, and asked. The projection multiplies what grows with the passages,
and takes for the time of a question: a scan grows with n, cells with the square root of n, a graph with its logarithm.
Sizes per passage of everything else are those of the index itself. Nothing here is measured at ten million.
"""

import argparse
import math
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from benchmark import _TURN
from index.store import MANIFEST, Store, files_of
from index.types import Vectors

_TEN_MILLION = 10_000_000
_K = 20
_GROWS: dict[str, Callable[[float], float]] = {"flat": lambda n: n, "IVF,SQ8": math.sqrt, "HNSW": math.log}
"""How the time of a question grows with the number of passages."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One kind of vector index at one size; times of one core, so that other work on the machine counts little."""

    kind: str
    n: int
    build_seconds: float
    bytes: int
    milliseconds: float
    """The median of a question."""
    recall: float
    """Of the 20 nearest."""


def turned(vectors: Vectors, n: int, rng: np.random.Generator) -> Vectors:
    """`n` copies of `vectors`, each turned by chance."""
    dim = vectors.shape[1]
    copies = vectors[np.arange(n) % len(vectors)] + rng.normal(size=(n, dim)) * (_TURN / np.sqrt(dim))
    return (copies / np.linalg.norm(copies, axis=1, keepdims=True)).astype(np.float32)


def engine(kind: str, n: int, dim: int) -> faiss.Index:
    """An empty index: the two kinds that BriefQA uses, and the graph that Milvus is told to make."""
    if kind == "flat":
        return faiss.IndexFlatIP(dim)
    if kind == "HNSW":
        graph = faiss.IndexHNSWFlat(dim, 16, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction, graph.hnsw.efSearch = 200, 400
        return graph
    cells = 1 << round(math.log2(4 * math.sqrt(n)))
    index = faiss.index_factory(dim, f"IVF{cells},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.nprobe = 16
    return index


def measure(kind: str, vectors: Vectors, questions: Vectors, nearest: np.ndarray) -> Measured:
    """Builds, saves and asks one kind of index."""
    built = engine(kind, *vectors.shape)
    begin = time.process_time()
    if not built.is_trained:
        built.train(vectors)
    built.add(vectors)
    seconds = time.process_time() - begin
    with tempfile.NamedTemporaryFile() as file:
        faiss.write_index(built, file.name)
        size = os.path.getsize(file.name)
    times, hits = [], 0
    for question, expected in zip(questions, nearest, strict=True):
        begin = time.process_time()
        found = built.search(question[None], _K)[1][0]
        times.append(time.process_time() - begin)
        hits += len(np.intersect1d(found, expected))
    recall = hits / nearest.size
    return Measured(kind, len(vectors), seconds, size, 1000 * float(np.median(times)), recall)


def sizes_of(store: Store) -> dict[str, float]:
    """Bytes per passage of what an index consists of, by the names of its files."""
    sizes: dict[str, float] = {}
    for path in [*files_of(store.folder.name, store.manifest), f"{store.folder.name}/{MANIFEST}"]:
        name = "full text (tantivy)" if "/sparse/" in path else Path(path).name
        sizes[name] = sizes.get(name, 0) + (store.index_dir / path).stat().st_size / store.n_passages
    return sizes


def projected(found: Measured) -> tuple[float, float, float]:
    """Gigabytes, milliseconds a question, and hours to build, at ten million."""
    times = _TEN_MILLION / found.n
    grown = _GROWS[found.kind](_TEN_MILLION) / _GROWS[found.kind](found.n)
    # Cells are compared with every vector, and their number grows with the root; a graph is searched for every vector.
    building = {"flat": times, "IVF,SQ8": times * math.sqrt(times), "HNSW": times * grown}[found.kind]
    return found.bytes * times / 1e9, found.milliseconds * grown, found.build_seconds * building / 3600


def main() -> None:
    """Parses the command line, measures, projects, and prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index-dir", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--questions", type=int, default=100)
    args = parser.parse_args()
    faiss.omp_set_num_threads(1)
    store = Store(args.index_dir)
    real = store.vectors_of(store.rows())
    rng = np.random.default_rng(0)
    results: dict[str, list[Measured]] = {kind: [] for kind in _GROWS}
    print("| vectors | kind | build, s | MB | question, ms | recall@20 |\n|---|---|---|---|---|---|")
    for n in args.sizes:
        vectors, questions = turned(real, n, rng), turned(real[rng.permutation(len(real))], args.questions, rng)
        nearest = faiss.knn(questions, vectors, _K, metric=faiss.METRIC_INNER_PRODUCT)[1]
        for kind in _GROWS:
            found = measure(kind, vectors, questions, nearest)
            results[kind].append(found)
            print(
                f"| {n:,} | {kind} | {found.build_seconds:.1f} | {found.bytes / 1e6:.0f} "
                f"| {found.milliseconds:.2f} | {found.recall:.3f} |",
                flush=True,
            )
    print(f"\n| a passage of the index in {args.index_dir} | bytes | GB at ten million |\n|---|---|---|")
    for name, size in sorted(sizes_of(store).items(), key=lambda pair: -pair[1]):
        print(f"| {name} | {size:.0f} | {size * _TEN_MILLION / 1e9:.1f} |")
    print("\n| ten million, projected | GB | question, ms | build on one core, h |\n|---|---|---|---|")
    for kind, measured in results.items():
        gigabytes, milliseconds, hours = projected(measured[-1])
        print(f"| {kind} | {gigabytes:.1f} | {milliseconds:.1f} | {hours:.1f} |")


if __name__ == "__main__":
    main()
