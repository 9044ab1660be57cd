"""Reads a file in a process of its own, which has 10 seconds and 2 GB: what files from anywhere do to parsers.

A page, a PDF or a Word file can be built so that reading it takes hours, all memory, or ends the program; the libraries
that read them cannot be told to stop. So they work apart, in one process for many files, and whatever happens to it
costs one file. It ends by itself when nobody has asked for a minute, and with the program that started it.

Asked: a line of JSON, `{"source": …, "what": …, "at": …, "size": …}`, and the file. Told: a line of JSON, which holds
what `_answer` gives or `{"refused": …}`.
"""

import atexit
import faulthandler
import json
import os
import signal
import subprocess
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from index.errors import BriefUnreadable
from index.pdf_page import PagePicture, picture_of_page
from index.types import Properties

SECONDS = 10
"""Of the processor's time, so that a busy machine refuses nothing."""
_PATIENCE = 120
"""Seconds by the clock: where the system counts no processor time, or a library waits for something."""
_MEGABYTES = 2_000
_IDLE = 60.0
_CRASHED = "ends the program that reads it, so it is damaged or made to do that; save it again, or its text as .txt"
_TOO_LONG = f"takes more than {SECONDS} seconds to read; split it, or save its text as .txt"
_TOO_LARGE = f"takes more than {_MEGABYTES:,} MB of memory to read; split it, or save its text as .txt"

OURS = "meets an error of the program that reads it"
"""In a message: what no extractor foresaw."""

_lock = threading.Lock()
_process: "subprocess.Popen[bytes] | None" = None


def text_apart(content: bytes, source: str) -> tuple[str, Properties]:
    """The text of a file and its properties, as its extractor in index/loaders.py makes them.

    Raises:
        BriefUnreadable: As the extractor tells, or it took too much, or it ended the process.
    """
    answer = _asked(content, source, "text")
    return answer["text"], Properties(answer["title"], answer["date"], tuple(answer["authors"]))


def attached_apart(content: bytes, source: str) -> tuple[bool, list[tuple[str, bytes]]]:
    """Whether a mail says something, and the files attached to it, as `index.mail.attachments` tells.

    Raises:
        BriefUnreadable: As there, or it took too much.
    """
    answer = _asked(content, source, "attached")
    return answer["says"], [(name, b64decode(inside)) for name, inside in answer["files"]]


def page_apart(content: bytes, source: str, start: int, end: int) -> tuple[str, PagePicture]:
    """The text of a PDF file, and the page where `start..end` of it begins, as `index.pdf_page` makes them.

    Raises:
        BriefUnreadable: As there, or it took too much.
    """
    answer = _asked(content, source, "page", (start, end))
    marks = tuple((left, top, width, height) for left, top, width, height in answer["marks"])
    return answer["text"], PagePicture(answer["number"], b64decode(answer["png"]), marks)


def _asked(content: bytes, source: str, what: str, at: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    with _lock:
        answer = _answered(content, source, what, at)
    if "refused" in answer:
        raise BriefUnreadable(answer["refused"])
    return answer


def _answered(content: bytes, source: str, what: str, at: tuple[int, int]) -> dict[str, Any]:
    request = json.dumps({"source": source, "what": what, "at": at, "size": len(content)}).encode() + b"\n"
    for process in (_running(), None):
        process = process or _started()  # the one there was may just have ended, idle
        assert process.stdin and process.stdout
        try:
            process.stdin.write(request + content)
            process.stdin.flush()
        except OSError:
            continue
        if line := process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            return answer
        if code := process.wait():
            return {"refused": f"{source} {_why(code)}"}
    return {"refused": f"{source} {_CRASHED}"}


def _why(code: int) -> str:
    """What an exit status says; a negative one is the signal that ended the process."""
    too_long = (1, -getattr(signal, "SIGXCPU", 1))
    return _TOO_LONG if code in too_long else _TOO_LARGE if code == -getattr(signal, "SIGKILL", 0) else _CRASHED


def _running() -> "subprocess.Popen[bytes] | None":
    return _process if _process is not None and _process.poll() is None else None


def _started() -> "subprocess.Popen[bytes]":
    global _process
    home = str(Path(__file__).parent.parent)
    path = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    if _process is not None:
        _end()
    else:
        atexit.register(_end)
    _process = subprocess.Popen(
        [sys.executable, "-m", "index.apart"], env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return _process


def _end() -> None:
    if _process is not None:
        for pipe in (_process.stdin, _process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        _process.kill()
        _process.wait()


def serve() -> None:
    """Answers on standard output what is asked on standard input, until that is closed or nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks decides
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 1)  # whatever a library prints is no answer
    limited = _limits()
    while True:
        idle = threading.Timer(_IDLE, os._exit, (0,))
        idle.daemon = True
        idle.start()
        line = asked.readline()
        idle.cancel()
        if not line:
            return
        request = json.loads(line)
        content = asked.read(request.pop("size"))
        faulthandler.dump_traceback_later(_PATIENCE, exit=True, file=silence)
        limited()
        told.write(json.dumps(_answer(content, **request)).encode() + b"\n")
        told.flush()
        faulthandler.cancel_dump_traceback_later()


def _answer(content: bytes, source: str, what: str, at: tuple[int, int]) -> dict[str, Any]:
    from index.loaders import extract
    from index.mail import attachments

    try:
        if what == "attached":
            says, files = attachments(content, source)
            return {"says": says, "files": [(name, b64encode(inside).decode()) for name, inside in files]}
        if what == "page":
            text, picture = picture_of_page(content, source, *at)
            return {"text": text, **asdict(picture), "png": b64encode(picture.png).decode()}
        text, beside = extract(content, source)
        return {"text": text, **asdict(beside)}
    except BriefUnreadable as exc:
        return {"refused": str(exc)}
    except MemoryError:
        return {"refused": f"{source} {_TOO_LARGE}"}
    except Exception as exc:  # one file is lost, not the run
        return {"refused": f"{source} {OURS} ({type(exc).__name__}); report it, and save its text as .txt"}


def _limits() -> Callable[[], None]:
    """Sets the limit of memory; returns what sets that of time anew, both where the system has them."""
    try:
        import resource
    except ImportError:
        return lambda: None
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    memory = _MEGABYTES * 1_000_000
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (memory if most == resource.RLIM_INFINITY else min(memory, most), most))

    def more_time() -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + SECONDS + 1, hard))

    return more_time


if __name__ == "__main__":
    serve()
