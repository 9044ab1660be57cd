"""Exports: each form is read by a reader not ours, shows hostile words as they stand, and is verified by itself."""

import html
import io
import json
import re
import zipfile
from dataclasses import asdict, replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import docx
import pytest
from citing import COST, Shelf, citation_of
from conftest import BRIEF
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from index.briefs import parse_brief
from index.errors import ExportInvalid
from index.types import Passage
from qa.citations import cite
from qa.export import check_export, export
from qa.records import read_records, recorded
from qa.sections import on_a_line, reference
from qa.types import Answer, Citation, Reply
from qa.verify import Status, verify_citation

FORMS = ("a.md", "a.html", "a.docx", "a.bib", "a.csl.json", "a.json")
HOSTILE = (
    "1. A_b_ *c* [d](javascript:e) <script>alert(1)</script> & {f} %g $h$ \"i\" 'j' "
    "\\k ^l ~m |n @o #p `q` </pre> ``` =r"
)
PLAIN = citation_of(COST)
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def hostile_citation(words: str = HOSTILE) -> Citation:
    """A citation all of whose texts are `words`."""
    return replace(
        PLAIN, title=words, kind=words, authors=(words, f"{words} and more"), topics=(words,), source=words,
        quote=words, sentence=f"{words}{words} {words}", sentence_start=0,
        start=len(words), end=2 * len(words), id=f"{PLAIN.brief_id}:{len(words)}-{2 * len(words)}",
    )  # fmt: skip


def reply_of(*citations: Citation, question: str = "what would it cost", found: bool = True) -> Reply:
    answers = tuple(Answer(c.quote, 0.9, c) for c in citations)
    return Reply(question, found, 0.9, answers, ())


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_verified_from_the_file_alone(name):
    other = citation_of("Lt. Col. Ivo Hale")
    answer = Answer(PLAIN.quote, 0.8, PLAIN, (other,))
    weak = Answer("None answered.", 0.1, citation_of("None answered."))
    replies = [Reply("q", True, 0.8, (answer, weak), ()), reply_of(PLAIN), reply_of(other, found=False)]
    found = read_records(export(replies, name), name)
    assert found[:2] == (recorded(PLAIN), recorded(other))
    assert len(found) == (3 if name == "a.json" else 2)  # the weak candidate is in the whole reply only
    assert {verify_citation(citation, Shelf(harbour_txt=BRIEF)).status for citation in found} == {Status.INTACT}


@settings(max_examples=40)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_whatever_the_words_are_the_record_comes_back(words):
    cited = hostile_citation(words)
    for name in FORMS:
        assert read_records(export([reply_of(cited, question=f"why {words}")], name), name) == (recorded(cited),)


def test_markdown_shows_hostile_words_as_they_stand():
    text = export([reply_of(hostile_citation(), question=HOSTILE)], "a.md").decode()
    tokens = MarkdownIt("commonmark").parse(text)
    kinds = {token.type for token in tokens} | {child.type for t in tokens for child in t.children or ()}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "em_open", "code_inline", "list_item_open"}
    assert [t.type for t in tokens].count("fence") == 1
    shown = ["".join(child.content for child in t.children or ()) for t in tokens if t.type == "inline"]
    assert shown[1] == HOSTILE
    assert shown[2] == f"{HOSTILE}{HOSTILE} {HOSTILE}[^1] (90%)"
    assert shown[3] == f"[^1]: {reference(hostile_citation())}"
    bold = next(t for t in tokens if t.type == "inline" and "[^1] (90%)" in t.content).children or []
    assert [child.type for child in bold].count("strong_open") == 1


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data):
        self.text += data


def test_html_shows_hostile_words_as_they_stand_and_runs_nothing():
    page = export([reply_of(hostile_citation(), question=HOSTILE)], "a.html").decode()
    reader = Reader()
    reader.feed(page)
    assert set(reader.tags) <= set(
        "html head meta title style body h1 h2 blockquote mark sup a small ol li details summary pre".split()
    )
    assert "default-src 'none'" in page
    assert f"<mark>{html.escape(HOSTILE)}</mark>" in page
    assert reference(hostile_citation()) in reader.text


