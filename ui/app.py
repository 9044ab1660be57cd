"""The web page: `build_app(assistant)` lays it out and wires it; `launch` serves it, offline."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from importlib.resources import files
from importlib.util import find_spec
from inspect import signature
from threading import Event
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio_client import Client
from pydantic import ValidationError, validate_call

from index.adding import Added
from index.check import Finding
from index.errors import BriefQAError, IndexStopped, PackageMissing, QuestionDropped
from index.types import Facets, Progress, Report
from qa.types import Reply
from ui import render
from ui.adding import added_page, adding_form, offered_in, removal_dialog, removed_page
from ui.endpoints import Endpoints, filters_of, place_of
from ui.examples import example_questions
from ui.history import history_page
from ui.library import library_page
from ui.monitor import Monitor
from ui.quality_tab import Teaching, asked_of, judged_of, lay_quality, wire_quality
from ui.service import guarded
from ui.sheet import no_sheet_page, sheet_page

if TYPE_CHECKING:
    from qa.assistant import Assistant


MOST_VISITORS = 500
"""Whose last reply and place in the page are kept. gradio counts every call of a program as a visitor who may come
back, and keeps a tenth of a megabyte for each of, otherwise, ten thousand."""


@dataclass
class Newest:
    """Which question a visitor asked last; those before it need no reply any more."""

    turn: int = 0


@dataclass(frozen=True)
class Callbacks:
    """What happens at each event: calls the assistant and renders; BriefQAError becomes a sentence."""

    assistant: "Assistant"
    stopping: Event = field(default_factory=Event)

    def asked_again(self, newest: Newest, event: gr.EventData) -> None:
        """Takes note that a question was asked while another waits: that one is dropped."""
        newest.turn = max(newest.turn, event.turn)

    def ask(
        self, newest: Newest, turn: int, before: Reply | None, question: str, *filters: str | None
    ) -> tuple[int | dict[str, Any], Reply | dict[str, Any] | None, str | dict[str, Any], dict[str, Any]]:
        """The turn, the reply, its HTML, and the reader closed: it shows a passage of the question before.

        Nothing changes where a later question of the same visitor has taken its place.

        Args:
            newest: The visitor's last question.
            turn: Number of this one among the visitor's.
            before: The reply on the page: what a question may lean on.
            question: What is asked.
            filters: As `filters_of` takes them.
        """
        newest.turn = max(newest.turn, turn)  # the news of a later one may come before or after
        closed = gr.update(visible=False)
        try:
            reply = self.assistant.ask(
                question or "", filters_of(*filters), after=before, wanted=lambda: turn == newest.turn
            )
        except QuestionDropped:
            pass
        except BriefQAError as error:
            return turn, None, render.message_page(error), closed
        else:
            if turn == newest.turn:
                return turn, reply, render.reply_page(reply, judged_of(self.assistant, reply)), closed
        return gr.skip(), gr.skip(), gr.skip(), gr.skip()

    def open(self, reply: Reply | None, event: gr.EventData) -> tuple[str, dict[str, Any]]:
        """The brief that was clicked, at its passage, in the reader."""
        shown = gr.update(visible=True)
        try:
            brief, start, end = place_of(self.assistant, event.open)
        except BriefQAError as error:
            return render.message_page(error), shown
        dialog = removal_dialog(brief, added=self.assistant.is_added(brief))
        judged = judged_of(self.assistant, reply)
        page = render.brief_page(brief, start, end, _cited_in(reply, brief.id), asked_of(reply), judged)
        return page + dialog, shown

    def sheet(self, event: gr.EventData) -> str:
        """The page of the PDF file where a citation stands, in a dialog, or why it is not shown."""
        try:
            brief, start, end = self.assistant.resolve(event.cited)
            return sheet_page(brief, self.assistant.page_picture(event.cited), brief.text[start:end])
        except BriefQAError as error:
            return no_sheet_page(render.message_page(error))

    def update(self, progress: gr.Progress = gr.Progress()) -> tuple[str, str]:
        """Report and status after the index was brought up to date."""
        return self._index(False, progress)

    def rebuild(self, progress: gr.Progress = gr.Progress()) -> tuple[str, str]:
        """Report and status after the index was made anew."""
        return self._index(True, progress)

    def add(self, event: gr.EventData, progress: gr.Progress = gr.Progress()) -> tuple[str, str]:
        """What became of the files that were dropped, chosen or pasted, and the library."""

        def page() -> str:
            offered, unsent = offered_in(event.offered)
            added = self.assistant.add(offered, progress=self._telling(progress))
            return added_page(Added(added.briefs, (*added.refused, *unsent)))

        return _shown(page), self.library()

    def remove(self, event: gr.EventData, progress: gr.Progress = gr.Progress()) -> tuple[str, str, str]:
        """What the reader shows when the brief in it was removed, or was not; the library; nothing was just added."""

        def page() -> str:
            brief = self.assistant.brief(event.id)
            self.assistant.remove(brief.id, progress=self._telling(progress))
            return removed_page(brief)

        return _shown(page), self.library(), ""

    def library(self) -> str:
        """The table of briefs, how many there are of what, and the files that are none."""

        def page() -> str:
            report = self.assistant.status().report
            failed = report.failed if report else ()
            return library_page(self.assistant.briefs(), self.assistant.facets(), failed)

        return _shown(page)

    def status(self) -> tuple[str, str]:
        """The report of the last run and the status."""
        return (
            _shown(lambda: self._report_page(self.assistant.status().report)),
            _shown(lambda: render.status_page(self.assistant.status())),
        )

    def choices(self) -> tuple[dict[str, Any], ...]:
        """What the filters for author, kind and topic offer."""
        try:
            facets = self.assistant.facets()
        except BriefQAError:  # told where it matters: by the question, the library and the status
            facets = Facets(0, {}, {}, {}, {})
        return tuple(
            gr.update(choices=[(f"{word} ({n})", word) for word, n in counts.items()])
            for counts in (facets.authors, facets.kinds, facets.topics)
        )

    def scope(self, *filters: str | None) -> dict[str, Any]:
        """What is asked with these filters, as the words that open them."""
        try:
            chosen = filters_of(*filters)
            facets = self.assistant.facets(chosen)
            title = self.assistant.brief(chosen.brief).title if chosen.brief else None
            label = render.scope_words(facets, replace(chosen, brief=title))
        except BriefQAError:  # a date half typed, or damage; told when a question is asked
            label = "Filters"
        return dict(gr.update(label=label))

    def home(self) -> tuple[None, str, dict[str, Any]]:
        """The page as it was before the first question."""
        return None, "", gr.update(visible=False)

    def check(self) -> Iterator[str]:
        """What is looked at in the index, told as it is found."""
        findings: list[Finding] = []
        try:
            for finding in self.assistant.check():
                findings.append(finding)
                yield render.findings_page(findings, done=False)
            yield render.findings_page(findings, done=True)
        except BriefQAError as error:
            yield render.message_page(error)

    def stop(self) -> None:
        """Ends the run that is at work, at its next step."""
        self.stopping.set()

    def _index(self, rebuild: bool, progress: gr.Progress) -> tuple[str, str]:
        tell = self._telling(progress)
        report = _shown(lambda: self._report_page(self.assistant.update(rebuild=rebuild, progress=tell)))
        return report, self.status()[1]

    def _telling(self, progress: gr.Progress) -> Progress:
        """What tells `progress` how far a run is, and ends the run if it is to stop."""
        self.stopping.clear()

        def tell(stage: str, done: int, total: int) -> None:
            if self.stopping.is_set():
                raise IndexStopped("the run was stopped; the index is as it was")
            progress((done, total) if total else None, desc=stage.capitalize())

        return tell

    def _report_page(self, report: Report | None) -> str:
        return f"{render.report_page(report)}{history_page(self.assistant.history())}"


@dataclass(frozen=True, slots=True)
class _AskTab:
    question: gr.Textbox
    button: gr.Button
    scope: gr.Accordion
    filters: tuple[gr.Textbox | gr.Dropdown, ...]
    clear: gr.Button
    answers: gr.HTML


@dataclass(frozen=True, slots=True)
class _LibraryTab:
    tab: gr.Tab
    adding: gr.HTML
    added: gr.HTML
    library: gr.HTML


@dataclass(frozen=True, slots=True)
class _IndexTab:
    tab: gr.Tab
    update: gr.Button
    rebuild: gr.Button
    stop: gr.Button
    check: gr.Button
    report: gr.HTML
    health: gr.HTML
    status: gr.HTML


@dataclass(frozen=True, slots=True)
class _Reader:
    column: gr.Column
    close: gr.Button
    brief: gr.HTML
    sheet: gr.HTML


def build_app(assistant: "Assistant", *, examples: Sequence[str] | None = None) -> gr.Blocks:
    """The page over `assistant`; serve it with `launch`.

    Args:
        assistant: Answers; anything with the methods of `qa.Assistant`.
        examples: Questions offered under the question box; not given, such as fit the briefs; none hides the line.
    """
    calls = Callbacks(assistant)
    if examples is None:
        examples = example_questions(assistant.briefs())
    with gr.Blocks(title="BriefQA", analytics_enabled=False, fill_width=True) as app:
        reply, newest = gr.State(None), gr.State(Newest())
        masthead = _lay_html(
            "masthead", "Masthead",
            '<h1><a href="?">BriefQA</a></h1><p>Answers in the briefs’ own words, each with its place.</p>',
        )  # fmt: skip
        with gr.Row(elem_id="columns"):
            with gr.Column(elem_id="main", scale=5, min_width=320), gr.Tabs(elem_id="tabs"):
                with gr.Tab("Ask", id="ask", elem_id="tab-ask"):
                    ask = _lay_ask(examples)
                with gr.Tab("Library", id="library", elem_id="tab-library") as library_tab:
                    shelf = _lay_library(library_tab)
                with gr.Tab("Quality", id="quality", elem_id="tab-quality") as quality_tab:
                    quality = lay_quality(_lay_html)
                with gr.Tab("Index", id="index", elem_id="tab-index") as index_tab:
                    made = _lay_index(index_tab)
            reader = _lay_reader()
        _wire_ask(calls, ask, newest, reply, reader)
        _wire_address(calls, app, masthead, ask, (reply, ask.answers, reader.column))
        _wire_reader(calls, (ask.answers, shelf.library, shelf.added, quality.marks), reply, reader)
        _wire_library(calls, shelf, reader, ask)
        _wire_index(calls, made, ask)
        wire_quality(Teaching(assistant), app, quality_tab, quality, reply, ask.answers)
        app.load(calls.choices, None, list(ask.filters[2:5]), api_name="choices", api_visibility="undocumented")
        _offer(Endpoints(assistant))
    return app


def launch(
    app: gr.Blocks,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    auth: tuple[str, str] | None = None,
    mcp_server: bool = False,
    hosts: Sequence[str] = (),
    monitor: Monitor | None = None,
    max_waiting: int = 64,
) -> str:
    """Serves `app` in a thread and returns its address; see ui/service.py for waiting until it is to stop.

    Args:
        app: What `build_app` returned.
        host: Address to listen on; loopback unless told otherwise.
        port: Port, or None for the first free one from 7860.
        auth: User and password asked for, or None.
        mcp_server: Offers the endpoints to agents too, as MCP tools.
        hosts: Names that the server may be called by, besides its addresses and localhost.
        monitor: The assistant of `app`, watched; adds /healthz and /metrics.
        max_waiting: Questions and runs that may wait for their turn; more are refused.

    Raises:
        PackageMissing: `mcp_server`, and the package for it is not installed.
    """
    if mcp_server and find_spec("mcp") is None:
        raise PackageMissing("agents are served with a package that is not installed; get it with: pip install 'mcp<2'")
    app.queue(max_size=max_waiting)
    _, url, _ = app.launch(
        app_kwargs=guarded(hosts, auth, monitor),
        server_name=host, server_port=port, auth=auth, mcp_server=mcp_server, prevent_thread_lock=True,
        theme=page_theme(), css=page_css(), head=page_head(), quiet=True, share=False, inbrowser=False,
        footer_links=["api"], run_history=False, ssr_mode=False, enable_monitoring=False, pwa=False,
        _frontend=False,  # or gradio calls itself, and refuses to start on a machine too busy to answer in 3 s
        state_session_capacity=MOST_VISITORS,
        max_file_size=1,  # briefs come as an event (ui/adding.py), never as an upload, so nothing may be uploaded
    )  # fmt: skip
    if mcp_server:
        _give_json(app.mcp_server_obj)
        if auth:  # a tool is called through the page’s own address, where gradio would come as a stranger
            app.mcp_server_obj._client_instance = Client(
                url, auth=auth, download_files=False, verbose=False, analytics_enabled=False,
                _skip_components=False, headers={"x-gradio-user": "mcp"},
            )  # fmt: skip
    return str(url)


def _give_json(server: Any) -> None:  # noqa: ANN401  # gradio's type is known only where mcp is installed
    """Lets a tool's result be JSON, as over HTTP; gradio would write a dict as Python does."""

    def results(data: list[object], root_url: str) -> list[object]:
        return [server.types.TextContent(type="text", text=json.dumps(value, ensure_ascii=False)) for value in data]

    server.postprocess_output_data = results


