"""Citation ids, and citations made from offsets: never by searching for the quote."""

import re

from index.briefs import brief_id
from index.errors import CitationInvalid, IndexCorrupt
from index.passages import sentence_spans
from index.types import Brief, Passage
from qa.speakers import speaker_of
from qa.types import Citation, Speaker

_ID = re.compile(r"(?P<brief>[0-9a-f]{12}):(?P<start>\d{1,9})-(?P<end>\d{1,9})")


def citation_id(brief: str, start: int, end: int) -> str:
    """`BRIEF_ID:START-END`; as a brief's id is derived from its text, the id fixes the quote for ever."""
    return f"{brief}:{start}-{end}"


def parse_citation_id(text: str) -> tuple[str, int, int] | None:
    """Brief id, start and end of a citation id, or None when `text` is none."""
    match = _ID.fullmatch(text.strip())
    return (match["brief"], int(match["start"]), int(match["end"])) if match else None


def place_words(paragraph: int, page: int | None = None) -> str:
    """Where in a brief, in words: “¶ 5”, or “header” for 0; with the page, “p. 2, ¶ 5”."""
    place = f"¶ {paragraph}" if paragraph else "header"
    return place if page is None else f"p. {page}, {place}"


def check_range(brief: Brief, start: int, end: int) -> None:
    """Raises CitationInvalid unless `start..end` are characters of the brief."""
    if not 0 <= start < end <= len(brief.text):
        raise CitationInvalid(
            f"characters {start} to {end} do not lie in {brief.source}, which has {len(brief.text)}; "
            "copy the citation again"
        )


def cite(brief: Brief, passage: Passage, start: int, end: int) -> Citation:
    """The citation of `brief.text[start:end]`, found in `passage`, checked against the stored text.

    Raises:
        IndexCorrupt: The text is not the one the brief's id was derived from, or the range is not in it.
    """
    if brief_id(brief.text) != brief.id or not passage.start <= start < end <= passage.end:
        raise IndexCorrupt(
            f"the stored text of {brief.source} is not the one indexed; mend it with: briefqa index --rebuild"
        )
    sentence_start, sentence_end = sentence_around(brief, start, end)
    paragraph = brief.paragraph_at(start)
    return Citation(
        id=citation_id(brief.id, start, end),
        brief_id=brief.id,
        title=brief.title,
        date=brief.date,
        kind=brief.kind,
        authors=brief.authors,
        topics=brief.topics,
        source=brief.source,
        paragraph=paragraph.number if paragraph else passage.paragraph,
        start=start,
        end=end,
        quote=brief.text[start:end],
        sentence=brief.text[sentence_start:sentence_end],
        sentence_start=sentence_start,
        passage=brief.text[passage.start : passage.end],
        passage_start=passage.start,
        speaker=_speaker(brief, (sentence_start, sentence_end), (start, end)),
        page=brief.page_at(start),
    )


def _speaker(brief: Brief, sentence: tuple[int, int], quote: tuple[int, int]) -> Speaker | None:
    """Who said the quote; the words are a slice of the brief, in the paragraph of the quote."""
    paragraph = brief.paragraph_at(quote[0])
    found = speaker_of(brief.text, paragraph.start, sentence, quote) if paragraph else None
    return Speaker(brief.text[slice(*found)], *found) if found else None


def sentence_around(brief: Brief, start: int, end: int) -> tuple[int, int]:
    """The range of the sentence, or sentences, of the paragraph that `start..end` touches."""
    paragraph = brief.paragraph_at(start)
    if paragraph is None:
        return start, end
    touched = [
        (paragraph.start + a, paragraph.start + b)
        for a, b in sentence_spans(brief.text[paragraph.start : paragraph.end])
        if paragraph.start + a < end and paragraph.start + b > start
    ]
    return (min(start, touched[0][0]), max(end, touched[-1][1])) if touched else (start, end)
