"""Reading in a process of its own: whatever a file does to it costs that file alone."""

import os
import signal
import subprocess
import sys

import pytest

from index import apart
from index.errors import BriefUnreadable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits and signals are those of POSIX")
PAGE = b"<html><body><p>The strike ended in May, and fares rose by nine crowns.</p></body></html>"


@pytest.fixture
def reading(monkeypatch):
    """Starts a process that does what it is told when it is to make text of a file."""

    def start(does: str) -> None:
        code = (
            "import index.loaders, index.apart\n"
            "from index.types import Properties\n"
            f"def extract(content, source):\n    {does}\n"
            "index.loaders.extract = extract\n"
            "index.apart.serve()"
        )
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        monkeypatch.setattr(apart, "_process", process)

    yield start
    apart._end()


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "a.pdf ends the program that reads it"),
        ("import os; os.abort()", "a.pdf ends the program that reads it"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "a.pdf takes more than 2,000 MB of memory to read"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)",
            "a.pdf takes more than 10 seconds to read; split it",
        ),
        ("return 'x' * 3_000_000_000", "a.pdf takes more than 2,000 MB of memory to read"),
        ("raise ZeroDivisionError", r"a.pdf meets an error of the program that reads it \(ZeroDivisionError\)"),
    ],
)
def test_a_file_that_harms_its_reader_is_refused_and_the_next_is_read(reading, does, words):
    reading(does)
    with pytest.raises(BriefUnreadable, match=words):
        apart.text_apart(b"x", "a.pdf")
    if "raise" not in does and "return" not in does:
        assert "strike" in apart.text_apart(PAGE, "a.html")[0]


def test_time_is_that_of_the_processor_and_is_given_anew_for_each_file(reading):
    used = "resource.getrusage(resource.RUSAGE_SELF).ru_utime"
    reading(f"import resource; return str(resource.getrlimit(resource.RLIMIT_CPU)[0] - {used}), Properties()")
    left = [float(apart.text_apart(b"x", "a.pdf")[0]) for _ in range(2)]
    assert all(apart.SECONDS - 1 < seconds <= apart.SECONDS + 1 for seconds in left)


def test_what_a_library_prints_is_no_answer_and_an_interrupt_is_not_for_it(reading):
    reading("import os; os.write(1, b'{}\\n'); print('{}'); return content.decode(), Properties()")
    assert apart.text_apart("é".encode(), "a.pdf")[0] == "é"
    apart._process.send_signal(signal.SIGINT)
    assert apart.text_apart(b"again", "a.pdf")[0] == "again"


def test_a_process_that_ended_because_nobody_asked_is_started_anew():
    apart.text_apart(PAGE, "a.html")
    first = apart._process
    first.stdin.close()  # it ends, as it does when the program ends that started it
    assert first.wait(60) == 0
    assert "strike" in apart.text_apart(PAGE, "a.html")[0] and apart._process is not first