def page_css() -> str:
    """The style sheet of the page."""
    return "".join((files("ui") / name).read_text(encoding="utf-8") for name in ("page.css", "teach.css"))


def page_head() -> str:
    """The script of the page, for its head."""
    return "".join(
        f"<script>{(files('ui') / name).read_text(encoding='utf-8')}</script>" for name in ("page.js", "teach.js")
    )


def page_theme() -> gr.themes.Base:
    """A plain theme in the fonts of the machine; gradio's own would load font files. Colours: page.css.

    gradio's sizes of letters are in pixels; the same ones here grow with the letters of the browser.
    """
    system = [gr.themes.Font(name) for name in ("system-ui", "-apple-system", "Segoe UI", "sans-serif")]
    mono = [gr.themes.Font(name) for name in ("ui-monospace", "Consolas", "monospace")]
    letters = gr.themes.Size(
        xxs=".5625rem", xs=".625rem", sm=".75rem", md=".875rem", lg="1rem", xl="1.375rem", xxl="1.625rem"
    )
    return gr.themes.Base(font=system, font_mono=mono, text_size=letters, radius_size=gr.themes.sizes.radius_sm)


def _lay_html(elem_id: str, label: str, value: str = "") -> gr.HTML:
    connect = f"briefqa.connect('{elem_id}', element, trigger)"
    return gr.HTML(value, elem_id=elem_id, label=label, js_on_load=connect, apply_default_css=False)


