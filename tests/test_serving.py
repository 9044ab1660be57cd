"""A server that runs for long: its log lines, its health and figures, and how it ends."""

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

import httpx
import pytest
from fake_assistant import FakeAssistant
from typer.testing import CliRunner

from index.errors import IndexBusy, IndexCorrupt, IndexStopped, QuestionDropped, QuestionInvalid, ServerStopping
from ui.app import build_app, launch
from ui.cli import app as command_line
from ui.logs import JsonLines, PlainLines
from ui.monitor import Monitor

ROOT = Path(__file__).parents[1]


@pytest.fixture
def assistant() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture
def monitor(assistant: FakeAssistant) -> Monitor:
    return Monitor(assistant)  # type: ignore[arg-type]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged, as JSON lines."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("briefqa")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def logged(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def figure(monitor: Monitor, name: str) -> float | None:
    found = re.search(rf"^{re.escape(name)} (\S+)$", monitor.metrics().decode(), re.MULTILINE)
    return float(found[1]) if found else None


def test_a_question_is_a_log_line_without_its_words(monitor: Monitor, lines: io.StringIO) -> None:
    monitor.ask("How large is the levy?")
    monitor.ask("Who is the president of Brazil?")
    with pytest.raises(QuestionInvalid):
        monitor.ask(" ")
    with pytest.raises(QuestionDropped):
        monitor.ask("How large is the levy?", wanted=lambda: False)
    told = logged(lines)
    assert [(line["event"], line["outcome"]) for line in told] == [
        ("asked", "found"), ("asked", "not_found"), ("asked", "refused"), ("asked", "dropped"),
    ]  # fmt: skip
    assert (told[0]["chars"], told[0]["answers"], told[0]["confidence"]) == (22, 2, 0.91)
    assert "levy" not in lines.getvalue()


def test_the_words_are_logged_if_that_is_asked_for(assistant: FakeAssistant, lines: io.StringIO) -> None:
    Monitor(assistant, log_questions=True).ask("How large is the levy?")  # type: ignore[arg-type]
    assert logged(lines)[0]["question"] == "How large is the levy?"


def test_a_run_of_the_indexer_is_a_log_line(monitor: Monitor, assistant: FakeAssistant, lines: io.StringIO) -> None:
    monitor.update()
    assistant.busy = True
    with pytest.raises(IndexBusy):
        monitor.update(rebuild=True)
    done, failed = logged(lines)
    assert (done["event"], done["what"], done["generation"], done["added"]) == ("updated", "update", 4, 1)
    assert (failed["what"], failed["outcome"], failed["level"]) == ("rebuild", "failed", "error")
    assert failed["reason"].startswith("another run is writing")
    assert "traceback" not in failed  # it is told what to do; where in the code says nothing more


