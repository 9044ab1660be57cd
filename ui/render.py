"""Values to HTML: pure functions, every word of a brief escaped, every mark set by offsets."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from index.briefs import outline
from index.check import Finding
from index.types import Brief, Facets, Failure, Filters, ParagraphRole, Report
from qa.citations import citation_id, parse_citation_id, place_words
from qa.sections import in_order, said_by
from qa.types import Answer, Citation, ReadPassage, Reply
from ui import citing
from ui.markup import address, counted, dots, escape, facts, opener, time_of
from ui.timeline import timeline

if TYPE_CHECKING:
    from qa.assistant import Status

Range = tuple[int, int]
"""Half-open range of code points of a brief's text."""

Judged = Mapping[str, bool]
"""Citation id → whether its words were judged right, for one question."""
NOT_JUDGED: Judged = MappingProxyType({})

CITED_ID = "cited"
"""HTML id of the first cited characters: what the page scrolls to."""

_CONFIDENCE_WORDS = ((0.85, "Very likely"), (0.6, "Likely"), (0.3, "Possible"))
_WEAK = _CONFIDENCE_WORDS[-1][0]
"""Further answers under this are folded away."""
_FOLDERS = re.compile(r"(?<![^\s(“'])/\S*/(?=\S)")
"""Of an absolute path, all but its last part: where things are on the machine is nobody's business."""
_NEAREST = 3
"""Passages shown where the briefs do not answer; the rest of what was read is folded."""


