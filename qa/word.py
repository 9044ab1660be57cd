"""Replies as a Word document with real footnotes."""

import io
from collections.abc import Sequence
from xml.etree import ElementTree

import docx
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import nsmap, qn
from docx.shared import Pt
from docx.styles.style import CharacterStyle, ParagraphStyle
from docx.text.paragraph import Paragraph

from qa.records import record_line
from qa.sections import HEADING, NOT_FOUND, RECORDS_HEADING, citations_of, sections
from qa.types import Reply

_SEPARATORS = ((-1, "separator"), (0, "continuationSeparator"))
"""The two notes that every Word document with footnotes has: the lines above them."""


def document(replies: Sequence[Reply]) -> bytes:
    """A DOCX file: answers in their sentences, references as footnotes, the records in small print at the end."""
    made = docx.Document()
    made.core_properties.title, made.core_properties.author, made.core_properties.comments = HEADING, "BriefQA", ""
    mark, small = _styles(made)
    made.add_heading(HEADING, 0)
    notes: list[tuple[int, str]] = []
    for section in sections(replies):
        made.add_heading(section.question, 1)
        if section.together:
            made.add_paragraph(section.together)
        for answer in section.answers:
            paragraph = made.add_paragraph(style="Quote")
            paragraph.add_run(answer.before)
            paragraph.add_run(answer.quote).bold = True
            paragraph.add_run(answer.after)
            for n, _ in answer.notes:
                _refer(paragraph, mark, n)
            paragraph.add_run(f" ({answer.confidence:.0%})")
            notes += answer.notes
        if not section.answers:
            made.add_paragraph(NOT_FOUND)
    if records := [record_line(citation) for citation in citations_of(replies)]:
        made.add_heading(RECORDS_HEADING, 2)
        for record in records:
            made.add_paragraph().add_run(record).font.size = Pt(6)
    if notes:
        _attach(made, _notes_xml(notes, mark.style_id, small.style_id))
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def _styles(made: Document) -> tuple[CharacterStyle, ParagraphStyle]:
    """Makes the styles that Word itself uses for a footnote's mark and its text."""
    mark = made.styles.add_style("footnote reference", WD_STYLE_TYPE.CHARACTER)
    text = made.styles.add_style("footnote text", WD_STYLE_TYPE.PARAGRAPH)
    assert isinstance(mark, CharacterStyle) and isinstance(text, ParagraphStyle)
    mark.font.superscript = True
    text.font.size = Pt(9)
    return mark, text


def _refer(paragraph: Paragraph, mark: CharacterStyle, n: int) -> None:
    """Adds the mark of footnote `n`."""
    run = paragraph.add_run(style=mark)
    reference = OxmlElement("w:footnoteReference")
    reference.set(qn("w:id"), str(n))
    run._r.append(reference)


def _attach(made: Document, xml: bytes) -> None:
    """Adds the part with the footnotes, which python-docx does not know, and names the separators in the settings."""
    part = Part(PackURI("/word/footnotes.xml"), CONTENT_TYPE.WML_FOOTNOTES, xml, made.part.package)
    made.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    told = OxmlElement("w:footnotePr")
    for number, _ in _SEPARATORS:
        separator = OxmlElement("w:footnote")
        separator.set(qn("w:id"), str(number))
        told.append(separator)
    settings = made.settings.element
    compat = settings.find(qn("w:compat"))  # the schema wants the two in this order
    if compat is None:
        settings.append(told)
    else:
        compat.addprevious(told)


def _notes_xml(notes: Sequence[tuple[int, str]], mark: str, small: str) -> bytes:
    """The part `word/footnotes.xml` (ISO/IEC 29500-1, 17.11)."""
    ElementTree.register_namespace("w", nsmap["w"])
    root = ElementTree.Element(qn("w:footnotes"))
    for number, kind in _SEPARATORS:
        note = ElementTree.SubElement(root, qn("w:footnote"), {qn("w:type"): kind, qn("w:id"): str(number)})
        run = ElementTree.SubElement(ElementTree.SubElement(note, qn("w:p")), qn("w:r"))
        ElementTree.SubElement(run, qn(f"w:{kind}"))
    for n, text in notes:
        note = ElementTree.SubElement(root, qn("w:footnote"), {qn("w:id"): str(n)})
        paragraph = ElementTree.SubElement(note, qn("w:p"))
        style = ElementTree.SubElement(paragraph, qn("w:pPr"))
        ElementTree.SubElement(style, qn("w:pStyle"), {qn("w:val"): small})
        number_run = ElementTree.SubElement(paragraph, qn("w:r"))
        style = ElementTree.SubElement(number_run, qn("w:rPr"))
        ElementTree.SubElement(style, qn("w:rStyle"), {qn("w:val"): mark})
        ElementTree.SubElement(number_run, qn("w:footnoteRef"))
        words = ElementTree.SubElement(ElementTree.SubElement(paragraph, qn("w:r")), qn("w:t"))
        words.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        words.text = f" {text}"
    xml: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return xml