def _lay_ask(examples: Sequence[str]) -> _AskTab:
    with gr.Row(elem_id="asking"):
        question = gr.Textbox(
            label="Question", placeholder="Ask the briefs a question", elem_id="question",
            lines=1, max_lines=4, scale=6, autofocus=True,
        )  # fmt: skip
        button = gr.Button("Ask", variant="primary", elem_id="ask-button", scale=1, min_width=96)
    with gr.Accordion("Filters", open=False, elem_id="filters") as scope:
        with gr.Row():
            dates = [
                gr.Textbox(label=name, placeholder="YYYY-MM-DD", elem_id=f"filter-{name.lower()}", min_width=140)
                for name in ("After", "Before")
            ]
        with gr.Row():
            words = [
                gr.Dropdown(
                    [], label=name, elem_id=f"filter-{name.lower()}", value=None, allow_custom_value=True,
                    min_width=140,
                )
                for name in ("Author", "Kind", "Topic")
            ]  # fmt: skip
        with gr.Row(elem_id="filter-last"):
            only = gr.Textbox(label="Brief", placeholder="Id or file name", elem_id="filter-brief", min_width=140)
            clear = gr.Button("Clear filters", elem_id="filter-clear", size="sm", min_width=120, scale=0)
    _lay_html("examples", "Example questions", render.examples_page(examples))
    return _AskTab(question, button, scope, (*dates, *words, only), clear, _lay_html("answers", "Answers"))


