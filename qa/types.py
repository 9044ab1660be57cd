"""The values that flow from a question to its reply. Offsets are code points of the brief's text."""

from dataclasses import dataclass, field

from index.types import Passage


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question; `rank` counts from 0, best first, `score` is the fused score."""

    passage: Passage
    score: float
    rank: int


@dataclass(frozen=True, slots=True)
class Span:
    """A candidate answer in one hit's passage, in offsets of the brief.

    `score` is start logit + end logit of the span minus those of the null answer of the same
    window: above 0 the reader prefers the span to “not here”, and scores of different passages
    can be compared.
    """

    hit: Hit
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who said what is quoted, as the brief names them: `text == brief.text[start:end]`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Citation:
    """Where an answer stands: `quote == text[start:end]` of the brief, checked when it is made."""

    id: str
    """`BRIEF_ID:START-END`; the brief id is derived from its text, so the id is checkable for ever."""
    brief_id: str
    title: str
    date: str | None
    kind: str | None
    authors: tuple[str, ...]
    topics: tuple[str, ...]
    source: str
    paragraph: int
    start: int
    end: int
    quote: str
    sentence: str
    """The whole sentence (or sentences) around the quote."""
    sentence_start: int
    passage: str
    passage_start: int
    speaker: Speaker | None = None
    """Who said it, where the quote stands in reported or quoted speech; None where nobody is named for certain."""
    page: int | None = None
    """Of a PDF file, where the quote begins; counted from 1, whatever number is printed there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its words, how sure we are (probability that it is right), where it stands."""

    text: str
    confidence: float
    citation: Citation
    also: tuple[Citation, ...] = ()
    """Further places, in other briefs, that give the same answer."""


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """A passage that was read for the question, best first."""

    brief_id: str
    title: str
    date: str | None
    paragraph: int
    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What the assistant says to a question.

    `found` is False when the briefs do not answer; `answers` may then still list weak
    candidates, each with its low confidence. `answers` and `passages` come best first; if the
    question asks for several things, the answers that belong together come before all others.
    """

    question: str
    found: bool
    confidence: float
    answers: tuple[Answer, ...]
    passages: tuple[ReadPassage, ...]
    timings_ms: dict[str, float] = field(default_factory=dict)
    id: str | None = None
    understood: str | None = None
    """What was answered, where that is not the question letter by letter: words misspelt, or left to the question
    before."""
    n_listed: int = 1
    """How many of the first answers belong together: items of a list, where the question asks for several things."""

    def __post_init__(self) -> None:
        if self.found and not self.answers:
            raise ValueError("a reply that found something needs at least one answer")
        if self.n_listed < 1 or (self.n_listed > 1 and not (self.found and self.n_listed <= len(self.answers))):
            raise ValueError(f"{self.n_listed} of {len(self.answers)} answers cannot belong together")
