"""Builds the wheel, installs it into an environment of its own, and asks and serves with it from another folder.

    python scripts/check_wheel.py

The wheel itself is installed for real. What it needs is not fetched again: a .pth file lets the new environment find
the packages of this one, but no .pth of this one is read, so a clone installed here cannot stand in for the wheel.
That the wheel asks for all that it needs is checked against its metadata.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path
from urllib.request import urlopen
from zipfile import ZipFile

from lock import ROOT, installed

INSIDE = (
    "index/samples/ABOUT.rst", "index/weights/minilm-briefs/model.safetensors", "qa/models/reader/model.safetensors",
    "qa/models/reader/calibration.json", "ui/page.css", "ui/page.js", "ui/teach.css", "ui/teach.js",
)  # fmt: skip


def main() -> None:
    """Does it all; a failure ends it with what was printed."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        wheel = build(folder)
        check_content(wheel)
        python = install(wheel, folder / "venv")
        away = folder / "elsewhere"
        away.mkdir()
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("BRIEFQA_", "PYTHON"))}
        check_origin(python, folder / "venv", away, environment)
        ask(python.with_name("briefqa"), away, environment)
        serve(python.with_name("briefqa"), away, environment)
    print("the wheel works")


def build(folder: Path) -> Path:
    """The wheel, from a copy of the tracked files, so that nothing else can get in."""
    source = folder / "source"
    source.mkdir()
    archive = subprocess.run(["git", "-C", ROOT, "archive", "HEAD"], check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", source], input=archive, check=True)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", folder, source], check=True)
    return next(folder.glob("*.whl"))


def check_content(wheel: Path) -> None:
    """Weights, samples and the page are inside, tests and scripts are not; the metadata name what is installed."""
    with ZipFile(wheel) as inside:
        names = inside.namelist()
    missing = [name for name in INSIDE if name not in names]
    extra = [name for name in names if not re.match(r"(index|qa|ui|briefqa-[^/]+[.]dist-info)/", name)]
    if missing or extra:
        sys.exit(f"the wheel lacks {missing} and should not hold {extra}")
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.0f} MB, {len(names)} files")


def install(wheel: Path, folder: Path) -> Path:
    """The Python of a new environment with the wheel in it."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    target = next(folder.glob("lib/python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True)
    own: Distribution = PathDistribution(next(target.glob("briefqa-*.dist-info")))
    _, lacking = installed(line for line in own.requires or () if "extra ==" not in line)
    if lacking:
        sys.exit(f"the wheel needs what is not installed here: {sorted(lacking)}")
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (target / "shared.pth").write_text(f"{here}\n")
    return python


def check_origin(python: Path, folder: Path, away: Path, environment: dict[str, str]) -> None:
    """The code that runs is that of the wheel."""
    told = "import index, qa, ui; print(*(one.__file__ for one in (index, qa, ui)), sep='\\n')"
    files = subprocess.run([python, "-c", told], cwd=away, env=environment, check=True, capture_output=True, text=True)
    if not all(line.startswith(str(folder)) for line in files.stdout.splitlines()):
        sys.exit(f"not the wheel is run but {files.stdout}")


def ask(briefqa: Path, away: Path, environment: dict[str, str]) -> None:
    """A question over the sample briefs, which are indexed first."""
    command = [briefqa, "ask", "what did Harris object to", "--top-k", "1"]
    told = subprocess.run(command, cwd=away, env=environment, check=True, capture_output=True, text=True).stdout
    print(told, end="")
    if "the inter-Korean projects that Seoul had proposed" not in told:
        sys.exit("the answer is another one than the README shows")


def serve(briefqa: Path, away: Path, environment: dict[str, str]) -> None:
    """The page comes up, is healthy, and ends when it is told to."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen([briefqa, "serve", "--port", str(port)], cwd=away, env=environment)
    try:
        for _ in range(600):
            try:
                with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as health:
                    print(health.read().decode())
                break
            except OSError:
                if server.poll() is not None:
                    sys.exit(f"the server ended with {server.returncode}")
                time.sleep(0.2)
        with urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
            if b"BriefQA" not in page.read():
                sys.exit("the page is not there")
        server.send_signal(signal.SIGTERM)
        if server.wait(120) != 0:
            sys.exit(f"told to end, the server ended with {server.returncode}")
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
