"""Replies as Markdown and as HTML: every word of a brief escaped. Pure."""

import html
import re
from collections.abc import Sequence

from qa.records import record_line
from qa.sections import HEADING, NOT_FOUND, RECORDS_HEADING, Cited, citations_of, sections
from qa.types import Reply

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>&$|~^@#]")
_LIST = re.compile(r"^(\d*)([-+=.)])")
_STYLE = (
    "body{font:1.05rem/1.55 Georgia,serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a}"
    "blockquote{margin:1rem 0;padding-left:1rem;border-left:3px solid #bbb}mark{background:#fff1a8}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.75rem}small{color:#555}"
)


def markdown(replies: Sequence[Reply]) -> str:
    """A Markdown document (CommonMark, and footnotes as GitHub and Pandoc write them)."""
    blocks, notes = [f"# {HEADING}"], []
    for section in sections(replies):
        blocks.append(f"## {markdown_inline(section.question)}")
        blocks += [section.together] if section.together else []
        for answer in section.answers:
            marks = "".join(f"[^{n}]" for n, _ in answer.notes)
            sentence = f"{_line(answer.before)}**{markdown_inline(answer.quote)}**{markdown_inline(answer.after)}"
            blocks.append(f"> {sentence}{marks} ({answer.confidence:.0%})")
            notes += [f"[^{n}]: {_line(text)}" for n, text in answer.notes]
        if not section.answers:
            blocks.append(NOT_FOUND)
    if records := [record_line(citation) for citation in citations_of(replies)]:
        # In a code block nothing is interpreted, and a record, being one line that begins with a brace, cannot end it.
        notes += [f"## {RECORDS_HEADING}", "\n".join(["```json", *records, "```"])]
    return "\n\n".join([*blocks, *notes]) + "\n"


def page(replies: Sequence[Reply]) -> str:
    """An HTML page that stands alone and loads and runs nothing."""
    body, notes = [], []
    for section in sections(replies):
        body.append(f'<h2 dir="auto">{html.escape(section.question)}</h2>')
        body += [f"<p>{section.together}</p>"] if section.together else []
        body += [_quote(answer) for answer in section.answers] or [f"<p>{NOT_FOUND}</p>"]
        for answer in section.answers:
            notes += [
                f'<li id="note-{n}" dir="auto">{html.escape(text)} <a href="#mark-{n}">↩</a></li>'
                for n, text in answer.notes
            ]
    listed = f"<ol>{''.join(notes)}</ol>" if notes else ""
    lines = "\n".join(html.escape(record_line(citation)) for citation in citations_of(replies))
    records = f"<details><summary>{RECORDS_HEADING}</summary><pre>{lines}</pre></details>" if lines else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{HEADING}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{HEADING}</h1>\n{''.join(body)}\n{listed}\n{records}</body></html>\n"
    )


def _quote(answer: Cited) -> str:
    marks = "".join(f'<sup><a id="mark-{n}" href="#note-{n}">{n}</a></sup>' for n, _ in answer.notes)
    before, quote, after = map(html.escape, (answer.before, answer.quote, answer.after))
    sentence = f"{before}<mark>{quote}</mark>{after}"
    return f'<blockquote dir="auto">{sentence}{marks} <small>{answer.confidence:.0%}</small></blockquote>'


def markdown_inline(text: str) -> str:
    """`text` as it stands: CommonMark takes a backslash off any punctuation."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _line(text: str) -> str:
    """`text` at the start of a block, where “1.” or “-” would begin a list and spaces a code block."""
    return _LIST.sub(r"\1\\\2", markdown_inline(text.lstrip()))
