"""Throws fuzzed questions at the assistant and fuzzed files at the loaders, and tells what broke.

    python scripts/fuzz.py --questions 100000 --files 10000 --minutes 60

Questions: mutations of the project's own (fuzz_questions.py), asked of an index of the sample briefs. All of
`Assistant.ask` is real, but for the two models: vectors come from the letters of words, and logits by chance, which
sends spans of every kind through decoding, grouping, dating and citing; 3 passages are read. `--real` many are asked
with the real models too. A tenth lean on the reply before, a fifth have filters; each reply is held against the briefs
(every quote, sentence, passage and speaker is a slice), every 200th is exported and verified.

Files: mutations of small real ones of every format, and structures made to hurt (fuzz_files.py), each read in a process
of its own (fuzz_worker.py), which has 10 seconds and 2 GB, and must end in text or in one clear line.

The same seed gives the same inputs. What broke is kept in the folder `--out`; exit 1 if anything did.
"""

import argparse
import itertools
import json
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fuzz_files
import fuzz_questions
from fuzz_worker import SECONDS, Outcome, Worker, Wrong
from index.builder import SAMPLES, build_index
from index.types import Filters

_EXPORTED = 200
_TOLD_EVERY = 60.0


class Log:
    """Counts what came of each input, keeps those that broke something, and tells how far the work is."""

    def __init__(self, out: Path, what: str, total: int) -> None:
        self.kinds: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self.slowest: list[tuple[float, str]] = []
        self.largest: list[tuple[float, str]] = []
        self.n_bad = 0
        self._out, self._what, self._total = out, what, total
        self._started = self._told = time.monotonic()

    def add(self, how: str, outcome: Outcome, name: str, content: bytes) -> None:
        """Takes note of an input: how it was made, what came of it, and what it was."""
        n = self.kinds.total()
        self.kinds[outcome.kind] += 1
        self.made[how.split(" ")[0]] += 1
        self.slowest = sorted([*self.slowest, (outcome.seconds, f"{how}: {outcome.words[-90:]}")], reverse=True)[:5]
        self.largest = sorted([*self.largest, (outcome.megabytes, f"{how}: {outcome.words[-90:]}")], reverse=True)[:5]
        if outcome.bad:
            self.n_bad += 1
            kept = self._out / f"{self._what}-{n:06d}-{outcome.kind}-{Path(name).name[:40] or 'unnamed'}"
            kept.write_bytes(content)
            print(f"{outcome.kind}: {how} in {outcome.seconds:.1f} s, kept as {kept}\n{outcome.words}", flush=True)
        if time.monotonic() - self._told > _TOLD_EVERY:
            self._told = time.monotonic()
            print(f"… {self._what} {n + 1:,} of {self._total:,}: {dict(self.kinds)}", flush=True)

    def tell(self) -> None:
        """Prints the counts."""
        seconds = time.monotonic() - self._started
        print(f"\n{self.kinds.total():,} {self._what} in {seconds:.0f} s: {self.n_bad} findings; {dict(self.kinds)}")
        print(f"  made by: {', '.join(f'{how} {n:,}' for how, n in self.made.most_common())}")
        for at, how in self.slowest:
            print(f"  {at:6.2f} s   {how!r}")
        for at, how in self.largest if self.largest[:1] > [(1.0, "")] else ():
            print(f"  {at:6.0f} MB  {how!r}")
        sys.stdout.flush()


def fuzz_the_loaders(args: argparse.Namespace, until: float) -> Log:
    """Reads `args.files` fuzzed files."""
    log, worker, real = Log(args.out, "files", args.files), Worker(), fuzz_files.seeds()
    for n in itertools.takewhile(lambda n: time.monotonic() < until, range(args.files)):
        how, (name, content) = fuzz_files.fuzzed(random.Random(f"{args.seed} file {n}"), real)
        log.add(how, worker.load(name, content), name, content)
    worker.stop()
    return log


def fuzz_the_assistant(args: argparse.Namespace, until: float, n_questions: int, *, real: bool) -> Log:
    """Asks `n_questions` fuzzed questions."""
    log = Log(args.out, "real-questions" if real else "questions", n_questions)
    base = fuzz_questions.base_questions()
    with tempfile.TemporaryDirectory() as folder:
        index_dir = Path(folder)
        embedder = None if real else fuzz_questions.HashEmbedder()
        if embedder is None:
            from index.embedder import SentenceTransformerEmbedder

            build_index(index_dir, SentenceTransformerEmbedder(), [SAMPLES])
        else:
            build_index(index_dir, embedder, [SAMPLES])
        assistant = fuzz_questions.assistant_over(index_dir, real=real, seed=args.seed)
        ids = [brief.id for brief in assistant.briefs()]
        before = None
        for n in itertools.takewhile(lambda n: time.monotonic() < until, range(n_questions)):
            rng = random.Random(f"{args.seed} question {n}")
            question = fuzz_questions.fuzzed(rng, base)
            filters = fuzz_questions.filters_of(rng, ids)
            leans_on = before if rng.random() < 0.1 else None
            kind, words, started = "", "", time.monotonic()
            try:
                with _time_limit():
                    kind, reply = fuzz_questions.ask(assistant, rng, question, filters, leans_on)
                    if reply and n % _EXPORTED == 0:
                        fuzz_questions.check_export(assistant, rng, reply)
                    before = reply or before
            except TimeoutError:
                kind, words = "hang", traceback.format_exc()
            except Wrong as exc:
                kind, words = "wrong", str(exc)
            except Exception:
                kind, words = "crash", traceback.format_exc()
            seconds = time.monotonic() - started
            told = Outcome(kind, words, seconds)
            content = _as_json(question, filters, leans_on.question if leans_on else None)
            log.add(f"question of {len(question)}", told, "question.json", content)
    return log


def _as_json(question: str, filters: Filters, after: str | None) -> bytes:
    said = {name: getattr(filters, name) for name in filters.__slots__}
    return json.dumps({"question": question, "filters": said, "after": after}).encode()


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raises TimeoutError after a while of the processor’s time."""

    def ring(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> None:
    """Runs what was asked for, prints what came of it, and exits with 1 if anything broke."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--questions", type=int, default=1_000, help="asked with models that cost nothing")
    parser.add_argument("--real", type=int, default=0, help="asked with the real models")
    parser.add_argument("--files", type=int, default=1_000, help="read")
    parser.add_argument("--minutes", type=float, default=60, help="the longest that all this may take")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/fuzz"), help="folder for what broke")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * args.minutes
    logs = []
    if args.files:
        logs.append(fuzz_the_loaders(args, until))
    if args.questions:
        logs.append(fuzz_the_assistant(args, until, args.questions, real=False))
    if args.real:
        logs.append(fuzz_the_assistant(args, until, args.real, real=True))
    for log in logs:
        log.tell()
    sys.exit(any(log.n_bad for log in logs))


if __name__ == "__main__":
    main()