def test_word_gets_real_footnotes():
    other = citation_of("Lt. Col. Ivo Hale")
    content = export([Reply(HOSTILE, True, 0.9, (Answer(COST, 0.9, PLAIN, (other,)),), ())], "a.docx")
    made = docx.Document(io.BytesIO(content))
    quote = next(p for p in made.paragraphs if p.style.name == "Quote")
    assert quote.text == "She said it would cost $40 million a year. (90%)"
    assert [run.text for run in quote.runs if run.bold] == [COST]
    assert made.paragraphs[1].text == HOSTILE
    marks = [int(mark.get(f"{WORD}id")) for mark in quote._p.iter(f"{WORD}footnoteReference")]
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        notes = ElementTree.fromstring(parts.read("word/footnotes.xml"))
        told = ElementTree.fromstring(parts.read("word/settings.xml")).find(f"{WORD}footnotePr")
        types = parts.read("[Content_Types].xml").decode()
    texts = {
        int(note.get(f"{WORD}id")): "".join(t.text for t in note.iter(f"{WORD}t"))
        for note in notes.iter(f"{WORD}footnote")
    }
    assert marks == [1, 2] and list(texts) == [-1, 0, 1, 2]
    assert (texts[1], texts[2]) == (f" {reference(PLAIN)}", f" “{other.quote}”: {reference(other)}")
    assert [int(note.get(f"{WORD}id")) for note in told] == [-1, 0]
    assert 'PartName="/word/footnotes.xml"' in types and "wordprocessingml.footnotes+xml" in types


def test_bibtex_keeps_its_braces_and_escapes_the_rest():
    text = export([reply_of(hostile_citation())], "a.bib").decode()
    entry = re.fullmatch(r"@misc\{(\w+),\n((?:  \w+ = \{.*\},\n)+)\}\n", text)
    assert entry and entry[1].isascii()
    fields = dict(re.findall(r"  (\w+) = \{(.*)\},\n", entry[2]))
    for value in fields.values():  # BibTeX counts braces without regard to backslashes
        depth = 0
        for character in value:
            depth += {"{": 1, "}": -1}.get(character, 0)
            assert depth >= 0
        assert depth == 0
    for name in ("title", "author", "note", "howpublished", "keywords"):
        assert not re.search(r"(?<!\\)[#$%&_]|[\^~<>|](?!\})", fields[name]), name
    assert "\\textbraceleft{}f\\textbraceright{} \\%g \\$h\\$" in fields["title"]
    assert fields["author"].count(" and ") == 2 and fields["author"].endswith(" and more}")


def test_references_by_hand():
    cited = replace(PLAIN, authors=("Ana de la Cruz", "Plato"), date="2021-03-15")
    text = export([reply_of(cited)], "a.bib").decode()
    assert text.startswith(f"@misc{{cruz2021_{cited.brief_id},\n  author = {{Ana de la Cruz and Plato}},\n")
    item = json.loads(export([reply_of(cited)], "a.csl.json"))[0]
    assert item["author"] == [{"family": "de la Cruz", "given": "Ana"}, {"literal": "Plato"}]
    assert item["issued"] == {"date-parts": [[2021, 3, 15]]}
    assert (item["id"], item["type"], item["title"]) == (f"cruz2021_{cited.brief_id}", "report", cited.title)
    undated = json.loads(export([reply_of(replace(PLAIN, authors=(), date=None, kind=None))], "a.csl.json"))[0]
    assert set(undated) == {"id", "type", "title", "keyword", "note", "custom"}


def test_json_holds_the_replies_whole():
    reply = reply_of(PLAIN)
    assert json.loads(export([reply, reply], "A.JSON")) == [json.loads(json.dumps(asdict(reply)))] * 2


def test_a_quote_over_lines_is_shown_on_one_and_recorded_as_it_is():
    text = "A Plan\n\nThe levy would\r\ncost nine\u2028crowns."
    brief = parse_brief(text, "plan.txt")
    start, end = text.index("would"), text.index(".")
    cited = cite(brief, Passage(brief.id, 1, 0, len(text), text, ""), start, end)
    exported = export([reply_of(cited)], "a.md").decode()
    assert "> The levy **would cost nine crowns**.[^1] (90%)\n" in exported
    assert read_records(exported.encode(), "a.md")[0].quote == text[start:end]
    assert on_a_line("a\x0bb\x00c") == "a b\ufffdc"


@pytest.mark.parametrize("name", FORMS)
def test_what_was_not_found_is_said(name):
    content = export([reply_of(question="who?", found=False)], name)
    if name in ("a.md", "a.html"):
        assert b"The briefs do not answer this." in content
    if name == "a.docx":
        assert "The briefs do not answer this." in [p.text for p in docx.Document(io.BytesIO(content)).paragraphs]


@pytest.mark.parametrize("name", ["a.md", "a.html", "a.bib", "a.csl.json"])
def test_words_changed_in_an_export_are_noticed(name):
    content = export([reply_of(PLAIN)], name)
    assert read_records(content, name)[0].shown
    first, rest = content.split(b"briefqa:citation", 1)
    changed = first.replace(b"40 million", b"90 million") + b"briefqa:citation" + rest
    assert changed != content and not read_records(changed, name)[0].shown


def test_another_ending_is_refused_in_a_sentence():
    with pytest.raises(ExportInvalid, match=r"a\.pdf does not end in \.bib, \.csl\.json, \.docx, \.html, \.json, \.md"):
        check_export("a.pdf")
