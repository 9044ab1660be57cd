"""What the page sends and says when briefs are added and removed: values, and the callbacks over a real index."""

from base64 import b64encode
from pathlib import Path

import gradio as gr
import pytest
from conftest import HashEmbedder, KeywordReader
from fake_assistant import HEAT, HOSTILE, SCRIPT

from index.adding import Added
from index.builder import build_index
from index.errors import BriefUnreadable
from index.types import Failure
from qa.assistant import Assistant
from ui.adding import added_page, offered_in, removal_dialog, removed_page
from ui.app import Callbacks

FARES = b"# Ferry fares\n\nFares rose by nine crowns in June.\n"


@pytest.fixture
def calls(tmp_path, folder) -> Callbacks:
    build_index(tmp_path / "ix", HashEmbedder(), [folder])
    return Callbacks(Assistant(tmp_path / "ix", HashEmbedder(), KeywordReader()))


def sent(name: str, content: bytes | None) -> dict[str, str | None]:
    return {"name": name, "content": None if content is None else b64encode(content).decode()}


def event(**data: object) -> gr.EventData:
    return gr.EventData(None, data)


def no_progress(*_: object, **__: object) -> None:
    pass


def test_what_was_sent_comes_as_it_was() -> None:
    offered, unsent = offered_in([sent("a.txt", b"\xe9\0\r\n"), sent("huge.txt", None), sent("", b"")])
    assert offered == [("a.txt", b"\xe9\0\r\n"), ("", b"")]
    assert [(f.source, f.reason.partition(":")[0]) for f in unsent] == [("huge.txt", "huge.txt was not sent")]


def test_a_long_name_keeps_its_suffix() -> None:
    ((name, _),), _ = offered_in([sent("x" * 9000 + ".md", b"")])
    assert len(name) == 150 and name.startswith("xxx") and name.endswith("x.md")


def test_too_many_files_are_refused() -> None:
    with pytest.raises(BriefUnreadable, match="201 files are too many to add in one go, 200 are not"):
        offered_in([sent("a.txt", b"")] * 201)


def test_no_word_of_a_brief_or_a_name_is_markup() -> None:
    added = Added((HOSTILE,), (Failure(SCRIPT, f"{SCRIPT} is not UTF-8"),))
    pages = added_page(added), removal_dialog(HOSTILE, added=True), removal_dialog(HOSTILE, added=False)
    for page in (*pages, removed_page(HOSTILE)):
        assert "&lt;script&gt;" in page and "<script" not in page and "<img" not in page


def test_only_what_was_added_can_be_removed() -> None:
    assert 'value="remove"' in removal_dialog(HEAT, added=True)
    assert 'value="remove"' not in removal_dialog(HEAT, added=False)


def test_added_and_removed(calls: Callbacks, tmp_path: Path) -> None:
    told, library = calls.add(event(offered=[sent("fares.md", FARES), sent("b.odt", b"")]), no_progress)  # type: ignore[arg-type]
    assert ">Ferry fares</button>" in told and "<bdi>b.odt</bdi> is not one of .docx, " in told
    assert ">3 briefs</caption>" in library
    brief = calls.assistant.brief("added/fares.md")
    told, library, added = calls.remove(event(id=brief.id), no_progress)  # type: ignore[arg-type]
    assert told == removed_page(brief) and ">2 briefs</caption>" in library and added == ""
    assert list((tmp_path / "ix" / "added").iterdir()) == []


def test_what_goes_wrong_is_told_in_a_sentence(calls: Callbacks, folder: Path) -> None:
    """Also that the folder is gone from which all the others came; where it was is not told."""
    told, _, _ = calls.remove(event(id=calls.assistant.brief("grain.txt").id), no_progress)  # type: ignore[arg-type]
    assert told.startswith('<p class="bq-error" role="alert">“Grain Prices After the Flood” is the file grain.txt in')
    folder.rename(folder.with_name("elsewhere"))
    told, library = calls.add(event(offered=[sent("fares.md", FARES)]), no_progress)  # type: ignore[arg-type]
    assert told == (
        '<p class="bq-error" role="alert">There is no file or folder briefs; give the folder that holds the briefs.</p>'
    )
    assert ">2 briefs</caption>" in library


def test_adding_can_be_stopped(calls: Callbacks, tmp_path: Path) -> None:
    told, _ = calls.add(event(offered=[sent("fares.md", FARES)]), lambda *_, **__: calls.stop())  # type: ignore[arg-type]
    assert told == '<p class="bq-error" role="alert">The run was stopped; the index is as it was.</p>'
    assert list((tmp_path / "ix" / "added").iterdir()) == []
