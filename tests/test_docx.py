"""Word documents: what their text is, what counts beside it, and what is refused."""

import io
import zipfile
from datetime import datetime

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from index.briefs import brief_id
from index.errors import BriefUnreadable
from index.loaders import load_brief


def written(document) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def with_part(content: bytes, name: str, change) -> bytes:
    """The file with one of its parts changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, change(old.read(part)) if part == name else old.read(part))
    return file.getvalue()


@pytest.fixture
def ferry():
    document = docx.Document()
    said = document.core_properties
    said.title, said.author, said.created = "Properties Title", "Ada Frey; Teo Marsh", datetime(2020, 5, 6, 7)
    document.add_heading("Ferry Fares After the Strike", 0)
    document.add_paragraph("The strike ended in May. Fares rose by nine crowns.")
    document.add_heading("What it cost", 1)
    table = document.add_table(2, 2)
    for cell, text in zip((c for row in table.rows for c in row.cells), ("Year", "Crowns", "2019", "310"), strict=True):
        cell.text = text
    table.rows[0].cells[0].merge(table.rows[0].cells[1])
    document.add_paragraph("“No boat sails at night,” the harbour master said.")
    return document


def test_paragraphs_headings_and_cells_are_blocks(ferry):
    content = written(ferry)
    brief = load_brief(content, "ferry.docx")
    assert brief.text == (
        "Ferry Fares After the Strike\n\nThe strike ended in May. Fares rose by nine crowns.\n\nWhat it cost\n\n"
        "Year\n\nCrowns\n\n2019\n\n310\n\n“No boat sails at night,” the harbour master said.\n"
    )
    assert (brief.title, brief.date, brief.authors) == (
        "Ferry Fares After the Strike", "2020-05-06", ("Ada Frey", "Teo Marsh"),
    )  # fmt: skip
    assert brief.id == brief_id(brief.text) == load_brief(content, "other/name.DOCX").id


def test_properties_count_only_where_the_text_says_nothing():
    document = docx.Document()
    said = document.core_properties
    said.title, said.author, said.created = "Draft 7", "Some Computer", datetime(2001, 1, 1)
    for text in (
        "March 15, 2021 | Memo", "Of Dams", "Dams hold water. They do so by weight.",
        "Mara Quill is a senior fellow at the Coastal Institute.",
    ):  # fmt: skip
        document.add_paragraph(text)
    brief = load_brief(written(document), "dams.docx")
    assert (brief.title, brief.date, brief.kind, brief.authors) == ("Of Dams", "2021-03-15", "Memo", ("Mara Quill",))


def test_what_is_shown_is_read_once_and_what_is_not_is_left_out():
    document = docx.Document()
    paragraph = document.add_paragraph("Kept")
    for xml in (
        "<w:ins {0}><w:r><w:t xml:space='preserve'> inserted</w:t></w:r></w:ins>",
        "<w:del {0}><w:r><w:delText>deleted</w:delText></w:r></w:del>",
        "<w:moveFrom {0}><w:r><w:t>moved away</w:t></w:r></w:moveFrom>",
        "<w:r {0}><w:tab/><w:t>tabbed</w:t><w:br/><w:br/><w:t>next line</w:t></w:r>",
        "<w:r {0} xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'><mc:AlternateContent>"
        "<mc:Choice><w:txbxContent><w:p><w:r><w:t>Boxed.</w:t></w:r></w:p></w:txbxContent></mc:Choice>"
        "<mc:Fallback><w:txbxContent><w:p><w:r><w:t>Boxed.</w:t></w:r></w:p></w:txbxContent></mc:Fallback>"
        "</mc:AlternateContent></w:r>",
        "<w:r {0}><w:t>.</w:t></w:r>",
    ):
        paragraph._p.append(parse_xml(xml.format(nsdecls("w"))))
    assert load_brief(written(document), "a.docx").text == "Kept inserted\ttabbed\nnext line.\n\nBoxed.\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 but no more", "a.docx is not a whole Word document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.docx is encrypted, or of Word before 2007"),
        (written(docx.Document()), "a.docx holds no text"),
        (written(docx.Document())[:-900], "a.docx is not a whole Word document"),
    ],
)
def test_what_is_no_word_document_is_refused(content, words):
    with pytest.raises(BriefUnreadable, match=words):
        load_brief(content, "a.docx")


def test_broken_xml_entities_and_bombs_are_refused(ferry):
    name = "word/document.xml"
    broken = with_part(written(ferry), name, lambda xml: xml[:-40])
    with pytest.raises(BriefUnreadable, match="ferry.docx is not a whole Word document .*; save it in Word again"):
        load_brief(broken, "ferry.docx")
    declared = b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><w:document'
    outside = with_part(
        written(ferry), name, lambda xml: xml.replace(b"<w:document", declared, 1).replace(b"strike", b"&x;")
    )
    with pytest.raises(BriefUnreadable, match="ferry.docx declares entities"):
        load_brief(outside, "ferry.docx")
    bomb = with_part(written(ferry), name, lambda xml: xml + b" " * 150_000_000)
    assert len(bomb) < 1_000_000
    with pytest.raises(BriefUnreadable, match="ferry.docx unpacks to 150 MB, which is too much"):
        load_brief(bomb, "ferry.docx")
    many = with_part(written(ferry), name, lambda xml: xml.replace(b"</w:body>", b"<w:p/>" * 6_000_000 + b"</w:body>"))
    with pytest.raises(BriefUnreadable, match="ferry.docx unpacks to 36 MB, which is too much"):
        load_brief(many, "ferry.docx")
