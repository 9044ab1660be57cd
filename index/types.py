"""The values that flow through the index: a brief, its paragraphs, its passages."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""`(n, dim)`, or one of them `(dim,)`."""
Rows = npt.NDArray[np.int64]
"""Numbers of passages."""
Mask = npt.NDArray[np.bool_]
"""For each of some things, whether it is meant."""

Progress = Callable[[str, int, int], None]
"""Called with the stage (`reading`, `cutting`, `embedding`, `writing`), how much is done, and of how much."""


_DATE_IN_HEADER = re.compile(r" \| (\d{4}-\d\d-\d\d)(?: \| |$)")


class ParagraphRole(StrEnum):
    """What a paragraph is in the layout of a brief."""

    BODY = "body"
    BIO = "bio"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph; `brief.text[start:end]` is its text, `number` counts from 1."""

    number: int
    start: int
    end: int
    role: ParagraphRole = ParagraphRole.BODY


@dataclass(frozen=True, slots=True)
class Properties:
    """What a file says of itself beside its text; it counts only where the text itself says nothing."""

    title: str | None = None
    date: str | None = None
    """ISO date."""
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What is read as a brief of its own: a file, or one inside it."""

    source: str
    """As that of a brief; of a file inside another, the other's in front: `archive.zip/name.txt`."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Brief:
    """A source document, its text kept exactly.

    Every offset in the project is a half-open range of code points of `text`. `id` is derived
    from `text` alone, so one id always means the same characters, on every machine.
    """

    id: str
    text: str
    source: str
    """Path of the file as it is shown and listed: relative to the folder indexed, with `/`; of a file inside another,
    `archive.zip/name.txt`."""
    title: str
    date: str | None
    """ISO date (`2021-03-15`), or None when the brief states none."""
    kind: str | None
    authors: tuple[str, ...]
    topics: tuple[str, ...]
    paragraphs: tuple[Paragraph, ...]
    path: str = ""
    """Where the file was when it was indexed (absolute)."""

    @property
    def header(self) -> str:
        """Title, date and kind in one line: put in front of a passage for the models, never into offsets."""
        return " | ".join(part for part in (self.title, self.date, self.kind) if part)

    def paragraph_at(self, offset: int) -> Paragraph | None:
        """The paragraph that holds the character at `offset`, or None between paragraphs."""
        return next((p for p in self.paragraphs if p.start <= offset < p.end), None)

    def page_at(self, offset: int) -> int | None:
        """The page of a PDF file that holds the character at `offset`, from 1; None in files of other formats."""
        return 1 + self.text.count("\f", 0, offset) if self.source.lower().endswith(".pdf") else None


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit retrieved: whole sentences of one paragraph; `text == brief.text[start:end]`."""

    brief_id: str
    paragraph: int
    start: int
    end: int
    text: str
    header: str

    @property
    def headed_text(self) -> str:
        """Header and text, one line each: what is embedded."""
        return f"{self.header}\n{self.text}"

    @property
    def date(self) -> str | None:
        """ISO date of the brief, which `Brief.header` puts there; None when it has none."""
        match = _DATE_IN_HEADER.search(self.header)
        return match[1] if match else None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which briefs a question or a listing is about; an empty filter lets every brief through.

    Dates are ISO and inclusive; the words are compared without regard to case: `author` and
    `topic` match when they occur in a name or tag, `kind` and `brief` must be equal.
    """

    after: str | None = None
    before: str | None = None
    author: str | None = None
    kind: str | None = None
    topic: str | None = None
    brief: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Facets:
    """What the headers of some briefs say, and of how many: value → number of briefs, the most frequent first."""

    n_briefs: int
    """How many briefs these are, dated or not."""
    years: dict[str, int]
    kinds: dict[str, int]
    authors: dict[str, int]
    topics: dict[str, int]


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be indexed, and the sentence that says why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What one run of the indexer did; the file lists are sorted by path."""

    generation: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    failed: tuple[Failure, ...]
    n_briefs: int
    n_passages: int
    n_embedded: int
    """Passages whose vector had to be computed; the others were known from before."""
    seconds: float
    finished_at: str
    """ISO date and time, UTC."""
