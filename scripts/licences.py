"""Keeps scripts/deploy/THIRD_PARTY.md: under which licence everything stands that an installed BriefQA consists of.

python scripts/licences.py            # writes it, from the metadata of what is installed
python scripts/licences.py --check    # exit code 1 if it is not what would be written
"""

import argparse
import re
import sys
from importlib.metadata import Distribution
from pathlib import Path

from lock import ROOT, installed, required

LIST = Path(ROOT, "scripts", "deploy", "THIRD_PARTY.md")
HEAD = """# What BriefQA consists of, and its licences

Written by `python scripts/licences.py` from what the packages say of themselves; `--check` tells if it is out of date.

## In the wheel

| | licence | |
|---|---|---|
| code, samples | Apache-2.0 | `LICENSE`; the samples are invented or retold, see `index/samples/ABOUT.rst` |
| `index/weights/minilm-briefs` | Apache-2.0 | trained from all-MiniLM-L6-v2 (Apache-2.0); `index/weights/README.md` |
| `qa/models/reader` | Apache-2.0 | trained from the same; the licences of the training data: `qa/models/README.md` |

## Installed beside it

With `pip install "briefqa[mcp]"` and in the container. Linux, Python 3.11.

| package | version | licence |
|---|---|---|
"""


def licence_of(one: Distribution) -> str:
    """The licence as an expression where the package gives one, else what its classifiers or its field say."""
    told = one.metadata
    if expression := told.get("License-Expression"):
        return expression
    classified = [
        line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or () if line.startswith("License ::")
    ]
    if named := [name for name in classified if name != "OSI Approved"]:
        return ", ".join(sorted(named))
    field = re.sub(r"\s+", " ", told.get("License") or "").strip()
    return field if 0 < len(field) <= 60 else "see its files" if field else "not told"


def written() -> str:
    """The whole file."""
    found, missing = installed(required(("mcp",)))
    if missing:
        sys.exit(f"not installed here, so their licences cannot be told: {', '.join(sorted(missing))}")
    names = sorted(found)
    rows = (f"| {name} | {found[name].version.partition('+')[0]} | {licence_of(found[name])} |\n" for name in names)
    return HEAD + "".join(rows)


def main() -> None:
    """Writes the file, or checks it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if not given.check:
        LIST.write_text(written(), encoding="utf-8")
    elif LIST.read_text(encoding="utf-8") != written():
        sys.exit("THIRD_PARTY.md is out of date; run: python scripts/licences.py")


if __name__ == "__main__":
    main()
