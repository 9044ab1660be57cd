"""Measures what is found for a question, before anything is read.

    python scripts/evaluate_retrieval.py --briefs ../shared/data/briefs-dev --index-dir INDEX

The index must hold the briefs asked about, among others as in use. A passage counts when it stands in the brief the
question is about and holds one of the acceptable answers.
"""

import argparse
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from index.embedder import SentenceTransformerEmbedder
from index.store import Store
from index.types import Filters, Rows
from qa.metrics import ranking_figures
from qa.questions import Question, load_questions
from qa.retriever import retrieve
from qa.settings import AskSettings

DEPTH = 20


def main() -> None:
    """Prints two tables: each search alone and fused; fused by type of question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--briefs", type=Path, required=True, help="folder of briefs and their questions")
    parser.add_argument("--index-dir", type=Path, required=True)
    parser.add_argument("--embedder", help="that of the index, where it is not the default")
    parser.add_argument("--every", type=int, default=1, help="take every Nth question only")
    args = parser.parse_args()
    store, embedder = Store(args.index_dir), SentenceTransformerEmbedder(args.embedder)
    store.check_embedder(embedder.name, embedder.fingerprint, embedder.dim)
    questions = [q for q in load_questions(args.briefs) if q.golds][:: args.every]
    settings = replace(AskSettings(), n_read=DEPTH)

    def dense(text: str) -> Rows:
        return store.search_dense(embedder.embed_questions([text])[0], DEPTH)[0]

    def sparse(text: str) -> Rows:
        return store.search_sparse(text, DEPTH)[0]

    def by_ranks(text: str) -> Rows:
        """Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009), with their 60."""
        dense_rows = store.search_dense(embedder.embed_questions([text])[0], settings.n_retrieved)[0]
        scores: dict[int, float] = {}
        for found in (dense_rows, store.search_sparse(text, settings.n_retrieved)[0]):
            for rank, row in enumerate(found.tolist(), start=1):
                scores[row] = scores.get(row, 0.0) + 1 / (60 + rank)
        return np.array(sorted(scores, key=lambda row: -scores[row])[:DEPTH])

    def fused(weights: AskSettings) -> Callable[[str], Rows]:
        def find(text: str) -> Rows:
            hits = retrieve(store, embedder, text, Filters(), weights)
            return np.array([rows[hit.passage.brief_id, hit.passage.start] for hit in hits])

        return find

    passages = dict(zip(store.rows().tolist(), store.passages(store.rows()), strict=True))
    rows = {(p.brief_id, p.start): row for row, p in passages.items()}
    sources = {brief.id: f"/{brief.source}" for brief in store.briefs(Filters())}
    of_brief: dict[str, list[int]] = {}
    for row, passage in passages.items():
        of_brief.setdefault(passage.brief_id, []).append(row)
    answers: dict[str, set[int]] = {}
    for q in questions:
        mine = [row for brief, own in of_brief.items() if sources[brief].endswith(f"/{q.file}") for row in own]
        answers[q.id] = {row for row in mine if any(gold in passages[row].text for gold in q.golds)}
    nowhere = [q for q in questions if not answers[q.id]]
    if nowhere:
        print(f"left out: {len(nowhere)} questions whose answer no passage holds as it is written\n")
        questions = [q for q in questions if answers[q.id]]

    def figures(find: Callable[[str], Rows]) -> Iterator[tuple[Question, dict[str, float]]]:
        for q in questions:
            relevant = np.array([row in answers[q.id] for row in find(q.text).tolist()], bool)
            yield q, ranking_figures(relevant, len(answers[q.id]))

    together = list(figures(fused(settings)))
    by_type: dict[str, list[dict[str, float]]] = {}
    for q, one in together:
        by_type.setdefault(q.type, []).append(one)
    table("search", {
        "dense": [one for _, one in figures(dense)],
        "full text": [one for _, one in figures(sparse)],
        "fused by ranks (RRF)": [one for _, one in figures(by_ranks)],
        "fused, not weighing briefs": [one for _, one in figures(fused(replace(settings, brief_weight=0.0)))],
        "fused": [one for _, one in together],
    })  # fmt: skip
    print()
    table("fused, type", dict(sorted(by_type.items())))


def table(what: str, parts: dict[str, list[dict[str, float]]]) -> None:
    """Means of every part, as Markdown."""
    names = list(next(iter(parts.values()))[0])
    print(f"| {what} | questions | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 2))
    for part, ones in parts.items():
        means = (f"{statistics.fmean(one[name] for one in ones):.3f}" for name in names)
        print(f"| {part} | {len(ones)} | " + " | ".join(means) + " |")


if __name__ == "__main__":
    main()
