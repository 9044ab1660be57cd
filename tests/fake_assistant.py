"""An assistant over three invented briefs, with the methods of `qa.Assistant` and no models."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from index.check import Finding
from index.errors import CitationInvalid, IndexBusy, QuestionDropped, QuestionInvalid
from index.history import PastRun
from index.types import Brief, Facets, Failure, Filters, Paragraph, ParagraphRole, Passage, Report
from qa.marks import Mark, mark_of, squad_of
from qa.records import read_records
from qa.types import Answer, Citation, ReadPassage, Reply
from qa.verify import Verdict, verify_citations

SCRIPT = "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>"


@dataclass(frozen=True, slots=True)
class FakeStatus:
    """The fields of `qa.assistant.Status`."""

    index_dir: str
    generation: int
    n_briefs: int
    n_passages: int
    embedder: str
    reader: str
    disk_bytes: int
    report: Report | None


def make_brief(
    title: str,
    paragraphs: list[str],
    *,
    date: str | None = "2021-03-15",
    kind: str | None = "Insight",
    authors: tuple[str, ...] = ("Mara Lindqvist",),
    topics: tuple[str, ...] = ("Energy",),
    source: str = "brief.txt",
    bio: bool = False,
) -> Brief:
    """A brief of a title line and paragraphs, blank lines between; the last is a bio if `bio`."""
    text, found = f"{title}\n\n", []
    for number, words in enumerate(paragraphs, start=1):
        role = ParagraphRole.BIO if bio and number == len(paragraphs) else ParagraphRole.BODY
        found.append(Paragraph(number, len(text), len(text) + len(words), role))
        text += f"{words}\n\n"
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Brief(name, text, source, title, date, kind, authors, topics, tuple(found))


HEAT = make_brief(
    "Heat Pumps in the Stonebridge Valley",
    [
        "The valley’s nine towns burn 41,000 tonnes of heating oil each winter. Prices doubled "
        "between 2019 and 2021, and a fifth of households told the council that they had kept rooms cold.",
        "The pilot replaced oil boilers in 312 homes. It was paid for by a levy of 0.4 cents on each "
        "kilowatt-hour sold in the county, which the utility “reluctantly” agreed to collect 🙂 for two "
        "years.",
        "Councillor Harris objected to the levy because it falls on tenants who cannot choose their heating. "
        "She asked that landlords carry half of it.",
        "We recommend that the levy be kept until 2027, and that it be capped at 60 euros a household.",
        "Mara Lindqvist is a fellow of the Stonebridge Forum. Tomás Ibarra teaches public finance.",
    ],
    authors=("Mara Lindqvist", "Tomás Ibarra"),
    topics=("Energy", "Housing"),
    source="energy/heat-pumps.txt",
    bio=True,
)
REVIEW = make_brief(
    "Two Winters On: the Heating Levy Reviewed",
    [
        "The levy raised 8.2 million euros in two winters. Of the homes converted, 94 in a hundred stayed "
        "warm in the cold spell of January 2023.",
        "The utility still collects 0.4 cents on each kilowatt-hour, and no town has asked to leave.",
    ],
    date="2023-06-02",
    kind="Policy Brief",
    source="energy/levy-review.md",
)
HOSTILE = make_brief(
    f"Ferries & {SCRIPT} Fares",
    [
        f"The ferry {SCRIPT} carries 1,900 passengers a day, and ${{alert(1)}} {{{{value}}}} costs nothing.",
        "Night sailings\r\nended 🙂 in\r\n2018.",
    ],
    date=None,
    kind=None,
    authors=(f"A. {SCRIPT}",),
    topics=(SCRIPT,),
    source=f"ferries/{SCRIPT}.txt",
)
BRIEFS = (REVIEW, HEAT, HOSTILE)

ANSWERS: tuple[tuple[str, float, tuple[tuple[Brief, str], ...]], ...] = (
    ("levy", 0.91, ((HEAT, "0.4 cents on each kilowatt-hour"), (REVIEW, "0.4 cents on each kilowatt-hour"))),
    ("levy", 0.47, ((HEAT, "capped at 60 euros a household"),)),
    ("harris", 0.72, ((HEAT, "it falls on tenants who cannot choose their heating"),)),
    ("ferry", 0.66, ((HOSTILE, SCRIPT),)),
)
"""A word of the question, the confidence, and the words of a brief that answer."""


def cite(brief: Brief, quote: str) -> Citation:
    """The citation of the first `quote` after the title."""
    start = brief.text.index(quote, brief.paragraphs[0].start)
    end = start + len(quote)
    paragraph = brief.paragraph_at(start)
    assert paragraph is not None
    body = brief.text[paragraph.start : paragraph.end]
    breaks = [m.end() + paragraph.start for m in re.finditer(r"[.] (?=[A-Z])", body)]
    sentence_start = max([paragraph.start, *(at for at in breaks if at <= start)])
    sentence_end = min([paragraph.end, *(at - 1 for at in breaks if at >= end)])
    return Citation(
        id=f"{brief.id}:{start}-{end}", brief_id=brief.id, title=brief.title, date=brief.date,
        kind=brief.kind, authors=brief.authors, topics=brief.topics, source=brief.source,
        paragraph=paragraph.number, start=start, end=end, quote=quote,
        sentence=brief.text[sentence_start:sentence_end], sentence_start=sentence_start,
        passage=body, passage_start=paragraph.start,
    )  # fmt: skip


def answer(confidence: float, places: tuple[tuple[Brief, str], ...]) -> Answer:
    """An answer at the first place, with the others as further citations."""
    first, *also = [cite(brief, quote) for brief, quote in places]
    return Answer(first.quote, confidence, first, tuple(also))


REPORT = Report(
    generation=3, added=("energy/levy-review.md",), changed=(), unchanged=("energy/heat-pumps.txt",),
    removed=("old.txt",), failed=(Failure(f"{SCRIPT}.pdf", "is encrypted"),), n_briefs=3, n_passages=9,
    n_embedded=2, seconds=1.25, finished_at="2024-05-01T10:00:00+00:00",
)  # fmt: skip


class FakeAssistant:
    """Answers from `ANSWERS` by a word of the question; says “not found” to all else."""

    def __init__(self) -> None:
        """Starts with a report of an earlier run."""
        self.updates: list[bool] = []
        self.busy = False
        self.endless = False
        self.dropped: list[str] = []
        self.marked: dict[tuple[str, str], Mark] = {}

    def ask(
        self,
        question: str,
        filters: Filters = Filters(),
        *,
        top_k: int = 3,
        after: Reply | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Reply:
        """The reply; an empty question and a filter that is no date are refused as by the real one.

        “they” is the ferry, where it was asked about before; with “slow”, a second is thought about it.
        """
        understood = None
        if after and "they" in question and "ferry" in after.question:
            understood = question = question.replace("they", "the ferry")
        if not question.strip():
            raise QuestionInvalid("the question is empty; ask something like: what did Harris object to")
        if filters.after == "soon":
            raise QuestionInvalid("after must be a date like 2021-03-15, not 'soon'")
        words = re.findall(r"\w+", question.lower())
        for _ in range(20 if "slow" in words else 1):
            if not wanted():
                self.dropped.append(question)
                raise QuestionDropped("another question took the place of this one")
            time.sleep(0.05 if "slow" in words else 0)
        answers = tuple(answer(sure, places) for word, sure, places in ANSWERS if word in words)[:top_k]
        found = bool(answers)
        if not found:
            answers = (answer(0.12, ((HEAT, "landlords carry half of it"),)),)
        read = tuple(
            ReadPassage(
                brief_id=b.id,
                title=b.title,
                date=b.date,
                paragraph=p.number,
                start=p.start,
                end=p.end,
                text=b.text[p.start : p.end],
                score=1 / (p.number + 1),
            )  # fmt: skip
            for b in self.briefs(filters)
            for p in b.paragraphs[:2]
        )
        timings = {"retrieve": 1.0, "read": 2.0, "total": 3.0}
        return Reply(question, found, answers[0].confidence, answers, read, timings, understood=understood)

    def brief(self, brief_id: str) -> Brief:
        """The brief with this id."""
        for brief in BRIEFS:
            if brief.id == brief_id:
                return brief
        raise CitationInvalid(f"no brief {brief_id} is in the index")

    def briefs(self, filters: Filters = Filters()) -> tuple[Brief, ...]:
        """All briefs of the kind asked for, or the one."""
        return tuple(b for b in BRIEFS if filters.kind in (None, b.kind) and filters.brief in (None, b.id))

    def facets(self, filters: Filters = Filters()) -> Facets:
        """The headers of the briefs, counted."""
        briefs = self.briefs(filters)
        columns = ([b.date[:4] for b in briefs if b.date], [b.kind for b in briefs if b.kind])
        lists = ([a for b in briefs for a in b.authors], [t for b in briefs for t in b.topics])
        counts = ({value: column.count(value) for value in sorted(column)} for column in (*columns, *lists))
        return Facets(len(briefs), *counts)

    def resolve(self, citation_id: str) -> tuple[Brief, int, int]:
        """Brief, start and end of a citation id."""
        name, _, place = citation_id.partition(":")
        start, _, end = place.partition("-")
        return self.brief(name), int(start), int(end)

    def verify(self, content: bytes, name: str) -> list[Verdict]:
        """The verdicts of the real thing on these briefs."""
        return verify_citations(read_records(content, name), self)

    def passages(self, brief_id: str) -> tuple[Passage, ...]:
        """A passage for each paragraph."""
        return tuple(
            Passage(brief.id, p.number, p.start, p.end, brief.text[p.start : p.end], brief.header)
            for brief in BRIEFS
            if brief.id == brief_id
            for p in brief.paragraphs
        )

    def ask_of(self, question: str, passages: Sequence[Passage]) -> Reply:
        """What `ask` says."""
        return self.ask(question)

    def mark(self, question: str, citation_id: str, *, right: bool, words: str | None = None) -> Mark:
        """Keeps the mark in memory, checked as by the real one."""
        brief, start, end = self.resolve(citation_id)
        mark = mark_of(brief, question, start, end, brief.text[start:end] if words is None else words, right)
        self.unmark(question, brief.id)
        self.marked[question, brief.id] = mark
        return mark

    def unmark(self, question: str, brief_id: str) -> None:
        """Takes it back."""
        self.marked.pop((question, brief_id), None)

    def marks(self) -> tuple[Mark, ...]:
        """Those in memory."""
        return tuple(self.marked.values())

    def marked_set(self) -> str:
        """Those in memory, as a question set."""
        return squad_of(self.marks(), {brief.id: brief.text for brief in BRIEFS})

    def status(self) -> FakeStatus:
        """Counts that grow with each update."""
        return FakeStatus(".briefqa", 3 + len(self.updates), 3, 9, "fake-embedder", "fake-reader", 1_400_000, REPORT)

    def history(self) -> tuple[PastRun, ...]:
        """Three runs, and one for each update."""
        return tuple(
            PastRun(n, f"2024-05-01T10:{n:02d}:00+00:00", n, 0, 1, 1, 0, 3, 9, 1.25)
            for n in range(1, 4 + len(self.updates))
        )  # fmt: skip

    def is_added(self, brief: Brief) -> bool:
        """One of the briefs was added."""
        return brief.id == REVIEW.id

    def check(self) -> Iterator[Finding]:
        """One thing in order, one not."""
        yield Finding(True, "3 files have the content that was written")
        yield Finding(False, f"the text of {SCRIPT} is not the one its id was made from")

    def update(self, *, rebuild: bool = False, progress: Callable[[str, int, int], None] = lambda *_: None) -> Report:
        """Notes the call; refuses while `busy`; ends only by being stopped while `endless`."""
        if self.busy:
            raise IndexBusy("another run is writing the index .briefqa; wait until it has finished")
        while self.endless:  # until it is stopped
            progress("embedding", 1, 100)
            time.sleep(0.02)
        progress("reading", 0, 0)
        progress("embedding", 1, 2)
        self.updates.append(rebuild)
        return REPORT
