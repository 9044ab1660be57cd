"""How long the page takes to be ready, and what asking through it adds to the assistant's own time.

    python scripts/page_speed.py --index-dir .briefqa --questions q.jsonl

A real server over the real models, and a real Chromium on the same machine (the system's, or BRIEFQA_CHROMIUM). Loading
is timed in a fresh profile, nothing in its cache, until the question box can be typed into and the line below it tells
how many briefs are asked. Asking is timed from the key Enter until the reply has been painted; the assistant's own time
is taken in the same run, of the same question, so that other work on the machine weighs on both. Questions: JSON lines
with a `question`, as `briefqa ask --batch` takes them; each is asked once.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from qa.assistant import Assistant
from qa.types import Reply
from ui.app import build_app, launch

_WARMING = 5
"""Questions asked before any is timed."""

# Resolves when a reply other than the one at hand has been painted, with the milliseconds since Enter was pressed.
# Every frame is looked at: gradio may put the reply there, or anew, before it lets it be seen.
_WATCH = """() => {
  const reply = () => document.querySelector('#answers .bq-reply');
  const before = reply()?.dataset.asked;
  let pressed;
  addEventListener('keydown', () => { pressed = performance.now(); }, { capture: true, once: true });
  window.painted = new Promise(done => {
    const look = () => {
      const there = reply();
      if (there && there.dataset.asked !== before && there.checkVisibility({ opacityProperty: true }))
        setTimeout(() => done(performance.now() - pressed));
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}"""
_READY = """() => document.querySelector('#question textarea')?.checkVisibility()
  && document.querySelector('#filters > button')?.textContent.includes('In ')"""


class TimedAssistant:
    """An assistant that keeps how long each question took it."""

    def __init__(self, assistant: Assistant) -> None:
        """Passes everything but `ask` on."""
        self._assistant = assistant
        self.took_ms: list[float] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the assistant has
        """What the assistant has under this name."""
        return getattr(self._assistant, name)

    def ask(self, *args: Any, **kwargs: Any) -> Reply:  # noqa: ANN401  # as the assistant's
        """The reply, after its time was taken."""
        started = time.perf_counter()
        try:
            return self._assistant.ask(*args, **kwargs)
        finally:
            self.took_ms.append((time.perf_counter() - started) * 1000)


def main() -> None:
    """Prints medians and 95th percentiles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index-dir", type=Path, default=Path(".briefqa"))
    parser.add_argument("--questions", type=Path, required=True, help="JSON lines with a question")
    parser.add_argument("--n", type=int, default=100, help="how many of them are asked, drawn by chance")
    parser.add_argument("--loads", type=int, default=15, help="how often the page is loaded")
    args = parser.parse_args()
    questions = [json.loads(line)["question"] for line in args.questions.read_text("utf-8").splitlines()]
    chosen = random.Random(0).sample(questions, min(args.n + _WARMING, len(questions)))
    assistant = TimedAssistant(Assistant.open(args.index_dir))
    app = build_app(assistant)  # type: ignore[arg-type]
    url = launch(app)
    with sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=os.environ.get("BRIEFQA_CHROMIUM") or shutil.which("chromium"), args=["--no-sandbox"]
        )
        loads = []
        for _ in range(args.loads + 1):
            page = browser.new_context().new_page()
            loads.append(load(page, url))
            page.context.close()
        page = browser.new_page()
        load(page, url)
        through = [ask(page, question) for question in chosen]
        browser.close()
    app.close(verbose=False)
    own, through = assistant.took_ms[_WARMING:], through[_WARMING:]
    print(f"{assistant.status().n_briefs:,} briefs; {len(own)} questions; median and 95th percentile, ms")
    tell("page load to ready", loads[1:])
    tell("asking: the assistant’s own time", own)
    tell("asking: through the page", through)
    tell("asking: what the page adds", [whole - part for whole, part in zip(through, own, strict=True)])


def load(page: Page, url: str) -> float:
    """Milliseconds until the page at `url` is ready."""
    started = time.perf_counter()
    page.goto(url, wait_until="commit", timeout=120_000)
    page.wait_for_function(_READY, timeout=120_000)
    return (time.perf_counter() - started) * 1000


def ask(page: Page, question: str) -> float:
    """Milliseconds from Enter until the reply has been painted."""
    box = page.get_by_label("Question", exact=True)
    box.fill(question)
    page.evaluate(_WATCH)
    box.press("Enter")
    return float(page.evaluate("window.painted"))


def tell(name: str, values: Sequence[float]) -> None:
    """One line of the report."""
    print(f"{name:34} {statistics.median(values):7.0f} {statistics.quantiles(values, n=20)[-1]:7.0f}")


if __name__ == "__main__":
    main()
