"""The date that words say. Pure."""

import re
from datetime import date, datetime

_FORMS = (
    "%B %d, %Y", "%B %d %Y", "%b %d, %Y", "%b. %d, %Y", "%d %B %Y", "%d %b %Y", "%d %b. %Y", "%d. %B %Y", "%B %Y",
    "%b %Y", "%B, %Y", "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y",
)  # fmt: skip
_LONGEST = 60
_WEEKDAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+", re.IGNORECASE)
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)
_SEPT = re.compile(r"\bsept\b", re.IGNORECASE)
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


def parse_date(words: str) -> date | None:
    """The date written in `words` (“March 15, 2021”, “15 Mar 2021”, “Monday, 15th March 2021”, “15.3.2021”), or None.

    A month alone (“March 2021”) is its first day. “3/4/2021” is another day in Europe than in America, so it is none.
    """
    words = words.strip()
    if not words or len(words) > _LONGEST or not any(character.isdigit() for character in words):
        return None
    words = " ".join(_SEPT.sub("Sep", _ORDINAL.sub("", _WEEKDAY.sub("", words))).split())
    if match := _SLASHED.fullmatch(words):
        first, second, year = map(int, match.groups())
        if first <= 12 and second <= 12 and first != second:
            return None
        words = f"{max(first, second)}.{min(first, second)}.{year}"
    for form in _FORMS:
        try:
            return datetime.strptime(words, form).date()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            continue
    return None
