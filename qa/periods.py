"""The time a question is about, as far as its words tell. Pure."""

import re
from calendar import monthrange
from datetime import date

MONTHS = tuple("january february march april may june july august september october november december".split())
_MONTH = rf"(?P<month>{'|'.join(MONTHS)})"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_POINT = rf"(?:{_MONTH}\s+(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+)?)?{_YEAR}\b"
_SIDE = re.compile(
    rf"\b(?P<side>before|until|till|prior\s+to|after|since)\s+(?:the\s+(?:(?P<end>end)|start|beginning)\s+of\s+)?{_POINT}",
    re.I,
)
_BETWEEN = re.compile(r"\b(?:between|from)\s+((?:19|20)\d\d)\s+(?:and|to|until|till)\s+((?:19|20)\d\d)\b", re.I)
_AT = re.compile(rf"\b{_POINT}", re.I)
_LAST_MONTH = re.compile(rf"\blast\s+{_MONTH}\b", re.I)
_YEARS_AGO = {"this year": 0, "last year": 1}
_PRESENT = re.compile(
    r"\b(?:now|current|currently|latest|newest|most\s+recent|still|today|at\s+present|so\s+far|nowadays)\b", re.I
)
_PRESENT_VERB = re.compile(
    r"\W*(?:and\s+)?(?:(?:who|what|where|which|why|how)\b(?:\s+\w+)?\s+)?(?:is|are|has|have|does|do)\b", re.I
)

Period = tuple[str, str]
"""First and last day, ISO."""
_EVER = ("0001-01-01", "9999-12-31")


def period_of(question: str, today: date) -> Period | None:
    """The time that `question` names, or None.

    “in 2018”, “in March 2021”, “on March 15, 2021” (the whole month: what is written of a day comes out after it),
    “between 2018 and 2020”, “before March 2021”, “since 2018”, and seen from `today` “last December”, “last year”.
    """
    if match := _BETWEEN.search(question):
        first, last = sorted(match.groups())
        return f"{first}-01-01", f"{last}-12-31"
    if match := _SIDE.search(question):
        first, last = _around(match)
        side = match["side"].lower()
        day = last if match["end"] or side in ("until", "till") else first
        return (day, _EVER[1]) if side in ("after", "since") else (_EVER[0], day)
    if match := _AT.search(question):
        return _around(match)
    if match := _LAST_MONTH.search(question):
        month = MONTHS.index(match["month"].lower()) + 1
        return _month(today.year if month < today.month else today.year - 1, month)
    for words, ago in _YEARS_AGO.items():
        if re.search(rf"\b{words}\b", question, re.I):
            return f"{today.year - ago}-01-01", f"{today.year - ago}-12-31"
    return None


def asks_present(question: str) -> bool:
    """Whether `question` asks how things stand: by a word (“now”, “latest”, “still”) or by its verb (“who is …”)."""
    return bool(_PRESENT.search(question) or _PRESENT_VERB.match(question))


def _around(match: re.Match[str]) -> Period:
    if match["month"]:
        return _month(int(match["year"]), MONTHS.index(match["month"].lower()) + 1)
    return f"{match['year']}-01-01", f"{match['year']}-12-31"


def _month(year: int, month: int) -> Period:
    return f"{year}-{month:02}-01", f"{year}-{month:02}-{monthrange(year, month)[1]:02}"
