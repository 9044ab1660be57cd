"""Log lines of a server: one an event, on stderr, to be read by people or, as JSON, by programs."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

_PLAIN = re.compile(r"[^\s\"=\x00-\x1f\x7f]+")
_THEIRS = ("uvicorn", "uvicorn.error", "uvicorn.access")


def log_to_stderr(*, as_json: bool, level: int = logging.INFO) -> None:
    """Sends every log line of ours, and the warnings of libraries, to stderr in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else PlainLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("briefqa").setLevel(level)
    for name in _THEIRS:  # the web server has handlers of its own, in a form of its own
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


class PlainLines(logging.Formatter):
    """`2026-01-31T12:00:00Z INFO asked outcome=found ms=188`; a line is a line, whatever a field holds."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record; a traceback follows it."""
        fields = "".join(f" {name}={_quoted(value)}" for name, value in _fields(record).items())
        line = f"{_when(record)} {record.levelname} {_one_line(record.getMessage())}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLines(logging.Formatter):
    """An object a line: `time`, `level`, `event`, the fields, and a `traceback` if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The object of a record."""
        told: dict[str, object] = {
            "time": _when(record),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        told |= {name: value for name, value in _fields(record).items() if name not in told}
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = getattr(record, "fields", {})
    return fields


def _when(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _one_line(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)[1:-1] if "\n" in words or "\r" in words else words


def _quoted(value: object) -> str:
    words = str(value).lower() if isinstance(value, bool) else str(value)
    return words if _PLAIN.fullmatch(words) else json.dumps(words)
