from pathlib import Path

import pytest
from conftest import BRIEF

from index.briefs import brief_id, parse_brief
from index.errors import BriefUnreadable
from index.topics import split_topics
from index.types import ParagraphRole

SAMPLES = Path(__file__).parent.parent / "index" / "samples"


def test_every_part_of_the_layout_is_found():
    brief = parse_brief(BRIEF, "harbour.txt")
    assert (brief.date, brief.kind, brief.title) == ("2021-03-15", "Insight", "What the “Harbour” Talks Left Open")
    assert brief.authors == ("Mara Quill",)
    assert brief.topics == ("Indo-Pacific", "North Korea")
    assert [p.role for p in brief.paragraphs] == [ParagraphRole.BODY, ParagraphRole.BODY, ParagraphRole.BIO]
    assert [p.number for p in brief.paragraphs] == [1, 2, 3]
    assert BRIEF[brief.paragraphs[1].start : brief.paragraphs[1].end].startswith("The ministry of transport")
    assert brief.header == "What the “Harbour” Talks Left Open | 2021-03-15 | Insight"


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.txt")), ids=lambda path: path.stem[:30])
def test_every_sample_has_a_whole_header(path):
    brief = parse_brief(path.read_bytes().decode(), path.name)
    assert brief.date == path.name[:10]
    assert brief.kind and brief.topics and len(brief.paragraphs) >= 4
    assert brief.title not in brief.text[brief.paragraphs[0].start :]


@pytest.mark.parametrize(
    ("text", "title", "date", "n_paragraphs"),
    [
        ("Only one paragraph, and no header at all.", "odd name", None, 1),
        ("# A Title\n\nFirst paragraph here.\n\nSecond one.", "A Title", None, 2),
        ("March 3, 2020\n\nTitle Without Kind\n\nText.", "Title Without Kind", "2020-03-03", 1),
        ("2020-03-03 | Memo\r\n\r\nA Title\r\n\r\nOne line\r\nand its second.\r\n", "A Title", "2020-03-03", 1),
        ("A sentence first.\n\nThen another.", "odd name", None, 2),
        ("Just a Heading", "odd name", None, 1),
    ],
)
def test_parts_may_be_missing(text, title, date, n_paragraphs):
    brief = parse_brief(text, "odd-name.txt")
    assert (brief.title, brief.date, len(brief.paragraphs)) == (title, date, n_paragraphs)


@pytest.mark.parametrize("text", ["", " \n\t\n", "— … —", "\ufeff\n"])
def test_a_file_without_words_is_unreadable(text):
    with pytest.raises(BriefUnreadable, match="holds no text"):
        parse_brief(text, "empty.txt")


def test_a_header_without_text_is_unreadable():
    with pytest.raises(BriefUnreadable, match="no paragraph"):
        parse_brief("March 15, 2021 | Insight\n\nA Title\n\nMarch 15, 2021 | Insight\n\nA Title\n", "bare.txt")


def test_the_id_depends_on_the_text_alone():
    assert parse_brief(BRIEF, "a.txt").id == parse_brief(BRIEF, "b/c.md").id == brief_id(BRIEF)
    assert brief_id(BRIEF) != brief_id(BRIEF + " ")
    assert brief_id("x") == "2d711642b726"  # sha256 of one letter, the same on every machine


@pytest.mark.parametrize(
    ("line", "topics"),
    [
        ("Indo-Pacific North Korea", ("Indo-Pacific", "North Korea")),
        ("Rule of Law Judiciary European Union", ("Rule of Law", "Judiciary", "European Union")),
        ("Ministry of Silly Walks Trade", ("Ministry of Silly", "Walks", "Trade")),  # an unknown name falls apart
        ("Maritime Disputes Law of the Sea Safety", ("Maritime Disputes", "Law of the Sea", "Safety")),
        ("Trade, Arms Control; Space", ("Trade", "Arms Control", "Space")),
    ],
)
def test_topics_run_together_are_split(line, topics):
    assert split_topics(line) == topics
