"""People’s names in a byline or an author bio, and where they stand. Pure."""

import re

Range = tuple[int, int]
"""Half-open, in code points of a brief's text."""

_CAPITAL = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽ"
NAME_WORD = rf"(?:[{_CAPITAL}][\w’'.-]*|de|van|von|der|bin|al|el|da|di|la)"
HONORIFIC = r"(?:Dr|Prof|Professor|Sir|Lt|Col|Gen|Maj|Capt|Ret|Ambassador)\.?\s+"
_HONORIFIC = re.compile(HONORIFIC)
_FULL_NAME = re.compile(rf"[{_CAPITAL}][\w’'.-]*(?:\s+{NAME_WORD}){{1,4}}")
_ROLE = re.compile(
    r"\b(?:fellow|director|professor|analyst|research(?:er)?|scholar|institut\w*|universit\w+|college|cent(?:er|re)|school|"
    r"council|foundation|program(?:me)?|project|initiative|department|ministry|chair|president|advis[eo]r|editor|economist|"
    r"manager|head|officer|associate|lecturer|senior|visiting|ph\.?d|jr|sr|m\.?d|forum|network|society|association|"
    r"observatory|academy|policy|studies|group|team|staff|service|agency|office|division|unit|bureau|committee|"
    r"commission|board|company|bank|media|press)\b",
    re.IGNORECASE,
)
_GROUPS = re.compile(r"\s*;\s*(?:and\s+)?|,?\s+(?:and|&|with)\s+")
_COMMA = re.compile(r"\s*,\s*")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_LONGEST = 400


def names_in(text: str, start: int, end: int) -> tuple[Range, ...]:
    """The names that `text[start:end]` lists, without titles and affiliations; nothing if it is no list of names.

    “Ana Brook and Ivo Hale”, “Dr. Ana Brook, Senior Fellow; Ivo Hale, Mill University”, “Ana Brook (Coast Group)”.
    """
    if end - start > _LONGEST:
        return ()
    # What is in brackets is of no one's name; its place is kept, so that offsets stay what they are.
    said = _BRACKETS.sub(lambda bracketed: " " * len(bracketed[0]), text[start:end])
    found: list[Range] = []
    for first, last in _cut(said, 0, len(said), _GROUPS):
        for n, part in enumerate(_cut(said, first, last, _COMMA)):
            name = _name(said, *part)
            if name is None and (n == 0 and ";" in said or not found):
                return ()
            if name is not None and not (n and ";" in said):
                found.append(name)
    return tuple((start + a, start + b) for a, b in found)


def without_honorific(text: str, start: int, end: int) -> Range:
    """The range without “Dr.” and the like in front."""
    while match := _HONORIFIC.match(text, start, end):
        start = match.end()
    return start, end


def _name(said: str, start: int, end: int) -> Range | None:
    start, end = without_honorific(said, start, end)
    words = said[start:end].rstrip(" .*†‡¹²³")
    return (start, start + len(words)) if _FULL_NAME.fullmatch(words) and not _ROLE.search(words) else None


def _cut(said: str, start: int, end: int, between: re.Pattern[str]) -> list[Range]:
    parts, at = [], start
    for cut in between.finditer(said, start, end):
        parts.append((at, cut.start()))
        at = cut.end()
    parts.append((at, end))
    return [
        (a + len(said[a:b]) - len(said[a:b].lstrip()), a + len(said[a:b].rstrip()))
        for a, b in parts
        if said[a:b].strip()
    ]
