r"""What was tried to find the right passages, and what each brought.

    DATA=../shared/data
    python scripts/retrieval_variants.py --briefs $DATA/briefs-train ../shared/briefs $DATA/briefs-dev --questions \
        $DATA/briefs-dev

Each line of the table changes one thing of what is in use: the embedder, the size of passages, what of a brief's header
is searched, how the two searches are joined, whether what is found is ranked again by a model that sees question and
passage together. Everything is held in memory; a passage counts when it stands in the
brief the question is about and holds one of the acceptable answers.
"""

import argparse
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from index.briefs import parse_brief
from index.embedder import BASE_EMBEDDER, DEFAULT_EMBEDDER, SentenceTransformerEmbedder
from index.loaders import list_files
from index.passages import sentence_spans, split_into_passages
from index.sparse import SparseIndex
from index.types import Brief, Passage, Rows, Vectors
from qa.calibration import Calibration, signals_of
from qa.metrics import ranking_figures
from qa.questions import Question, load_questions
from qa.reader import Reader, TransformersReader
from qa.retriever import fuse
from qa.settings import AskSettings
from qa.types import Hit

DEPTH = 20
SETTINGS = AskSettings()
Ranker = Callable[[str], Rows]


@dataclass(frozen=True)
class Collection:
    """Briefs cut to passages of one size, with what is needed to search them."""

    passages: list[Passage]
    sources: dict[str, str]
    """Brief id → name of its file, with `/` in front."""
    words: SparseIndex
    of_brief: Rows
    """First row of the brief of each passage."""

    def answers(self, questions: Sequence[Question]) -> dict[str, set[int]]:
        """Question id → rows of the passages that answer it."""
        rows: dict[str, list[int]] = {}
        for row, passage in enumerate(self.passages):
            rows.setdefault(passage.brief_id, []).append(row)
        found = {}
        for q in questions:
            mine = [row for brief, own in rows.items() if self.sources[brief].endswith(f"/{q.file}") for row in own]
            found[q.id] = {row for row in mine if any(gold in self.passages[row].text for gold in q.golds)}
        return found


class Embedding:
    """An embedder that remembers: many variants embed the same texts."""

    def __init__(self, name: str) -> None:
        """Loads the model."""
        self.model = SentenceTransformerEmbedder(name)
        self._known: dict[tuple[bool, str], Vectors] = {}

    def __call__(self, texts: Sequence[str], *, questions: bool = False) -> Vectors:
        """Unit vectors `(n, dim)`."""
        missing = sorted({text for text in texts if (questions, text) not in self._known}, key=len)
        embed = self.model.embed_questions if questions else self.model.embed_passages
        for begin in range(0, len(missing), 32):
            part = missing[begin : begin + 32]
            self._known.update(zip(((questions, text) for text in part), embed(part), strict=True))
        return np.stack([self._known[questions, text] for text in texts])


def read(folders: Sequence[Path]) -> list[Brief]:
    """Every brief under `folders`, each once."""
    files = list_files(tuple(folders))
    briefs = [parse_brief(Path(f.path).read_text("utf-8"), f.source, f.path) for f in files]
    return list({brief.id: brief for brief in briefs}.values())


def cut(briefs: Sequence[Brief], count: Callable[[str], int], max_tokens: int) -> Collection:
    """The briefs as passages of at most `max_tokens` word pieces."""
    passages = [p for brief in briefs for p in split_into_passages(brief, count, max_tokens - 2)]
    first: dict[str, int] = {}
    of_brief = np.array([first.setdefault(p.brief_id, row) for row, p in enumerate(passages)])
    return Collection(passages, {b.id: f"/{b.source}" for b in briefs}, SparseIndex.build(passages), of_brief)


def by_score(collection: Collection, vectors: Vectors, embed: Embedding, settings: AskSettings = SETTINGS) -> Ranker:
    """As in use: `qa.retriever.retrieve`, over these vectors."""

    def find(question: str) -> Rows:
        cosines = vectors @ embed([question], questions=True)[0]
        return joined(collection, question, cosines, settings)

    return find


def joined(collection: Collection, question: str, cosines: Vectors, settings: AskSettings) -> Rows:
    """The rows found by both searches, best first."""
    candidates, _ = candidates_of(collection, question, cosines, settings)
    covered = collection.words.coverage(question, candidates, collection.of_brief[candidates], len(collection.passages))
    scores = fuse(cosines[candidates], *covered, settings)
    return candidates[np.lexsort((candidates, -scores))][:DEPTH]


def candidates_of(
    collection: Collection, question: str, cosines: Vectors, settings: AskSettings
) -> tuple[Rows, Vectors]:
    """What either search finds, ascending, and its BM25 scores as shares of the highest."""
    dense = np.argsort(-cosines, kind="stable")[: settings.n_retrieved]
    found, bm25 = collection.words.search(question, settings.n_retrieved)
    candidates = np.union1d(dense, found)
    words = np.zeros(len(candidates), np.float32)
    words[np.searchsorted(candidates, found)] = bm25 / bm25.max(initial=1e-9)
    return candidates, words


def by_bm25(collection: Collection, vectors: Vectors, embed: Embedding, brief_weight: float) -> Ranker:
    """Cosine and half the BM25 score, and a part of the best of these in the brief: in use before."""

    def find(question: str) -> Rows:
        cosines = vectors @ embed([question], questions=True)[0]
        candidates, words = candidates_of(collection, question, cosines, SETTINGS)
        own = cosines[candidates] + 0.5 * words
        best = np.full(len(collection.passages), -np.inf)
        np.maximum.at(best, collection.of_brief[candidates], own)
        scores = own + brief_weight * best[collection.of_brief[candidates]]
        return candidates[np.lexsort((candidates, -scores))][:DEPTH]

    return find


