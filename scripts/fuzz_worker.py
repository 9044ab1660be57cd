"""Reads one file after another in a process of its own, as the indexer does, each within a time; see fuzz.py."""

import multiprocessing
import re
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

SECONDS = 10.0
"""What takes longer hangs: of the processor's time, for the machine may be busy; by the clock, sixty times that."""
MEGABYTES = 2_000
"""What takes more is too much: of addresses, so that it fails in the worker and not in what runs beside it."""
_LONGEST_REASON = 600
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a file, or of a question."""

    kind: str
    """`text` (a brief), `refused` (in a sentence), or a finding; of questions `found`, `not found`, `refused`."""
    words: str
    """The sentence or, of a finding, what shows it."""
    seconds: float
    megabytes: float = 0.0

    @property
    def bad(self) -> bool:
        """Whether it is a finding."""
        return self.kind in ("crash", "hang", "memory", "wrong")


class Worker:
    """A process that reads files; one that hangs or dies is replaced."""

    def __init__(self) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def load(self, name: str, content: bytes) -> Outcome:
        """What comes of a file."""
        if self._process is None or self._pipe is None:
            self._start()
        assert self._process is not None and self._pipe is not None
        started = time.monotonic()
        try:
            self._pipe.send((name, content))
            if not self._pipe.poll(60 * SECONDS):
                self.stop()
                return Outcome("hang", f"no end after {60 * SECONDS:.0f} s", 60 * SECONDS)
            outcome: Outcome = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            self._process = None
            return Outcome("crash", f"the process died with {code}", time.monotonic() - started)
        if outcome.kind == "memory":
            self.stop()
        return outcome

    def stop(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        self._pipe, theirs = self._spawn.Pipe()
        self._process = self._spawn.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        assert self._pipe.recv() == "ready"


def _serve(pipe: Connection) -> None:
    import logging
    import resource
    import warnings

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    _check("warm.txt", b"A first text. It loads what splits sentences, before anything is timed.")
    with open("/proc/self/statm") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEGABYTES * 1_000_000,) * 2)
    pipe.send("ready")
    while True:
        try:
            name, content = pipe.recv()
        except EOFError:
            return
        pipe.send(outcome_of(name, content))


def outcome_of(name: str, content: bytes) -> Outcome:
    """What comes of a file, in this process and without limits."""
    from index.apart import OURS
    from index.errors import BriefUnreadable

    kind, words = "text", ""
    peak, started = _Peak(), _seconds()
    try:
        words = _check_all(name, content)
    except BriefUnreadable as exc:
        kind, words = "refused", str(exc)
        if not _is_clear(words, name):
            kind, words = "wrong", f"no clear line: {words[:300]!r}"
        elif OURS in words:
            kind = "crash"
    except MemoryError:
        kind, words = "memory", f"more than {MEGABYTES} MB"
    except Wrong as exc:
        kind, words = "wrong", str(exc)
    except Exception:
        kind, words = "crash", traceback.format_exc()
    seconds = _seconds() - started
    if seconds > SECONDS and kind in ("text", "refused"):
        kind, words = "hang", f"{seconds:.1f} s, then: {kind} {words}"
    return Outcome(kind, words, seconds, peak())


def _is_clear(words: str, name: str) -> bool:
    return words.startswith(name) and words.isprintable() and len(words) <= _LONGEST_REASON


def _seconds() -> float:
    """Of the processor's time that this process has used; reading apart has a limit of its own."""
    return time.process_time()


class Wrong(Exception):
    """What is read breaks a promise."""


def _check_all(name: str, content: bytes) -> str:
    """Reads a file as the indexer does, with what is inside it; raises what the first brief raises if there is none."""
    from index.errors import BriefUnreadable
    from index.loaders import parts_of
    from index.types import Failure

    told: list[str] = []
    failed: list[str] = []
    for part in parts_of(content, name):
        if isinstance(part, Failure):
            failed.append(part.reason)
            continue
        try:
            told.append(_check(part.source, part.content))
        except BriefUnreadable as exc:
            failed.append(str(exc))
    for words in failed:
        if not _is_clear(words, name):
            raise Wrong(f"no clear line: {words[:300]!r}")
    if not told:
        raise BriefUnreadable(failed[0])
    return "; ".join([*told[:2], *failed[:2]])


def _check(name: str, content: bytes) -> str:
    """Reads a brief, and holds what came of it against what a brief promises."""
    from index.briefs import brief_id, outline
    from index.loaders import load_brief
    from index.passages import split_into_passages

    brief = load_brief(content, name)
    for words in (brief.text, brief.title, brief.kind or "", *brief.authors, *brief.topics):
        words.encode("utf-8")  # half a surrogate pair is no text: no page, file or model takes it
    if brief.id != brief_id(brief.text) or not brief.title.strip():
        raise Wrong(f"id {brief.id}, title {brief.title!r}")
    at = 0
    for paragraph in brief.paragraphs:
        if not at <= paragraph.start < paragraph.end <= len(brief.text):
            raise Wrong(f"{paragraph} after {at}, of {len(brief.text)}")
        at = paragraph.end
    said = outline(brief.text)
    for place in (said.date, said.kind, said.title, *said.authors):
        if place and not 0 <= place[0] < place[1] <= len(brief.text):
            raise Wrong(f"{place} in the header")
    passages = split_into_passages(brief, lambda text: len(re.findall(r"\w+|[^\w\s]", text)), 254)
    for passage in passages:
        if brief.text[passage.start : passage.end] != passage.text:
            raise Wrong(f"{passage} is no slice")
    return f"{len(brief.text)} characters, {len(passages)} passages"


class _Peak:
    """The most memory that this process and the one that reads apart held since this was made, in MB.

    0 where the system does not tell.
    """

    def __init__(self) -> None:
        for folder in _folders():
            with suppress(OSError), open(f"{folder}/clear_refs", "w") as file:
                file.write("5")

    def __call__(self) -> float:
        return max((_held(folder) for folder in _folders()), default=0.0)


def _folders() -> list[str]:
    from index import apart

    process = apart._process
    return ["/proc/self", *([f"/proc/{process.pid}"] if process else [])]


def _held(folder: str) -> float:
    with suppress(OSError), open(f"{folder}/status") as file:
        if match := _PEAK.search(file.read()):
            return int(match[1]) / 1000
    return 0.0
