"""The guard in a real Chromium: a page elsewhere attacks, the own page works under its content policy."""

import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fake_assistant import FakeAssistant

from ui.app import build_app, launch

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("BRIEFQA_CHROMIUM") or shutil.which("chromium")

ATTACK = """async (url) => {
    const told = [];
    for (const path of ["call/update", "run/update", "call/ask"]) {
        for (const mode of ["cors", "no-cors"]) {
            try {
                const answer = await fetch(`${url}gradio_api/${path}`, {
                    method: "POST", mode, credentials: "include", headers: {"Content-Type": "text/plain"},
                    body: JSON.stringify({data: [false]}),
                });
                told.push(`${mode} ${path}: ${answer.status} ${await answer.text()}`);
            } catch (error) { told.push(`${mode} ${path}: ${error.name}`); }
        }
    }
    return told;
}"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """A page of somebody else."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>Elsewhere</title>")

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_page_elsewhere_attacks_in_vain_and_the_own_one_works(elsewhere: str) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium: install the system's chromium, or name one in BRIEFQA_CHROMIUM")
    assistant = FakeAssistant()
    app = build_app(assistant)  # type: ignore[arg-type]
    url = launch(app)
    try:
        with playwright.sync_playwright() as p:
            browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page()
            page.goto(elsewhere)
            told = page.evaluate(ATTACK, url)
            assert len(told) == 6
            assert not [line for line in told if " 200 " in line]
            assert assistant.updates == []

            said: list[str] = []
            page.on("console", lambda message: said.append(message.text))
            page.goto(url)
            page.get_by_label("Question", exact=True).fill("How large is the levy?", timeout=90_000)
            page.get_by_role("button", name="Ask", exact=True).click()
            playwright.expect(page.locator("#answers")).to_contain_text("0.4 cents", timeout=60_000)
            assert [line for line in said if "Content Security Policy" in line] == []
            browser.close()
    finally:
        app.close(verbose=False)
