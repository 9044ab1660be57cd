"""Briefs added one by one: names from anywhere, what is kept, what is refused, what a failure leaves (nothing)."""

import errno
import os
import random
import re
import signal
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from conftest import BRIEF, OTHER, KeywordReader
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from index import added
from index.added import ADDED, safe_name
from index.adding import Added
from index.builder import build_index
from index.check import check_index
from index.errors import BriefKept, CitationInvalid, IndexBusy, IndexStopped, IndexUnwritable, InputMissing
from index.loaders import SUFFIXES, SUFFIXES_SAID
from index.store import Store
from index.types import Filters
from qa.assistant import Assistant

NEW = BRIEF.replace("Harbour", "Railway").replace("harbour", "railway")
TEXT = "# Ferry fares\n\nFares rose by nine crowns in June.\n"


@pytest.fixture
def assistant(tmp_path, folder, embedder) -> Assistant:
    build_index(tmp_path / "ix", embedder, [folder])
    return Assistant(tmp_path / "ix", embedder, KeywordReader())


@pytest.fixture
def kept(tmp_path) -> Path:
    return tmp_path / "ix" / ADDED


def sources(assistant: Assistant) -> list[str]:
    return sorted(brief.source for brief in assistant.briefs())


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def refused(outcome: Added) -> list[str]:
    assert not outcome.briefs
    return [failure.reason for failure in outcome.refused]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("talks.txt", "talks.txt"),
        ("Talks.MD", "Talks.md"),
        ("Trade and tariffs, v1.2", "Trade and tariffs, v1.2.txt"),
        ("../../etc/passwd.txt", "etc-passwd.txt"),
        ("..\\..\\secret.txt", "secret.txt"),
        ("C:\\briefs\\x.txt", "C-briefs-x.txt"),
        ("/absolute.txt", "absolute.txt"),
        (".hidden.txt", "hidden.txt"),
        ("-rf.txt", "rf.txt"),
        ("  two\t\n spaces .txt", "two spaces.txt"),
        ("nul\0l\x07bell\x1b[31m.txt", "nullbell[31m.txt"),
        ("evil\u202etxt.exe", "eviltxt.exe.txt"),
        ("half\ud800.txt", "half.txt"),
        ("Vertra\u0308ge.txt", "Vertr\u00e4ge.txt"),
        ("条約.txt", "条約.txt"),
        ("con.txt", "_con.txt"),
        ("LPT1.tar.md", "_LPT1.tar.md"),
        ("aux .txt", "_aux.txt"),
        ("...", "brief.txt"),
        ("", "brief.txt"),
        (".txt", "txt.txt"),
        ('what? "who" <why>|*.txt', "what- -who- -why.txt"),
        ("x" * 5000 + ".md", "x" * 100 + ".md"),
        ("é" * 80 + ".txt", "é" * 50 + ".txt"),
    ],
)
def test_safe_names(name, safe):
    assert safe_name(name) == safe


def test_no_name_is_given_twice():
    assert safe_name("talks.txt", ["TALKS.txt"]) == "talks 2.txt"
    assert safe_name("talks.txt", ["talks.txt", "Talks 2.txt", "talks 3.md"]) == "talks 3.txt"


@given(st.text(max_size=300), st.sets(st.text(max_size=4), max_size=3))
def test_any_name_becomes_a_file_name(name, others):
    taken = {safe_name(other) for other in others}
    safe = safe_name(name, taken)
    assert safe == os.path.basename(safe) and safe[0] not in ".- " and safe.endswith(tuple(SUFFIXES))
    assert len(f".{safe}.part".encode()) < 256
    assert not any(unicodedata.category(c)[0] == "C" or c in '<>:"|?*/\\' for c in safe)
    assert safe.casefold() not in {other.casefold() for other in taken}
    assert safe_name(safe) == safe


def test_added_briefs_are_found_and_kept_by_every_run(assistant, kept, folder, embedder, tmp_path):
    outcome = assistant.add([("../Railway.txt", NEW.encode()), ("fares.md", TEXT.encode())])
    assert [(b.source, b.title) for b in outcome.briefs] == [
        ("added/Railway.txt", "What the “Railway” Talks Left Open"), ("added/fares.md", "Ferry fares"),
    ]  # fmt: skip
    assert outcome.refused == ()
    assert (kept / "Railway.txt").read_bytes() == NEW.encode()
    assert assistant.ask("How did fares change?").answers[0].citation.source == "added/fares.md"
    assert files(folder) == ["grain.txt", "harbour.txt"]
    everything = ["added/Railway.txt", "added/fares.md", "grain.txt", "harbour.txt"]
    assert sources(assistant) == everything
    assistant.update(rebuild=True)
    assert sources(assistant) == everything
    other = tmp_path / "other"
    other.mkdir()
    (other / "one.txt").write_bytes(OTHER.replace("310", "315").encode())
    build_index(tmp_path / "ix", embedder, [other])
    assert sources(assistant) == ["added/Railway.txt", "added/fares.md", "one.txt"]
    assert [finding.ok for finding in check_index(tmp_path / "ix")] == [True] * 4
    assert list(check_index(tmp_path / "ix"))[-1].what == "the 3 files indexed are as they were"


