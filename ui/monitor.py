"""What a server tells of itself: a log line an event, figures for Prometheus, and whether it can answer.

The text of a question is never logged unless it is asked for: what an analyst asks is nobody else's.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import asdict
from threading import Condition, Event
from typing import TYPE_CHECKING, Any, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily

from index.adding import Added
from index.builder import no_progress
from index.errors import BriefQAError, IndexStopped, QuestionDropped, ServerStopping
from index.types import Filters, Progress, Report
from qa.types import Reply

if TYPE_CHECKING:
    from qa.assistant import Assistant

_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30)
_Outcome = TypeVar("_Outcome", Report, Added)
_log = logging.getLogger("briefqa.serve")


class Monitor:
    """An assistant that is watched: has its methods, and counts and logs what is asked and changed."""

    def __init__(self, assistant: "Assistant", *, log_questions: bool = False) -> None:
        """Watches `assistant`; with `log_questions`, log lines hold what was asked."""
        self.stopping = Event()
        self._assistant = assistant
        self._log_questions = log_questions
        self._running = 0
        self._idle = Condition()
        # torch keeps memory and a team of workers for every thread that calls it, and a server has forty: after 150
        # questions 1,324 MB from twenty threads, 915 from one.
        self._asking = ThreadPoolExecutor(1, "ask")
        self._indexing = ThreadPoolExecutor(1, "index")
        self._registry = CollectorRegistry()
        self._asked = Counter(
            "briefqa_questions", "Questions, by what came of them", ["outcome"], registry=self._registry
        )
        self._seconds = Histogram(
            "briefqa_question_seconds", "Time to a reply", buckets=_SECONDS, registry=self._registry
        )
        self._updates = Counter(
            "briefqa_updates", "Runs of the indexer, by what came of them", ["outcome"], registry=self._registry
        )
        for outcome in ("found", "not_found", "refused", "dropped", "failed"):
            self._asked.labels(outcome)
        for outcome in ("written", "unchanged", "failed"):
            self._updates.labels(outcome)
        running = Gauge("briefqa_running", "Questions and runs of the indexer at work", registry=self._registry)
        running.set_function(lambda: self._running)
        ProcessCollector(registry=self._registry)
        self._registry.register(_IndexCollector(assistant))

    @property
    def assistant(self) -> "Assistant":
        """Itself, for what takes an assistant."""
        return cast("Assistant", self)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the assistant has
        return getattr(self._assistant, name)

    def ask(
        self,
        question: str,
        filters: Filters = Filters(),
        **named: Any,  # noqa: ANN401  # the rest, as it is
    ) -> Reply:
        """As `Assistant.ask`; raises ServerStopping once the server is to stop."""
        told: dict[str, object] = {"chars": len(question)} | ({"question": question} if self._log_questions else {})
        with self._at_work():
            started = time.perf_counter()
            try:
                reply = self._asking.submit(self._assistant.ask, question, filters, **named).result()
            except BriefQAError as error:
                outcome = "dropped" if isinstance(error, QuestionDropped) else "refused"
                self._asked.labels(outcome).inc()
                _tell("asked", outcome=outcome, reason=type(error).__name__, **told)
                raise
            except Exception as error:
                self._asked.labels("failed").inc()
                _failed("asked", error, outcome="failed", **told)
                raise
            seconds = time.perf_counter() - started
        outcome = "found" if reply.found else "not_found"
        self._asked.labels(outcome).inc()
        self._seconds.observe(seconds)
        sure = {"confidence": reply.confidence, "answers": len(reply.answers), "ms": round(seconds * 1000)}
        _tell("asked", outcome=outcome, **sure, **told)
        return reply

    def update(self, *, rebuild: bool = False, progress: Progress = no_progress) -> Report:
        """As `Assistant.update`; ends at its next step when the server is to stop."""
        return self._changing(
            "rebuild" if rebuild else "update",
            lambda tell: self._assistant.update(rebuild=rebuild, progress=tell),
            progress,
        )

    def add(self, offered: Sequence[tuple[str, bytes]], *, progress: Progress = no_progress) -> Added:
        """As `Assistant.add`."""
        return self._changing("add", lambda tell: self._assistant.add(offered, progress=tell), progress)

    def remove(self, brief_id: str, *, progress: Progress = no_progress) -> Report:
        """As `Assistant.remove`."""
        return self._changing("remove", lambda tell: self._assistant.remove(brief_id, progress=tell), progress)

    def health(self) -> tuple[bool, dict[str, object]]:
        """Whether questions can be answered, with generation and counts, or the sentence that tells why not."""
        if self.stopping.is_set():
            return False, {"ok": False, "error": "the server is stopping"}
        try:
            status = self._assistant.status()
        except BriefQAError as error:
            return False, {"ok": False, "error": str(error)}
        generation, briefs, passages = status.generation, status.n_briefs, status.n_passages
        return True, {"ok": True, "generation": generation, "briefs": briefs, "passages": passages}

    def metrics(self) -> bytes:
        """The figures in the text format of Prometheus."""
        return generate_latest(self._registry)

    def stop(self, patience: float) -> bool:
        """Takes nothing new and waits until what runs has ended, at most `patience` seconds; tells if it has."""
        self.stopping.set()
        with self._idle:
            return self._idle.wait_for(lambda: not self._running, patience)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._idle:
            if self.stopping.is_set():
                raise ServerStopping("the server is stopping; ask again when it is back")
            self._running += 1
        try:
            yield
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def _changing(self, what: str, run: Callable[[Progress], _Outcome], progress: Progress) -> _Outcome:
        def tell(stage: str, done: int, total: int) -> None:
            if self.stopping.is_set():
                raise IndexStopped("the server is stopping; the index is as it was")
            progress(stage, done, total)

        with self._at_work():
            before = self._assistant.status().generation
            try:
                # The progress of the page knows by its context whose it is.
                outcome = self._indexing.submit(copy_context().run, run, tell).result()
            except Exception as error:
                self._updates.labels("failed").inc()
                _failed("updated", error, what=what, outcome="failed", reason=str(error))
                raise
            now = self._assistant.status()
        self._updates.labels("written" if now.generation != before else "unchanged").inc()
        _tell("updated", what=what, generation=now.generation, briefs=now.n_briefs, **_counts(outcome))
        return outcome


class _IndexCollector:
    """Generation and counts as they are when figures are fetched; none while the index cannot be opened."""

    def __init__(self, assistant: "Assistant") -> None:
        self._assistant = assistant

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures."""
        try:
            status = self._assistant.status()
        except BriefQAError:
            yield GaugeMetricFamily("briefqa_up", "Whether the index can be opened", 0)
            return
        yield GaugeMetricFamily("briefqa_up", "Whether the index can be opened", 1)
        yield GaugeMetricFamily("briefqa_generation", "Generation of the index", status.generation)
        yield GaugeMetricFamily("briefqa_briefs", "Briefs in the index", status.n_briefs)
        yield GaugeMetricFamily("briefqa_passages", "Passages in the index", status.n_passages)


def _counts(outcome: Report | Added) -> dict[str, object]:
    parts = asdict(outcome)
    names = ("added", "changed", "removed", "failed", "refused")
    return {name: len(parts[name]) for name in names if name in parts} | (
        {"seconds": outcome.seconds} if isinstance(outcome, Report) else {"added": len(outcome.briefs)}
    )


def _tell(event: str, **fields: object) -> None:
    _log.info(event, extra={"fields": fields})


def _failed(event: str, error: Exception, **fields: object) -> None:
    # What is not ours to explain comes with its traceback.
    _log.error(event, extra={"fields": fields}, exc_info=None if isinstance(error, BriefQAError) else error)
