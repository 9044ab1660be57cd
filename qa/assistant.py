"""Assistant.ask: retrieve, read, group, choose or abstain, cite."""

import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from index.added import added_prefix
from index.adding import Added, add_briefs, remove_brief
from index.builder import build_index, no_progress
from index.check import Finding, check_index
from index.embedder import Embedder, SentenceTransformerEmbedder
from index.errors import CitationInvalid, QuestionDropped, QuestionInvalid
from index.history import PastRun, past_runs
from index.loaders import picture_of
from index.pdf_page import PagePicture
from index.settings import DEFAULT_INDEX_DIR
from index.store import Store, read_current
from index.types import Brief, Facets, Filters, Passage, Progress, Report
from qa import followup
from qa.calibration import Calibration, signals_of
from qa.citations import check_range, cite, parse_citation_id
from qa.header import HeaderQuestion, asked_part, from_header
from qa.lists import asks_for_several
from qa.marks import MARKS_FILE, Mark, Marks, mark_of
from qa.periods import Period, asks_present, period_of
from qa.reader import Reader, TransformersReader
from qa.records import read_records
from qa.retriever import retrieve
from qa.settings import AskSettings
from qa.spelling import correct
from qa.together import MOST, put_together
from qa.types import Answer, Citation, Hit, ReadPassage, Reply, Span
from qa.verify import Verdict, verify_citations
from qa.words import content_words

_Group = list[tuple[float, Span]]
"""Places of one answer, the surest first, each with its probability."""
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NOT_WORD = re.compile(r"[^\w\s]|_")


@dataclass(frozen=True, slots=True)
class Status:
    """What the index holds and which models answer."""

    index_dir: str
    generation: int
    n_briefs: int
    n_passages: int
    embedder: str
    reader: str
    disk_bytes: int
    report: Report | None
    store: str
    """What searches, in words."""


def always() -> bool:
    """Whether the reply is still wanted: it is."""
    return True