def test_names_of_the_other_briefs_stay_as_they_were(assistant):
    """Several inputs are named from the folder they share; the folder of added briefs is none of them."""
    before = {brief.id: brief.source for brief in assistant.briefs()}
    assistant.add([("fares.md", TEXT.encode())])
    assert before.items() <= {brief.id: brief.source for brief in assistant.briefs()}.items()


def test_what_cannot_be_a_brief_is_refused_and_not_kept(assistant, kept):
    generation = assistant.status().generation
    outcome = assistant.add([
        ("report.odt", b"PK"), ("mac.txt", b"caf\x8e"), ("zero.txt", b"a\0b"), ("blank.txt", b" \n"),
        ("again.txt", BRIEF.encode()), ("huge.txt", b"x" * 20_000_001),
    ])  # fmt: skip
    assert refused(outcome) == [
        f"report.odt is not one of {SUFFIXES_SAID}; convert it to text first",
        "mac.txt is not UTF-8 (byte 0x8e at position 3), nor for certain anything else; save it as UTF-8",
        "zero.txt holds null bytes, so it is not a text file; convert it to UTF-8 text",
        "blank.txt holds no text; put the brief's text in it or remove the file",
        "again.txt is already indexed as harbour.txt",
        "huge.txt is larger than 20 MB; split it",
    ]
    assert assistant.status().generation == generation and not kept.exists()


def test_one_bad_file_does_not_keep_the_others_out(assistant, kept):
    outcome = assistant.add([("a.txt", TEXT.encode()), ("bad.txt", b"\x81"), ("b.txt", TEXT.encode())])
    assert [brief.source for brief in outcome.briefs] == ["added/a.txt"]
    assert [(f.source, f.reason.partition(" ")[2]) for f in outcome.refused] == [
        ("bad.txt", "is not UTF-8 (byte 0x81 at position 0), nor for certain anything else; save it as UTF-8"),
        ("b.txt", "holds the same text as a.txt"),
    ]
    assert files(kept) == ["a.txt"]


def test_a_brief_that_cannot_be_cut_is_not_kept(assistant, kept):
    """Only the run notices that: its title fills a passage."""
    title = "word " * 55
    outcome = assistant.add([("long.txt", f"{title}\n\nText follows.".encode()), ("fares.md", TEXT.encode())])
    assert [brief.title for brief in outcome.briefs] == ["Ferry fares"]
    assert outcome.refused[0].source == "long.txt" and "shorten the title line" in outcome.refused[0].reason
    assert files(kept) == ["fares.md"]


def test_two_of_one_name_are_both_kept(assistant):
    assistant.add([("brief.txt", TEXT.encode())])
    outcome = assistant.add([("Brief.txt", NEW.encode())])
    assert [brief.source for brief in outcome.briefs] == ["added/Brief 2.txt"]


def test_the_analyst_may_have_a_folder_of_that_name(assistant, folder):
    (folder / "added").mkdir()
    (folder / "added" / "fares.md").write_bytes(OTHER.replace("310", "320").encode())
    assistant.add([("fares.md", TEXT.encode())])
    assert sources(assistant) == ["added/added/fares.md", "added/fares.md", "grain.txt", "harbour.txt"]
    assert assistant.brief("added/fares.md").title == "Grain Prices After the Flood"


def test_an_index_inside_the_folder_of_briefs(tmp_path, folder, embedder):
    """Its added briefs are listed once, and do not stand for those of the folder when these are gone."""
    build_index(folder / "ix", embedder, [folder])
    assistant = Assistant(folder / "ix", embedder, KeywordReader())
    assistant.add([("fares.md", TEXT.encode())])
    assert sources(assistant) == ["added/fares.md", "grain.txt", "harbour.txt"]
    for name in ("grain.txt", "harbour.txt"):
        (folder / name).unlink()
    with pytest.raises(InputMissing, match="held 2 briefs and now holds none, so nothing was changed"):
        assistant.update()


def test_to_an_index_that_was_emptied(assistant, folder, embedder, tmp_path):
    for path in folder.iterdir():
        path.unlink()
    build_index(tmp_path / "ix", embedder, drop_missing=True)
    (added_brief,) = assistant.add([("fares.md", TEXT.encode())]).briefs
    assert sources(assistant) == ["added/fares.md"]
    assistant.remove(added_brief.id)
    assert sources(assistant) == []


def failing(monkeypatch, error: OSError) -> None:
    def replace(source, target):
        if str(target).endswith("b.txt"):
            raise error
        replaced(source, target)

    replaced = os.replace
    monkeypatch.setattr(added.os, "replace", replace)


