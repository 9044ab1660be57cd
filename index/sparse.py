"""Full-text search by BM25: the only file that imports the full-text engine (tantivy)."""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tantivy import (
    Document,
    Filter,
    Index,
    Occur,
    Query,
    Schema,
    SchemaBuilder,
    TextAnalyzer,
    TextAnalyzerBuilder,
    Tokenizer,
)

from index.bm25 import FIELDS, Scores, idf, shares, weighed
from index.types import Passage, Rows

_ANALYZER = "brief_english"
_NUMBERS = ("row", "brief")
"""Fields that number a passage: its own row, and the first row of its brief."""
_QUESTION_WORDS = (
    "about did do does had has have her him his how i its me my she he tell we what when where which who "
    "whom whose why would you your were from been many much"
).split()
"""Words of questions beyond the engine's list: rare in briefs, so BM25 would take them for important."""
_MAX_TERMS = 256
_WRITER_BYTES = 64_000_000
_TOLD_BRIEFS = 2_000
"""Up to so many allowed briefs tantivy is told them, at about a microsecond each; beyond, its hits are sieved."""
_NO_ROWS: Rows = np.empty(0, np.int64)


def analyzer() -> TextAnalyzer:
    """Words, lower-cased, accents folded, English stems, stop words left out."""
    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(64))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.stopword("english"))
        .filter(Filter.custom_stopword(_QUESTION_WORDS))
        .filter(Filter.stemmer("english"))
        .build()
    )


def terms_of(words: TextAnalyzer, question: str) -> list[str]:
    """The different words of a question that are searched for, in their order."""
    return list(dict.fromkeys(words.analyze(question)))[:_MAX_TERMS]


def _schema() -> Schema:
    builder = SchemaBuilder()
    for name in _NUMBERS:
        builder.add_unsigned_field(name, stored=False, indexed=True, fast=True)
    for name, _ in FIELDS:
        builder.add_text_field(name, tokenizer_name=_ANALYZER, index_option="freq")
    return builder.build()


class SparseWriter:
    """Makes a full-text index in a folder, from nothing or from an older one, which stays as it is."""

    def __init__(self, folder: Path | None = None, base: Path | None = None, removed: Rows = _NO_ROWS) -> None:
        """Starts writing.

        Args:
            folder: Where to: it must exist and be empty. None: in memory, from nothing.
            base: Folder of an index to start from. The files of tantivy never change once they are written, so the
                new index shares them (hard links; copies where the file system has none).
            removed: Rows of `base` to leave out.
        """
        if folder and base:
            for path in base.iterdir():
                if path.suffix == ".json":
                    shutil.copyfile(path, folder / path.name)
                elif path.suffix != ".lock":
                    _share(path, folder / path.name)
            self._engine = Index.open(os.fspath(folder))
        else:
            self._engine = Index(_schema(), path=None if folder is None else os.fspath(folder))
        self._engine.register_tokenizer(_ANALYZER, analyzer())
        self._writer = self._engine.writer(_WRITER_BYTES, 1)
        for begin in range(0, len(removed), 10_000):
            part = removed[begin : begin + 10_000].tolist()
            self._writer.delete_documents_by_query(Query.term_set_query(self._engine.schema, "row", part))

    def add(self, row: int, brief: int, text: str, header: str) -> None:
        """A passage, to be found as `row`, of the brief whose first passage is the row `brief`."""
        document = Document(text=text, header=header)
        document.add_unsigned("row", row)
        document.add_unsigned("brief", brief)
        self._writer.add_document(document)

    def finish(self) -> "SparseIndex":
        """Writes what is pending, waits for tantivy's own merging, and opens the index."""
        self._writer.commit()
        self._writer.wait_merging_threads()
        return SparseIndex(self._engine)


def _share(path: Path, link: Path) -> None:
    try:
        os.link(path, link)
    except OSError:
        shutil.copyfile(path, link)


