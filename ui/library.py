"""The library: every brief in a table that the page's script sorts and narrows, with counts by year and topic."""

from collections.abc import Mapping, Sequence

from index.types import Brief, Facets, Failure
from ui.markup import counted, escape, opener, time_of
from ui.render import failures_list

_MOST_ROWS = 2_000
"""More would make the page slow; the filters of a question reach every brief."""
_MOST_TOPICS = 6
_COLUMNS = ("Title", "Date", "Kind", "Authors", "Topics")


def library_page(briefs: Sequence[Brief], facets: Facets, failed: Sequence[Failure] = ()) -> str:
    """Plots and table of `briefs` in the order given; each title is a button that opens the brief.

    Files that `failed` to become briefs are told above, folded.
    """
    unread = (
        f'<details class="bq-report bq-unread"><summary>{counted(len(failed), "file")} could not be indexed</summary>'
        f"{failures_list(failed)}</details>"
        if failed
        else ""
    )
    if not briefs:
        return unread + (
            '<p class="bq-empty">No briefs are indexed yet. Add some here, or put files into the folder '
            "that is indexed, then press Update under Index.</p>"
        )
    listed = briefs[:_MOST_ROWS]
    rest = f", of which the first {len(listed):,} are listed" if len(listed) < len(briefs) else ""
    head = "".join(
        f'<th scope="col"><button type="button" data-sort="{column}">{name}</button></th>'
        for column, name in enumerate(_COLUMNS)
    )
    return (
        f'{unread}<div class="bq-plots">{_years(facets.years)}{_topics(facets.topics)}</div>'
        '<p class="bq-narrowing"><input type="search" class="bq-field bq-narrow" aria-label="Search the library" '
        'placeholder="Title, author, kind, topic, year"></p>'
        f'<table class="bq-library"><caption aria-live="polite" data-all="{counted(len(briefs), "brief")}{rest}">'
        f"{counted(len(briefs), 'brief')}{rest}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, listed))}</tbody></table>"
    )


def _row(brief: Brief) -> str:
    return (
        f'<tr><th scope="row">{opener(brief.id, brief.title)}</th><td>{time_of(brief.date)}</td>'
        f"<td>{escape(brief.kind or '')}</td><td>{escape(', '.join(brief.authors))}</td>"
        f"<td>{escape(', '.join(brief.topics))}</td></tr>"
    )


def _years(years: Mapping[str, int]) -> str:
    """A column for every year from the first to the last, those without a brief too; none for a single year."""
    known = sorted(year for year in years if year.isdecimal())
    if len(known) < 2:
        return ""
    counts = {str(year): years.get(str(year), 0) for year in range(int(known[0]), int(known[-1]) + 1)}
    most = max(counts.values())
    columns = "".join(_bar(year, n, most, f"{year}: {counted(n, 'brief')}") for year, n in counts.items())
    ends = f"<span>{known[0]}</span><span>{known[-1]}</span>"
    return (
        f'<figure class="bq-years"><figcaption>By year</figcaption><ol>{columns}</ol>'
        f'<div class="bq-axis" aria-hidden="true">{ends}</div></figure>'
    )


def _topics(topics: Mapping[str, int]) -> str:
    """The most frequent topics; none where each is of a single brief, for then they count nothing."""
    first = dict(list(topics.items())[:_MOST_TOPICS])
    most = max(first.values(), default=0)
    if most < 2:
        return ""
    rows = "".join(
        _bar(topic, n, most, f'<bdi>{escape(topic)}</bdi> <span>{n:,}</span>') for topic, n in first.items()
    )  # fmt: skip
    return f'<figure class="bq-topbars"><figcaption>By topic</figcaption><ol>{rows}</ol></figure>'


def _bar(words: str, n: int, most: int, inside: str) -> str:
    """A bar that narrows the table to `words`; without a brief, one that does nothing."""
    bar = f'<li style="--size: {100 * n / most:.0f}%" title="{escape(words)}: {counted(n, "brief")}">'
    button = f'<button type="button" data-narrow="{escape(words)}">{inside}</button>' if n else ""
    return f"{bar}{button}</li>"
