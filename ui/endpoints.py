"""What programs and agents call over HTTP and MCP: the same questions as in the page, JSON for an answer.

The docstrings are what the API page and the MCP tools show.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import CitationInvalid
from index.types import Brief, Filters
from qa.citations import parse_citation_id

if TYPE_CHECKING:
    from qa.assistant import Assistant


MAX_VERIFIED_CHARS = 1_000_000
"""Of a text to verify; a reply takes some ten thousand."""


@dataclass(frozen=True)
class Endpoints:
    """The named endpoints over an assistant; a method raises BriefQAError with a sentence for the caller."""

    assistant: "Assistant"

    def ask(
        self,
        question: str,
        after: str | None = None,
        before: str | None = None,
        author: str | None = None,
        kind: str | None = None,
        topic: str | None = None,
        brief: str | None = None,
        top_k: int = 3,
    ) -> dict[str, Any]:
        """Answers a question from the indexed policy briefs, only ever in their own words, each with its citation.

        `found` is false when the briefs do not answer; weak candidates may then still be listed. If the question asks
        for several things, the first `n_listed` of the `answers` belong together and are the answer.

        Args:
            question: The question, in plain words.
            after: Only briefs of this date or later, as 2021-03-15.
            before: Only briefs of this date or earlier, as 2021-03-15.
            author: Only briefs by this author; part of the name will do.
            kind: Only briefs of this kind, such as Insight.
            topic: Only briefs with this topic tag; part of it will do.
            brief: Only this brief, by its id or file name.
            top_k: The most answers to give; those that belong together count as one.
        """
        return asdict(self.assistant.ask(question, filters_of(after, before, author, kind, topic, brief), top_k=top_k))

    def brief(self, id: str) -> dict[str, Any]:
        """Gives a whole brief: its text, exactly as indexed, and what its header says.

        For a citation, `start` and `end` are its range in the text and `quote` is `text[start:end]`.

        Args:
            id: A citation's id (0123456789ab:120-164), or a brief's id or file name.
        """
        found, start, end = place_of(self.assistant, id)
        return _without(found, "path") | {"start": start, "end": end, "quote": found.text[start:end]}

    def briefs(
        self,
        after: str | None = None,
        before: str | None = None,
        author: str | None = None,
        kind: str | None = None,
        topic: str | None = None,
    ) -> list[dict[str, Any]]:
        """Lists the indexed briefs, newest first: id, title, date, kind, authors, topics and file name; no texts.

        Args:
            after: Only briefs of this date or later, as 2021-03-15.
            before: Only briefs of this date or earlier, as 2021-03-15.
            author: Only briefs by this author; part of the name will do.
            kind: Only briefs of this kind, such as Insight.
            topic: Only briefs with this topic tag; part of it will do.
        """
        found = self.assistant.briefs(filters_of(after, before, author, kind, topic))
        return [_without(brief, "path", "text", "paragraphs") for brief in found]

    def verify(self, text: str, name: str = "-") -> list[dict[str, Any]]:
        """Checks the citations in a text against the indexed briefs, as they are now: intact, moved, changed or gone.

        Gives a verdict for each citation, in order: its `status`, what it `says` in a clause, the `places` where its
        words stand now, and the `difference` if its sentence was changed. Whole citations, as replies and exports
        carry them, are checked with their words; of a bare id only that it names a place in a brief.

        Args:
            text: A reply (JSON), an export (Markdown, text, HTML, BibTeX, CSL-JSON, CSV), or citation ids.
            name: The file name it had, as answers.csv: its suffix tells how to read it. Without, as JSON or as text.
        """
        if len(text) > MAX_VERIFIED_CHARS:
            raise CitationInvalid(
                f"the text has {len(text):,} characters, at most {MAX_VERIFIED_CHARS:,} are taken; "
                "verify it in parts, or as a file: briefqa verify FILE"
            )
        verdicts = self.assistant.verify(text.encode("utf-8", "replace"), name)
        return [{"in": name} | asdict(verdict) for verdict in verdicts]

    def status(self) -> dict[str, Any]:
        """Tells what the index holds: generation, how many briefs and passages, models, disk, the last run."""
        status = self.assistant.status()
        return asdict(status) | {"index_dir": Path(status.index_dir).absolute().name}

    def update(self, rebuild: bool = False) -> dict[str, Any]:
        """Brings the index in step with its folder and reports what was added, changed, removed and what failed.

        Questions are answered meanwhile.

        Args:
            rebuild: Make the whole index anew.
        """
        return asdict(self.assistant.update(rebuild=rebuild))


def filters_of(*values: str | None) -> Filters:
    """Filters in the order of the fields; a field left empty filters nothing."""
    return Filters(*(value.strip() or None if value else None for value in values))


def place_of(assistant: "Assistant", target: str) -> tuple[Brief, int, int]:
    """Brief and range that `target` names: a citation's id, or a brief's id or file name for the whole of it."""
    if parse_citation_id(target):
        return assistant.resolve(target)
    return assistant.brief(target), 0, 0


def _without(brief: Brief, *left_out: str) -> dict[str, Any]:
    """The fields of a brief; where its file lies on this machine is never among them."""
    return {name: value for name, value in asdict(brief).items() if name not in left_out}
