"""Keeps scripts/constraints.txt: writes the versions that are installed here of everything the project needs.

    python scripts/lock.py            # after the tests have passed with what is installed
    python scripts/lock.py --check    # exit code 1, and what differs, if the file is not what would be written

What is needed is followed from pyproject.toml, all extras included, through the metadata of what is installed. Of an
extra that is not installed here, the versions stay as they are.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ROOT / "scripts" / "constraints.txt"
HEADER = "# Versions that were installed and tested together, kept by scripts/lock.py; scripts/setup and pip use it.\n"


def required(extras: Iterable[str] | None = None) -> list[str]:
    """What pyproject.toml asks for: the project's own requirements and those of `extras`, of all if None."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project.get("optional-dependencies", {})
    return [
        *project["dependencies"],
        *(line for name in (optional if extras is None else extras) for line in optional[name]),
    ]


def installed(lines: Iterable[str]) -> tuple[dict[str, Distribution], set[str]]:
    """Canonical name → distribution, of all that `lines` need in turn; and the names of those not installed."""
    found: dict[str, Distribution] = {}
    missing: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(line) for line in lines]
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            missing.add(name)
            continue
        for line in found[name].requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras or {""}):
                waiting.append(needed)
    return found, missing


def pinned() -> dict[str, str]:
    """Canonical name → line of the constraints."""
    lines = [line for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    return {canonicalize_name(line.partition("==")[0]): line for line in lines}


def locked() -> str:
    """The constraints as they should be."""
    found, missing = installed(required())
    lines = {name: f"{one.metadata['Name']}=={re.sub('[+].*', '', one.version)}" for name, one in found.items()}
    before = pinned()
    # What an extra that is not installed needs in turn cannot be followed; it is not installed either.
    absent = {
        name: line for name, line in before.items() if name not in lines and (name in missing or not _is_here(name))
    }
    return HEADER + "".join(f"{line}\n" for line in sorted((lines | absent).values(), key=str.lower))


def _is_here(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def main() -> None:
    """Writes the file, or checks it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    before, after = CONSTRAINTS.read_text(encoding="utf-8"), locked()
    gone, new = (sorted(set(a.splitlines()) - set(b.splitlines())) for a, b in ((before, after), (after, before)))
    for sign, lines in (("-", gone), ("+", new)):
        for line in lines:
            print(f"{sign} {line}")
    if not given.check:
        CONSTRAINTS.write_text(after, encoding="utf-8")
    elif before != after:
        sys.exit("scripts/constraints.txt is not what is installed; after testing, run: python scripts/lock.py")


if __name__ == "__main__":
    main()
