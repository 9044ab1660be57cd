"""The history of the index: a table of what its last runs did."""

from collections.abc import Sequence

from index.history import PastRun
from ui.markup import counted, date_words, escape

_SHOWN = 8
_COLUMNS = ("Finished (UTC)", "Added", "Changed", "Removed", "Failed", "Briefs", "Seconds")


def history_page(runs: Sequence[PastRun]) -> str:
    """The last of `runs` (oldest first), the newest on top; nothing where there was only one, which has its report."""
    if len(runs) < 2:
        return ""
    shown = list(reversed(runs))[:_SHOWN]
    older = len(runs) - len(shown)
    note = f'<p class="bq-empty">{counted(older, "older run")}: briefqa status --history</p>' if older else ""
    head = "".join(f'<th scope="col">{name}</th>' for name in _COLUMNS)
    return (
        '<section class="bq-report bq-history" aria-label="History of the index"><h2>History</h2>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, shown))}</tbody></table>{note}</section>"
    )


def time_words(finished_at: str) -> str:
    """`2021-03-15T10:02:33+00:00` as “15 March 2021, 10:02”."""
    day, _, time = finished_at.partition("T")
    return f"{date_words(day)}, {time[:5]}" if time else finished_at


def _row(run: PastRun) -> str:
    when = f'<time datetime="{escape(run.finished_at)}">{escape(time_words(run.finished_at))}</time>'
    counts = "".join(f"<td>{n:,}</td>" for n in (run.added, run.changed, run.removed, run.failed, run.n_briefs))
    return (
        f'<tr title="Generation {run.generation:,}"><th scope="row">{when}</th>{counts}<td>{run.seconds:.1f}</td></tr>'
    )