class Assistant:
    """Answers questions from an index; follows the index when it is rebuilt, without a restart."""

    def __init__(
        self, index_dir: Path, embedder: Embedder, reader: Reader, settings: AskSettings | None = None
    ) -> None:
        """Opens the index; see `Store` for the errors, and `Store.check_embedder` for a wrong model."""
        self._index_dir = index_dir
        self._embedder = embedder
        self._reader = reader
        self._settings = settings or AskSettings()
        self._calibration = Calibration.load(reader.folder)
        self._marks = Marks(index_dir / MARKS_FILE)
        self._opening = threading.Lock()
        self._store = self._open(None)

    @classmethod
    def open(
        cls,
        index_dir: str | Path = DEFAULT_INDEX_DIR,
        *,
        embedder: str | None = None,
        reader: str | None = None,
        settings: AskSettings | None = None,
    ) -> "Assistant":
        """The assistant over the index in `index_dir`.

        Args:
            index_dir: Folder of the index.
            embedder: Name or path of a sentence-transformers model; must be the one of the index.
            reader: Name or path of an extractive question-answering model; ours if not given.
            settings: How to answer.

        Raises:
            IndexMissing, IndexMismatch, IndexCorrupt, ModelUnavailable: each with what to do.
        """
        folder = Path(index_dir)
        read_current(folder)  # a missing index should be told before seconds go into loading models
        return cls(folder, SentenceTransformerEmbedder(embedder), TransformersReader(reader), settings)

    def ask(
        self,
        question: str,
        filters: Filters = Filters(),
        *,
        top_k: int = 3,
        id: str | None = None,
        after: Reply | None = None,
        wanted: Callable[[], bool] = always,
    ) -> Reply:
        """The reply to `question`, with at most `top_k` answers, best first; those that belong together count as one.

        Args:
            question: In plain words, misspelt ones among them; `Reply.understood` tells how they were read.
            filters: Which briefs are asked.
            top_k: The most answers.
            id: Comes back in the reply.
            after: The reply before in a conversation: “and what did he recommend?” is understood from it.
            wanted: Whether the reply is still wanted; asked before the search and before the reading.

        Raises:
            QuestionInvalid: Empty, too long, a `top_k` under 1, or a filter that is no date.
            QuestionDropped: It is not wanted any more.
        """
        question = self._checked(question, filters, top_k)
        _go_on(wanted)
        store = self._current()
        started = time.perf_counter()
        understood = followup.resolve(question, after) if after else question
        understood = correct(understood, store, self._embedder.count_tokens)
        part = asked_part(understood)
        if part and (part.subject or filters.brief):
            hits = retrieve(store, self._embedder, part.subject or understood, filters, self._settings)
            reply = self._of_header(store, understood, part, hits, started, top_k)
        else:
            period = period_of(understood, date.today())  # noqa: DTZ011 (the asker's own day)
            hits = retrieve(store, self._embedder, understood, filters, self._settings, period)
            _go_on(wanted)
            reply = self._reply(store, understood, hits, started, top_k, period)
        return replace(reply, id=id, question=question, understood=understood if understood != question else None)

    def ask_of(self, question: str, passages: Sequence[Passage], *, top_k: int = 3) -> Reply:
        """The reply to `question` if `passages`, best first, were those that the search finds: the reader by itself.

        Raises:
            QuestionInvalid: As `ask` does.
        """
        question = self._checked(question, Filters(), top_k)
        hits = [Hit(passage, 0.0, rank) for rank, passage in enumerate(passages)]
        return self._reply(self._current(), question, hits, time.perf_counter(), top_k)

    def passages(self, brief_id: str) -> tuple[Passage, ...]:
        """The passages of a brief, in its order; none where there is no such brief."""
        store = self._current()
        return tuple(store.passages(store.rows(Filters(brief=brief_id))))

    def _reply(
        self,
        store: Store,
        question: str,
        hits: Sequence[Hit],
        started: float,
        top_k: int,
        period: Period | None = None,
    ) -> Reply:
        retrieved = time.perf_counter()
        spans = self._reader.read(question, hits, self._settings)
        read = time.perf_counter()
        several = asks_for_several(question)
        answers = self._answers(store, question, spans, max(top_k, MOST) if several else top_k, period)
        n_listed = 1
        if several and answers and answers[0].confidence >= self._calibration.threshold:
            answers, n_listed = put_together(several, answers, hits, store.brief, self._calibration.threshold)
        answers = answers[: n_listed + top_k - 1]
        return self._told(store, question, hits, answers, (started, retrieved, read), n_listed)

    def _of_header(
        self, store: Store, question: str, part: HeaderQuestion, hits: Sequence[Hit], started: float, top_k: int
    ) -> Reply:
        retrieved = time.perf_counter()
        briefs = {name: store.brief(name) for name in {hit.passage.brief_id for hit in hits}}
        answers = from_header(part, hits, briefs)[:top_k]
        return self._told(store, question, hits, answers, (started, retrieved, time.perf_counter()))

    def _told(
        self,
        store: Store,
        question: str,
        hits: Sequence[Hit],
        answers: tuple[Answer, ...],
        times: tuple[float, ...],
        n_listed: int = 1,
    ) -> Reply:
        started, retrieved, read = times
        confidence = answers[0].confidence if answers else 0.0
        found = bool(answers) and confidence >= self._calibration.threshold
        passages = tuple(_read_passage(store.brief(hit.passage.brief_id), hit) for hit in hits)
        done = time.perf_counter()
        timings = {"retrieve": retrieved - started, "read": read - retrieved, "total": done - started}
        return Reply(
            question, found, round(confidence, 4), answers, passages,
            {stage: round(seconds * 1000, 1) for stage, seconds in timings.items()}, n_listed=n_listed,
        )  # fmt: skip

    def brief(self, brief_id: str) -> Brief:
        """The brief with this id or file name; raises CitationInvalid."""
        return self._current().brief(brief_id)

    def briefs(self, filters: Filters = Filters()) -> tuple[Brief, ...]:
        """The briefs that pass `filters`, newest first."""
        check_filters(filters)
        return tuple(self._current().briefs(filters))

    def facets(self, filters: Filters = Filters()) -> Facets:
        """Years, kinds, authors and topics of the briefs that pass `filters`, with how many briefs each."""
        check_filters(filters)
        return self._current().facets(filters)

    def resolve(self, citation_id: str) -> tuple[Brief, int, int]:
        """Brief, start and end of a citation id; raises CitationInvalid."""
        return resolve(self._current(), citation_id)

    def page_picture(self, citation_id: str) -> PagePicture:
        """The page of a PDF file that holds what a citation id names, as it is printed, its places marked.

        Raises:
            CitationInvalid: It names nothing in the index.
            BriefUnreadable: The brief is of no PDF file, or that is not there any more or says something else now.
        """
        return picture_of(*self.resolve(citation_id))

    def verify(self, content: bytes, name: str) -> list[Verdict]:
        """What became of every citation in a reply, a sheet or an export called `name`; raises CitationInvalid."""
        return verify_citations(read_records(content, name), self._current())

    def mark(self, question: str, citation_id: str, *, right: bool, words: str | None = None) -> Mark:
        """Keeps whether the words that a citation id names answer `question`, instead of what was kept on its brief.

        Args:
            question: What was asked.
            citation_id: `BRIEF_ID:START-END`.
            right: Whether the words answer it.
            words: What the caller takes the words to be, if that is to be checked.

        Raises:
            QuestionInvalid: As `ask` does.
            CitationInvalid: It names nothing in the index.
            MarkInvalid: Other words stand there, or they are not of one paragraph.
        """
        brief, start, end = self.resolve(citation_id)
        question = self._checked(question, Filters(), 1)
        mark = mark_of(brief, question, start, end, brief.text[start:end] if words is None else words, right)
        self._marks.put(mark, brief.text)
        return mark

    def unmark(self, question: str, brief_id: str) -> None:
        """Takes back what was kept on this question and brief."""
        self._marks.drop(question, brief_id)

    def marks(self) -> tuple[Mark, ...]:
        """Every mark of this index."""
        return self._marks.all()

    def marked_set(self) -> str:
        """The marks as a question set: JSON in the format of SQuAD."""
        return self._marks.squad()

    def status(self) -> Status:
        """Counts, models, disk and the report of the current generation."""
        return status_of(self._current(), self._reader.name)

    def history(self) -> tuple[PastRun, ...]:
        """What the runs of the indexer did, the oldest first."""
        return tuple(past_runs(self._index_dir, self._current().manifest.report))

    def update(self, *, rebuild: bool = False, progress: Progress = no_progress) -> Report:
        """Brings the index in step with its folders; questions asked meanwhile get the old one."""
        return build_index(self._index_dir, self._embedder, rebuild=rebuild, opened=self._store, progress=progress)

    def add(self, offered: Sequence[tuple[str, bytes]], *, progress: Progress = no_progress) -> Added:
        """Adds files (name, content) to the index, which keeps them; see `add_briefs`."""
        return add_briefs(self._index_dir, self._embedder, offered, self._current(), progress)

    def remove(self, brief_id: str, *, progress: Progress = no_progress) -> Report:
        """Removes a brief that was added, and deletes its file; raises BriefKept for any other."""
        return remove_brief(self._index_dir, self._embedder, brief_id, self._current(), progress)

    def is_added(self, brief: Brief) -> bool:
        """Whether the file of `brief` is one that was added, so that it can be removed."""
        return brief.path.startswith(added_prefix(self._index_dir))

    def check(self) -> Iterator[Finding]:
        """Whether the index is whole, one finding for each kind of thing looked at; see `check_index`."""
        return check_index(self._index_dir)

    def _open(self, before: Store | None) -> Store:
        store = Store(self._index_dir, before)
        store.check_embedder(self._embedder.name, self._embedder.fingerprint, self._embedder.dim)
        return store

    def _current(self) -> Store:
        """The store of the generation that CURRENT names; one question keeps to one."""
        if read_current(self._index_dir) != self._store.pointer:
            with self._opening:
                if read_current(self._index_dir) != self._store.pointer:
                    self._store = self._open(self._store)
        return self._store

    def _checked(self, question: str, filters: Filters, top_k: int) -> str:
        limit = self._settings.max_question_chars
        # Half of a surrogate pair is no character, and no model or file can take it.
        question = question.encode("utf-8", "ignore").decode("utf-8").strip()
        if not any(character.isalnum() for character in question):
            raise QuestionInvalid("the question is empty; ask something like: what did Harris object to")
        if len(question) > limit:
            raise QuestionInvalid(f"the question has {len(question)} characters, at most {limit} are taken; shorten it")
        if top_k < 1:
            raise QuestionInvalid(f"the number of answers must be at least 1, not {top_k}")
        check_filters(filters)
        return question

    def _answers(
        self, store: Store, question: str, spans: Sequence[Span], top_k: int, period: Period | None
    ) -> tuple[Answer, ...]:
        rated = [(self._calibration.probability(signals_of(question, span)), span) for span in spans]
        rated.sort(key=lambda pair: -pair[0])  # stable: equal ones stay in the reader's order
        groups: list[_Group] = []
        by_words: dict[str, _Group] = {}
        taken: list[Span] = []
        for probability, span in rated:
            if any(_overlap(span, other) for other in taken):
                continue
            passage = span.hit.passage
            quote = passage.text[span.start - passage.start : span.end - passage.start]
            if not content_words(quote):  # “because” by itself answers nothing
                continue
            taken.append(span)
            words = normalised(quote)
            if words in by_words:
                by_words[words].append((probability, span))
                continue
            by_words[words] = [(probability, span)]
            groups.append(by_words[words])
        least = max(self._calibration.threshold, rated[0][0] - self._settings.equally_sure) if rated else 1.0
        groups = _by_date(groups, period, asks_present(question), least)
        return tuple(_answer(store, group) for group in groups[:top_k])


