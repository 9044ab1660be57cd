"""The small pieces that every part of the page is made of; each word that comes from a brief is escaped here."""

import html
import re
from urllib.parse import urlencode

_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_MONTHS = tuple("January February March April May June July August September October November December".split())


def escape(text: str) -> str:
    """`text` as words of a page: in an element or in a quoted attribute."""
    # A file name that is not UTF-8 comes as lone surrogates, which no HTTP reply can carry.
    # A carriage return stays one only if it is named: a page turns \r\n into \n, and offsets would shift.
    return html.escape(text.encode("utf-8", "replace").decode("utf-8")).replace("\r", "&#13;")


def opener(target: str, words: str, style: str = "bq-open") -> str:
    """A button that opens `target`, a citation or a brief: the page's script sends it to `ui.app`."""
    return f'<button type="button" class="{style}" dir="auto" data-open="{escape(target)}">{escape(words)}</button>'


def address(**fields: str) -> str:
    """The part of a link that says what it asks or opens: `?q=…`, `?brief=…&c=…`."""
    return f"?{urlencode({name: value for name, value in fields.items() if value}, errors='replace')}"


def date_words(date: str | None) -> str:
    """`2021-03-15` as “15 March 2021”; what is no such date as it stands; None as “undated”."""
    if date is None:
        return "undated"
    match = _ISO_DATE.fullmatch(date)
    if match is None or not 1 <= int(match[2]) <= 12:
        return date
    return f"{int(match[3])} {_MONTHS[int(match[2]) - 1]} {match[1]}"


def time_of(date: str | None) -> str:
    """A date in words that machines can read too."""
    if not date:
        return date_words(None)
    return f'<time datetime="{escape(date)}">{escape(date_words(date))}</time>'


def facts(*words: str | None) -> list[str]:
    """Those of `words` that say something, each kept to its own direction of writing."""
    return [f"<bdi>{escape(word)}</bdi>" for word in words if word]


def dots(*parts: str) -> str:
    """`parts`, markup already, with a middle dot between."""
    return " · ".join(part for part in parts if part)


def counted(number: int, noun: str) -> str:
    """“1 brief”, “2 briefs”, “1,200 briefs”."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
