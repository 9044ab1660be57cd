"""What ui/SECURITY.md says that nobody can do. Each test is named there."""

import ast
import asyncio
import base64
import http.client
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from fake_assistant import BRIEFS, FakeAssistant
from gradio_client import Client
from mcp import ClientSession
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client
from starlette.testclient import TestClient

from ui import guard
from ui.app import build_app, launch
from ui.monitor import Monitor

ROOT = Path(__file__).parents[1]
NAMED = ("ask", "brief", "briefs", "status", "update", "verify")
PASSWORD = "correct-horse-battery"


@contextmanager
def serving(assistant: FakeAssistant, **settings: object) -> Iterator[tuple[str, object]]:
    monitor = Monitor(assistant)  # type: ignore[arg-type]
    page = build_app(monitor.assistant)
    url = launch(page, monitor=monitor, **settings)  # type: ignore[arg-type]
    try:
        yield url, page
    finally:
        page.close(verbose=False)


@pytest.fixture(scope="module")
def assistant() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture(scope="module")
def url(assistant: FakeAssistant) -> Iterator[str]:
    with serving(assistant, hosts=["briefs.example"]) as (url, _):
        yield url


@pytest.fixture(scope="module")
def locked() -> Iterator[tuple[str, object]]:
    """A server that asks for a password, and offers everything there is."""
    with serving(FakeAssistant(), auth=("ada", PASSWORD), mcp_server=True) as served:
        yield served