def _lay_library(tab: gr.Tab) -> _LibraryTab:
    adding, added = _lay_html("adding", "Add briefs", adding_form()), _lay_html("added", "What was added")
    return _LibraryTab(tab, adding, added, _lay_html("library", "Library"))


def _lay_index(tab: gr.Tab) -> _IndexTab:
    status = _lay_html("status", "Status of the index")
    gr.HTML(
        "<p>Update reads new and changed files; Rebuild makes the whole index anew; Check looks at every file of it. "
        "Questions are answered meanwhile.</p>",
        elem_id="index-help", label="Help", js_on_load=None, apply_default_css=False,
    )  # fmt: skip
    with gr.Row(elem_id="indexing"):
        update = gr.Button("Update", variant="primary", elem_id="update-button", min_width=120, scale=0)
        rebuild = gr.Button("Rebuild", elem_id="rebuild-button", min_width=120, scale=0)
        check = gr.Button("Check", elem_id="check-button", min_width=120, scale=0)
        stop = gr.Button("Stop", variant="stop", elem_id="stop-button", min_width=120, scale=0)
    health, report = _lay_html("health", "Health of the index"), _lay_html("report", "Report")
    return _IndexTab(tab, update, rebuild, stop, check, report, health, status)


def _lay_reader() -> _Reader:
    with gr.Column(elem_id="reader", scale=5, min_width=320, visible=False) as column:
        close = gr.Button("Close brief", elem_id="reader-close", size="sm", min_width=90)
        return _Reader(column, close, _lay_html("brief", "Brief"), _lay_html("sheet", "Printed page"))


