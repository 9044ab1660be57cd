"""Throws requests at a server: such as its own OpenAPI nearly allows, and any values at the page's own events.

    python scripts/fuzz_http.py --setup              # schemathesis, in an environment of its own (runs/schemathesis)
    python scripts/fuzz_http.py --examples 100 --events 2000

The server is real but for the two models (see fuzz_questions.py). Everything must be answered within 10 seconds,
nothing with a status of 500 or more; then the server must be well and its log without an error. Exit 1 otherwise.
"""

import argparse
import itertools
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

import fuzz_questions
from index.builder import SAMPLES, build_index
from ui.app import build_app, launch
from ui.monitor import Monitor

HOME = Path("runs/schemathesis")
PACKAGE = "schemathesis==4.32.5"
SECONDS = 10.0


class Errors(logging.Handler):
    """Keeps what the server logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a record."""
        self.told.append(f"{record.getMessage()} {getattr(record, 'fields', '')}")


def setup() -> None:
    """Makes the environment for schemathesis."""
    subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
    subprocess.run([str(HOME / "bin" / "python"), "-m", "pip", "install", "--quiet", PACKAGE], check=True)


def by_openapi(url: str, examples: int, seed: int) -> bool:
    """Whether schemathesis found nothing."""
    command = [
        str(HOME.absolute() / "bin" / "schemathesis"), "run", f"{url}gradio_api/openapi.json",
        "--checks", "not_a_server_error", "--phases", "coverage,fuzzing",
        "--max-examples", str(examples), "--request-timeout", str(SECONDS),
        "--seed", str(seed), "--continue-on-failure", "--no-color", "--warnings", "off",
    ]  # fmt: skip
    # In its own folder, for it keeps what it has found where it is run.
    return subprocess.run(command, cwd=HOME, env=os.environ | {"NO_PROXY": "127.0.0.1"}, check=False).returncode == 0


def any_value(rng: random.Random, depth: int = 0) -> Any:  # noqa: ANN401  # any JSON
    """A JSON value of any kind."""
    kind = rng.randrange(9 if depth < 3 else 7)
    if kind == 7:
        return [any_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind == 8:
        return {rng.choice(["a", "open", "id", "turn", "path", "__type__"]): any_value(rng, depth + 1) for _ in "ab"}
    words = ["", "levy", "x" * 5_000, "\x00\u202e😀", "=1+1", "../../etc/passwd", "<script>", "2021-13-45", "\r\n"]
    return [None, True, rng.choice(words), rng.choice(words), -1, 10**30, 1e-300][kind]


def at_events(url: str, n_events: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Calls events of the page with any values: how many ended how, and what was wrong."""
    ended: Counter[str] = Counter()
    wrong: list[str] = []
    with httpx.Client(trust_env=False, timeout=SECONDS, base_url=url) as client:
        events = client.get("config").json()["dependencies"]
        known = [(event["api_name"], len(event["inputs"])) for event in events if event["backend_fn"]]
        for n in range(n_events):
            rng = random.Random(f"{seed} event {n}")
            name, size = rng.choice(known)
            data = [any_value(rng) for _ in range(max(0, size + rng.choice([0, 0, 0, 0, -1, 1])))]
            body = {"data": data} | rng.choice([{}, {"session_hash": any_value(rng)}, {"event_data": any_value(rng)}])
            asked = f"{name} {json.dumps(body)[:300]}"
            try:
                answer = client.post(f"gradio_api/call/{name}", json=body)
                if answer.status_code == 200:
                    told = client.get(f"gradio_api/call/{name}/{answer.json()['event_id']}").text
                    ended[next(iter(told.rpartition("event: ")[2].split()), "nothing")] += 1
                else:
                    ended[str(answer.status_code)] += 1
                if answer.status_code >= 500:
                    wrong.append(f"{answer.status_code}: {asked}")
            except httpx.HTTPError as exc:
                wrong.append(f"{exc!r}: {asked}")
    return ended, wrong


def main() -> None:
    """Starts the server, throws, and tells."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--setup", action="store_true", help="make the environment for schemathesis")
    parser.add_argument("--examples", type=int, default=100, help="of each operation")
    parser.add_argument("--events", type=int, default=1_000, help="calls of the page's events")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.setup:
        setup()
        return
    errors = Errors()
    logging.getLogger().addHandler(errors)
    with tempfile.TemporaryDirectory() as folder:
        build_index(Path(folder), fuzz_questions.HashEmbedder(), [SAMPLES])
        monitor = Monitor(fuzz_questions.assistant_over(Path(folder), real=False, seed=args.seed))
        app = build_app(monitor.assistant, examples=[])
        url = launch(app, monitor=monitor)
        ended, wrong = at_events(url, args.events, args.seed)
        well = by_openapi(url, args.examples, args.seed) if args.examples else True
        health = httpx.get(f"{url}healthz", trust_env=False, timeout=SECONDS)
        app.close(verbose=False)
    print(f"\n{args.events:,} calls of the page's events: {dict(ended)}")
    for told in itertools.chain(wrong[:20], errors.told[:20]):
        print(f"wrong: {told}")
    sys.exit(not well or bool(wrong) or bool(errors.told) or health.status_code != 200)


if __name__ == "__main__":
    main()
