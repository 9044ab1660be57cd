"""A citation in the forms that people paste elsewhere: plain words, Markdown, BibTeX. Each names the citation's id."""

import re
import unicodedata

from qa.citations import place_words
from qa.sections import said_by
from qa.types import Citation
from ui.markup import date_words

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&!])")
_BIBTEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "{}&%$#_"},
}  # fmt: skip


def plain(citation: Citation) -> str:
    """The quote exactly as it stands in the brief, then who said it, and where."""
    said = f"{said_by(citation)}. " if citation.speaker else ""
    by = f"{_names(citation.authors)}. " if citation.authors else ""
    return f"“{citation.quote}”\n{said}{by}“{citation.title}.” {_place(citation)}. [{citation.id}]"


def markdown(citation: Citation) -> str:
    """A block quote; what the brief says cannot become a link, an image or markup."""
    said = f"{_escaped(said_by(citation))}. " if citation.speaker else ""
    by = f"{_escaped(_names(citation.authors))}, " if citation.authors else ""
    return (
        f"> “{_escaped(citation.quote)}”\n>\n"
        f"> — {said}{by}*{_escaped(citation.title)}*, {_escaped(_place(citation))} (`{citation.id}`)"
    )


def bibtex(citation: Citation) -> str:
    """An entry of the type `misc`; the quote, and who said it, are in its note."""
    place = f"Paragraph {citation.paragraph}" if citation.paragraph else "Header"
    if citation.page is not None:
        place = f"Page {citation.page}, {place.lower()}"
    said = f". {_tex(said_by(citation))}" if citation.speaker else ""
    fields = {
        "author": " and ".join(f"{{{_tex(name)}}}" for name in citation.authors),
        "title": f"{{{_tex(citation.title)}}}",
        "howpublished": _tex(citation.kind or ""),
        "date": _tex(citation.date or ""),
        "year": _tex((citation.date or "")[:4]),
        "note": f"{place}: “{_tex(citation.quote)}” [{citation.id}]{said}",
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@misc{{{_key(citation)},\n{lines}}}"


def _names(authors: tuple[str, ...]) -> str:
    """“A”, “A and B”, “A, B and C”."""
    return " and ".join(filter(None, (", ".join(authors[:-1]), authors[-1])))


def _place(citation: Citation) -> str:
    return f"{citation.kind or 'Brief'}, {date_words(citation.date)}, {place_words(citation.paragraph, citation.page)}"


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _one_line(text))


def _tex(text: str) -> str:
    return "".join(_BIBTEX.get(character, character) for character in _one_line(text))


def _one_line(text: str) -> str:
    """A line break would end the block quote, and the line after it could be a heading or a list."""
    return " ".join(text.split())


def _key(citation: Citation) -> str:
    """Last name, year and place: “lindqvist2021-310”."""
    name = citation.authors[0].split()[-1:] if citation.authors else []
    ascii_name = unicodedata.normalize("NFKD", "".join(name)).encode("ascii", "ignore").decode()
    letters = re.sub(r"[^a-z]", "", ascii_name.lower()) or "brief"
    return f"{letters}{re.sub('[^0-9]', '', (citation.date or '')[:4])}-{citation.start}"
