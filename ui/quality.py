"""The quality of the answers as a page: what was judged, and the figures of a measured question set. Pure."""

from collections.abc import Sequence

from qa.marks import Mark
from qa.runs import Run, run_json
from ui.markup import counted, escape, opener
from ui.report import BY_TYPE, FIGURES, number, pictures_of

_MOST_MARKS = 500
"""More are kept and measured, but not listed."""
_SHOWN = (
    "em", "f1", "top3_f1", "right_brief", "recall_at_1", "recall_at_3", "recall_at_5", "recall_at_10",
    "found_when_answerable", "rightly_not_found", "overall", "auroc", "ece", "ece_by_chance",
)  # fmt: skip


def marks_page(marks: Sequence[Mark]) -> str:
    """How many answers were judged, and each with a button that takes it back."""
    if not marks:
        return (
            '<section class="bq-report" aria-label="Marks"><h2>Marks</h2><p class="bq-empty">Nothing is marked yet. '
            "Under an answer press Right or Wrong; in an open brief, select the right words.</p></section>"
        )
    n_right = sum(mark.right for mark in marks)
    rest = f" The first {_MOST_MARKS} are listed." if len(marks) > _MOST_MARKS else ""
    items = "".join(map(_mark, marks[:_MOST_MARKS]))
    return (
        '<section class="bq-report bq-judged" aria-label="Marks"><h2>Marks</h2>'
        f"<p>{n_right:,} right, {len(marks) - n_right:,} wrong, kept with the index: all who use it share them.{rest}"
        f"</p><details><summary>Brief by brief ({len(marks):,})</summary><ul>{items}</ul></details></section>"
    )


def quality_page(run: Run) -> str:
    """The figures of a run, its pictures with their numbers beside them, and how its questions ended."""
    whole = run_json(run)
    about, figures = whole["about"], whole["figures"]
    n_answerable = sum(bool(row.golds) for row in run.rows)
    missing = about["n_about_briefs_not_indexed"]
    gone = f" {missing:,} of them are about briefs that are not in the index." if missing else ""
    facts = "".join(f"<div><dt>{FIGURES[name]}</dt><dd>{number(figures[name])}</dd></div>" for name in _SHOWN)
    surest = list(dict(whole["risk_coverage"]).items())  # few questions answer the same share several times
    covered = [[number(share), number(earned)] for share, earned in (surest[1::2] if len(surest) > 10 else surest)]
    bins = [
        [f"{b['low']:.1f}–{b['high']:.1f}", f"{b['n']:,}", number(b["said"]), number(b["right"])]
        for b in whole["reliability"]
    ]
    types = [[name, *(number(part[key]) for key in BY_TYPE)] for name, part in whole["by_type"].items()]
    ended = [[name, f"{n:,}"] for name, n in whole["outcomes"].items()]
    numbers = (
        _table("F1 when only the surest are answered", ("answered", "F1"), covered),
        _table("What the confidence says, and how many are right", ("confidence", "n", "said", "right"), bins),
        _table("By type of question", ("type", *BY_TYPE.values()), types),
    )
    figures_ = "".join(
        f'<div class="bq-figure">{picture}{table}</div>'
        for picture, table in zip(pictures_of(run).values(), numbers, strict=True)
    )
    name = escape(str(about["set"]))
    return (
        f'<section class="bq-quality" aria-label="Quality on {name}"><h2>On {name}</h2>'
        f"<p>{counted(len(run.rows), 'question')}, {n_answerable:,} of them answerable, asked of "
        f"{counted(about['n_briefs'], 'brief')}.{gone}</p>"
        f'<dl class="bq-status">{facts}</dl>{figures_}'
        f'<div class="bq-figure">{_table("How they ended", ("", "questions"), ended)}</div></section>'
    )


def _mark(mark: Mark) -> str:
    verdict = '<b class="bq-yes">Right</b>' if mark.right else '<b class="bq-no">Wrong</b>'
    question = escape(mark.question)
    return (
        f'<li>{verdict} <q dir="auto">{escape(mark.words)}</q><p dir="auto">{question}</p>'
        f"<p>{opener(mark.citation_id, mark.title)} "
        f'<button type="button" class="bq-act" data-forget="{escape(mark.brief_id)}" data-question="{question}" '
        f'aria-label="Take back: {question}">Take back</button></p></li>'
    )


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<div class="bq-numbers" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>"
    )
