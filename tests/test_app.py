"""The page as a program uses it: through gradio's client, over the fake assistant."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from fake_assistant import HEAT, HOSTILE, REVIEW, FakeAssistant, cite
from gradio.utils import get_function_description
from gradio_client import Client
from gradio_client.exceptions import AppError

from qa.export import export
from ui.app import Callbacks, build_app, launch, page_css, page_head, page_theme
from ui.endpoints import Endpoints

NO_FILTERS = ("", "", None, None, None, "")


@pytest.fixture(scope="module")
def assistant() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture(scope="module")
def url(assistant: FakeAssistant) -> Iterator[str]:
    app = build_app(assistant)  # type: ignore[arg-type]
    yield launch(app)
    app.close(verbose=False)


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    client = Client(url, verbose=False, analytics_enabled=False)
    yield client
    client.close()


def test_ask_returns_the_reply_as_json(client: Client) -> None:
    reply = client.predict("How large is the levy?", api_name="/ask")
    assert list(reply) == [
        "question", "found", "confidence", "answers", "passages", "timings_ms", "id", "understood", "n_listed"
    ]  # fmt: skip
    assert (reply["found"], reply["confidence"], reply["id"]) == (True, 0.91, None)
    citation = reply["answers"][0]["citation"]
    assert HEAT.text[citation["start"] : citation["end"]] == citation["quote"] == reply["answers"][0]["text"]
    assert citation["authors"] == ["Mara Lindqvist", "Tomás Ibarra"]
    assert [c["brief_id"] for c in reply["answers"][0]["also"]] == [REVIEW.id]


def test_ask_takes_filters_and_top_k_by_name(client: Client) -> None:
    reply = client.predict(question="How large is the levy?", kind="Insight", top_k=1, api_name="/ask")
    assert len(reply["answers"]) == 1
    assert {passage["brief_id"] for passage in reply["passages"]} == {HEAT.id}


def test_ask_not_found(client: Client) -> None:
    reply = client.predict("Who is king?", api_name="/ask")
    assert reply["found"] is False
    assert [answer["confidence"] for answer in reply["answers"]] == [0.12]


@pytest.mark.parametrize("question", ["", "  "])
def test_an_empty_question_is_an_error_in_a_sentence(client: Client, question: str) -> None:
    with pytest.raises(AppError, match=r"The question is empty; ask something like: what did Harris object to\."):
        client.predict(question, api_name="/ask")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"question": {"a": 1}}, r"^question: Input should be a valid string\.$"),
        ({"question": "levy", "after": 2021}, r"^after: Input should be a valid string\.$"),
        ({"question": "levy", "top_k": "3"}, r"^top_k: Input should be a valid integer\.$"),
    ],
)
def test_values_of_other_types_are_an_error_in_a_sentence(client: Client, values: dict, words: str) -> None:
    with pytest.raises(AppError, match=words):
        client.predict(**values, api_name="/ask")


def test_brief_by_citation_by_id_and_by_name(client: Client) -> None:
    citation = cite(HEAT, "0.4 cents")
    brief = client.predict(citation.id, api_name="/brief")
    assert brief["text"][brief["start"] : brief["end"]] == brief["quote"] == "0.4 cents"
    assert (brief["text"], brief["source"], brief["date"]) == (HEAT.text, HEAT.source, "2021-03-15")
    assert brief["paragraphs"][0] == {"number": 1, "start": 38, "end": 220, "role": "body"}
    whole = client.predict(HEAT.id, api_name="/brief")
    assert (whole["id"], whole["start"], whole["end"], whole["quote"]) == (HEAT.id, 0, 0, "")


def test_brief_that_is_not_there_is_an_error_in_a_sentence(client: Client) -> None:
    with pytest.raises(AppError, match=r"^No brief nothing is in the index\.$"):
        client.predict("nothing", api_name="/brief")


def test_briefs(client: Client) -> None:
    listed = client.predict(kind="Policy Brief", api_name="/briefs")
    assert listed == [
        {"id": REVIEW.id, "source": REVIEW.source, "title": REVIEW.title, "date": "2023-06-02",
         "kind": "Policy Brief", "authors": ["Mara Lindqvist"], "topics": ["Energy"]}
    ]  # fmt: skip
    assert len(client.predict(api_name="/briefs")) == 3


def test_status_and_update(client: Client, assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assistant, "updates", [])
    status = client.predict(api_name="/status")
    assert (status["generation"], status["n_briefs"], status["index_dir"]) == (3, 3, ".briefqa")
    report = client.predict(api_name="/update")
    assert (report["added"], report["failed"][0]["reason"]) == (["energy/levy-review.md"], "is encrypted")
    client.predict(rebuild=True, api_name="/update")
    assert assistant.updates == [False, True]
    monkeypatch.setattr(assistant, "busy", True)
    with pytest.raises(AppError, match=r"^Another run is writing the index"):
        client.predict(api_name="/update")


def test_verify_a_reply_and_an_export(client: Client) -> None:
    """The reply as `/ask` gave it, and a memo in which somebody changed the figure."""
    reply = client.predict("How large is the levy?", api_name="/ask")
    verdicts = client.predict(json.dumps(reply), name="reply.json", api_name="/verify")
    assert [v["status"] for v in verdicts] == ["intact"] * len(verdicts) and len(verdicts) == 3
    assert [*verdicts[0]] == ["in", "citation", "status", "says", "places", "difference"]
    memo = export([FakeAssistant().ask("How large is the levy?")], "memo.md").decode()
    lines = [line if "briefqa:" in line else line.replace("0.4 cents", "4 cents") for line in memo.split("\n")]
    verdict = client.predict("\n".join(lines), name="memo.md", api_name="/verify")[0]
    assert (verdict["in"], verdict["status"]) == ("memo.md", "changed")


def test_verify_refuses_in_a_sentence(client: Client) -> None:
    with pytest.raises(AppError, match=r"^No citation stands in -"):
        client.predict("nothing cited", api_name="/verify")
    with pytest.raises(AppError, match=r"^The text has 1,000,001 characters, at most 1,000,000 are taken; verify it"):
        client.predict("x" * 1_000_001, api_name="/verify")


def test_no_endpoint_tells_where_a_file_lies(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints = Endpoints(FakeAssistant())  # type: ignore[arg-type]
    here = replace(HEAT, path="/home/ada/heat.txt")
    monkeypatch.setattr(endpoints.assistant, "brief", lambda _: here)
    monkeypatch.setattr(endpoints.assistant, "briefs", lambda _: (here,))
    assert "ada" not in json.dumps([endpoints.brief(HEAT.id), endpoints.briefs()])


def test_the_api_page_describes_every_endpoint_and_argument(url: str) -> None:
    named = httpx.get(f"{url}gradio_api/info", trust_env=False).json()["named_endpoints"]
    assert sorted(named) == ["/ask", "/brief", "/briefs", "/status", "/update", "/verify"]
    for name in named:
        description, arguments, _ = get_function_description(getattr(Endpoints, name[1:]))
        assert len(description) > 40
        assert all(text for argument, text in arguments.items() if argument != "self"), name
    assert [argument["parameter_name"] for argument in named["/ask"]["parameters"]] == [
        "question", "after", "before", "author", "kind", "topic", "brief", "top_k",
    ]  # fmt: skip


def test_check_tells_each_finding_as_it_is_made() -> None:
    pages = list(Callbacks(FakeAssistant()).check())  # type: ignore[arg-type]
    assert ["Looking …" in page for page in pages] == [True, True, False]
    assert "1 thing not in order.</p>" in pages[-1]
    assert '<li class="bq-ok"><b>In order</b> 3 files have the content that was written.</li>' in pages[-1]
    assert '<li class="bq-bad"><b>Not in order</b> The text of &lt;script&gt;' in pages[-1]


def test_a_run_is_stopped_at_its_next_step() -> None:
    assistant = FakeAssistant()
    calls = Callbacks(assistant)  # type: ignore[arg-type]
    update = assistant.update

    def stopped_meanwhile(**options: object) -> object:
        calls.stop()
        return update(**options)

    assistant.update = stopped_meanwhile  # type: ignore[method-assign]
    report, status = calls.update(lambda *_, **__: None)  # type: ignore[arg-type]
    assert report == '<p class="bq-error" role="alert">The run was stopped; the index is as it was.</p>'
    assert "<dt>Generation</dt><dd>3</dd>" in status
    assistant.update = update  # type: ignore[method-assign]
    calls.update(lambda *_, **__: None)  # type: ignore[arg-type]
    assert assistant.updates == [False]


def test_page_shows_answer(client: Client) -> None:
    answers = client.predict(1, "How large is the levy?", *NO_FILTERS, api_name="/ask_page")[1]
    assert '<p class="bq-words" dir="auto">0.4 cents on each kilowatt-hour</p>' in answers


def test_page_says_that_the_question_is_empty(client: Client) -> None:
    answers = client.predict(1, "", *NO_FILTERS, api_name="/ask_page")[1]
    assert answers.startswith('<p class="bq-error" role="alert">The question is empty; ask something')


def test_page_shows_an_error_as_its_sentence(client: Client) -> None:
    answers = client.predict(1, "levy", "soon", "", None, None, None, "", api_name="/ask_page")[1]
    assert "After must be a date like 2021-03-15, not &#x27;soon&#x27;.</p>" in answers
    assert "Traceback" not in answers


def test_page_says_not_found(client: Client) -> None:
    assert "The briefs do not answer this." in client.predict(1, "Who is king?", *NO_FILTERS, api_name="/ask_page")[1]


def test_filters_reach_the_assistant(client: Client) -> None:
    answers = client.predict(1, "levy", "", "", None, " Policy Brief ", None, "", api_name="/ask_page")[1]
    assert "<summary>Passages read (2)</summary>" in answers


def test_update_and_rebuild(client: Client, assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assistant, "updates", [])
    report, status = client.predict(api_name="/update_page")
    assert "1 added, 0 changed, 1 removed, 1 unchanged, 1 failed." in report
    assert "<dt>Generation</dt><dd>4</dd>" in status
    client.predict(api_name="/rebuild_page")
    assert assistant.updates == [False, True]


def test_the_history_stands_below_the_report(client: Client) -> None:
    report, _ = client.predict(api_name="/status_page")
    assert 'aria-label="History of the index"' in report.partition("Report of the last run")[2]


def test_update_while_another_runs(client: Client, assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assistant, "busy", True)
    report, status = client.predict(api_name="/update_page")
    assert "Another run is writing the index .briefqa; wait until it has finished.</p>" in report
    assert "<dt>Briefs</dt>" in status


def test_library(client: Client) -> None:
    library = client.predict(api_name="/library")
    assert ">3 briefs</caption>" in library
    assert "<summary>1 file could not be indexed</summary>" in library and "</bdi>: is encrypted</li>" in library


def test_every_event_has_its_own_name(url: str) -> None:
    events = [e for e in httpx.get(f"{url}config", trust_env=False).json()["dependencies"] if e["backend_fn"]]
    names = [event["api_name"] for event in events]
    assert sorted(names) == [
        "add", "ask", "ask_page", "asked_again", "brief", "briefs", "check", "choices", "choices_after_add",
        "choices_after_rebuild_page", "choices_after_remove", "choices_after_update_page", "close", "forget", "home",
        "judge", "left", "library", "marked_set", "marks", "measure_file", "measure_marks", "open_from_added",
        "open_from_answers", "open_from_library", "open_from_marks", "rebuild_page", "remove", "scope",
        "scope_after_add", "scope_after_rebuild_page", "scope_after_remove", "scope_after_update_page",
        "scope_at_first", "scope_cleared", "scope_of_address", "sheet", "status", "status_page", "stop",
        "stop_measuring", "update", "update_page", "verify",
    ]  # fmt: skip


def test_every_control_has_label_and_id(url: str) -> None:
    controls = [
        c for c in httpx.get(f"{url}config", trust_env=False).json()["components"]
        if c["type"] in {"textbox", "dropdown", "button", "html", "accordion", "tabitem"}
    ]  # fmt: skip
    assert len(controls) > 15
    for control in controls:
        props = control["props"]
        assert props.get("elem_id"), props
        assert props.get("label") or props.get("value"), props


def test_ten_at_once_each_get_their_own(url: str) -> None:
    def ask(question: str) -> str:
        client = Client(url, verbose=False, analytics_enabled=False)
        try:
            return str(client.predict(question, api_name="/ask")["question"])
        finally:
            client.close()

    questions = [f"How large is levy {n}?" for n in range(10)]
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(ask, questions)) == questions


def test_ten_pages_at_once_each_get_their_own(url: str) -> None:
    """Through the event of the page, which keeps the reply with the session."""

    def asked(question: str) -> str:
        client = Client(url, verbose=False, analytics_enabled=False)
        try:
            page = str(client.predict(1, question, *NO_FILTERS, api_name="/ask_page")[1])
        finally:
            client.close()
        return page.partition('data-asked="')[2].partition('"')[0]

    questions = [f"How large is levy {n}?" for n in range(10)]
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(asked, questions)) == questions


def test_what_is_kept_of_callers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.app.MOST_VISITORS", 3)
    app = build_app(FakeAssistant())  # type: ignore[arg-type]
    url = launch(app)
    try:
        for _ in range(8):
            with httpx.Client(trust_env=False) as client:
                call = f"{url}gradio_api/call/ask"
                event = client.post(call, json={"data": ["levy?", *[None] * 6, 3]}).json()["event_id"]
                assert "event: complete" in client.get(f"{call}/{event}").text
        assert len(app.state_holder.session_data) <= 4  # one may have come while one was let go
    finally:
        app.close(verbose=False)


def test_with_auth_nothing_is_told_to_strangers() -> None:
    app = build_app(FakeAssistant())  # type: ignore[arg-type]
    url = launch(app, auth=("ada", "secret"))
    try:
        assert httpx.get(f"{url}config", trust_env=False).status_code == 401
        for name in ("ask", "brief", "briefs", "status", "update", "verify"):
            answer = httpx.post(f"{url}gradio_api/call/{name}", json={"data": ["levy"]}, trust_env=False)
            assert answer.status_code == 401, name
        client = Client(url, auth=("ada", "secret"), verbose=False, analytics_enabled=False)
        assert client.predict("How large is the levy?", api_name="/ask")["found"] is True
        client.close()
    finally:
        app.close(verbose=False)


def test_nothing_can_be_uploaded(url: str) -> None:
    answer = httpx.post(f"{url}gradio_api/upload", files={"files": ("a.txt", b"two bytes or more")}, trust_env=False)
    assert answer.status_code == 413


def test_no_file_of_the_machine_is_served(url: str) -> None:
    assert httpx.get(f"{url}gradio_api/file=/etc/passwd", trust_env=False).status_code in {403, 404}


def test_the_page_names_no_other_host_for_fonts_or_scripts() -> None:
    assert "http" not in page_css()
    assert "@import" not in page_css()
    assert "http" not in page_head()
    assert page_theme()._stylesheets == []
    assert "@font-face" not in page_theme()._get_theme_css()


def _click(target: str) -> gr.EventData:
    return gr.EventData(None, {"open": target})


def test_open_marks_the_citation_and_the_other_ones() -> None:
    assistant = FakeAssistant()
    reply = assistant.ask("levy")
    page, column = Callbacks(assistant).open(reply, _click(cite(HEAT, "0.4 cents on each kilowatt-hour").id))  # type: ignore[arg-type]
    assert 'id="cited" tabindex="-1">0.4 cents on each kilowatt-hour</mark>' in page
    assert '<mark class="other">capped at 60 euros a household</mark>' in page
    assert column["visible"] is True


def test_weak_candidates_are_not_marked_in_the_brief() -> None:
    assistant = FakeAssistant()
    reply = assistant.ask("who is king?")
    page, _ = Callbacks(assistant).open(reply, _click(HEAT.id))  # type: ignore[arg-type]
    assert "<mark" not in page


@pytest.mark.parametrize("target", ["0123456789ab", "0123456789ab:1-2"])
def test_open_what_is_gone(target: str) -> None:
    """The index may have been updated since the answer was shown."""
    page, column = Callbacks(FakeAssistant()).open(None, _click(target))  # type: ignore[arg-type]
    assert page == '<p class="bq-error" role="alert">No brief 0123456789ab is in the index.</p>'
    assert column["visible"] is True


def test_choices_are_what_the_briefs_have() -> None:
    authors, kinds, topics = Callbacks(FakeAssistant()).choices()  # type: ignore[arg-type]
    assert sorted(word for _, word in kinds["choices"]) == ["Insight", "Policy Brief"]
    assert sorted(authors["choices"])[-1] == ("Tomás Ibarra (1)", "Tomás Ibarra")
    assert {word for _, word in authors["choices"]} == {HOSTILE.authors[0], "Mara Lindqvist", "Tomás Ibarra"}
    assert {word for _, word in topics["choices"]} == {HOSTILE.topics[0], "Energy", "Housing"}


def test_scope_tells_what_is_asked() -> None:
    calls = Callbacks(FakeAssistant())  # type: ignore[arg-type]
    assert calls.scope(*NO_FILTERS)["label"] == "In 3 briefs, 2021–2023 · filter"
    assert calls.scope("", "", None, None, None, HEAT.id)["label"].endswith(f"brief “{HEAT.title}”")
    assert calls.scope("", "", None, None, None, "gone")["label"] == "Filters"


def test_the_page_stands_without_a_usable_index() -> None:
    """Damage found while the page runs is told in its place; the filters are then empty."""
    assistant = SimpleNamespace(briefs=_fail, facets=_fail, status=_fail)
    calls = Callbacks(assistant)  # type: ignore[arg-type]
    assert calls.library() == '<p class="bq-error" role="alert">Vectors.faiss is damaged.</p>'
    assert calls.status() == (calls.library(), calls.library())
    assert [update["choices"] for update in calls.choices()] == [[], [], []]


def _fail() -> None:
    from index.errors import IndexCorrupt

    raise IndexCorrupt("vectors.faiss is damaged")