def test_a_full_disk_keeps_nothing(assistant, kept, monkeypatch):
    failing(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    before = sources(assistant)
    with pytest.raises(IndexUnwritable, match=r"No space left on device\); free some space; the index is as it was"):
        assistant.add([("a.txt", TEXT.encode()), ("b.txt", NEW.encode())])
    assert files(kept) == [] and sources(assistant) == before


def test_a_run_that_fails_or_is_stopped_keeps_nothing(assistant, kept, tmp_path):
    def stop(stage, done, total):
        if stage == "embedding":
            raise IndexStopped("the run was stopped; the index is as it was")

    with pytest.raises(IndexStopped):
        assistant.add([("a.txt", TEXT.encode())], progress=stop)
    assert files(kept) == []
    with FileLock(tmp_path / "ix" / "lock"), pytest.raises(IndexBusy):
        assistant.add([("a.txt", TEXT.encode())])
    assert files(kept) == []
    assert len(assistant.add([("a.txt", TEXT.encode())]).briefs) == 1


def test_what_a_killed_run_left_is_no_brief(assistant, kept):
    """The file is written beside its place; torn, it is neither indexed nor in the way."""
    kept.mkdir()
    (kept / ".a.txt.part").write_bytes(TEXT.encode()[:20])
    assert assistant.update().added == ()
    assistant.add([("a.txt", TEXT.encode())])
    assert files(kept) == ["a.txt"]


def test_removed_the_file_is_deleted(assistant, kept):
    (brief,) = assistant.add([("fares.md", TEXT.encode())]).briefs
    assert assistant.is_added(brief)
    report = assistant.remove(brief.id)
    assert report.removed == ("added/fares.md",)
    assert files(kept) == [] and sources(assistant) == ["grain.txt", "harbour.txt"]
    with pytest.raises(CitationInvalid):
        assistant.remove(brief.id)


def test_a_file_deleted_by_hand_can_be_removed(assistant, kept):
    (brief,) = assistant.add([("fares.md", TEXT.encode())]).briefs
    (kept / "fares.md").unlink()
    assert assistant.remove(brief.id).removed == ("added/fares.md",)


def test_a_file_of_the_analyst_is_never_deleted(assistant, folder, kept):
    """Neither where it was always, nor where she put the same text later."""
    brief = assistant.brief("grain.txt")
    assert not assistant.is_added(brief)
    with pytest.raises(
        BriefKept, match=r"is the file grain\.txt in a folder of your own, where nothing is ever changed"
    ):
        assistant.remove(brief.id)
    (mine,) = assistant.add([("fares.md", TEXT.encode())]).briefs
    (folder / "fares.md").write_bytes(TEXT.encode())
    assistant.update()
    with pytest.raises(BriefKept):
        assistant.remove(mine.id)
    assert files(folder) == ["fares.md", "grain.txt", "harbour.txt"] and files(kept) == ["fares.md"]


def test_a_removal_that_fails_leaves_all_as_it_was(assistant, kept, tmp_path):
    (brief,) = assistant.add([("fares.md", TEXT.encode())]).briefs

    def stop(stage, done, total):
        raise IndexStopped("the run was stopped; the index is as it was")

    with pytest.raises(IndexStopped):
        assistant.remove(brief.id, progress=stop)
    assert files(kept) == ["fares.md"]
    assert Store(tmp_path / "ix").briefs(Filters(brief=brief.id)) != []


RUN = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from conftest import HashEmbedder, KeywordReader
from qa.assistant import Assistant
assistant = Assistant(Path({index_dir!r}), HashEmbedder(), KeywordReader())
for n in range({first}, {first} + 1000):
    added = assistant.add([(f"{{n}}.txt", f"# Dam {{n}}\\n\\nReport {{n}}.{{n}} of the dams.\\n".encode())])
    if n == {first}:
        print("ready", flush=True)
    if n % 3 == 2:
        assistant.remove(added.briefs[0].id)
"""


def test_killed_at_random_moments_each_file_is_whole_or_not_there(assistant, kept, embedder, tmp_path):
    """The index answers from a whole generation, and the next run brings it in step with what is in the folder."""
    rng = random.Random(5)
    for kill in range(4):
        code = RUN.format(tests=str(Path(__file__).parent), index_dir=str(tmp_path / "ix"), first=1000 * kill)
        run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert run.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 0.5))
        run.kill()
        run.communicate()
        assert run.returncode == -signal.SIGKILL
        assert all(finding.ok for finding in check_index(tmp_path / "ix"))
        there = [path.name for path in kept.glob("[!.]*")]
        assert len(there) > kill
        assert all(re.fullmatch(r"# Dam (\d+)\n\nReport \1\.\1 of the dams\.\n", (kept / n).read_text()) for n in there)
        build_index(tmp_path / "ix", embedder)
        assert sources(assistant) == sorted(["grain.txt", "harbour.txt", *(f"added/{name}" for name in there)])
        assert assistant.history()[-1].generation == assistant.status().generation