def check_filters(filters: Filters) -> None:
    """Raises QuestionInvalid when a date of `filters` is none, nothing can lie between the two, or one is no text."""
    for name in filters.__slots__:
        try:
            (getattr(filters, name) or "").encode()
        except UnicodeEncodeError:
            # Half of a surrogate pair is no character, and no database takes it.
            raise QuestionInvalid(f"{name} holds half of a character; write it again") from None
    for name in ("after", "before"):
        value = getattr(filters, name)
        try:
            valid = value is None or date.fromisoformat(value).isoformat() == value
        except ValueError:
            valid = False
        if not valid:
            raise QuestionInvalid(f"{name} must be a date like 2021-03-15, not {value!r}")
    if filters.after and filters.before and filters.after > filters.before:
        raise QuestionInvalid(f"no date is after {filters.after} and before {filters.before}; swap the two")


def _go_on(wanted: Callable[[], bool]) -> None:
    if not wanted():
        raise QuestionDropped("another question took the place of this one")


def resolve(store: Store, citation_id: str) -> tuple[Brief, int, int]:
    """Brief, start and end of a citation id; raises CitationInvalid when it names nothing in the index."""
    parsed = parse_citation_id(citation_id)
    if parsed is None:
        raise CitationInvalid(f"{citation_id!r} is not a citation; one looks like 0123456789ab:120-164")
    brief = store.brief(parsed[0])
    check_range(brief, *parsed[1:])
    return brief, *parsed[1:]