def call(
    url: str, method: str, path: str, headers: dict[str, str] | None = None, body: object = None
) -> httpx.Response:
    """A request whose path and headers are sent as they stand."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=60)
    sent = None if body is None else json.dumps(body).encode()
    own = {} if sent is None else {"Content-Type": "application/json"}
    connection.request(method, path, sent, own | (headers or {}))
    answer = connection.getresponse()
    # A stream (a heartbeat) has no end; its beginning tells enough.
    stream = "event-stream" in (answer.headers.get("content-type") or "")
    content = b"" if stream else answer.read()
    connection.close()
    return httpx.Response(answer.status, headers=dict(answer.headers.items()), content=content)


# Web pages elsewhere


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200), ("localhost:{port}", 200), ("[::1]:{port}", 200), ("10.1.2.3", 200),
        ("briefs.example", 200), ("BRIEFS.example:443", 200), ("evil.example:{port}", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421), ("briefs.example.evil.example", 421), ("", 421), ("[", 421),
    ],
)  # fmt: skip
def test_a_name_that_is_not_its_own_is_refused(url: str, host: str, status: int) -> None:
    """DNS rebinding: a page at evil.example has its name point to 127.0.0.1, and is then of the same origin."""
    host = host.format(port=urlsplit(url).port)
    assert call(url, "GET", "/healthz", {"Host": host}).status_code == status


@pytest.mark.parametrize(
    "path", ["call/ask", "call/update", "run/update", "api/update", "queue/join", "call/remove", "upload", "cancel"]
)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"]
)
def test_a_page_elsewhere_can_neither_ask_nor_change_anything(
    url: str, assistant: FakeAssistant, path: str, origin: str
) -> None:
    """The form of a foreign page may send this without asking before, as `text/plain`."""
    for kind in ("application/json", "text/plain"):
        headers = {"Origin": origin, "Content-Type": kind}
        answer = call(url, "POST", f"/gradio_api/{path}", headers, {"data": [], "fn_index": 0, "session_hash": "x"})
        assert (answer.status_code, answer.json()["detail"]) == (403, "another site's page may not call this server")
    assert assistant.updates == []


def test_a_page_elsewhere_can_read_nothing(url: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert call(url, "GET", "/gradio_api/info", headers).status_code == 403
    assert call(url, "GET", "/?q=levy", headers | {"Sec-Fetch-Mode": "navigate"}).status_code == 200  # a link
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in call(url, "OPTIONS", "/gradio_api/call/ask", asked).headers


def test_its_own_page_may_ask(url: str) -> None:
    port = urlsplit(url).port
    for host, origin in (
        (f"127.0.0.1:{port}", f"http://127.0.0.1:{port}"), (f"localhost:{port}", f"http://localhost:{port}"),
        (f"127.0.0.1:{port}", "https://briefs.example"),  # behind a proxy that keeps its own name to itself
    ):  # fmt: skip
        answer = call(url, "POST", "/gradio_api/call/ask", {"Host": host, "Origin": origin}, {"data": ["levy"]})
        assert answer.status_code == 200, origin


def test_no_other_site_may_frame_the_page_or_be_sent_anything(url: str) -> None:
    headers = call(url, "GET", "/").headers
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["x-content-type-options"] == "nosniff"
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["connect-src"] == policy["frame-ancestors"] == policy["form-action"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert "http" not in headers["content-security-policy"]


# Files and addresses


_BEFORE = (
    "/gradio_api/file=", "/gradio_api/file/", "/file=", "/file/", "/gradio_api/proxy=", "/static/", "/assets/",
    "/svelte/", "/gradio_api/custom_component/1/client/component/", "/static/fonts/", "/gradio_api/stream/",
    "/pwa_icon/", "/",
)  # fmt: skip


def climbing(target: str) -> Iterator[str]:
    """Ways to ask for a file that have worked somewhere."""
    encoded = f"{'..%2f' * 7}{quote(target, safe='')}"
    dotted, doubled, windows = f"{'%2e%2e/' * 8}{target}", f"{'....//' * 8}{target}", f"{'..' + chr(92)}{target}"
    plain = f"{'../' * 12}{target.lstrip('/')}"
    for path in (
        target, plain, encoded, dotted, doubled, windows, f"/{target}", f"file://{target}", f"{target}%00.css",
    ):  # fmt: skip
        yield from (f"{before}{path}" for before in _BEFORE)


def test_no_path_leads_to_a_file_of_the_machine(url: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret of the machine")
    asked = 0
    for path in climbing(str(secret)):
        answer = call(url, "GET", path)
        assert "the secret of the machine" not in answer.text, path
        assert answer.status_code in {400, 403, 404} or "<!doctype html>" in answer.text.lower(), (
            path,
            answer.status_code,
        )
        asked += 1
    assert asked > 100


def test_no_name_of_a_brief_leads_to_a_file(url: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret of the machine")
    with httpx.Client(trust_env=False) as client:
        for name in (str(secret), f"../{secret}", "../../../../etc/passwd", f"{BRIEFS[0].id}/../../etc/passwd"):
            event = client.post(f"{url}gradio_api/call/brief", json={"data": [name]}).json()["event_id"]
            told = client.get(f"{url}gradio_api/call/brief/{event}").text
            assert told.startswith("event: error")
            assert "secret of the machine" not in told and "root:" not in told


@pytest.fixture
def lure() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that nobody should be made to call."""
    called: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"inside")

        do_POST = do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/lure", called
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_server_calls_no_address_that_it_is_given(url: str, lure: tuple[str, list[str]]) -> None:
    """gradio fetches a file that a component is given by its address, and hands files out by theirs."""
    address, called = lure
    meta = {"meta": {"_type": "gradio.FileData"}}
    payloads = [{"path": address} | meta, {"url": address, "path": address} | meta, {"url": address}, address]
    with httpx.Client(trust_env=False, timeout=30, follow_redirects=True) as client:
        for name in NAMED:
            for payload in payloads:
                sent = client.post(f"{url}gradio_api/call/{name}", json={"data": [payload]})
                if sent.status_code == 200:
                    assert "inside" not in client.get(f"{url}gradio_api/call/{name}/{sent.json()['event_id']}").text
        for path in ("gradio_api/proxy=", "gradio_api/file=", "file=", "proxy="):
            answer = client.get(f"{url}{path}{address}")
            assert answer.status_code == 404  # nor sent there: an address of ours that leads elsewhere serves phishing
        config = client.get(f"{url}config").json()
        for function in config["dependencies"]:
            data = [payloads[0]] * len(function["inputs"])
            sent = client.post(
                f"{url}gradio_api/queue/join",
                json={"data": data, "fn_index": function["id"], "session_hash": "lured", "event_data": payloads[0]},
            )
            assert sent.status_code in {200, 400, 404, 422, 500, 503}
        with client.stream("GET", f"{url}gradio_api/queue/data?session_hash=lured") as told:
            for line in told.iter_lines():
                if "close_stream" in line:
                    break
    assert called == []


# Strangers


def routes_of(page: object) -> list[tuple[str, list[str]]]:
    """Every path of the application with its methods."""
    paths = page.app.openapi()["paths"]  # type: ignore[attr-defined]
    assert len(paths) > 40
    return [(path, [method.upper() for method in methods]) for path, methods in paths.items()]


