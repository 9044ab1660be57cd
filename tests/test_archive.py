"""Archives: each file a brief of its own; whatever is hostile in them has a line in the report and changes nothing."""

import io
import json
import stat
import struct
import warnings
import zipfile

import pytest
from conftest import BRIEF, OTHER, KeywordReader
from test_mail import mail
from test_pdf import Words
from test_pdf import written as pdf_of

from index import archive
from index.builder import build_index
from index.check import check_index
from index.errors import BriefKept, BriefUnreadable, InputMissing
from index.loaders import parts_of
from index.store import Store
from index.types import Failure, Filters, Part
from qa.assistant import Assistant
from qa.records import read_records
from qa.verify import Status, verify_citations

RAILS = pdf_of([[Words("The gauge of the railway was 1,435 millimetres.", 700)]])


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes], method=zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", method) as packed:
        warnings.simplefilter("ignore")  # of a name given twice
        for name, content in files:
            packed.writestr(name, content)
    return made.getvalue()


def link(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def encrypted(content: bytes) -> bytes:
    """The archive with the sign of encryption at its first file."""
    changed = bytearray(content)
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", changed, changed.index(mark) + at, 1)
    return bytes(changed)


def test_each_file_of_a_format_that_is_read_is_a_part():
    content = zipped(
        ("b/harbour.txt", BRIEF.encode()),
        ("rails.pdf", RAILS),
        ("picture.png", b"x"),
        ("b/.hidden.txt", b"x"),
        ("__MACOSX/._harbour.txt", b"x"),
        ("b/", b""),
        ("é/😀.md", b"Words."),
    )
    assert list(parts_of(content, "x/all.zip")) == [
        Part("x/all.zip/b/harbour.txt", BRIEF.encode()),
        Part("x/all.zip/rails.pdf", RAILS),
        Part("x/all.zip/é/😀.md", b"Words."),
    ]


OUT = "has a name that leads out of the archive; pack it under another"
HOSTILE = {
    "up": (zipped(("../../up.txt", b"x")), "a.zip/../../up.txt", OUT),
    "up, backwards": (zipped(("b\\..\\..\\up.txt", b"x")), "a.zip/b/../../up.txt", OUT),
    "absolute": (zipped(("/etc/up.txt", b"x")), "a.zip//etc/up.txt", OUT),
    "drive": (zipped(("C:up.txt", b"x")), "a.zip/C:up.txt", OUT),
    "controls": (zipped(("a\nb\x1b[1m.txt", b"x")), "a.zip/a�b�[1m.txt", "has a name that is no file name"),
    "long": (
        zipped(("n" * 5000 + ".txt", b"x")),
        f"a.zip/{'n' * 100}…{'n' * 36}.txt",
        "has a name that is no file name",
    ),
    "link": (
        zipped((link("l.txt", stat.S_IFLNK | 0o777), b"/etc/passwd")),
        "a.zip/l.txt",
        "is a link or a device and no file",
    ),
    "device": (zipped((link("d.txt", stat.S_IFCHR), b"x")), "a.zip/d.txt", "is a link or a device and no file"),
    "encrypted": (encrypted(zipped(("s.txt", b"secret"))), "a.zip/s.txt", "is encrypted; pack it without a password"),
    "nested": (
        zipped(("b.zip", zipped(("c.txt", b"x")))),
        "a.zip/b.zip",
        "is an archive inside an archive; unpack it first",
    ),
    "bomb": (zipped(("b.txt", b"a " * 2_000_000)), "a.zip/b.txt", "unpacks to more than 200 times its size"),
    "large": (zipped(("b.txt", b"a " * 10_100_000)), "a.zip/b.txt", "unpacks to more than 20 MB; split it"),
    "method": (zipped(("b.txt", b"x"), method=zipfile.ZIP_LZMA), "a.zip/b.txt", "is packed in a way that is not read"),
}
HOSTILE["damaged"] = (
    zipped(("b.txt", b"words"), method=zipfile.ZIP_STORED).replace(b"words", b"wordz"),
    "a.zip/b.txt",
    "is damaged in its archive",
)


@pytest.mark.parametrize(("content", "source", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_that_cannot_be_taken_out_is_told(content, source, reason):
    (told,) = parts_of(content, "a.zip")
    assert isinstance(told, Failure) and told.source == source
    assert told.reason.startswith(f"{source} {reason}") and told.reason.isprintable()


def test_of_two_files_with_one_name_the_first_is_read():
    first, second = parts_of(zipped(("a.txt", b"One."), ("a.txt", b"Two.")), "a.zip")
    assert first == Part("a.zip/a.txt", b"One.") and "stands in the archive more than once" in second.reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "a.zip is not a whole zip archive"),
        (b"PK\x03\x04", "a.zip is not a whole zip archive"),
        (zipped(("a.txt", b"x"))[:-9], "a.zip is not a whole zip archive"),
        (zipped(), "a.zip holds 0 files and none of a format that is read"),
        (zipped(("a.png", b"x"), (zipfile.ZipInfo(""), b"x")), "a.zip holds 2 files and none of a format that is read"),
        (
            zipped(*((f"{n}.txt", b"") for n in range(2_001))),
            "a.zip holds 2,001 files, 2,000 are not too many; split it",
        ),
    ],
)
def test_what_is_no_readable_archive_is_refused(content, words):
    with pytest.raises(BriefUnreadable, match=words):
        list(parts_of(content, "a.zip"))