class Mark(StrEnum):
    """How characters stand out."""

    NONE = ""
    CITED = "cited"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of characters that stand out in one way; the pieces of a text joined are the text."""

    text: str
    mark: Mark = Mark.NONE


def cut(text: str, offset: int, cited: Range, others: Iterable[Range] = ()) -> tuple[Piece, ...]:
    """The pieces of `text`, cut at the ends of the ranges.

    Args:
        text: Part of a brief.
        offset: Where the part begins in the brief.
        cited: Range of the brief to mark; what lies outside the part is ignored, an empty one marks nothing.
        others: Ranges to mark more weakly; where they overlap `cited`, that wins.
    """
    marks = [Mark.NONE] * len(text)
    for ranges, mark in ((others, Mark.OTHER), ((cited,), Mark.CITED)):
        for start, end in ranges:
            first, last = max(start - offset, 0), min(end - offset, len(text))
            if first < last:
                marks[first:last] = [mark] * (last - first)
    edges = [0, *(i for i in range(1, len(text)) if marks[i] is not marks[i - 1]), len(text)]
    return tuple(Piece(text[a:b], marks[a]) for a, b in zip(edges, edges[1:], strict=False) if a < b)


def confidence_words(confidence: float) -> str:
    """The probability in a word or two: “Very likely” from 0.85, “Likely” from 0.6, “Possible” from 0.3."""
    return next((words for least, words in _CONFIDENCE_WORDS if confidence >= least), "Unlikely")


def size_words(n_bytes: int) -> str:
    """A size on disk with its unit, in powers of 1000: “532 B”, “1.4 MB”."""
    size = float(n_bytes)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def sentence_of(error: Exception) -> str:
    """The message of `error` as a sentence: a capital in front, a full stop behind; of a path its last part."""
    message = _FOLDERS.sub("", str(error).strip()) or type(error).__name__
    message = message[0].upper() + message[1:]
    return message if message.endswith((".", "!", "?")) else f"{message}."


def message_page(error: Exception) -> str:
    """An error as a sentence in the page."""
    return f'<p class="bq-error" role="alert">{escape(sentence_of(error))}</p>'


def reply_page(reply: Reply, judged: Judged = NOT_JUDGED) -> str:
    """The reply: answers as cards, or that the briefs do not answer; what was read is folded below."""
    if reply.found:
        items, rest = in_order(reply), reply.answers[reply.n_listed :]
        card = list_card(items, judged) if len(items) > 1 else answer_card(items[0], judged, first=True)
        sure = [answer for answer in rest if answer.confidence >= _WEAK]
        weak = [answer for answer in rest if answer.confidence < _WEAK]
        more = f'<h2 class="bq-more">Other readings</h2>{_cards(sure, judged)}' if sure else ""
        folded = f"{_weak(weak, judged)}{_passages(reply.passages, 'Passages read')}"
        body = f"{card}{more}{timeline((*items, *sure))}{folded}"
    else:
        body = _not_found(reply, judged)
    asked = reply.understood or reply.question
    read_as = (
        f'<p class="bq-understood">Read as <q dir="auto">{escape(reply.understood)}</q></p>' if reply.understood else ""
    )
    return (
        f'<section class="bq-reply" aria-label="{escape(f"Reply to: {asked}")}" data-asked="{escape(asked)}">'
        f"{read_as}{body}</section>"
    )


def answer_card(answer: Answer, judged: Judged = NOT_JUDGED, *, first: bool = False) -> str:
    """One answer: its words, its sentence with the span marked, who said it, how sure, where it is; judged or not."""
    return f'<article class="bq-answer{" bq-first" if first else ""}">{_told(answer, judged, (answer,))}</article>'


def list_card(answers: Sequence[Answer], judged: Judged = NOT_JUDGED) -> str:
    """Answers that belong together, in the order given, each with its own citation.

    A sentence that holds several of them stands once, below the last of them, all of them marked.
    """
    items = []
    for answer in answers:
        fellows = [other for other in answers if _sentence_at(other) == _sentence_at(answer)]
        shown = fellows if answer is fellows[-1] else ()
        items.append(f'<li class="bq-item">{_told(answer, judged, shown)}</li>')
    told = f"{len(answers)} answers that belong together"
    return (
        f'<article class="bq-answer bq-first" aria-label="{told}"><p class="bq-label">{told}</p>'
        f'<ol class="bq-items">{"".join(items)}</ol></article>'
    )


def _sentence_at(answer: Answer) -> tuple[str, int, str]:
    return answer.citation.brief_id, answer.citation.sentence_start, answer.citation.sentence


def _told(answer: Answer, judged: Judged, marked: Sequence[Answer]) -> str:
    """What a card tells of an answer; its sentence only where something is to be marked there."""
    citation = answer.citation
    words = confidence_words(answer.confidence)
    ranges = [(other.citation.start, other.citation.end) for other in marked]
    pieces = cut(citation.sentence, citation.sentence_start, ranges[-1], ranges[:-1]) if marked else ()
    cited = (replace(piece, mark=Mark.CITED) if piece.mark is Mark.OTHER else piece for piece in pieces)
    sentence = f'<blockquote class="bq-sentence" dir="auto">{_marked(cited)}</blockquote>' if marked else ""
    return (
        f'<p class="bq-words" dir="auto">{escape(answer.text)}</p>{sentence}{_said(citation)}'
        f'<div class="bq-foot">{citation_line(citation)}'
        f'<span class="bq-sure" title="{answer.confidence:.0%} likely to be right">{words}</span></div>'
        f"{actions(citation, judged)}{_also(answer.also)}"
    )


def _said(citation: Citation) -> str:
    said = said_by(citation)
    return f'<p class="bq-said" dir="auto">{escape(said)}</p>' if said else ""


def actions(citation: Citation, judged: Judged = NOT_JUDGED) -> str:
    """What can be done with a citation: open its brief there, copy it in three forms or a link to it, judge it."""
    forms = (("Plain text", citing.plain), ("Markdown", citing.markdown), ("BibTeX", citing.bibtex))
    copies = "".join(
        f'<button type="button" class="bq-act" data-copy="{escape(form(citation))}">{name}</button>'
        for name, form in forms
    )
    link = escape(address(brief=citation.brief_id, c=citation.id))
    return (
        f'<div class="bq-acts">{opener(citation.id, "Read in brief", "bq-act")}'
        f'<details class="bq-copy"><summary class="bq-act">Copy citation</summary><span>{copies}</span></details>'
        f'<a class="bq-act" href="{link}" data-copy-link title="Copies a link to this passage">Link</a>'
        f'<output class="bq-taught"></output>{_judge(citation.id, judged)}</div>'
    )


def citation_line(citation: Citation) -> str:
    """Title (a button that opens the brief there), authors, kind, date, paragraph."""
    by = facts(", ".join(citation.authors), citation.kind)
    place = dots(*by, time_of(citation.date), _place(citation.paragraph, citation.page))
    return f'<p class="bq-cite">{opener(citation.id, citation.title)}<span class="bq-where">{place}</span></p>'


def brief_page(
    brief: Brief,
    start: int,
    end: int,
    others: Iterable[Range] = (),
    asked: str = "",
    judged: Judged = NOT_JUDGED,
) -> str:
    """The brief as a document, `start..end` marked, and `others` more weakly; words of it can be marked as right.

    The first marked characters have the id `CITED_ID`. Of the header, date and title are marked; what else lies
    between paragraphs is not shown, so neither are marks there. An empty range marks nothing.
    `asked` is the question to which words of the brief can be marked as the right ones, if there is one; `judged` tells
    those that are marked.
    """
    others = tuple(others)
    body: list[str] = []
    said = outline(brief.text)
    day = _in_header(brief, said.date, (start, end)) or time_of(brief.date)
    title = _in_header(brief, said.title, (start, end)) or escape(brief.title)
    named = any(_in_header(brief, place, (start, end)) for place in (said.date, said.title))
    for paragraph in brief.paragraphs:
        pieces = cut(brief.text[paragraph.start : paragraph.end], paragraph.start, (start, end), others)
        name = not named and any(piece.mark is Mark.CITED for piece in pieces)
        named = named or name
        role = ' class="bq-bio"' if paragraph.role is ParagraphRole.BIO else ""
        place = f'data-number="{paragraph.number}" data-start="{paragraph.start}"'
        body.append(f'<p {place} dir="auto"{role}>{_marked(pieces, name=name)}</p>')
    authors = f'<p class="bq-authors">{escape(", ".join(brief.authors))}</p>' if brief.authors else ""
    topics = "".join(f"<li>{escape(topic)}</li>" for topic in brief.topics)
    topics = f'<ul class="bq-topics" aria-label="Topics">{topics}</ul>' if topics else ""
    return (
        f"{_tools(brief, (start, end), asked, judged)}"
        f'<article class="bq-brief" aria-label="{escape(brief.title)}">'
        f'<p class="bq-dateline">{dots(day, *facts(brief.kind))}</p>'
        f'<h2 class="bq-title" dir="auto">{title}</h2>{authors}'
        f'<div class="bq-text">{"".join(body)}</div>{topics}'
        f'<p class="bq-source">File <bdi>{escape(brief.source)}</bdi> '
        '<button type="button" class="bq-act" data-do="remove">Remove</button></p></article>'
    )


def _in_header(brief: Brief, place: Range | None, cited: Range) -> str:
    """What stands at `place`, the cited characters marked; empty where none of them are."""
    if place is None or not (place[0] < cited[1] and cited[0] < place[1]):
        return ""
    return _marked(cut(brief.text[slice(*place)], place[0], cited), name=True)


def _tools(brief: Brief, cited: Range, asked: str, judged: Judged) -> str:
    """The bar over a brief: through its marks, search in it, ask only it, print it, mark words of it as right.

    Of a PDF file, the page of what is cited can be seen as it is printed.
    """
    at, until = cited
    title = escape(f"Select words, or find them by the search, that answer: {asked}")
    kept = [(place, right) for at, right in judged.items() if (place := parse_citation_id(at)) and place[0] == brief.id]
    told = "".join(
        f"Kept as {'right' if right else 'wrong'}: “{escape(brief.text[start:end])}”."
        for (_, start, end), right in kept
    )
    teach = (
        f'<div class="bq-teach"><span class="bq-judge"><button type="button" class="bq-act" data-words '
        f'title="{title}" disabled>These are the right words</button>'
        f'<button type="button" class="bq-act" data-judge="" '
        f'data-at="{escape(brief.id)}:0-0"{"" if kept else " hidden"}>Take back</button></span>'
        f'<output class="bq-taught">{told}</output></div>'
        if asked
        else ""
    )
    page = brief.page_at(at)
    sheet = (
        f'<button type="button" class="bq-act" data-do="sheet" data-cited="{citation_id(brief.id, at, until)}">'
        f"Page {page} as printed</button>"
        if page and at < until
        else ""
    )
    return (
        f'<div class="bq-tools" role="toolbar" aria-label="This brief" data-brief="{escape(brief.id)}">'
        '<span class="bq-marks"><button type="button" class="bq-act" data-do="previous" aria-label="Previous mark">'
        '↑</button><output>0 marks</output><button type="button" class="bq-act" data-do="next" '
        'aria-label="Next mark">↓</button></span>'
        '<span class="bq-search"><input type="search" class="bq-find" aria-label="Search in this brief" '
        'placeholder="Search in this brief"><output></output></span>'
        '<button type="button" class="bq-act" data-do="only">Ask only this brief</button>'
        f'<button type="button" class="bq-act" data-do="print">Print</button>{sheet}{teach}</div>'
    )


def status_page(status: "Status") -> str:
    """What the index holds, as a list of facts."""
    facts = {
        "Briefs": f"{status.n_briefs:,}",
        "Passages": f"{status.n_passages:,}",
        "Generation": f"{status.generation:,}",
        "Size on disk": size_words(status.disk_bytes),
        "Folder": Path(status.index_dir).absolute().name,  # where it is on the machine is nobody's business
        "Embedder": status.embedder,
        "Reader": status.reader,
    }
    rows = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    return f'<dl class="bq-status">{rows}</dl>'


def report_page(report: Report | None) -> str:
    """What a run of the indexer did: counts, failures with their reasons, file lists folded."""
    if report is None:
        return '<p class="bq-empty">No run of the indexer is on record.</p>'
    lists = {
        "added": report.added, "changed": report.changed,
        "removed": report.removed, "unchanged": report.unchanged,
    }  # fmt: skip
    counts = ", ".join(f"{len(files):,} {name}" for name, files in lists.items())
    failed = f"<h3>Could not be indexed</h3>{failures_list(report.failed)}" if report.failed else ""
    folded = "".join(
        f"<details><summary>{name.capitalize()} ({len(files):,})</summary><ul>"
        f"{''.join(f'<li><bdi>{escape(file)}</bdi></li>' for file in files)}</ul></details>"
        for name, files in lists.items()
        if files
    )
    return (
        f'<section class="bq-report" aria-label="Report of the last run"><h2>Last run</h2>'
        f"<p>{counts}, {len(report.failed):,} failed. "
        f"{counted(report.n_passages, 'passage')} in {counted(report.n_briefs, 'brief')}, "
        f"{report.n_embedded:,} embedded anew, in {report.seconds:.1f} s.</p>"
        f"{failed}{folded}</section>"
    )


def failures_list(failures: Iterable[Failure]) -> str:
    """Files and why they were not taken, one below the other."""
    items = "".join(
        f'<li dir="auto"><bdi>{escape(failure.source)}</bdi>{escape(_without(failure.source, failure.reason))}</li>'
        for failure in failures
    )
    return f'<ul class="bq-failed">{items}</ul>'


def _without(name: str, reason: str) -> str:
    """What follows the name of a file: “: is encrypted”, or the rest of a reason that begins with the name itself."""
    return reason.removeprefix(name) if reason.startswith(name) else f": {reason}"


def findings_page(findings: Sequence[Finding], *, done: bool) -> str:
    """What was found when the index was checked, as far as that has come."""
    items = "".join(
        f'<li class="{"bq-ok" if finding.ok else "bq-bad"}"><b>{"In order" if finding.ok else "Not in order"}</b> '
        f"{escape(sentence_of(Exception(finding.what)))}</li>"
        for finding in findings
    )
    wrong = sum(not finding.ok for finding in findings)
    verdict = "Looking …" if not done else f"{counted(wrong, 'thing')} not in order." if wrong else "All is in order."
    return (
        '<section class="bq-report bq-health" aria-label="Health of the index" aria-live="polite">'
        f"<h2>Health</h2><p>{verdict}</p><ul>{items}</ul></section>"
    )


def examples_page(questions: Sequence[str]) -> str:
    """Example questions as links that ask them; nothing when there are none."""
    if not questions:
        return ""
    links = "".join(
        f'<a class="bq-open" dir="auto" href="{escape(address(q=question))}">{escape(question)}</a>'
        for question in questions
    )
    return f'<p class="bq-examples"><span>For example</span>{links}</p>'


def scope_words(facets: Facets, filters: Filters) -> str:
    """What a question is asked of: “In 214 briefs, 2009–2026”, and which filters made it so."""
    years = sorted(facets.years)
    span = f", {years[0]}–{years[-1]}" if len(years) > 1 else f", {years[0]}" if years else ""
    chosen = [f"{name} “{value}”" for name, value in asdict(filters).items() if value is not None]
    return f"In {counted(facets.n_briefs, 'brief')}{span} · {', '.join(chosen) or 'filter'}"


def _judge(citation_id: str, judged: Judged) -> str:
    """Two buttons that tell whether an answer is right; the one pressed takes it back."""
    buttons = "".join(
        f'<button type="button" class="bq-act" data-judge="{right:d}" data-at="{escape(citation_id)}" '
        f'aria-pressed="{str(judged.get(citation_id) is right).lower()}">{name}</button>'
        for right, name in ((True, "Right"), (False, "Wrong"))
    )
    return f'<span class="bq-judge" role="group" aria-label="Judge this answer">{buttons}</span>'


def _not_found(reply: Reply, judged: Judged) -> str:
    nearest, further = reply.passages[:_NEAREST], reply.passages[_NEAREST:]
    hint = (
        "These passages come nearest; judge for yourself."
        if nearest
        else "No passage came near. Are the filters too narrow?"
    )
    return (
        f'<div class="bq-notfound"><p class="bq-verdict">The briefs do not answer this.</p><p>{hint}</p></div>'
        f"{_passage_list(nearest)}{_passages(further, 'Further passages')}{_weak(reply.answers, judged)}"
    )


def _weak(answers: Sequence[Answer], judged: Judged) -> str:
    if not answers:
        return ""
    return (
        f'<details class="bq-weak"><summary>Weak candidates, probably wrong ({len(answers)})</summary>'
        f"{_cards(answers, judged)}</details>"
    )


def _cards(answers: Iterable[Answer], judged: Judged) -> str:
    return "".join(answer_card(answer, judged) for answer in answers)


def _also(citations: Sequence[Citation]) -> str:
    if not citations:
        return ""
    items = "".join(
        f'<li>{opener(c.id, c.title)}<span class="bq-where">'
        f"{dots(time_of(c.date), _place(c.paragraph, c.page))}</span></li>"
        for c in citations
    )
    return f'<div class="bq-also"><p class="bq-label">Also in</p><ul>{items}</ul></div>'


def _passages(passages: Sequence[ReadPassage], name: str) -> str:
    if not passages:
        return ""
    return f"<details><summary>{name} ({len(passages)})</summary>{_passage_list(passages)}</details>"


def _passage_list(passages: Sequence[ReadPassage]) -> str:
    items = "".join(
        f"<li>{opener(f'{p.brief_id}:{p.start}-{p.end}', p.title)}"
        f'<span class="bq-where">{dots(time_of(p.date), _place(p.paragraph))}</span>'
        f'<p dir="auto">{escape(p.text)}</p></li>'
        for p in passages
    )
    return f'<ol class="bq-passages">{items}</ol>' if passages else ""


def _place(paragraph: int, page: int | None = None) -> str:
    return place_words(paragraph, page).replace(" ", "&nbsp;")


def _marked(pieces: Iterable[Piece], *, name: bool = False) -> str:
    parts: list[str] = []
    for piece in pieces:
        text = escape(piece.text)
        if piece.mark is Mark.NONE:
            parts.append(text)
            continue
        name_it = name and piece.mark is Mark.CITED
        # tabindex: the page moves the focus there, so that a screen reader goes on from there
        identity = f' id="{CITED_ID}" tabindex="-1"' if name_it else ""
        name = name and not name_it
        parts.append(f'<mark class="{piece.mark}"{identity}>{text}</mark>')
    return "".join(parts)