def by_ranks(collection: Collection, vectors: Vectors, embed: Embedding) -> Ranker:
    """Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009), with their 60."""

    def find(question: str) -> Rows:
        cosines = vectors @ embed([question], questions=True)[0]
        scores = np.zeros(len(cosines))
        for found in (
            np.argsort(-cosines, kind="stable")[: SETTINGS.n_retrieved],
            collection.words.search(question, SETTINGS.n_retrieved)[0],
        ):
            scores[found] += 1 / (60 + np.arange(1, len(found) + 1))
        return np.argsort(-scores, kind="stable")[:DEPTH]

    return find


def by_sentences(collection: Collection, vectors: Vectors, embed: Embedding) -> Ranker:
    """A passage is as near as its nearest sentence, or as itself, if that is nearer."""
    texts, owners = [], []
    for row, passage in enumerate(collection.passages):
        for start, end in sentence_spans(passage.text):
            texts.append(f"{passage.header}\n{passage.text[start:end]}")
            owners.append(row)
    sentences, of_row = embed(texts), np.array(owners)

    def find(question: str) -> Rows:
        vector = embed([question], questions=True)[0]
        cosines = vectors @ vector
        np.maximum.at(cosines, of_row, sentences @ vector)
        return joined(collection, question, cosines, SETTINGS)

    return find


def by_reading(collection: Collection, first: Ranker, reader: Reader, n_read: int) -> Ranker:
    """The `n_read` first ranked again by a cross-encoder of the same encoder: our reader.

    By the probability of the best span of each, which knows the rank before, as the assistant ranks answers.
    """
    calibration = Calibration.load(reader.folder)

    def find(question: str) -> Rows:
        rows = first(question)
        hits = [Hit(collection.passages[row], 0.0, rank) for rank, row in enumerate(rows[:n_read].tolist())]
        best = np.zeros(len(rows))
        best[len(hits) :] = -np.arange(1, len(rows) - len(hits) + 1)
        for span in reader.read(question, hits, SETTINGS):
            sure = calibration.probability(signals_of(question, span))
            best[span.hit.rank] = max(best[span.hit.rank], sure)
        return rows[np.argsort(-best, kind="stable")]

    return find


def variants(briefs: list[Brief], embedders: Sequence[str]) -> Iterator[tuple[str, Collection, Ranker]]:
    """What is compared: a name, what is searched, and how; of all embedders but the first two lines."""
    for n, name in enumerate(embedders):
        embed = Embedding(name)
        collections = cache(lambda size, embed=embed: cut(briefs, embed.model.count_tokens, size))
        whole = collections(256)
        vectors = embed([p.headed_text for p in whole.passages])
        yield f"{name}: as in use", whole, by_score(whole, vectors, embed)
        yield "vectors alone", whole, by_score(whole, vectors, embed, replace(SETTINGS, word_weight=0, brief_weight=0))
        if n:
            continue
        for n_read in (10, 20):
            ranker = by_reading(whole, by_score(whole, vectors, embed), TransformersReader(), n_read)
            yield f"the first {n_read} ranked again by the reader", whole, ranker
        yield "BM25 scores, not shares of words", whole, by_bm25(whole, vectors, embed, 0.0)
        yield "the same, and the best passage of the brief", whole, by_bm25(whole, vectors, embed, 0.5)
        yield "ranks fused (RRF)", whole, by_ranks(whole, vectors, embed)
        for weight in (0.0, 0.25, 1.0):
            changed = replace(SETTINGS, word_weight=weight)
            yield f"words weigh {weight}, not 0.5", whole, by_score(whole, vectors, embed, changed)
            changed = replace(SETTINGS, brief_weight=weight)
            yield f"words of the brief weigh {weight}, not 0.5", whole, by_score(whole, vectors, embed, changed)
        for n_retrieved in (30, 300):
            changed = replace(SETTINGS, n_retrieved=n_retrieved)
            yield f"{n_retrieved} candidates a search, not 100", whole, by_score(whole, vectors, embed, changed)
        bare = embed([p.text for p in whole.passages])
        yield "header not embedded", whole, by_score(whole, bare, embed)
        yield "sentences embedded too", whole, by_sentences(whole, vectors, embed)
        for size in (96, 128, 192):
            small = collections(size)
            yield (
                f"passages of {size} word pieces, not 256",
                small,
                by_score(small, embed([p.headed_text for p in small.passages]), embed),
            )


def main() -> None:
    """Prints a line for every variant as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--briefs", type=Path, nargs="+", required=True, help="everything that is searched")
    parser.add_argument("--questions", type=Path, required=True, help="folder whose questions are asked")
    parser.add_argument("--embedders", nargs="+", default=[DEFAULT_EMBEDDER, BASE_EMBEDDER])
    parser.add_argument("--every", type=int, default=1, help="take every Nth question only")
    args = parser.parse_args()
    questions = [q for q in load_questions(args.questions) if q.golds][:: args.every]
    header = ""
    for name, collection, find in variants(read(args.briefs), args.embedders):
        answers = collection.answers(questions)
        figures = [
            ranking_figures(np.array([row in answers[q.id] for row in find(q.text).tolist()], bool), len(answers[q.id]))
            for q in questions
        ]
        if not header:
            header = "| variant | passages | " + " | ".join(figures[0]) + " |\n" + "|---" * (len(figures[0]) + 2) + "|"
            print(f"{len(questions)} questions\n\n{header}")
        means = " | ".join(f"{statistics.fmean(one[what] for one in figures):.3f}" for what in figures[0])
        print(f"| {name} | {len(collection.passages):,} | {means} |", flush=True)


if __name__ == "__main__":
    main()
