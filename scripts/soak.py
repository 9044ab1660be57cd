"""Soaks a real server: askers, briefs that change, a watcher, a health check; says if anything failed or grew.

    python scripts/soak.py --minutes 30 --out runs/soak

Starts `briefqa serve` and `briefqa index --watch` as processes of their own, over a copy of some briefs in
`scripts/reader_questions`. Askers ask what the quiet server could answer, and about briefs that an updater rewrites,
adds and removes meanwhile. Every quote is compared with the text that its brief's id was made from, and none may be of
a version that was gone before the question was asked. Exit code 1 on any error, wrong quote or growth.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
import numpy as np

from index.loaders import load_brief

BRIEFS = Path(__file__).parent / "reader_questions" / "briefs"
COMMAND = (sys.executable, "-c", "from ui.cli import main; main()")
PLACES = ("Varnsted", "Olmeira", "Quessant", "Brodholm", "Tarvik", "Sollace", "Mirenz", "Hallowby")
"""Towns of the briefs that change; none is in the others."""
WARM_MINUTES = 3
"""What a server takes for its caches is none of its growth."""
MOST_GROWTH = 0.10
"""Of memory, from the first to the last third after that; more is a leak. Growth must also be above `NOISE_MB`."""
NOISE_MB = 40
MOST_FILES = 10
PATIENCE = 600.0
"""Seconds to a reply before it counts as none: a busy machine is no error, and the plot tells of it."""


@dataclass
class Tally:
    """What was seen; every list is appended to from several threads, which lists allow."""

    asked: list[tuple[float, float, str]] = field(default_factory=list)
    """Time, seconds, what was asked: `known` or `changing`."""
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    samples: list[tuple[float, float, int]] = field(default_factory=list)
    """Time, resident MB, open files of the server."""
    generations: set[int] = field(default_factory=set)
    n_citations: int = 0
    n_same: int = 0
    n_known: int = 0
    n_fresh: int = 0
    n_changing: int = 0
    n_health: int = 0


@dataclass
class Texts:
    """Every version of every brief by its id, and when each version came and went."""

    by_id: dict[str, str] = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)
    """Id → when the watcher had told of a generation without it."""

    def add(self, content: str, name: str) -> str:
        """Takes note of a version, before it is written."""
        brief = load_brief(content.encode(), name)
        self.by_id[brief.id] = brief.text
        self.gone.pop(brief.id, None)
        return brief.id


def ask(client: httpx.Client, url: str, question: str) -> dict[str, Any]:
    """The reply of the server to `question`, by the calls that any program would use."""
    data = [question, *[None] * 6, 3]  # no filters; three answers at most
    event = client.post(f"{url}gradio_api/call/ask", json={"data": data}).raise_for_status().json()["event_id"]
    told = client.get(f"{url}gradio_api/call/ask/{event}").raise_for_status().text
    if found := re.search(r"event: complete\ndata: (.*)", told):
        reply: dict[str, Any] = json.loads(found[1])[0]
        return reply
    raise RuntimeError(f"no reply to {question!r}: {told[:300]}")


def brief_of(place: str, lamps: int) -> str:
    """A brief about the harbour lamps of a town."""
    return (
        f"May 2, 2024 | Insight\n\nThe Harbour Lamps of {place}\n\nThe council of {place} counted the lamps of its "
        f"harbour again. The harbour of {place} now has {lamps} lamps. They burn from dusk until the last ferry has "
        "come in, and the pilots pay for the oil.\n\nEda Roth is a fellow of the Coast Institute.\n"
    )


class Soak:
    """One run."""

    def __init__(self, out: Path, minutes: float, askers: int, port: int) -> None:
        """Prepares folders; nothing is started."""
        self.folder, self.index_dir, self.out = out / "briefs", out / "index", out
        self.minutes, self.n_askers, self.port = minutes, askers, port
        self.url = f"http://127.0.0.1:{port}/"
        self.tally, self.texts = Tally(), Texts()
        self.ending = threading.Event()
        self.questions: list[str] = []
        self.right: dict[str, set[str]] = {}
        self.now: dict[str, tuple[str, int] | None] = {}
        self.versions: dict[str, list[tuple[float, str | None]]] = {place: [] for place in PLACES}
        self.started = 0.0

    def prepare(self) -> None:
        """Copies briefs and questions, and indexes them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(BRIEFS.glob("*/0[12].txt")):
            content = path.read_text(encoding="utf-8")
            name = f"{path.parent.name}-{path.name}"
            (self.folder / name).write_text(content, encoding="utf-8", newline="")
            self.texts.add(content, name)
            asked = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            self.questions += [one["q"] for one in asked if one.get("a")][:1]
        for n, place in enumerate(PLACES):
            self._write(place, 1000 + n)
        if not (self.index_dir / "CURRENT").exists():  # else the watcher begins by bringing it in step
            subprocess.run([*COMMAND, "index", self.folder, "--index-dir", self.index_dir], check=True)

    def run(self) -> int:
        """Runs it all; returns the exit code."""
        self.prepare()
        with (self.out / "server.log").open("w") as log, (self.out / "watcher.log").open("w") as watched:
            server = subprocess.Popen(
                [*COMMAND, "serve", "--index-dir", self.index_dir, "--port", str(self.port), "--log-json"], stderr=log
            )
            watcher = subprocess.Popen(
                [*COMMAND, "index", "--watch", "--json", "--index-dir", self.index_dir],
                stdout=subprocess.PIPE, stderr=watched, text=True,
            )  # fmt: skip
            try:
                self._wait_until_up(server)
                self._learn()
                self._soak(server, watcher)
            finally:
                # Not SIGINT: a shell has what it runs in the background ignore that.
                for process in (watcher, server):
                    process.send_signal(signal.SIGTERM)
                watcher.wait(PATIENCE)
                code = server.wait(PATIENCE)
        if code:
            self.tally.errors.append(f"the server ended with {code}")
        self._read_log()
        return self._tell()

    def _soak(self, server: "subprocess.Popen[bytes]", watcher: "subprocess.Popen[str]") -> None:
        self.started = time.monotonic()
        assert watcher.stdout
        threading.Thread(target=self._follow, args=(watcher.stdout,), daemon=True).start()
        jobs = [*(lambda n=n: self._asker(n) for n in range(self.n_askers)), self._updater, self._healthy]
        jobs.append(lambda: self._sampler(server.pid))
        with ThreadPoolExecutor(len(jobs)) as pool:
            running = [pool.submit(job) for job in jobs]
            deadline = self.started + self.minutes * 60
            signal.signal(signal.SIGTERM, lambda *_: self.ending.set())  # ends early, and reports all the same
            while not self.ending.wait(1) and time.monotonic() < deadline:
                if server.poll() is not None or watcher.poll() is not None:
                    break
            if server.poll() is not None or watcher.poll() is not None:
                self.tally.errors.append(f"ended early: server {server.poll()}, watcher {watcher.poll()}")
            self.ending.set()
            for job in running:
                job.result()

    def _wait_until_up(self, server: "subprocess.Popen[bytes]") -> None:
        for _ in range(600):
            try:
                if httpx.get(f"{self.url}healthz", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if server.poll() is not None:
                break
            time.sleep(0.2)
        raise SystemExit(f"the server did not come up; see {self.out / 'server.log'}")

    def _learn(self) -> None:
        """What the quiet server answers to each known question; those it does not find are not asked again."""
        with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
            for question in self.questions:
                reply = ask(client, self.url, question)
                if reply["found"]:
                    self._check(reply, time.monotonic())
                    self.right[question] = {answer["text"] for answer in reply["answers"]}

    def _asker(self, seed: int) -> None:
        chance = random.Random(seed)
        known = list(self.right)
        with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
            while not self.ending.is_set():
                place = chance.choice(PLACES) if chance.random() < 0.3 else None
                question = f"How many lamps does the harbour of {place} have?" if place else chance.choice(known)
                began = time.monotonic()
                try:
                    reply = ask(client, self.url, question)
                except (httpx.HTTPError, RuntimeError, ValueError) as exc:
                    self.tally.errors.append(f"{question}: {exc!r}")
                    continue
                took = time.monotonic() - began
                self.tally.asked.append((began - self.started, took, "changing" if place else "known"))
                self._check(reply, began)
                if place:
                    self._check_fresh(place, reply, began)
                else:
                    self.tally.n_known += 1
                    self.tally.n_same += bool(reply["answers"]) and reply["answers"][0]["text"] in self.right[question]
                self.ending.wait(chance.expovariate(1.0))

    def _check(self, reply: dict[str, Any], began: float) -> None:
        """Every citation is the slice of its brief, and of no brief that was gone before the question."""
        for answer in reply["answers"]:
            for cited in (answer["citation"], *answer["also"]):
                self.tally.n_citations += 1
                text = self.texts.by_id.get(cited["brief_id"])
                if text is None or text[cited["start"] : cited["end"]] != cited["quote"]:
                    self.tally.wrong.append(f"{cited['id']} is not {cited['quote']!r}")
                elif self.texts.gone.get(cited["brief_id"], began) < began:
                    self.tally.wrong.append(f"{cited['id']} was gone before the question was asked")

    def _check_fresh(self, place: str, reply: dict[str, Any], began: float) -> None:
        """Counts the replies found in a version of the town's brief that was not gone when the question was asked."""
        self.tally.n_changing += 1
        held = [
            brief_id
            for at, brief_id in self.versions[place]
            if brief_id and self.texts.gone.get(brief_id, began) >= began
        ]
        cited = {answer["citation"]["brief_id"] for answer in reply["answers"]} if reply["found"] else set()
        self.tally.n_fresh += bool(cited & set(held))

    def _updater(self) -> None:
        """Every few seconds a town counts its lamps anew, loses its brief, or gets one again."""
        chance = random.Random(42)
        number = 2000
        while not self.ending.wait(chance.uniform(4, 12)):
            place = chance.choice(PLACES)
            number += 1
            if self.now[place] and chance.random() < 0.25:
                self._path(place).unlink()
                self.now[place] = None
                self.versions[place].append((time.monotonic(), None))
            else:
                self._write(place, number)

    def _write(self, place: str, lamps: int) -> None:
        content = brief_of(place, lamps)
        path = self._path(place)
        brief_id = self.texts.add(content, path.name)
        part = path.with_suffix(".part")
        part.write_text(content, encoding="utf-8", newline="")
        part.replace(path)
        self.now[place] = (brief_id, lamps)
        self.versions[place].append((time.monotonic(), brief_id))

    def _path(self, place: str) -> Path:
        return self.folder / f"lamps-{place}.txt"

    def _follow(self, lines: IO[str]) -> None:
        """Reads the watcher's reports: a version whose successor was indexed is gone from then on."""
        for line in lines:
            report = json.loads(line)
            told = time.monotonic()
            self.tally.generations.add(report["generation"])
            if report["failed"]:
                self.tally.errors.append(f"the watcher: {report['failed']}")
            for name in (*report["changed"], *report["removed"]):
                place = Path(name).stem.removeprefix("lamps-")
                newest = self.versions[place][-1][1] if report["changed"] and name in report["changed"] else None
                # Of a version written while the run was at work nothing is sure; the last two may both be held.
                for _, brief_id in self.versions[place][:-2]:
                    if brief_id and brief_id != newest:
                        self.texts.gone.setdefault(brief_id, told)

    def _healthy(self) -> None:
        with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
            while not self.ending.wait(2):
                try:
                    health = client.get(f"{self.url}healthz")
                    if health.status_code != 200 or not health.json()["ok"]:
                        self.tally.errors.append(f"healthz: {health.status_code} {health.text}")
                    self.tally.n_health += 1
                except httpx.HTTPError as exc:
                    self.tally.errors.append(f"healthz: {exc!r}")

    def _sampler(self, pid: int) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while not self.ending.wait(5):
            try:
                resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page / 1e6
                files = len(os.listdir(f"/proc/{pid}/fd"))
            except OSError as exc:
                self.tally.errors.append(f"the server cannot be looked at: {exc!r}")
                return
            self.tally.samples.append((time.monotonic() - self.started, resident, files))

    def _read_log(self) -> None:
        """The server's own log must tell of no error, and of every question."""
        logged = 0
        for line in (self.out / "server.log").read_text(encoding="utf-8").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                self.tally.errors.append(f"a log line is no JSON: {line[:200]}")
                continue
            logged += event["event"] == "asked"
            if event["level"] in ("error", "critical"):
                self.tally.errors.append(f"logged: {line[:300]}")
        if logged < len(self.tally.asked):
            self.tally.errors.append(f"{len(self.tally.asked)} questions were asked, {logged} were logged")

    def _tell(self) -> int:
        figures = figures_of(self.tally)
        failures = [*self.tally.errors, *self.tally.wrong, *growth_of(self.tally.samples)]
        figures["failures"] = failures[:50]
        (self.out / "soak.json").write_text(json.dumps(figures, indent=1))
        (self.out / "samples.json").write_text(json.dumps({"asked": self.tally.asked, "server": self.tally.samples}))
        for name, value in figures.items():
            if name not in ("minutes", "failures"):
                print(f"{name:<34}{value}")
        print("\nminute   asked  p50 ms  p95 ms      MB  files")
        for row in figures["minutes"]:
            print(
                f"{row['minute']:>6}  {row['asked']:>6}  {row['p50_ms']:>6}  {row['p95_ms']:>6}  "
                f"{row['mb']:>6}  {row['files']:>5}"
            )
        for failure in failures[:20]:
            print(f"FAILED: {failure}")
        plot(figures["minutes"], self.out / "soak.png")
        return bool(failures)


def figures_of(tally: Tally) -> dict[str, Any]:
    """Whole counts, and a row for each minute."""
    last = int(max((at for at, _, _ in tally.samples), default=0) // 60)
    rows = []
    for minute in range(last):
        took = [seconds * 1000 for at, seconds, _ in tally.asked if at // 60 == minute]
        seen = [(mb, files) for at, mb, files in tally.samples if at // 60 == minute]
        if took and seen:
            p50, p95 = np.percentile(took, (50, 95))
            rows.append({
                "minute": minute, "asked": len(took), "p50_ms": round(p50), "p95_ms": round(p95),
                "mb": round(max(mb for mb, _ in seen)), "files": max(files for _, files in seen),
            })  # fmt: skip
    return {
        "asked": len(tally.asked), "citations checked": tally.n_citations, "wrong quotes": len(tally.wrong),
        "errors": len(tally.errors), "generations": len(tally.generations), "health checks": tally.n_health,
        "known: same answer as when quiet": f"{tally.n_same} of {tally.n_known}",
        "changing: from a current version": f"{tally.n_fresh} of {tally.n_changing}",
        "minutes": rows,
    }  # fmt: skip


def growth_of(samples: list[tuple[float, float, int]]) -> list[str]:
    """What grew between the first and the last third of the samples taken warm, in words."""
    warm = [(mb, files) for at, mb, files in samples if at >= WARM_MINUTES * 60]
    third = len(warm) // 3
    if third < 3:
        return []
    (mb0, files0), (mb1, files1) = (np.median(part, axis=0) for part in (warm[:third], warm[-third:]))
    told = []
    if mb1 - mb0 > max(MOST_GROWTH * mb0, NOISE_MB):
        told.append(f"memory grew from {mb0:.0f} to {mb1:.0f} MB")
    if files1 - files0 > MOST_FILES:
        told.append(f"open files grew from {files0:.0f} to {files1:.0f}")
    return told


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Draws the rows: times above, memory and open files below."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(7, 4.2), layout="constrained")
    minutes = [row["minute"] for row in rows]
    for name, label in (("p50_ms", "p50"), ("p95_ms", "p95")):
        above.plot(minutes, [row[name] for row in rows], label=label)
    above.set(ylabel="ms to a reply", ylim=(0, None))
    above.legend(frameon=False, loc="upper right", ncols=2)
    below.plot(minutes, [row["mb"] for row in rows], label="memory, MB", color="tab:green")
    below.set(xlabel="minute", ylabel="MB", ylim=(0, None))
    files = below.twinx()
    files.plot(minutes, [row["files"] for row in rows], label="open files", color="tab:red")
    files.set(ylabel="open files", ylim=(0, None))
    below.legend([*below.lines, *files.lines], ["memory", "open files"], frameon=False, loc="lower right", ncols=2)
    for axes in (above, below, files):
        axes.spines["top"].set_visible(False)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Reads the arguments and soaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--askers", type=int, default=3)
    parser.add_argument("--port", type=int, default=7977)
    parser.add_argument("--out", type=Path, default=Path("runs/soak"), help="Folder of index, logs, figures and plot.")
    given = parser.parse_args()
    raise SystemExit(Soak(given.out, given.minutes, given.askers, given.port).run())


if __name__ == "__main__":
    main()
