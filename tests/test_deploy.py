"""What is deployed: the container’s steps, the units, the pinned versions and the list of licences."""

import configparser
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from typer.main import get_command

import licences
import lock
from ui.cli import app

ROOT = Path(__file__).parents[1]
CONTAINERFILE = ROOT / "scripts" / "deploy" / "Containerfile"
UNITS = sorted((ROOT / "scripts" / "deploy").glob("*.service"))


def steps() -> list[tuple[str, str]]:
    """Instruction and words of each step, lines joined."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def variables() -> set[str]:
    """Every variable that an option or argument of a command reads."""
    commands = get_command(app).commands.values()  # type: ignore[attr-defined]
    return {str(parameter.envvar) for command in commands for parameter in command.params if parameter.envvar}


def test_every_file_that_the_container_copies_is_there() -> None:
    copied = [words.split() for kind, words in steps() if kind == "COPY" and not words.startswith("--from")]
    assert {source for *sources, _ in copied for source in sources} >= {"index", "qa", "ui", "pyproject.toml"}
    assert [source for *sources, _ in copied for source in sources if not (ROOT / source).exists()] == []
    # What the build reads of the project is all copied.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {
        project["project"]["readme"],
        *project["project"]["license-files"],
        *project["tool"]["setuptools"]["packages"],
    }
    assert needed <= {source for *sources, _ in copied for source in sources}


def test_torch_is_installed_first_and_everything_by_the_pinned_versions() -> None:
    installs = [words for kind, words in steps() if kind == "RUN" and "pip install" in words]
    assert installs[0].endswith("torch")
    assert "BRIEFQA_TORCH_INDEX:+" in installs[0]
    assert all("--constraint scripts/constraints.txt" in words for words in installs)


def test_the_container_runs_without_rights_and_keeps_its_index_in_the_volume() -> None:
    last = steps()[[n for n, (kind, _) in enumerate(steps()) if kind == "FROM"][-1] :]
    told = dict(last)
    assert re.fullmatch(r"\d+", told["USER"]) and told["USER"] != "0"
    assert told["WORKDIR"] == told["VOLUME"] == "/data"
    assert told["STOPSIGNAL"] == "SIGTERM"
    assert "/healthz" in told["HEALTHCHECK"]
    kinds = [kind for kind, _ in last]
    assert kinds.index("USER") > max(n for n, kind in enumerate(kinds) if kind in {"RUN", "COPY"})


def test_what_is_set_in_the_container_and_the_units_is_read() -> None:
    files = [CONTAINERFILE, *UNITS]
    named = {name for file in files for name in re.findall(r"\bBRIEFQA_[A-Z_]+", file.read_text(encoding="utf-8"))}
    assert named - variables() == {"BRIEFQA_TORCH_INDEX"}


def test_the_commands_of_the_container_and_the_units_are_there() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    told = dict(steps())
    assert told["ENTRYPOINT"] == '["briefqa"]'
    started = [unit["Service"]["ExecStart"] for unit in map(parsed, UNITS)]
    for line in (f"briefqa {told['CMD'][2:-2]}", *started):
        program, command, *options = shlex.split(line)
        assert Path(program).name == "briefqa"
        known = {option for parameter in commands[command].params for option in parameter.opts}
        assert set(options) <= known


def parsed(path: Path) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path, encoding="utf-8")
    return unit


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_may_do_little(path: Path) -> None:
    service = parsed(path)["Service"]
    wanted = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "PrivateTmp": "yes", "DynamicUser": "yes",
              "CapabilityBoundingSet": "", "IPAddressDeny": "any", "RestrictNamespaces": "yes"}  # fmt: skip
    assert {name: service.get(name) for name in wanted} == wanted
    assert "MemoryDenyWriteExecute" not in service  # torch makes its kernels at run time


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_understood(path: Path) -> None:
    told = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True).stderr
    ours = [line for line in told.splitlines() if path.name in line or "briefqa" in line]
    assert [line for line in ours if "is not executable" not in line] == []


def test_the_pinned_versions_are_those_that_are_tested() -> None:
    found, _ = lock.installed(lock.required())
    pins = {name: line.partition("==")[2] for name, line in lock.pinned().items()}
    here = {name: one.version.partition("+")[0] for name, one in found.items()}
    assert {name: (pins.get(name), version) for name, version in here.items() if pins.get(name) != version} == {}, (
        "after testing, run: python scripts/lock.py"
    )


def test_no_version_is_pinned_that_nothing_needs() -> None:
    written = {canonicalize_name(line.partition("==")[0]) for line in lock.locked().splitlines() if line[0] != "#"}
    assert set(lock.pinned()) - written == set()


def test_the_list_of_licences_is_up_to_date() -> None:
    assert licences.LIST.read_text(encoding="utf-8") == licences.written(), "run: python scripts/licences.py"


def test_no_licence_is_unknown() -> None:
    rows = licences.LIST.read_text(encoding="utf-8").splitlines()
    assert [row for row in rows if row.endswith(("| not told |", "| see its files |", "|  |"))] == []