class SparseIndex:
    """BM25 over passages, each found as the row it was added with."""

    def __init__(self, engine: Index) -> None:
        self._words = analyzer()
        engine.register_tokenizer(_ANALYZER, self._words)
        engine.reload()
        self._searcher = engine.searcher()
        self._schema = engine.schema

    @classmethod
    def build(cls, passages: Iterable[Passage]) -> "SparseIndex":
        """An index of `passages` in memory; a row is the position of a passage."""
        writer = SparseWriter()
        first: dict[str, int] = {}
        for row, passage in enumerate(passages):
            writer.add(row, first.setdefault(passage.brief_id, row), passage.text, passage.header)
        return writer.finish()

    @classmethod
    def open(cls, folder: Path) -> "SparseIndex":
        """The index that a `SparseWriter` made in `folder`; raises ValueError when tantivy cannot read it."""
        if os.access(folder, os.W_OK):
            return cls(Index.open(os.fspath(folder)))
        # tantivy takes a lock file even to read, so on read-only media a copy is opened; its files stay
        # open, or mapped, after the copy is removed.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as copy:
            shutil.copytree(folder, copy, dirs_exist_ok=True, copy_function=shutil.copyfile)
            return cls(Index.open(copy))

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def search(self, question: str, k: int, briefs: Rows | None = None) -> tuple[Rows, Scores]:
        """The best passages for the words of `question`; nothing in it is taken as query syntax.

        Args:
            question: Any text; only its first 256 different words count.
            k: The most hits to return.
            briefs: Where given, ascending, the first rows of the briefs of which alone passages may be found (an exact
                filter).

        Returns:
            Rows `(n,)` and BM25 scores `(n,)`, best first, equal scores by row; `n <= k`, and 0
            when no word of the question occurs.
        """
        terms = self._terms(question)
        if not terms or k <= 0 or (briefs is not None and len(briefs) == 0):
            return _NO_ROWS, np.empty(0, np.float32)
        words = Query.boolean_query(
            [
                (Occur.Should, Query.boost_query(Query.term_query(self._schema, name, term, "freq"), weight))
                for term in terms
                for name, weight in FIELDS
            ]
        )
        if briefs is None:
            return _ordered(*self._hits(words, k)[::2])
        if len(briefs) <= _TOLD_BRIEFS:
            allowed = Query.const_score_query(Query.term_set_query(self._schema, "brief", briefs.tolist()), 0.0)
            told = Query.boolean_query([(Occur.Must, words), (Occur.Must, allowed)])
            return _ordered(*self._hits(told, k)[::2])
        # A wide filter: more and more of the best, until enough of them pass or there are no more.
        limit = 2 * k
        while True:
            rows, of_brief, scores = self._hits(words, limit)
            passing = briefs[np.minimum(np.searchsorted(briefs, of_brief), len(briefs) - 1)] == of_brief
            if np.count_nonzero(passing) >= k or len(rows) < limit:
                rows, scores = _ordered(rows[passing], scores[passing])
                return rows[:k], scores[:k]
            limit *= 4

    def coverage(self, question: str, rows: Rows, briefs: Rows, n_rows: int) -> tuple[Scores, Scores]:
        """How much of what is asked the given passages hold, and how much their briefs as a whole.

        The share of the question’s words, each weighing its inverse document frequency as in BM25,
        ln(1 + (N - n + 0.5) / (n + 0.5)) for a word that n of N passages hold; a word that none holds weighs nothing.
        Of a question with more than 23 such words, the 23 heaviest count.

        Args:
            question: Any text.
            rows: `(n,)`, ascending.
            briefs: `(n,)`, the first row of the brief of each.
            n_rows: Passages of all these briefs, or more.

        Returns:
            `(n,)` shares of words in a passage or its header, and `(n,)` in any passage or the header of its brief,
            0 to 1; 0 where the index holds no word of the question.
        """
        weights = weighed(self._terms(question), self._weight)
        if not weights or not len(rows):
            return np.zeros(len(rows), np.float32), np.zeros(len(rows), np.float32)
        # One search tells all: every word that a passage holds adds a power of two of its own to the score.
        bits = [
            (Occur.Should, Query.const_score_query(self._in_any_field(term), float(1 << bit)))
            for bit, term in enumerate(weights)
        ]
        allowed = Query.const_score_query(Query.term_set_query(self._schema, "brief", np.unique(briefs).tolist()), 0.0)
        found = Query.boolean_query([(Occur.Must, Query.boolean_query(bits)), (Occur.Must, allowed)])
        hit_rows, hit_briefs, scores = self._hits(found, n_rows)
        held = scores.astype(np.int64)
        of_words = list(weights.values())
        return shares(of_words, held, rows, hit_rows), shares(of_words, held, briefs, hit_briefs)

    def knows(self, word: str) -> bool:
        """Whether a passage or a header holds `word` in some form, or it is one that is not searched for."""
        return all(self._weight(term) > 0 for term in self._terms(word))

    def search_like(self, word: str, k: int) -> Rows:
        """Rows `(n,)`, ascending, `n <= k`, of passages that hold a word spelt nearly as `word`.

        Its stem is that of `word` but for a letter left out, added or changed, or two neighbours swapped.
        """
        near = [
            (Occur.Should, Query.fuzzy_term_query(self._schema, name, term, 1))
            for term in self._terms(word)
            for name, _ in FIELDS
        ]
        return np.sort(self._hits(Query.boolean_query(near), k)[0]) if near else _NO_ROWS

    def _terms(self, question: str) -> list[str]:
        return terms_of(self._words, question)

    def _weight(self, term: str) -> float:
        """Inverse document frequency among the passages' own words; 0 for a word that no passage or header holds."""
        n_text, n_header = (self._searcher.doc_freq(name, term) for name, _ in FIELDS)
        if not n_text and not n_header:
            return 0.0
        return idf(len(self), n_text)

    def _in_any_field(self, term: str) -> Query:
        fields = [(Occur.Should, Query.term_query(self._schema, name, term, "basic")) for name, _ in FIELDS]
        return Query.boolean_query(fields)

    def _hits(self, query: Query, limit: int) -> tuple[Rows, Rows, Scores]:
        """Rows, the first rows of their briefs, and scores, best first."""
        hits = self._searcher.search(query, limit=limit, count=False).hits
        addresses = [address for _, address in hits]
        rows, briefs = (np.array(self._searcher.fast_field_values(name, addresses), np.int64) for name in _NUMBERS)
        return rows, briefs, np.array([score for score, _ in hits], np.float32)


def _ordered(rows: Rows, scores: Scores) -> tuple[Rows, Scores]:
    order = np.lexsort((rows, -scores))
    return rows[order], scores[order]
