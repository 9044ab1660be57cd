"""The block of YAML between lines of `---` that a Markdown file may begin with, and where in it what is said."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yaml import Node

_BLOCK = re.compile(
    r"\ufeff?---[ \t]*\r?\n(?P<yaml>.{0,20000}?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_KEYS = {
    "title": "title", "date": "date", "published": "date", "kind": "kind", "type": "kind",
    "author": "authors", "authors": "authors", "tags": "topics", "topics": "topics", "keywords": "topics",
}  # fmt: skip
_BETWEEN_AUTHORS = re.compile(r"\s*;\s*|\s*,\s+(?:and\s+)?|\s+and\s+")
_BETWEEN_TOPICS = re.compile(r"\s*[;,]\s*")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """Ranges of the text; quotation marks are not in them."""

    end: int
    """Where the text goes on after the closing line."""
    header: dict[str, Range]
    """Of `title`, `date`, `kind`, as far as there are any."""
    authors: tuple[Range, ...]
    topics: tuple[Range, ...]


def front_matter(text: str) -> FrontMatter | None:
    """The front matter of `text`; None if it has none, or one that says nothing that a brief says of itself."""
    match = _BLOCK.match(text)
    if match is None:
        return None
    import yaml

    try:
        root = yaml.compose(match["yaml"], yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None
    said: dict[str, list[Range]] = {}
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        name = _KEYS.get(key.value.lower()) if isinstance(key, yaml.ScalarNode) else None
        if name and name not in said:
            places = [(match.start("yaml") + a, match.start("yaml") + b) for a, b in _scalars(value)]
            said[name] = [(a, b) for a, b in places if text[a:b].strip() and "\n" not in text[a:b]]
    if not any(said.values()):
        return None
    header = {name: said[name][0] for name in ("title", "date", "kind") if said.get(name)}
    if "date" in header and (day := _ISO_DATE.match(text, *header["date"])):  # of a date with its time
        header["date"] = day.span()
    return FrontMatter(
        match.end(),
        header,
        tuple(_parts(text, said.get("authors", ()), _BETWEEN_AUTHORS)),
        tuple(_parts(text, said.get("topics", ()), _BETWEEN_TOPICS)),
    )


def _scalars(node: "Node") -> Iterator[Range]:
    """Where the words of a value stand: one, those of a list, or the names in a list of people."""
    import yaml

    if isinstance(node, yaml.ScalarNode) and node.style in (None, "'", '"'):
        quotes = 1 if node.style else 0
        yield node.start_mark.index + quotes, node.end_mark.index - quotes
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if isinstance(item, yaml.MappingNode):
                item = next((value for key, value in item.value if key.value == "name"), item)
            if isinstance(item, yaml.ScalarNode):
                yield from _scalars(item)


def _parts(text: str, places: "tuple[Range, ...] | list[Range]", between: re.Pattern[str]) -> Iterator[Range]:
    for start, end in places:
        at = start
        for cut in [*between.finditer(text, start, end), None]:
            to = cut.start() if cut else end
            if to > at:
                yield at, to
            at = cut.end() if cut else end
