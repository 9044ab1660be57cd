"""Full text for stores that know sparse vectors and no words: the scores of tantivy, as products of two vectors.

Every word has three dimensions: its occurrences in the text, those in the header, and whether it is there at all. Of a
passage the vector holds what BM25 makes of the number of occurrences, and ones; that of a question holds how rare its
words are, or a power of two for each. So the store has only to multiply, and both are told by the same search.

A segment has a table of its own, `words.sqlite`: in how many of its passages each word occurs. It is small against the
passages, never changes, and those of all segments together tell what is rare in a generation.
"""

import hashlib
import sqlite3
import threading
import weakref
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from index.bm25 import FIELDS, idf, tf_part
from index.sparse import analyzer, terms_of

WORDS = "words.sqlite"
Sparse = dict[int, float]
"""Dimension → value; what is not there is 0."""

_N_DIMENSIONS = 2**32 - 2
_HELD = "held"
"""The dimension of a word beside those of the fields: 1 where it occurs at all."""
_NO_WORD: Sparse = {_N_DIMENSIONS: 1.0}
"""Of a passage without any word that is searched for: an empty vector is not stored, and nothing asks for this."""
_SCHEMA = """
CREATE TABLE words (term TEXT PRIMARY KEY, text INTEGER NOT NULL, header INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE totals (n_rows INTEGER, text INTEGER, header INTEGER, letters TEXT);
"""


def dimension(field: str, term: str) -> int:
    """The same on every machine. Of a million words, fewer than a thousand share theirs with another."""
    digest = hashlib.blake2b(f"{field}\0{term}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % _N_DIMENSIONS


class WordsWriter:
    """Takes in the passages of a segment; then gives their vectors, and writes the table."""

    def __init__(self) -> None:
        self._words = analyzer()
        self._n_holding: dict[str, Counter[str]] = {name: Counter() for name, _ in FIELDS}
        self._numbers: dict[str, int] = {}
        self._dimensions: list[tuple[int, ...]] = []
        # Of the passages one after the other: how many different words, which, how often; bytes, not objects.
        self._sizes, self._terms, self._counts = array("L"), array("L"), array("H")
        self._header, self._in_header = "", Counter[str]()
        self._lengths: list[array[int]] = [array("L") for _ in FIELDS]

    def add(self, text: str, header: str) -> None:
        """The next passage."""
        if header != self._header:
            self._header, self._in_header = header, Counter(self._words.analyze(header))
        for field, ((name, _), counts) in enumerate(
            zip(FIELDS, (Counter(self._words.analyze(text)), self._in_header), strict=True)
        ):
            self._sizes.append(len(counts))
            self._lengths[field].append(counts.total())
            self._n_holding[name].update(counts.keys())
            for term, n in counts.items():
                self._terms.append(self._number(term))
                self._counts.append(min(n, 2**16 - 1))

    def _number(self, term: str) -> int:
        if term not in self._numbers:
            self._numbers[term] = len(self._dimensions)
            self._dimensions.append(tuple(dimension(name, term) for name in (*(name for name, _ in FIELDS), _HELD)))
        return self._numbers[term]

    def write(self, path: Path) -> None:
        """The table of this segment."""
        text, header = (self._n_holding[name] for name, _ in FIELDS)
        terms = sorted(text.keys() | header.keys())
        file = sqlite3.connect(path)
        try:
            file.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
            file.executemany("INSERT INTO words VALUES (?, ?, ?)", ((t, text[t], header[t]) for t in terms))
            totals = (len(self._lengths[0]), *map(sum, self._lengths), "".join(sorted(set().union(*terms))))
            file.execute("INSERT INTO totals VALUES (?, ?, ?, ?)", totals)
            file.commit()
        finally:
            file.close()

    def vectors(self, averages: Sequence[float]) -> Iterator[Sparse]:
        """Of each passage; `averages`: words of a text, and of a header, in the mean of the generation."""
        at = 0
        for row in range(len(self._lengths[0])):
            vector: Sparse = {}
            for field, average in enumerate(averages):
                length = self._lengths[field][row]
                for _ in range(self._sizes[len(FIELDS) * row + field]):
                    dimensions = self._dimensions[self._terms[at]]
                    vector[dimensions[field]] = tf_part(self._counts[at], length, average)
                    vector[dimensions[-1]] = 1.0
                    at += 1
            yield vector or _NO_WORD


class Words:
    """The words of a generation: how rare each is. Safe to use from several threads."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Opens the tables of the segments in `folders`; raises sqlite3.Error where one cannot be read."""
        self._words = analyzer()
        self._lock = threading.Lock()
        self._files = [
            sqlite3.connect(f"{(folder / WORDS).resolve().as_uri()}?mode=ro&immutable=1", uri=True,
                            check_same_thread=False)
            for folder in folders
        ]  # fmt: skip
        for file in self._files:  # as those of segments
            weakref.finalize(self, file.close)
        totals = [file.execute("SELECT n_rows, text, header, letters FROM totals").fetchone() for file in self._files]
        self.n_passages = sum(n_rows for n_rows, *_ in totals)
        """Also those of briefs that are gone and whose segment is still there."""
        n = max(1, self.n_passages)
        self.averages = tuple(max(1.0, sum(total[field] for total in totals)) / n for field in (1, 2))
        """Words of a text, and of a header, in the mean."""
        self._letters = sorted(set().union(*(letters for *_, letters in totals)))

    def terms(self, question: str) -> list[str]:
        """The different words of a question that are searched for."""
        return terms_of(self._words, question)

    def weight(self, term: str) -> float:
        """Inverse document frequency among the passages’ own words; 0 for a word that no passage or header holds."""
        n_text, n_header = self._holding([term]).get(term, (0, 0))
        return idf(self.n_passages, n_text) if n_text or n_header else 0.0

    def of_question(self, question: str) -> Sparse:
        """The vector whose product with that of a passage is its BM25 score; empty where no word occurs."""
        vector: Sparse = {}
        for term, holding in self._holding(self.terms(question)).items():
            for (name, weight), n in zip(FIELDS, holding, strict=True):
                if n:
                    vector[dimension(name, term)] = weight * idf(self.n_passages, n)
        return vector

    def of_bits(self, terms: Sequence[str]) -> Sparse:
        """The vector whose product with that of a passage has the bit of each of `terms` that the passage holds."""
        return {dimension(_HELD, term): float(1 << bit) for bit, term in enumerate(terms)}

    def near(self, term: str) -> list[str]:
        """The words, itself included, that differ by a letter left out, added or changed, or two neighbours swapped."""
        cuts = [(term[:at], term[at:]) for at in range(len(term) + 1)]
        tried = {term} | {a + b[1:] for a, b in cuts if b} | {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
        tried |= {a + letter + rest for a, b in cuts for letter in self._letters for rest in (b, b[1:])}
        return sorted(self._holding(sorted(tried)))

    def _holding(self, terms: Sequence[str]) -> dict[str, tuple[int, int]]:
        """In how many passages each of `terms` occurs, and in how many headers; those that occur alone."""
        found: dict[str, tuple[int, int]] = {}
        for begin in range(0, len(terms), 500):
            part = terms[begin : begin + 500]
            query = f"SELECT term, text, header FROM words WHERE term IN ({','.join('?' * len(part))})"
            for file in self._files:
                with self._lock:
                    rows = file.execute(query, part).fetchall()
                for term, text, header in rows:
                    known = found.get(term, (0, 0))
                    found[term] = (known[0] + text, known[1] + header)
        return found
