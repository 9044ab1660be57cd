"""The time line of a reply: who said what when, each a button that opens its citation."""

from collections.abc import Iterable
from datetime import date

from qa.types import Answer, Citation
from ui.markup import escape, time_of


def timeline(answers: Iterable[Answer]) -> str:
    """The citations of `answers` on a line of time, the oldest first; nothing unless they are of two dates or more."""
    dated = [
        (when, citation)
        for answer in answers
        for citation in (answer.citation, *answer.also)
        if (when := _date(citation)) is not None
    ]
    days = sorted({when for when, _ in dated})
    if len(days) < 2:
        return ""
    dated.sort(key=lambda pair: (pair[0], pair[1].source, pair[1].start))
    span = (days[-1] - days[0]).days
    stops = "".join(_stop(citation, 100 * (when - days[0]).days / span) for when, citation in dated)
    ends = "".join(f"<span>{day.year}</span>" for day in (days[0], days[-1]))
    return (
        f'<figure class="bq-timeline"><figcaption>Who said what when</figcaption><ol>{stops}</ol>'
        f'<div class="bq-axis" aria-hidden="true">{ends}</div></figure>'
    )


def _stop(citation: Citation, percent: float) -> str:
    """One mark, `percent` of the way along; its words stand on the side where there is room."""
    side = "bq-late" if percent > 50 else "bq-early"
    return (
        f'<li class="{side}" style="--at: {percent:.1f}%"><button type="button" data-open="{escape(citation.id)}">'
        f'<span>{time_of(citation.date)} <b dir="auto">{escape(_who(citation))}</b> '
        f'<q dir="auto">{escape(citation.quote)}</q></span></button></li>'
    )


def _who(citation: Citation) -> str:
    if not citation.authors:
        return citation.title
    return citation.authors[0] if len(citation.authors) == 1 else f"{citation.authors[0]} et al."


def _date(citation: Citation) -> date | None:
    try:
        return date.fromisoformat(citation.date or "")
    except ValueError:
        return None