def _wire_ask(calls: Callbacks, ask: _AskTab, newest: gr.State, reply: gr.State, reader: _Reader) -> None:
    # Questions wait for each other (concurrency_id): one already uses every core. News of a later question of the
    # same visitor does not wait, and drops those before it.
    turn = gr.Number(0, visible=False, precision=0)
    gr.on(
        [ask.question.submit, ask.button.click], calls.ask, [newest, turn, reply, ask.question, *ask.filters],
        [turn, reply, ask.answers, reader.column], js="briefqa.asking", api_name="ask_page",
        api_visibility="undocumented", concurrency_id="ask", show_progress_on=ask.answers, trigger_mode="multiple",
    ).then(None, turn, js="briefqa.answered")  # fmt: skip
    ask.answers.stop(
        calls.asked_again, newest, None, api_name="asked_again", api_visibility="undocumented", queue=False,
        trigger_mode="multiple",
    )  # fmt: skip
    # `input`, not `change`: of several fields that a script fills, the last call could tell of the first.
    gr.on(
        [field.input for field in ask.filters], calls.scope, list(ask.filters), ask.scope, api_name="scope",
        api_visibility="undocumented", show_progress="hidden", trigger_mode="always_last", concurrency_id="scope",
    )  # fmt: skip
    ask.clear.click(None, None, list(ask.filters), js="() => ['', '', null, null, null, '']").then(
        calls.scope, list(ask.filters), ask.scope, api_name="scope_cleared", api_visibility="undocumented",
        show_progress="hidden", concurrency_id="scope",
    )  # fmt: skip


def _wire_address(
    calls: Callbacks, app: gr.Blocks, masthead: gr.HTML, ask: _AskTab, shown: Sequence[gr.components.Component]
) -> None:
    """What the address says is asked and opened, when the page is loaded and when one goes back; see page.js."""
    for come, name in ((app.load, "at_first"), (masthead.click, "of_address")):
        filled = come(
            None, None, [ask.question, *ask.filters], js="briefqa.fields", trigger_mode="multiple"
        ).then(None, js="briefqa.filled")  # fmt: skip
        filled.then(
            calls.scope, list(ask.filters), ask.scope, api_name=f"scope_{name}", api_visibility="undocumented",
            show_progress="hidden", concurrency_id="scope",
        ).then(None, js="briefqa.tellFilters")  # fmt: skip
    masthead.clear(calls.home, None, list(shown), api_name="home", api_visibility="undocumented")


