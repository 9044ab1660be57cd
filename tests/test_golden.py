"""One invented brief in every format, as real programs wrote it (golden/README.md): what is read from each."""

from pathlib import Path

import pytest

from index.errors import BriefUnreadable
from index.loaders import load_brief, parts_of
from index.types import ParagraphRole

GOLDEN = Path(__file__).parent / "golden"
AUTHORS = ("Ada Frey", "Teo Marsh")
PAGE = load_brief((GOLDEN / "ferry.html").read_bytes(), "ferry.html")


def brief_in(name: str):
    return load_brief((GOLDEN / name).read_bytes(), name)


@pytest.mark.parametrize("name", ["ferry.html", "ferry.pdf", "ferry.docx"])
def test_the_header_and_every_paragraph_are_read(name):
    brief = brief_in(name)
    assert (brief.title, brief.date, brief.kind, brief.authors) == (
        "Ferry Fares After the Strike", "2021-03-15", None, AUTHORS,
    )  # fmt: skip
    texts = [brief.text[p.start : p.end] for p in brief.paragraphs]
    assert [text.split(" ", 2)[0] for text in texts] == [
        "The", "Shipowners", "An", "Nothing", "The", "Whether", "Ada",
    ]  # fmt: skip
    assert [p.role for p in brief.paragraphs] == [ParagraphRole.BODY] * 6 + [ParagraphRole.BIO]
    for stray in ("Home", "Donate", "Harbour Watch", "Page 1", "Confidential"):  # menu, running head, page number, foot
        assert stray not in brief.text


def test_columns_and_parted_words_of_a_printed_pdf_read_like_the_page():
    printed = brief_in("ferry.pdf")
    # Of “long-/term”, parted where it has a hyphen of its own, nothing in the file tells that: a known limit.
    assert " ".join(printed.text.split()) == " ".join(PAGE.text.split()).replace("long-term", "longterm")
    assert printed.page_at(0) == 1 and printed.page_at(len(printed.text) - 1) == 1 + printed.text.count("\f") > 1


def test_a_word_document_reads_like_the_page():
    assert brief_in("ferry.docx").text == PAGE.text


def test_a_mail_and_the_brief_attached_to_it():
    mail, attached = parts_of((GOLDEN / "ferry.eml").read_bytes(), "ferry.eml")
    brief = load_brief(mail.content, mail.source)
    assert brief.text == (
        "March 16, 2021\n\nFerry Fares After the Strike\n\nDear all,\n\n"
        "the brief is attached. Fares were frozen “for eighteen months”.\n\nAda\n"
    )
    assert (attached.source, attached.content) == ("ferry.eml/ferry.pdf", (GOLDEN / "ferry.pdf").read_bytes())


def test_an_archive_and_a_scan_in_it():
    word, page, scan = parts_of((GOLDEN / "ferry.zip").read_bytes(), "ferry.zip")
    assert load_brief(word.content, word.source).authors == load_brief(page.content, page.source).authors == AUTHORS
    with pytest.raises(BriefUnreadable, match=r"ferry.zip/scan.pdf holds pictures of pages and no text \(a scan\)"):
        load_brief(scan.content, scan.source)


def test_a_locked_pdf_is_named_as_such():
    with pytest.raises(BriefUnreadable, match=r"^locked\.pdf is encrypted; save it without a password$"):
        brief_in("locked.pdf")
