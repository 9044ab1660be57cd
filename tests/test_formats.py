"""Briefs of every format in one index: found, cited, checked, changed, added and refused like text files."""

import json

import docx
import pytest
from conftest import KeywordReader
from test_docx import written as docx_of
from test_html import page
from test_pdf import Words
from test_pdf import written as pdf_of

from index.builder import build_index
from index.check import check_index
from index.store import Store
from index.types import Filters
from qa.assistant import Assistant
from qa.records import read_records
from qa.sections import reference
from qa.verify import Status, verify_citations


def docx_saying(text: str) -> bytes:
    document = docx.Document()
    document.add_heading("On Tariffs", 0)
    document.add_paragraph(text)
    return docx_of(document)


def pdf_saying(text: str) -> bytes:
    return pdf_of([[Words("On Rails", 740, size=20), Words("Rails were laid in the north.", 700)], [Words(text, 740)]])


FILES = {
    "tariffs.docx": docx_saying("The tariff on copper was 17 percent. It fell twice."),
    "ferry.html": page().encode(),
    "rails.pdf": pdf_saying("The gauge of the railway was 1,435 millimetres."),
    "dams.txt": "The height of the “dam” was 90 metres.\r\n".encode("cp1252"),
    "notes.md": "# Notes\n\nThe depth of the harbour was 12 metres.\n".encode("utf-16"),
}


@pytest.fixture
def assistant(tmp_path, embedder) -> Assistant:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    report = build_index(tmp_path / "ix", embedder, [folder])
    assert (report.added, report.failed) == (tuple(sorted(FILES)), ())
    return Assistant(tmp_path / "ix", embedder, KeywordReader())


@pytest.mark.parametrize(
    ("question", "answer", "source"),
    [
        ("what was the tariff on copper", "17 percent", "tariffs.docx"),
        ("wheat rose to how many crowns a tonne", "in May", "ferry.html"),
        ("what was the gauge of the railway", "1,435 millimetres", "rails.pdf"),
        ("what was the height of the dam", "90 metres", "dams.txt"),
        ("what was the depth of the harbour", "12 metres", "notes.md"),
    ],
)
def test_answers_are_slices_of_the_text_and_are_verified(assistant, question, answer, source):
    reply = assistant.ask(question)
    cited = reply.answers[0].citation
    assert cited.source == source and answer in cited.quote
    assert assistant.brief(cited.brief_id).text[cited.start : cited.end] == cited.quote
    recorded = list(read_records(json.dumps({"citation": {"id": cited.id, "quote": cited.quote}}).encode(), "r.json"))
    assert [v.status for v in verify_citations(recorded, assistant)] == [Status.INTACT]


def test_a_citation_into_a_pdf_tells_the_page(assistant):
    rails = assistant.ask("what was the gauge of the railway").answers[0].citation
    assert (rails.page, rails.paragraph) == (2, 2)
    assert "p. 2, ¶ 2, rails.pdf" in reference(rails)
    assert assistant.brief("rails.pdf").page_at(0) == 1
    assert assistant.ask("what was the tariff on copper").answers[0].citation.page is None


def test_the_index_is_whole_and_a_run_without_changes_writes_nothing(assistant, tmp_path, embedder):
    assert [finding.ok for finding in check_index(tmp_path / "ix")] == [True] * 4
    embedder.n_embedded = 0
    report = build_index(tmp_path / "ix", embedder)
    assert (report.unchanged, report.generation, embedder.n_embedded) == (tuple(sorted(FILES)), 1, 0)
    ids = {brief.source: brief.id for brief in Store(tmp_path / "ix").briefs(Filters())}
    build_index(tmp_path / "ix", embedder, rebuild=True)
    assert {brief.source: brief.id for brief in Store(tmp_path / "ix").briefs(Filters())} == ids


def test_what_changed_is_known_by_content(assistant, tmp_path, embedder):
    folder = tmp_path / "mixed"
    (folder / "tariffs.docx").write_bytes(docx_saying("The tariff on copper was 19 percent."))
    (folder / "rails.pdf").rename(folder / "railways.pdf")
    (folder / "notes.md").unlink()
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7")
    report = build_index(tmp_path / "ix", embedder)
    assert (report.added, report.changed, report.removed) == (
        ("railways.pdf",), ("tariffs.docx",), ("notes.md", "rails.pdf"),
    )  # fmt: skip
    assert [failure.source for failure in report.failed] == ["bad.pdf"] and report.n_embedded == 1


def test_every_format_is_added(tmp_path, folder, embedder):
    build_index(tmp_path / "ix", embedder, [folder])
    assistant = Assistant(tmp_path / "ix", embedder, KeywordReader())
    outcome = assistant.add([*FILES.items(), ("again.docx", FILES["tariffs.docx"]), ("bad.docx", b"PK")])
    assert [brief.source for brief in outcome.briefs] == [f"added/{name}" for name in FILES]
    assert [failure.source for failure in outcome.refused] == ["again.docx", "bad.docx"]
    assert (tmp_path / "ix" / "added" / "rails.pdf").read_bytes() == FILES["rails.pdf"]
