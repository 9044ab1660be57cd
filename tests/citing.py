"""What tests of citations share: briefs in memory, and citations of them."""

from conftest import BRIEF

from index.briefs import parse_brief
from index.errors import CitationInvalid
from index.passages import split_into_passages
from index.types import Brief, Filters
from qa.citations import cite
from qa.types import Citation

COST = "$40 million a year"


class Shelf:
    """Briefs in memory, asked as a store is."""

    def __init__(self, **texts: str) -> None:
        self.all = [parse_brief(text, name.replace("_", ".")) for name, text in texts.items()]
        self.n_listed = 0

    def brief(self, id_or_source: str) -> Brief:
        for brief in self.all:
            if id_or_source in (brief.id, brief.source):
                return brief
        raise CitationInvalid(f"no brief {id_or_source!r}")

    def briefs(self, filters: Filters) -> list[Brief]:
        self.n_listed += 1
        return self.all


def citation_of(quote: str, text: str = BRIEF, source: str = "harbour.txt") -> Citation:
    brief = parse_brief(text, source)
    start = text.index(quote)
    passages = split_into_passages(brief, lambda words: len(words.split()), 200)
    passage = next(p for p in passages if p.start <= start < p.end)
    return cite(brief, passage, start, start + len(quote))