def test_one_thread_asks_and_one_indexes_whoever_calls(
    monitor: Monitor, assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch keeps memory for every thread that calls it; and the page's progress is known by the caller's context."""
    whose = ContextVar("whose", default="nobody")
    asked, indexed, told = set(), set(), []
    ask, update = assistant.ask, assistant.update
    monkeypatch.setattr(assistant, "ask", lambda *a, **k: (asked.add(threading.get_ident()), ask(*a, **k))[1])
    monkeypatch.setattr(assistant, "update", lambda **k: (indexed.add(threading.get_ident()), update(**k))[1])

    def call(name: str) -> None:
        whose.set(name)
        monitor.ask("How large is the levy?")
        monitor.update(progress=lambda *_: told.append(whose.get()))

    callers = [threading.Thread(target=call, args=(name,)) for name in ("Ada", "Ben", "Cid")]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert (len(asked), len(indexed)) == (1, 1)
    assert set(told) == {"Ada", "Ben", "Cid"}


def test_what_nobody_foresaw_is_logged_with_its_traceback(
    monitor: Monitor, assistant: FakeAssistant, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(assistant, "ask", broken)
    with pytest.raises(ZeroDivisionError):
        monitor.ask("How large is the levy?")
    assert "ZeroDivisionError: by zero" in logged(lines)[0]["traceback"]
    assert figure(monitor, 'briefqa_questions_total{outcome="failed"}') == 1


@pytest.mark.parametrize("form", [PlainLines(), JsonLines()])
def test_an_event_is_one_line_whatever_its_fields_hold(form: logging.Formatter) -> None:
    record = logging.LogRecord("briefqa", logging.INFO, "", 0, "asked\nforged", None, None)
    record.fields = {"question": "levy\n2026-01-01T00:00:00Z INFO stopped \x1b[2J", "found": True}
    line = form.format(record)
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line


def test_plain_lines_can_be_read_and_taken_apart() -> None:
    record = logging.LogRecord("briefqa", logging.INFO, "", 0, "asked", None, None)
    record.fields = {"found": True, "ms": 188, "reason": "it is = so"}
    assert PlainLines().format(record).partition(" ")[2] == 'INFO asked found=true ms=188 reason="it is = so"'


def test_figures_count_what_happens(monitor: Monitor, assistant: FakeAssistant) -> None:
    monitor.ask("How large is the levy?")
    monitor.ask("Who is the president of Brazil?")
    with pytest.raises(QuestionInvalid):
        monitor.ask(" ")
    monitor.update()
    assistant.busy = True
    with pytest.raises(IndexBusy):
        monitor.update()
    wanted = {
        'briefqa_questions_total{outcome="found"}': 1,
        'briefqa_questions_total{outcome="not_found"}': 1,
        'briefqa_questions_total{outcome="refused"}': 1,
        'briefqa_questions_total{outcome="failed"}': 0,
        "briefqa_question_seconds_count": 2,
        'briefqa_question_seconds_bucket{le="+Inf"}': 2,
        'briefqa_updates_total{outcome="written"}': 1,
        'briefqa_updates_total{outcome="failed"}': 1,
        "briefqa_up": 1,
        "briefqa_generation": 4,
        "briefqa_briefs": 3,
        "briefqa_passages": 9,
    }
    assert {name: figure(monitor, name) for name in wanted} == wanted
    if sys.platform == "linux":
        assert figure(monitor, "process_open_fds")
        assert figure(monitor, "process_resident_memory_bytes")


def test_health_and_figures_over_http(assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = Monitor(assistant)  # type: ignore[arg-type]
    app = build_app(monitor.assistant)
    url = launch(app, monitor=monitor)
    try:
        health = httpx.get(f"{url}healthz", trust_env=False)
        assert (health.status_code, health.json()) == (
            200, {"ok": True, "generation": 3, "briefs": 3, "passages": 9},
        )  # fmt: skip
        figures = httpx.get(f"{url}metrics", trust_env=False)
        assert figures.headers["content-type"].startswith("text/plain; version=")
        assert "briefqa_up 1.0" in figures.text

        def damaged() -> None:
            raise IndexCorrupt("the file briefs.sqlite is damaged; run: briefqa index --rebuild")

        monkeypatch.setattr(assistant, "status", damaged)
        health = httpx.get(f"{url}healthz", trust_env=False)
        assert (health.status_code, health.json()["error"]) == (
            503, "the file briefs.sqlite is damaged; run: briefqa index --rebuild",
        )  # fmt: skip
        assert "briefqa_up 0.0" in httpx.get(f"{url}metrics", trust_env=False).text
    finally:
        app.close(verbose=False)


def test_when_it_is_to_stop_what_runs_ends_and_nothing_begins(monitor: Monitor) -> None:
    replies = []
    asking = threading.Thread(target=lambda: replies.append(monitor.ask("How slow is the levy?")))
    asking.start()
    while not monitor._running:
        time.sleep(0.005)
    assert monitor.stop(patience=30)
    asking.join()
    assert replies[0].found
    with pytest.raises(ServerStopping, match="ask again when it is back"):
        monitor.ask("How large is the levy?")
    assert monitor.health() == (False, {"ok": False, "error": "the server is stopping"})


def test_when_it_is_to_stop_a_run_of_the_indexer_is_cut(monitor: Monitor, assistant: FakeAssistant) -> None:
    assistant.endless = True
    ended = []

    def run() -> None:
        with pytest.raises(IndexStopped, match="the index is as it was"):
            monitor.update()
        ended.append(True)

    updating = threading.Thread(target=run)
    updating.start()
    while not monitor._running:
        time.sleep(0.005)
    assert monitor.stop(patience=30)
    updating.join()
    assert ended


SERVER = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
import ui.cli
from fake_assistant import FakeAssistant
ui.cli._assistant = lambda *args: FakeAssistant()
sys.argv = ["briefqa", "serve", "--port", sys.argv[1], "--log-json"]
ui.cli.main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_signal_ends_the_server_after_the_question_that_runs(free_port: int) -> None:
    script = SERVER.format(tests=str(ROOT / "tests"), root=str(ROOT))
    server = subprocess.Popen(
        [sys.executable, "-c", script, str(free_port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout and "BriefQA is at" in server.stdout.readline()
        url = f"http://127.0.0.1:{free_port}/gradio_api/call/ask"
        with httpx.Client(trust_env=False, timeout=60) as client:
            event = client.post(url, json={"data": ["How slow is the levy?", *[None] * 6, 3]}).json()["event_id"]
            with client.stream("GET", f"{url}/{event}") as reply:
                while "briefqa_running 1.0" not in client.get(f"http://127.0.0.1:{free_port}/metrics").text:
                    time.sleep(0.02)
                server.send_signal(signal.SIGTERM)
                assert "event: complete" in "".join(reply.iter_text())
        out, err = server.communicate(timeout=60)
    finally:
        server.kill()
        server.communicate()
    assert server.returncode == 0
    assert out == ""
    events = [json.loads(line) for line in err.splitlines()]
    assert [event["event"] for event in events] == ["started", "stopping", "asked", "stopped"]
    assert events[0]["generation"] == 3
    assert events[-1]["all_ended"] is True


@pytest.mark.parametrize("command", ["serve", "index", "ask"])
def test_every_setting_has_a_variable_that_its_help_and_the_readme_name(command: str) -> None:
    told = CliRunner().invoke(command_line, [command, "--help"], env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"}).output
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    settings = {
        "serve": {"HOST", "PORT", "AUTH", "ALLOW_HOST", "MAX_WAITING", "MCP", "LOG_JSON", "LOG_QUESTIONS", "INDEX",
                  "EMBEDDER", "READER"},
        "index": {"INDEX", "EMBEDDER", "BRIEFS"},
        "ask": {"INDEX", "EMBEDDER", "READER", "TOP_K"},
    }  # fmt: skip
    assert set(re.findall(r"BRIEFQA_([A-Z_]+)", told)) == settings[command]
    assert {name for name in settings[command] if f"BRIEFQA_{name}" not in readme} == set()
