"""Running a question set through the whole pipeline, and through the reader alone."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from index.decoding import decode
from index.errors import BriefUnreadable, InputMissing, QuestionInvalid
from index.types import Brief, Progress
from qa.assistant import Assistant
from qa.evaluation import judge
from qa.questions import Question, briefs_of
from qa.runs import Run
from qa.types import Reply


def run_questions(assistant: Assistant, questions: Sequence[Question], name: str, progress: Progress) -> Run:
    """Asks every question as a user would, and again of the gold passages alone.

    A question that is refused (empty, too long) counts as not found.

    Raises:
        InputMissing: No brief that the questions are about is in the index.
    """
    briefs = {brief.id: brief for brief in assistant.briefs()}
    homes = briefs_of(questions, list(briefs.values()))
    if all(home is not None and not home for home in homes.values()):
        raise InputMissing(
            f"no brief that the questions in {name} are about ({questions[0].file or 'the first context'}, …) is in "
            "the index; index those briefs first"
        )
    rows, replies = [], []
    for n, q in enumerate(questions):
        progress("answering", n, len(questions))
        home = homes[q.id]
        reply = _asked(assistant, q)
        replies.append(reply)
        rows.append(judge(q, asdict(reply), home, _alone(assistant, q, home)))
    progress("answering", len(questions), len(questions))
    status = assistant.status()
    about = {
        "set": name, "index": status.index_dir, "generation": status.generation, "n_briefs": status.n_briefs,
        "n_passages": status.n_passages, "embedder": status.embedder, "reader": status.reader,
        "n_about_briefs_not_indexed": sum(home is not None and not home for home in homes.values()),
    }  # fmt: skip
    cited = [c for reply in replies for answer in reply.answers for c in (answer.citation, *answer.also)]
    texts = {brief_id: _texts(briefs[brief_id]) for brief_id in {c.brief_id for c in cited} if brief_id in briefs}
    n_exact = sum(all(text[c.start : c.end] == c.quote for text in texts.get(c.brief_id, ("",))) for c in cited)
    timings = {
        stage: (round(float(p50), 1), round(float(p95), 1))
        for stage in ("retrieve", "read", "total")
        if (taken := [reply.timings_ms[stage] for reply in replies if stage in reply.timings_ms])
        for p50, p95 in [np.percentile(taken, (50, 95))]
    }
    return Run(about, tuple(rows), timings, len(cited), n_exact)


def _asked(assistant: Assistant, q: Question) -> Reply:
    try:
        return assistant.ask(q.text)
    except QuestionInvalid:
        return Reply(q.text, False, 0.0, (), ())


def _alone(assistant: Assistant, q: Question, home: frozenset[str] | None) -> dict[str, Any] | None:
    passages = [
        passage
        for brief_id in sorted(home or ())
        for passage in assistant.passages(brief_id)
        if any(gold in passage.text for gold in q.golds)
    ]
    try:
        return asdict(assistant.ask_of(q.text, passages)) if passages else None
    except QuestionInvalid:
        return None


def _texts(brief: Brief) -> tuple[str, ...]:
    """The brief's text and, where its file is text and still there, the file's."""
    path = Path(brief.path)
    if path.suffix.lower() not in (".txt", ".md") or not path.is_file():
        return (brief.text,)
    try:
        return brief.text, decode(path.read_bytes(), brief.source)
    except BriefUnreadable:
        return brief.text, ""
