"""Full-text search by BM25: the only file that imports the full-text engine (tantivy)."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tantivy import (
    Document,
    Filter,
    Index,
    Occur,
    Query,
    SchemaBuilder,
    TextAnalyzer,
    TextAnalyzerBuilder,
    Tokenizer,
)

from index.types import Passage

_ANALYZER = "brief_english"
_FIELDS = (("text", 1.0), ("header", 0.25))
"""Fields searched, with the weight of a match in each: the words of the passage tell it from its
neighbours, the header (title, date, kind) only from the passages of other briefs."""
_QUESTION_WORDS = (
    "about did do does had has have her him his how i its me my she he tell we what when where which who "
    "whom whose why would you your were from been many much"
).split()
"""Words of questions beyond the engine's list: rare in briefs, so BM25 would take them for important."""
_MAX_TERMS = 256
_WRITER_BYTES = 64_000_000


def _analyzer() -> TextAnalyzer:
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


class SparseIndex:
    """BM25 over passages; a row is the position of a passage in the list the index was built from."""

    def __init__(self, engine: Index) -> None:
        self._engine = engine
        self._words = _analyzer()
        engine.register_tokenizer(_ANALYZER, self._words)
        engine.reload()
        self._searcher = engine.searcher()
        self._schema = engine.schema

    @classmethod
    def build(cls, passages: Sequence[Passage], folder: Path | None = None) -> "SparseIndex":
        """An index of `passages`, written to `folder` (which must exist), or kept in memory without one."""
        builder = SchemaBuilder()
        builder.add_unsigned_field("row", stored=True, indexed=True, fast=True)
        for name, _ in _FIELDS:
            builder.add_text_field(name, tokenizer_name=_ANALYZER, index_option="freq")
        engine = Index(builder.build(), path=None if folder is None else os.fspath(folder))
        engine.register_tokenizer(_ANALYZER, _analyzer())
        writer = engine.writer(_WRITER_BYTES, 1)
        for row, passage in enumerate(passages):
            document = Document(text=passage.text, header=passage.header)
            document.add_unsigned("row", row)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        return cls(engine)

    @classmethod
    def open(cls, folder: Path) -> "SparseIndex":
        """The index that `build` wrote to `folder`; raises ValueError when tantivy cannot read it."""
        if os.access(folder, os.W_OK):
            return cls(Index.open(os.fspath(folder)))
        # tantivy takes a lock file even to read, so on read-only media a copy is opened; its files stay
        # open, or mapped, after the copy is removed.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as copy:
            shutil.copytree(folder, copy, dirs_exist_ok=True, copy_function=shutil.copyfile)
            return cls(Index.open(copy))

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def search(
        self, question: str, k: int, rows: Sequence[int] | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The best passages for the words of `question`; nothing in it is taken as query syntax.

        Args:
            question: Any text; only its first 256 different words count.
            k: The most hits to return.
            rows: Where given, only these rows may be found (an exact filter).

        Returns:
            Rows `(n,)` and BM25 scores `(n,)`, best first, equal scores by row; `n <= k`, and 0
            when no word of the question occurs.
        """
        terms = list(dict.fromkeys(self._words.analyze(question)))[:_MAX_TERMS]
        if not terms or k <= 0 or (rows is not None and len(rows) == 0):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        words = Query.boolean_query(
            [
                (Occur.Should, Query.boost_query(Query.term_query(self._schema, name, term, "freq"), weight))
                for term in terms
                for name, weight in _FIELDS
            ]
        )
        if rows is not None:
            allowed = Query.term_set_query(self._schema, "row", [int(row) for row in rows])
            words = Query.boolean_query([(Occur.Must, words), (Occur.Must, Query.const_score_query(allowed, 0.0))])
        hits = self._searcher.search(words, limit=k, count=False).hits
        found = [(float(score), int(self._searcher.doc(address)["row"][0])) for score, address in hits]
        found.sort(key=lambda hit: (-hit[0], hit[1]))
        return (
            np.array([row for _, row in found], np.int64),
            np.array([score for score, _ in found], np.float32),
        )
