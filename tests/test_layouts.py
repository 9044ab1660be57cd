"""Layouts of other think tanks: each part of a header, in whatever order and words. The briefs are invented."""

from dataclasses import dataclass, field

import pytest

from index.briefs import outline, parse_brief
from index.dates import parse_date
from index.names import names_in
from index.types import ParagraphRole

BODY = "The canal froze in January. No barge moved for six weeks.\n\nThe ministry of transport had no icebreaker left."


@dataclass
class Layout:
    """A brief, and everything that is to be read from it."""

    text: str
    title: str
    date: str
    kind: str | None
    authors: tuple[str, ...]
    topics: tuple[str, ...] = ()
    begins: tuple[str, ...] = ("The canal", "The ministry")
    """The first words of each paragraph that is no bio."""
    bios: tuple[str, ...] = field(default=())
    """Likewise, of those that are."""


LAYOUTS = {
    "byline and date on one line, below the title": Layout(
        f"Who Pays for the Ice\n\nBy Ana Brook and Ivo Hale | March 3, 2021\n\n{BODY}\n\n"
        "Ana Brook is a senior fellow at the Coastal Institute.\n\nIvo Hale is a professor of law at Mill "
        "University.\n\n"
        "Tags: Waterways, Transport Policy, Winter\n",
        "Who Pays for the Ice",
        "2021-03-03",
        None,
        ("Ana Brook", "Ivo Hale"),
        ("Waterways", "Transport Policy", "Winter"),
        bios=("Ana Brook is", "Ivo Hale is"),
    ),
    "publisher and number above the title": Layout(
        f"The Granary Project\n\nPolicy Brief No. 12 · May 2020\n\nWho Pays for the Ice\n\n"
        f"Authors: Dr. Ana Brook, Senior Fellow; Ivo Hale, Mill University\n\nKey takeaways\n\n• Ice is dear.\n\n"
        f"{BODY}\n\n"
        "[1] Ministry of Transport, Annual Report 2019\n\n[2] Interview with a pilot, Port Sarn\n",
        "Who Pays for the Ice",
        "2020-05-01",
        "Policy Brief",
        ("Ana Brook", "Ivo Hale"),
        begins=("Key takeaways", "• Ice is dear.", "The canal", "The ministry", "[1] Ministry", "[2] Interview"),
    ),
    "a memo, its head in one block": Layout(
        f"POLICY MEMO\n\nTO: The incoming minister of transport\nFROM: Ana Brook\nDATE: 3 March 2021\nRE: Who "
        f"Pays for the Ice\n\n"
        f"{BODY}\n",
        "Who Pays for the Ice",
        "2021-03-03",
        "POLICY MEMO",
        ("Ana Brook",),
        begins=("TO: The incoming", "The canal", "The ministry"),
    ),
    "published on, with a European date and a reading time": Layout(
        f"# Who Pays for the Ice\n\nPublished on Wednesday, 3rd March 2021 • 6 min read\n\nWritten by Élodie "
        f"Brandt (Mill University)\n\n"
        f"{BODY}\n\n## About the author\n\nÉlodie Brandt writes on rivers. She was a pilot.\n\nHer book on ice "
        f"came out in 2019.\n\n"
        "Notes\n\n1. Port Sarn, harbour log\n\nTopics: Waterways; Winter\n",
        "Who Pays for the Ice",
        "2021-03-03",
        None,
        ("Élodie Brandt",),
        ("Waterways", "Winter"),
        begins=("The canal", "The ministry", "Notes", "1. Port Sarn"),
        bios=("## About", "Élodie Brandt", "Her book"),
    ),
    "date and kind first, every line without a gap": Layout(
        f"2021-03-03\nCommentary\nWho Pays for the Ice\nBy Ana Brook\n\n{BODY}\n",
        "Who Pays for the Ice",
        "2021-03-03",
        "Commentary",
        ("Ana Brook",),
    ),
    "a date line of a city, names alone that the end tells of": Layout(
        f"Issue Brief\n\nWho Pays for the Ice\n\nAna Brook, Ivo Hale\n\nPort Sarn, 3.3.2021\n\n{BODY}\n\n"
        "Ana Brook is an economist at the Granary Project. Ivo Hale is her editor.\n\n"
        "Ivo Hale is a research fellow at the Granary Project.\n\nWaterways Winter\n",
        "Who Pays for the Ice",
        "2021-03-03",
        "Issue Brief",
        ("Ana Brook", "Ivo Hale"),
        ("Waterways", "Winter"),
        bios=("Ana Brook is", "Ivo Hale is"),
    ),
    "labels for everything": Layout(
        f"Title: Who Pays for the Ice\nAuthor: Ana Brook\nPublished: March 3, 2021\nType: Backgrounder\n"
        f"Keywords: ice, canals\n\n{BODY}\n",
        "Who Pays for the Ice",
        "2021-03-03",
        "Backgrounder",
        ("Ana Brook",),
        ("ice", "canals"),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_part_is_found(layout):
    brief = parse_brief(layout.text, "ice.txt")
    assert (brief.title, brief.date, brief.kind, brief.authors, brief.topics) == (
        layout.title,
        layout.date,
        layout.kind,
        layout.authors,
        layout.topics,
    )
    for role, begins in ((ParagraphRole.BODY, layout.begins), (ParagraphRole.BIO, layout.bios)):
        texts = [layout.text[p.start : p.end] for p in brief.paragraphs if p.role is role]
        assert [text[: len(begin)] for text, begin in zip(texts, begins, strict=True)] == list(begins)
    said = outline(layout.text)
    assert layout.text[slice(*said.title)] == layout.title
    assert parse_date(layout.text[slice(*said.date)]).isoformat() == layout.date
    assert tuple(layout.text[slice(*place)] for place in said.authors) == layout.authors


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        (f"A Title\n\nMarch 3, 2021\n\nExecutive Summary\n\n{BODY}", "Executive Summary"),  # no name: nobody is told of
        (f"A Title\n\nMarch 3, 2021\n\nBy Land and by Sea\n\n{BODY}", "By Land"),
        (f"A Title\n\nMarch 3, 2021\n\nBy all accounts, Ana Brook was right.\n\n{BODY}", "By all"),
        (f"A Title\n\nMarch 3, 2021\n\nPublished in March, it was read by few.\n\n{BODY}", "Published in"),
        (f"A Title\n\nMarch 3, 2021\n\nA first line of a text\nthat goes on in a second.\n\n{BODY}", "A first line"),
        (f"A Title\n\nMarch 3, 2021 | Memo\n\nAnalysis\n\n{BODY}", "Analysis"),  # another kind than the one said
        (f"A Title\n\nMarch 3, 2021\n\nApril 9, 2022\n\n{BODY}", "April 9"),
    ],
)
def test_what_only_looks_like_a_header_stays_in_the_text(text, begins):
    brief = parse_brief(text, "a.txt")
    assert (brief.title, brief.date, brief.authors) == ("A Title", "2021-03-03", ())
    assert text[brief.paragraphs[0].start :].startswith(begins)


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("March 15, 2021", "2021-03-15"),
        ("15 Mar. 2021", "2021-03-15"),
        ("Monday, 15th March 2021", "2021-03-15"),
        ("Sept. 3, 2021", "2021-09-03"),
        ("15.3.2021", "2021-03-15"),
        ("2021/03/15", "2021-03-15"),
        ("15/3/2021", "2021-03-15"),
        ("3/15/2021", "2021-03-15"),
        ("3/3/2021", "2021-03-03"),
        ("MARCH 2021", "2021-03-01"),
        ("15 March 2021", "2021-03-15"),
        ("3/4/2021", None),
        ("February 30, 2021", None),
        ("31/2/2021", None),
        ("March", None),
        ("2021", None),
        ("", None),
        ("9" * 99, None),
    ],
)
def test_dates(words, day):
    assert (parse_date(words) and parse_date(words).isoformat()) == day


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("Ana Brook", ["Ana Brook"]),
        ("Ana Brook & Ivo Hale", ["Ana Brook", "Ivo Hale"]),
        ("Ana Brook, Ivo Hale, and Łucja van der Meer", ["Ana Brook", "Ivo Hale", "Łucja van der Meer"]),
        ("Prof. Ana Brook, Director of the Granary Project, and Ivo Hale, a pilot", ["Ana Brook", "Ivo Hale"]),
        ("Ana Brook (Mill University); Ivo Hale (Coast Group)", ["Ana Brook", "Ivo Hale"]),
        ("Ana", []),
        ("the harbour master", []),
        ("March 2021", []),
        ("Senior Fellow", []),
        ("Coastal Institute", []),
        ("", []),
        ("A" * 500 + " B", []),
    ],
)
def test_names(words, names):
    text = f"By {words}."
    assert [text[a:b] for a, b in names_in(text, 3, 3 + len(words))] == names