def _wire_reader(calls: Callbacks, lists: Sequence[gr.HTML], reply: gr.State, reader: _Reader) -> None:
    for listed in lists:
        listed.click(
            calls.open, reply, [reader.brief, reader.column], api_name=f"open_from_{listed.elem_id}",
            api_visibility="undocumented", show_progress="hidden", trigger_mode="multiple",
        ).then(None, js="briefqa.opened")  # fmt: skip
    reader.brief.expand(
        calls.sheet, None, reader.sheet, api_name="sheet", api_visibility="undocumented", show_progress="hidden"
    ).then(None, js="briefqa.showSheet")  # fmt: skip
    reader.close.click(
        lambda: gr.update(visible=False), None, reader.column, api_name="close", api_visibility="undocumented"
    ).then(None, js="briefqa.closed")


def _wire_index(calls: Callbacks, made: _IndexTab, ask: _AskTab) -> None:
    outputs = [made.report, made.status]
    for button, call, name in (
        (made.update, calls.update, "update_page"), (made.rebuild, calls.rebuild, "rebuild_page"),
    ):  # fmt: skip
        done = button.click(
            call, None, outputs, api_name=name, api_visibility="undocumented", show_progress_on=made.report,
            concurrency_id="index",
        )  # fmt: skip
        _then_filters(done, calls, ask, name)
    made.stop.click(calls.stop, None, None, api_name="stop", api_visibility="undocumented", queue=False)
    made.check.click(calls.check, None, made.health, api_name="check", api_visibility="undocumented")
    made.tab.select(calls.status, None, outputs, api_name="status_page", api_visibility="undocumented")


def _wire_library(calls: Callbacks, shelf: _LibraryTab, reader: _Reader, ask: _AskTab) -> None:
    shelf.tab.select(calls.library, None, shelf.library, api_name="library", api_visibility="undocumented")
    for event, call, outputs, name, script in (
        (shelf.adding.submit, calls.add, [shelf.added, shelf.library], "add", "added"),
        (reader.brief.delete, calls.remove, [reader.brief, shelf.library, shelf.added], "remove", "removed"),
    ):
        done = event(
            call, None, outputs, api_name=name, api_visibility="undocumented", show_progress_on=outputs[0],
            concurrency_id="index", trigger_mode="multiple",
        ).then(None, js=f"briefqa.{script}")  # fmt: skip
        _then_filters(done, calls, ask, name)


def _then_filters(done: Any, calls: Callbacks, ask: _AskTab, name: str) -> None:  # noqa: ANN401  # gradio's chain
    """After the briefs have changed, the filters offer what they say now."""
    done.then(
        calls.choices, None, list(ask.filters[2:5]), api_name=f"choices_after_{name}", api_visibility="undocumented"
    ).then(
        calls.scope, list(ask.filters), ask.scope, api_name=f"scope_after_{name}", api_visibility="undocumented"
    )  # fmt: skip


def _offer(endpoints: Endpoints) -> None:
    """The endpoints by name; a question waits its turn with those of the page, and so does a run of the indexer."""
    for call, turn in (
        (endpoints.ask, "ask"), (endpoints.brief, None), (endpoints.briefs, None), (endpoints.verify, None),
        (endpoints.status, None), (endpoints.update, "index"),
    ):  # fmt: skip
        gr.api(_told(call), api_name=call.__name__, concurrency_id=turn)


def _told(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call`, for which values of other types, and a BriefQAError, reach the caller as a sentence."""
    checked = validate_call(config={"strict": True})(call)

    @wraps(call)
    def calling(*args: object, **kwargs: object) -> object:
        try:
            return checked(**signature(call).bind(*args, **kwargs).arguments)
        except ValidationError as error:
            wrong = error.errors()[0]
            raise gr.Error(f"{wrong['loc'][0]}: {wrong['msg']}.", print_exception=False) from error
        except BriefQAError as error:
            raise gr.Error(render.sentence_of(error), print_exception=False) from error

    return calling


def _cited_in(reply: Reply | None, brief_id: str) -> list[render.Range]:
    """Ranges of this brief that the reply cites."""
    answers = reply.answers if reply is not None and reply.found else ()
    cited = [citation for answer in answers for citation in (answer.citation, *answer.also)]
    return [(citation.start, citation.end) for citation in cited if citation.brief_id == brief_id]


def _shown(page: Callable[[], str]) -> str:
    """What `page` renders, or the sentence of the error it ran into."""
    try:
        return page()
    except BriefQAError as error:
        return render.message_page(error)