def test_all_files_together_are_bounded(monkeypatch):
    monkeypatch.setattr(archive, "_MAX_UNPACKED", 2_000_000)
    with pytest.raises(BriefUnreadable, match="a.zip unpacks to 3 MB, which is too much; split it"):
        list(parts_of(zipped(*((f"{n}.txt", b"a" * 1_500_000) for n in range(2))), "a.zip"))


# ---- in an index ----


@pytest.fixture
def mixed(tmp_path):
    message = mail("The height of the dam was 90 metres.\n", heads={"Subject": "On Dams", "From": "Ada Frey <a@b>"})
    message.add_attachment(RAILS, maintype="application", subtype="pdf", filename="rails.pdf")
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "all.zip").write_bytes(zipped(("b/harbour.txt", BRIEF.encode()), ("grain.md", OTHER.encode())))
    (folder / "dams.eml").write_bytes(message.as_bytes())
    return folder


@pytest.fixture
def assistant(tmp_path, mixed, embedder) -> Assistant:
    report = build_index(tmp_path / "ix", embedder, [mixed])
    assert (report.added, report.failed) == (
        ("all.zip/b/harbour.txt", "all.zip/grain.md", "dams.eml", "dams.eml/rails.pdf"),
        (),
    )
    return Assistant(tmp_path / "ix", embedder, KeywordReader())


@pytest.mark.parametrize(
    ("question", "answer", "source", "page"),
    [
        ("what did Ambassador Brook object to", "joint harbour project", "all.zip/b/harbour.txt", None),
        ("wheat rose to how many crowns a tonne", "in May", "all.zip/grain.md", None),
        ("what was the height of the dam", "was 90 metres", "dams.eml", None),
        ("what was the gauge of the railway", "was 1,435 millimetres", "dams.eml/rails.pdf", 1),
    ],
)
def test_answers_cite_the_file_inside_and_are_verified(assistant, question, answer, source, page):
    cited = assistant.ask(question).answers[0].citation
    assert (cited.source, cited.page) == (source, page) and answer in cited.quote
    assert assistant.brief(source).text[cited.start : cited.end] == cited.quote
    recorded = list(read_records(json.dumps({"citation": {"id": cited.id, "quote": cited.quote}}).encode(), "r.json"))
    assert [v.status for v in verify_citations(recorded, assistant)] == [Status.INTACT]


