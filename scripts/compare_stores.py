"""Asks the same questions of two indexes of the same briefs, and tells every difference between their replies.

    briefqa index FOLDERS --index-dir A
    cp -r A B && briefqa index --index-dir B --store milvus --uri http://127.0.0.1:19530     (nothing is embedded again)
    python scripts/compare_stores.py --questions ../shared/data/briefs-dev --one A --other B

Replies are compared whole, but for the times: every answer, citation, probability, passage and score. What is found is
compared once more under filters that let about half of the briefs through, and one brief.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from index.embedder import SentenceTransformerEmbedder
from index.store import Store
from index.types import Filters
from qa.assistant import Assistant
from qa.questions import load_questions
from qa.reader import TransformersReader
from qa.retriever import retrieve
from qa.settings import AskSettings


def differences(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Where two values of JSON differ: the place, and both values."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from differences(one[key], other[key], f"{place}.{key}" if place else key)
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        for at, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{place}[{at}]")
    elif one != other:
        yield f"{place}: {json.dumps(one, default=str)[:200]} / {json.dumps(other, default=str)[:200]}"


def some_filters(store: Store) -> dict[str, Filters]:
    """Filters that let about half of the briefs through, one kind, one author, and one brief."""
    briefs = store.briefs(Filters())
    dates = sorted(brief.date for brief in briefs if brief.date)
    facets = store.facets(Filters())
    return {
        "no filter": Filters(),
        "the newer half": Filters(after=dates[len(dates) // 2]),
        "the kind most frequent": Filters(kind=next(iter(facets.kinds), None)),
        "the author most frequent": Filters(author=next(iter(facets.authors), None)),
        "one brief": Filters(brief=briefs[0].id),
    }


def main() -> None:
    """Parses the command line, asks, and prints what differs; exit 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, required=True, help="folder of briefs and their questions")
    parser.add_argument("--one", type=Path, required=True, help="an index")
    parser.add_argument("--other", type=Path, required=True, help="another, of the same briefs")
    parser.add_argument("--limit", type=int, help="ask so many questions, evenly chosen, instead of all")
    parser.add_argument("--found-only", action="store_true", help="compare what is found, and read nothing")
    args = parser.parse_args()
    questions = [question.text for question in load_questions(args.questions)]
    if args.limit:
        questions = questions[:: max(1, len(questions) // args.limit)][: args.limit]
    embedder, reader = SentenceTransformerEmbedder(), TransformersReader()
    assistants = [Assistant(folder, embedder, reader) for folder in (args.one, args.other)]
    stores = [Store(folder) for folder in (args.one, args.other)]
    for store in stores:
        print(
            f"{store.index_dir}: {store.n_briefs} briefs, {store.n_passages} passages, searched {store.manifest.store}"
        )
    same, times, different = Counter[str](), ([], []), False  # type: tuple[Any, ...]
    for question in [] if args.found_only else questions:
        replies = [asdict(assistant.ask(question)) for assistant in assistants]
        for reply, taken in zip(replies, times, strict=True):
            taken.append(reply.pop("timings_ms")["retrieve"])
        found = list(differences(*replies))
        same["whole replies"] += not found
        for line in found[:3]:
            print(f"{question!r}: {line}")
    for name, filters in some_filters(stores[0]).items():
        for question in questions:
            hits = [retrieve(store, embedder, question, filters, AskSettings()) for store in stores]
            same[f"passages found, {name}"] += hits[0] == hits[1]
    for what, n in same.items():
        print(f"{what}: {n} of {len(questions)} the same")
        different |= n < len(questions)
    if times[0]:
        print(f"time to find, median: {median(times[0]):.0f} / {median(times[1]):.0f} ms")
    raise SystemExit(1 if different else 0)


if __name__ == "__main__":
    main()
