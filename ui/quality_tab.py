"""The tab that tells how good the answers are: what was judged right and wrong, and question sets measured."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from threading import Event, Lock
from typing import TYPE_CHECKING

import gradio as gr

from index.errors import BriefQAError, IndexBusy, IndexStopped, QuestionInvalid
from qa.measuring import run_questions
from qa.questions import Question, questions_in
from qa.types import Reply
from ui import render
from ui.quality import marks_page, quality_page

if TYPE_CHECKING:
    from qa.assistant import Assistant

MAX_SET_CHARS = 5_000_000
"""Of a question set; larger ones are for the command line."""
SET_SUFFIXES = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Teaching:
    """What happens when an answer is judged or a set measured; BriefQAError becomes a sentence."""

    assistant: "Assistant"
    _busy: Lock = field(default_factory=Lock, init=False)
    _stopping: dict[str | None, Event] = field(default_factory=dict, init=False)
    """Whose run is at work: the session, and how to stop it."""

    def judge(self, reply: Reply | None, event: gr.EventData) -> tuple[str, str]:
        """What page.js is to tell about a judgment, as JSON, and the list of marks."""
        try:
            said, failed = self._judge(reply, event), False
        except BriefQAError as error:
            said, failed = render.sentence_of(error), True
        judged = judged_of(self.assistant, reply)
        return json.dumps({"said": said, "failed": failed, "judged": judged}), self.marks()

    def forget(self, event: gr.EventData) -> str:
        """The list of marks without the one taken back."""
        try:
            self.assistant.unmark(event.question, event.brief)
        except BriefQAError as error:
            return render.message_page(error)
        return self.marks()

    def marks(self) -> str:
        """The list of marks."""
        try:
            return marks_page(self.assistant.marks())
        except BriefQAError as error:
            return render.message_page(error)

    def marked_set(self) -> str:
        """The marks as a question set."""
        try:
            return self.assistant.marked_set()
        except BriefQAError as error:
            raise gr.Error(render.sentence_of(error), print_exception=False) from error

    def measure_marks(self, request: gr.Request, progress: gr.Progress = gr.Progress()) -> str:
        """The quality on the marks."""
        return self._measure("the marks", self._marked, request, progress)

    def measure_file(
        self, event: gr.EventData, request: gr.Request, progress: gr.Progress = gr.Progress()
    ) -> str:  # fmt: skip
        """The quality on a set whose text the browser read."""
        name = PurePath(str(event.name)).name
        return self._measure(name, lambda: _questions_in(str(event.text), name), request, progress)

    def stop(self, request: gr.Request) -> None:
        """Ends the run of this session, if one is at work, before its next question."""
        if stopping := self._stopping.get(request.session_hash):
            stopping.set()

    def left(self, request: gr.Request) -> None:
        """Ends the run of a session that has ended: nobody waits for its figures any more."""
        self.stop(request)

    def _judge(self, reply: Reply | None, event: gr.EventData) -> str:
        if reply is None:
            raise QuestionInvalid("ask a question first, then tell what answers it")
        question = asked_of(reply)
        if event.right is None:
            self.assistant.unmark(question, str(event.at).partition(":")[0])
            return "Taken back."
        self.assistant.mark(question, str(event.at), right=bool(event.right), words=event.words)
        if event.words is not None:
            return f"Kept as the right words for “{question}”."
        return "Kept as right." if event.right else "Kept as wrong. If the brief has the right words, mark them there."

    def _marked(self) -> list[Question]:
        if not any(mark.right for mark in self.assistant.marks()):
            raise QuestionInvalid("no right answer is marked yet; mark some, then measure on them")
        return questions_in(self.assistant.marked_set(), "marks.json")

    def _measure(
        self, name: str, read: Callable[[], list[Question]], request: gr.Request, progress: gr.Progress
    ) -> str:  # fmt: skip
        if not self._busy.acquire(blocking=False):
            return render.message_page(IndexBusy("another set is being measured; wait until that has ended"))
        stopping = self._stopping[request.session_hash] = Event()

        def tell(stage: str, done: int, total: int) -> None:
            if stopping.is_set():
                raise IndexStopped("measuring was stopped; nothing of it is kept")
            progress((done, total), desc="Asking", unit="questions")

        try:
            return quality_page(run_questions(self.assistant, read(), name, tell))
        except BriefQAError as error:
            return render.message_page(error)
        finally:
            self._stopping.clear()
            self._busy.release()


@dataclass(frozen=True, slots=True)
class QualityTab:
    """The parts of the tab."""

    judged: gr.Textbox
    exported: gr.Textbox
    marks: gr.HTML
    download: gr.Button
    measure_marks: gr.Button
    measure_file: gr.HTML
    stop: gr.Button
    quality: gr.HTML


def lay_quality(lay_html: Callable[..., gr.HTML]) -> QualityTab:
    """The tab, its HTML laid by `lay_html(elem_id, label, value)`."""
    # Hidden: through them Python tells page.js what it is to show or to save.
    judged = gr.Textbox(label="Judgment", elem_id="judged", visible="hidden")
    exported = gr.Textbox(label="Exported marks", elem_id="exported", visible="hidden")
    marks = lay_html("marks", "Marks")
    download = gr.Button("Download the marks", elem_id="marks-download", size="sm", min_width=160, scale=0)
    lay_html(
        "quality-help", "Help",
        "<h2>Measure</h2><p>Every question of a set is asked, and the replies are compared with the answers known: the "
        "marks, or a file (SQuAD, JSON lines, up to 5 MB). Others can ask meanwhile.</p>",
    )  # fmt: skip
    with gr.Row(elem_id="measuring"):
        measure_marks = gr.Button(
            "Measure on the marks", variant="primary", elem_id="measure-marks", min_width=240, scale=0
        )  # fmt: skip
        measure_file = lay_html(
            "measure-file", "Question set",
            f'<label class="bq-pick bq-button"><input type="file" accept="{",".join(SET_SUFFIXES)}" '
            f'data-most="{MAX_SET_CHARS}">Measure on a file</label><output></output>',
        )  # fmt: skip
        stop = gr.Button("Stop", variant="stop", elem_id="measure-stop", min_width=120, scale=0)
    return QualityTab(
        judged, exported, marks, download, measure_marks, measure_file, stop, lay_html("quality", "Quality")
    )  # fmt: skip


def wire_quality(
    teaching: Teaching, app: gr.Blocks, tab: gr.Tab, made: QualityTab, reply: gr.State, answers: gr.HTML
) -> None:
    """The events of the tab, and the judgments, which come by way of `answers`; see teach.js."""
    answers.like(
        teaching.judge, reply, [made.judged, made.marks], api_name="judge", api_visibility="undocumented",
        show_progress="hidden", trigger_mode="multiple",
    ).then(None, made.judged, None, js="briefqa.judged")  # fmt: skip
    made.marks.delete(
        teaching.forget, None, made.marks, api_name="forget", api_visibility="undocumented", show_progress="hidden",
        trigger_mode="multiple",
    ).then(None, js="briefqa.forgotten")  # fmt: skip
    tab.select(teaching.marks, None, made.marks, api_name="marks", api_visibility="undocumented")
    made.download.click(
        teaching.marked_set, None, made.exported, api_name="marked_set", api_visibility="undocumented",
        show_progress="hidden",
    ).then(None, made.exported, None, js="briefqa.save")  # fmt: skip
    for begin, call in (
        (made.measure_marks.click, teaching.measure_marks), (made.measure_file.upload, teaching.measure_file),
    ):  # fmt: skip
        begin(
            call, None, made.quality, api_name=call.__name__, api_visibility="undocumented", concurrency_limit=None,
            show_progress_on=made.quality,
        )  # fmt: skip
    made.stop.click(teaching.stop, None, None, api_name="stop_measuring", api_visibility="undocumented", queue=False)
    app.unload(teaching.left)


def asked_of(reply: Reply | None) -> str:
    """The question that was answered, as it was understood; empty before the first."""
    return (reply.understood or reply.question) if reply is not None else ""


def judged_of(assistant: "Assistant", reply: Reply | None) -> dict[str, bool]:
    """Citation id → whether its words were judged right, of the question of `reply`."""
    try:
        return {m.citation_id: m.right for m in assistant.marks() if m.question == asked_of(reply)}
    except BriefQAError:  # told where the marks are listed
        return {}


def _questions_in(text: str, name: str) -> list[Question]:
    if PurePath(name).suffix.lower() not in SET_SUFFIXES:
        raise QuestionInvalid(f"{name} is not one of {', '.join(SET_SUFFIXES)}; give a question set in one of these")
    if len(text) > MAX_SET_CHARS:
        raise QuestionInvalid(
            f"{name} has {len(text):,} characters, at most {MAX_SET_CHARS:,} are taken; measure it with: briefqa eval"
        )
    return questions_in(text, name)
