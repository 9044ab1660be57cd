"""Citations as BibTeX and CSL-JSON: an entry for each brief, its quotes in a note. Pure."""

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from qa.citations import place_words
from qa.records import record_line
from qa.sections import on_a_line
from qa.types import Citation

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
} | {character: f"\\{character}" for character in "#$%&_"}  # fmt: skip
_PARTICLES = frozenset("de van von der den bin al el da di la".split())


def bibtex(citations: Sequence[Citation]) -> str:
    """A BibTeX file in UTF-8; the field `briefqa`, which styles ignore, holds the records."""
    entries = []
    for cited in _by_brief(citations):
        brief = cited[0]
        fields = {
            "author": " and ".join(f"{{{_tex(name)}}}" if _is_odd(name) else _tex(name) for name in brief.authors),
            "title": f"{{{_tex(brief.title)}}}",  # doubly braced: the case of its letters stays
            "year": (brief.date or "")[:4],
            "date": brief.date or "",
            "howpublished": _tex(brief.kind or ""),
            "keywords": _tex(", ".join(brief.topics)),
            "note": _tex(_note(cited)),
            "briefqa": " ".join(map(record_line, cited)),
        }
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
        entries.append(f"@misc{{{_key(brief)},\n{lines}}}\n")
    return "\n".join(entries)


def csl_json(citations: Sequence[Citation]) -> str:
    """A CSL-JSON list; `custom`, where the schema puts what it has no field for, holds the records."""
    items = []
    for cited in _by_brief(citations):
        brief = cited[0]
        item: dict[str, Any] = {"id": _key(brief), "type": "report", "title": on_a_line(brief.title)}
        if brief.authors:
            item["author"] = [_csl_name(name) for name in brief.authors]
        if brief.date:
            item["issued"] = {"date-parts": [[int(part) for part in brief.date.split("-")]]}
        if brief.kind:
            item["genre"] = on_a_line(brief.kind)
        if brief.topics:
            item["keyword"] = on_a_line(", ".join(brief.topics))
        item |= {"note": on_a_line(_note(cited)), "custom": {"briefqa": [record_line(citation) for citation in cited]}}
        items.append(item)
    return json.dumps(items, ensure_ascii=False, indent=1) + "\n"


def _by_brief(citations: Sequence[Citation]) -> list[list[Citation]]:
    groups: dict[str, list[Citation]] = {}
    for citation in citations:
        groups.setdefault(citation.brief_id, []).append(citation)
    return list(groups.values())


def _note(cited: Sequence[Citation]) -> str:
    quotes = "; ".join(f"“{c.quote}” ({place_words(c.paragraph, c.page)}, {c.id})" for c in cited)
    return f"{quotes}; {cited[0].source}"


def _key(citation: Citation) -> str:
    """Name of the first author, year and brief id: ASCII letters and digits, the same for ever."""
    author = citation.authors[0].split()[-1] if citation.authors and citation.authors[0].split() else ""
    plain = unicodedata.normalize("NFKD", author).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z]", "", plain.lower()) or "brief"
    return f"{name}{(citation.date or '')[:4]}_{citation.brief_id}"


def _is_odd(name: str) -> bool:
    """Whether BibTeX would take `name` for several or turn it round."""
    return "," in name or " and " in name.lower()


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in on_a_line(text))


def _csl_name(name: str) -> dict[str, str]:
    words = on_a_line(name).split()
    if len(words) < 2 or _is_odd(name):
        return {"literal": on_a_line(name)}
    family = next((n for n, word in enumerate(words) if n and word in _PARTICLES), len(words) - 1)
    return {"family": " ".join(words[family:]), "given": " ".join(words[:family])}