def status_of(store: Store, reader: str) -> Status:
    """The status of an opened index."""
    manifest = store.manifest
    return Status(
        str(store.index_dir), manifest.generation, store.n_briefs, store.n_passages,
        manifest.embedder, reader, store.disk_bytes, manifest.report, str(manifest.store),
    )  # fmt: skip


def normalised(text: str) -> str:
    """Words for comparing answers only: case, punctuation, articles and spacing do not count."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_ARTICLES.sub(" ", _NOT_WORD.sub(" ", folded)).split())


def _overlap(one: Span, other: Span) -> bool:
    same = one.hit.passage.brief_id == other.hit.passage.brief_id
    return same and one.start < other.end and other.start < one.end


def _by_date(groups: list[_Group], period: Period | None, present: bool, least: float) -> list[_Group]:
    """`groups`, best first; of those at least as sure as `least`, each brief's first in the order of what is asked.

    Those from the time it names come first; if it names none and asks for the present state, the newest.
    """
    if not (period or present):
        return groups
    seen: set[str] = set()
    near = []
    for group in groups:
        probability, span = group[0]
        if probability >= least and span.hit.passage.brief_id not in seen:
            seen.add(span.hit.passage.brief_id)
            near.append(group)

    def late(group: _Group) -> str:
        day = group[0][1].hit.passage.date or ""
        return day if period is None else str(period[0] <= day <= period[1])

    near.sort(key=late, reverse=True)  # stable: equal ones stay as sure as they were
    return near + [group for group in groups if group not in near]


def _answer(store: Store, group: _Group) -> Answer:
    citations = [
        cite(store.brief(span.hit.passage.brief_id), span.hit.passage, span.start, span.end) for _, span in group
    ]
    also: list[Citation] = sorted(citations[1:], key=lambda c: (c.date or "9999", c.source, c.start))
    return Answer(citations[0].quote, round(group[0][0], 4), citations[0], tuple(also))


def _read_passage(brief: Brief, hit: Hit) -> ReadPassage:
    p = hit.passage
    return ReadPassage(p.brief_id, brief.title, brief.date, p.paragraph, p.start, p.end, p.text, round(hit.score, 5))
