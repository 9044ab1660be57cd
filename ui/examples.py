"""Example questions that fit the briefs at hand, by rules that never invent: titles that ask, and names in headers."""

import re
from collections.abc import Sequence

from index.types import Brief

_ASKING = re.compile(r"\b(?:who|what|why|how|when|where|which)\b[^?.:;!]{8,70}\?", re.IGNORECASE)


def example_questions(briefs: Sequence[Brief], n: int = 3) -> list[str]:
    """At most `n` questions: one from each title that asks one, then who the authors are; in the order of `briefs`."""
    asked = [match[0] for brief in briefs if not brief.title.isupper() and (match := _ASKING.search(brief.title))]
    names = [f"Who is {brief.authors[0]}?" for brief in briefs if brief.authors]
    # A question from a title and one about a person show two kinds of asking.
    return list(dict.fromkeys([*asked[: n - 1], *names, *asked[n - 1 :]]))[:n]