def test_without_the_password_nothing_is_served_but_the_way_in(locked: tuple[str, object]) -> None:
    url, page = locked
    open_to_all = set()
    for route, methods in routes_of(page):
        path = re.sub(r"\{[^}]*\}", "x", route)
        for method in methods:
            if call(url, method, path).status_code not in {401, 404}:
                open_to_all.add(path.rstrip("/") or "/")
    assert open_to_all <= guard._PUBLIC | {"/static/x", "/assets/x", "/svelte/x"}
    for name in NAMED:
        assert call(url, "POST", f"/gradio_api/call/{name}", body={"data": ["levy"]}).status_code == 401
    assert call(url, "POST", "/gradio_api/mcp/", body={}).status_code == 401
    assert call(url, "GET", "/metrics").status_code == 401
    assert call(url, "GET", "/config").status_code == 401
    assert call(url, "GET", "/healthz").json() == {"ok": True}
    assert not any(brief.title in call(url, "GET", "/").text for brief in BRIEFS)


def test_a_wrong_password_opens_nothing(locked: tuple[str, object]) -> None:
    url, _ = locked
    for given in ("ada:wrong", f"ada:{PASSWORD} ", f"bob:{PASSWORD}", f"{PASSWORD}", ":", ""):
        basic = {"Authorization": f"Basic {base64.b64encode(given.encode()).decode()}"}
        assert call(url, "GET", "/metrics", basic).status_code == 401, given
    for header in ("Basic", "Basic ???", "Bearer x", f"basic {PASSWORD}"):
        assert call(url, "GET", "/metrics", {"Authorization": header}).status_code == 401
    for cookie in ("access-token-x=1", "access-token-unsecure-=", "=", "a;b;c"):
        assert call(url, "GET", "/metrics", {"Cookie": cookie}).status_code == 401


def test_with_the_password_a_program_reads_figures_and_an_agent_asks(locked: tuple[str, object]) -> None:
    url, _ = locked
    basic = {"Authorization": f"Basic {base64.b64encode(f'ada:{PASSWORD}'.encode()).decode()}"}
    assert "briefqa_up 1.0" in call(url, "GET", "/metrics", basic).text
    assert call(url, "GET", "/healthz", basic).json()["briefs"] == 3

    async def use() -> dict:
        client = create_mcp_http_client(headers=basic)
        async with client, streamable_http_client(f"{url}gradio_api/mcp/", http_client=client) as (read, write, _):
            async with ClientSession(read, write) as session:
                await session.initialize()
                asked = await session.call_tool("ask", {"question": "How large is the levy?"})
                return json.loads(asked.content[0].text)

    assert asyncio.run(use())["found"] is True


