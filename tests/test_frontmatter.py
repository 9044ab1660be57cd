"""Front matter of Markdown: what it says is the header, and its places are in the file's own text."""

import pytest

from index.briefs import brief_id, outline, parse_brief
from index.errors import BriefUnreadable
from index.frontmatter import front_matter

TEXT = """---
title: "Ferry Fares: After the Strike"
date: 2021-03-15T08:00:00Z
author: [Ada Frey, 'Teo Marsh']
kind: Memo
tags:
  - Law of the Sea
  - Trade 😀
draft: false
---

# Ferry Fares: After the Strike

The strike ended in May. Fares rose.

Mara Quill is a senior fellow at the Coastal Institute.
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_front_matter_is_the_header(mark, ending):
    text = (mark + TEXT).replace("\n", ending)
    brief = parse_brief(text, "fares.md")
    assert (brief.title, brief.date, brief.kind) == ("Ferry Fares: After the Strike", "2021-03-15", "Memo")
    assert (brief.authors, brief.topics) == (("Ada Frey", "Teo Marsh"), ("Law of the Sea", "Trade 😀"))
    assert text[brief.paragraphs[0].start :].startswith("The strike ended") and len(brief.paragraphs) == 2
    assert brief.text == text and brief.id == brief_id(text)
    said = outline(text)
    assert [text[slice(*place)] for place in (said.title, said.date, said.kind)] == [
        "Ferry Fares: After the Strike", "2021-03-15", "Memo",
    ]  # fmt: skip
    assert text[said.authors[0][0] : said.authors[-1][1]] == "Ada Frey, 'Teo Marsh"
    assert said.end <= brief.paragraphs[0].start


@pytest.mark.parametrize(
    ("yaml", "authors"),
    [
        ("author: Ada Frey and Teo Marsh", ("Ada Frey", "Teo Marsh")),
        ("authors: Ada Frey, Teo Marsh, and Ivo Hale", ("Ada Frey", "Teo Marsh", "Ivo Hale")),
        ("authors:\n- name: Ada Frey\n  role: editor\n- name: Teo Marsh", ("Ada Frey", "Teo Marsh")),
        ("author: |\n  Ada Frey\ntitle: T", ()),
    ],
)
def test_authors_in_their_forms(yaml, authors):
    assert parse_brief(f"---\n{yaml}\n---\nFares rose.\n", "a.md").authors == authors


def test_what_front_matter_does_not_say_the_text_says():
    brief = parse_brief("---\ntags: trade, ferries\n---\nMarch 15, 2021 | Memo\n\n# Of Fares\n\nFares rose.", "a.md")
    assert (brief.title, brief.date, brief.kind, brief.topics) == (
        "Of Fares", "2021-03-15", "Memo", ("trade", "ferries"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "---\nNote: this is a text.\n---\n\nFares rose.",  # a rule above and below a line
        "---\ntitle: [broken\n---\n\nFares rose.",
        "---\n- a\n- list\n---\n\nFares rose.",
        "---\ntitle: Never closed\n\nFares rose.",
        "Fares rose.\n---\ntitle: T\n---\n",
        f"---\ntitle: {'[' * 19_000}\n---\nFares rose.",
    ],
)
def test_what_is_no_front_matter_stays_text(text):
    assert front_matter(text) is None
    assert "Fares rose." in [text[p.start : p.end].strip() for p in parse_brief(text, "a.md").paragraphs][-1]


def test_front_matter_alone_is_no_brief():
    with pytest.raises(BriefUnreadable, match="a.md holds a header but no paragraph"):
        parse_brief("---\ntitle: T\n---\n", "a.md")