def test_changes_inside_are_known_by_content(assistant, tmp_path, mixed, embedder):
    embedder.n_embedded = 0
    report = build_index(tmp_path / "ix", embedder)
    assert (len(report.unchanged), report.generation, embedder.n_embedded) == (4, 1, 0)
    assert [finding.ok for finding in check_index(tmp_path / "ix")] == [True] * 4
    changed = OTHER.replace("310 crowns", "320 crowns").encode()
    (mixed / "all.zip").write_bytes(zipped(("harbour.txt", BRIEF.encode()), ("grain.md", changed), ("../x.txt", b"x")))
    assert "1 changed" in [finding.what for finding in check_index(tmp_path / "ix")][-1]
    report = build_index(tmp_path / "ix", embedder)
    assert (report.added, report.changed, report.removed) == (
        ("all.zip/harbour.txt",),
        ("all.zip/grain.md",),
        ("all.zip/b/harbour.txt",),
    )
    assert [failure.source for failure in report.failed] == ["all.zip/../x.txt"] and report.n_embedded == 1


def test_what_failed_inside_is_tried_again_and_what_is_renamed_keeps_its_author(
    assistant, tmp_path, mixed, embedder, monkeypatch
):
    monkeypatch.setattr("index.builder.stamp_of", lambda file: (len(file.source),))  # as if long unchanged
    (mixed / "all.zip").write_bytes(zipped(("grain.md", OTHER.encode()), ("bad.txt", b"\x81")))
    (mixed / "dams.eml").rename(mixed / "river.eml")
    for _ in range(2):
        report = build_index(tmp_path / "ix", embedder)
        assert [failure.source for failure in report.failed] == ["all.zip/bad.txt"]
    store = Store(tmp_path / "ix")
    assert store.brief("river.eml").authors == ("Ada Frey",) and store.brief("river.eml/rails.pdf").title == "rails"
    assert len(store.briefs(Filters())) == 3


def test_an_archive_of_nothing_but_trouble_changes_nothing(tmp_path, mixed, embedder):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.zip").write_bytes(HOSTILE["up"][0])
    with pytest.raises(
        InputMissing, match=r"none of the 1 files could be read, .*; the first: a.zip/../../up.txt has a name"
    ):
        build_index(tmp_path / "ix", embedder, [tmp_path / "bad"])
    assert not (tmp_path / "up.txt").exists() and not (tmp_path / "ix" / "CURRENT").exists()


def test_an_archive_that_is_added_is_unpacked_and_a_mail_is_kept_whole(tmp_path, folder, embedder):
    build_index(tmp_path / "ix", embedder, [folder])
    assistant = Assistant(tmp_path / "ix", embedder, KeywordReader())
    message = mail("Dams hold water.\n", heads={"Subject": "On Dams"})
    message.add_attachment(RAILS, maintype="application", subtype="pdf", filename="rails.pdf")
    packed = zipped(
        ("b/sea.txt", b"The sea is deep."),
        ("harbour.txt", BRIEF.encode()),
        ("../x.txt", b"x"),
        ("m.eml", message.as_bytes()),
    )
    outcome = assistant.add([("all.zip", packed), ("bad.zip", b"PK")])
    assert [brief.source for brief in outcome.briefs] == ["added/sea.txt", "added/m.eml", "added/m.eml/rails.pdf"]
    assert [failure.source for failure in outcome.refused] == ["all.zip/harbour.txt", "all.zip/../x.txt", "bad.zip"]
    with pytest.raises(BriefKept, match="is not a file of its own but inside added/m.eml; remove that one"):
        assistant.remove(outcome.briefs[2].id)
    assert assistant.remove(outcome.briefs[1].id).removed == ("added/m.eml", "added/m.eml/rails.pdf")
    assert assistant.remove(outcome.briefs[0].id).removed == ("added/sea.txt",)