def test_the_password_is_in_no_log_and_no_page(
    locked: tuple[str, object], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    url, _ = locked
    caplog.set_level(logging.DEBUG)
    client = Client(url, auth=("ada", PASSWORD), verbose=False, analytics_enabled=False)
    client.predict("How large is the levy?", api_name="/ask")
    client.close()
    with httpx.Client(trust_env=False) as browser:
        browser.post(f"{url}login", data={"username": "ada", "password": PASSWORD})
        pages = [browser.get(f"{url}{path}").text for path in ("", "config", "gradio_api/info", "metrics", "healthz")]
        browser.post(f"{url}login", data={"username": "ada", "password": "nearly-the-right-one"})
    told = capfd.readouterr()
    logged = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    for text in (*pages, told.out, told.err, logged):
        assert PASSWORD not in text
        assert "nearly-the-right-one" not in text


# Too much


def test_a_request_may_only_be_so_large(url: str) -> None:
    parts = urlsplit(url)
    head = "POST /gradio_api/call/verify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with socket.create_connection((parts.hostname, parts.port)) as sent:  # told before anything is sent
        sent.sendall(f"{head}Content-Length: {guard.MAX_BODY + 1}\r\n\r\n".encode())
        assert sent.recv(100).startswith(b"HTTP/1.1 413")


def test_a_request_that_does_not_tell_its_size_may_be_no_larger(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(guard, "MAX_BODY", 1000)
    chunks = (b"x" * 300 for _ in range(10))
    answer = httpx.post(f"{url}gradio_api/call/verify", content=chunks, trust_env=False)
    assert answer.status_code == 413
    assert "at most 1,000 bytes" in answer.json()["detail"]


def test_only_so_many_requests_are_open_at_once(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(guard, "MAX_OPEN", 0)
    answer = httpx.get(f"{url}healthz", trust_env=False)
    assert (answer.status_code, answer.json()["detail"]) == (503, "too many requests at once; try again in a moment")


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("call/v2/ask", "application/json", b"{}"),
        ("call/v2/verify", "application/json", b'{"": {"text": []}, "rebuild": 1e308}'),
        (
            "upload",
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\n{}\r\n--b--\r\n',
        ),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_a_sentence_and_a_log_line(
    url: str, path: str, kind: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """gradio fails at these; its server would answer “Internal Server Error” and write a traceback."""
    answer = httpx.post(f"{url}gradio_api/{path}", content=body, headers={"Content-Type": kind}, trust_env=False)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("the request does not fit this address")
    (line,) = [record for record in caplog.records if record.name == "briefqa.serve"]
    assert (line.levelname, line.getMessage(), line.exc_info) == ("WARNING", "unfit", None)


def test_news_of_an_event_that_there_is_not_ends(url: str) -> None:
    told = httpx.get(f"{url}gradio_api/call/ask/0", trust_env=False, timeout=60)
    assert told.text.startswith("event: error") and "404" in told.text


def test_what_fails_for_another_reason_is_told_as_our_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise ZeroDivisionError

    answer = TestClient(guard.Guard(broken)).get("/config", headers={"Host": "localhost"})
    assert (answer.status_code, answer.json()["error"]) == (500, "the server met an error; its log tells more")
    assert caplog.records[-1].exc_info


def test_only_so_many_questions_wait() -> None:
    with serving(FakeAssistant(), max_waiting=2) as (url, _), httpx.Client(trust_env=False) as client:
        asked = [
            client.post(f"{url}gradio_api/call/ask", json={"data": [f"slow {n}", *[None] * 6, 3]}) for n in range(12)
        ]
        refused = [answer for answer in asked if answer.status_code != 200]
        assert refused
        assert {answer.status_code for answer in refused} == {503}


# What is loaded

_UNSAFE = {
    "pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "jsonpickle", "xmlrpc",
}  # fmt: skip
_CALLS = {"eval", "exec", "compile", "os.system", "os.popen", "torch.load", "numpy.load", "np.load", "yaml.load"}


def unsafe_in(path: Path) -> Iterator[str]:
    """What in a module could run what a file holds."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
        yield from (f"{path.name}: import {name}" for name in names if name.split(".")[0] in _UNSAFE)
        if isinstance(node, ast.Call):
            called, given = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            safe = given.get("weights_only") == "True" or given.get("allow_pickle") == "False"
            if (called in _CALLS and not safe) or given.get("shell") == "True":
                yield f"{path.name}: {called}"
            if given.get("trust_remote_code", "False") != "False" or given.get("allow_pickle", "False") != "False":
                yield f"{path.name}: {called}"
            if called.endswith(".from_pretrained") and "Tokenizer" not in called and "Config" not in called:
                if given.get("use_safetensors") != "True":
                    yield f"{path.name}: {called} without use_safetensors"


@pytest.mark.parametrize("folder", ["index", "qa", "ui"])
def test_nothing_that_is_read_is_run(folder: str) -> None:
    modules = sorted((ROOT / folder).rglob("*.py"))
    assert len(modules) > 10
    assert [found for module in modules for found in unsafe_in(module)] == []


def test_what_could_run_is_seen(tmp_path: Path) -> None:
    """The test above can fail."""
    module = tmp_path / "bad.py"
    module.write_text(
        "import pickle\nfrom joblib import load\nimport torch\ntorch.load(x)\ntorch.load(x, weights_only=True)\n"
        "np.load(x, allow_pickle=True)\nAutoModel.from_pretrained(x)\nrun(x, shell=True)\n"
    )
    assert len(list(unsafe_in(module))) == 7


def test_weights_are_shipped_as_safetensors_only() -> None:
    shipped = [path for folder in ("index", "qa") for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert {path.name for path in shipped if path.stat().st_size > 2_000_000} == {"model.safetensors"}
    assert not [path for path in shipped if path.suffix in {".bin", ".pt", ".pth", ".pkl", ".npy", ".npz"}]


def test_every_threat_names_a_test_that_exists() -> None:
    table = [
        line for line in (ROOT / "ui" / "SECURITY.md").read_text(encoding="utf-8").splitlines() if "`test_" in line
    ]
    assert len(table) > 20
    known = {
        f"{path.name}::{node.name}"
        for path in (ROOT / "tests").glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    named = {word for line in table for word in line.split("`")[1::2] if word.startswith("test_")}
    assert named - known == set()
    ours = {name for name in known if name.startswith("test_security.py::test_")}
    assert ours - named <= {
        "test_security.py::test_what_could_run_is_seen", "test_security.py::test_every_threat_names_a_test_that_exists",
    }  # fmt: skip


def test_no_route_of_ours_is_forgotten(locked: tuple[str, object]) -> None:
    """What the guard lets through is what gradio has: the two lists are kept by hand."""
    paths = {path for path, _ in routes_of(locked[1])}
    # Those of a mounted application, of no description of its own, and those made only on demand.
    optional = {"/metrics", "/healthz", "/gradio_api/mcp", "/logout", "/manifest.json"}
    assert (guard._SERVED | guard._PUBLIC) - paths <= optional
