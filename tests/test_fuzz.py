"""The fuzzer itself, on a few inputs; and properties of what reads files and headers, by hypothesis."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import fuzz_files
import fuzz_http
import fuzz_questions
from fuzz_hostile import HOSTILE
from fuzz_worker import Outcome, Wrong, outcome_of
from index import loaders
from index.briefs import outline, parse_brief
from index.builder import build_index
from index.errors import BriefUnreadable
from index.passages import sentence_spans
from qa.assistant import Assistant
from qa.settings import AskSettings
from ui.app import build_app, launch

FUZZ = Path(__file__).parent.parent / "scripts" / "fuzz.py"
LINE = """March 3, 2021 | Memo/By Ana Brook/A Title/# A Title/Tags: a, b/TO: x
Notes/[1] x/---/\f/\u2028/\ufeff/About the author
Ana Brook is a fellow at the Mill./A sentence. And another!/The Mill Institute/""".replace("\n", "/")
LINES = st.lists(st.sampled_from(LINE.split("/")) | st.text(max_size=30))


@given(LINES, st.sampled_from(["\n", "\n\n", "\r\n", "\r", "\r\n\r\n"]))
@example(["By Ana Brook", "\ufeff"], "\n\n")
def test_whatever_the_lines_every_part_lies_in_the_text(lines, between):
    text = between.join(lines)
    try:
        brief = parse_brief(text, "a.txt")
    except BriefUnreadable:
        return
    at = 0
    for paragraph in brief.paragraphs:
        assert at <= paragraph.start < paragraph.end <= len(text)
        at = paragraph.end
    said = outline(text)
    places = [place for place in (said.date, said.kind, said.title, *said.authors) if place]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert brief.title.strip() and all(text[start:end] == text[start:end].strip() for start, end in places)


@given(st.text(alphabet=".?!…”) aB1\n", max_size=60).map(lambda part: part * 30))
def test_sentences_lie_in_order_and_nothing_but_space_between(text):
    spans = sentence_spans(text)
    between = [
        text[a:b]
        for a, b in zip([0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)], strict=True)
    ]
    assert not "".join(between).strip()


def test_a_word_of_a_thousand_signs_is_cut():
    assert len(sentence_spans(f"One. {'?!' * 600} Two.")) > 2


def test_inputs_are_the_same_for_the_same_seed():
    real = fuzz_files.seeds()
    first, again, other = (fuzz_files.fuzzed(random.Random(seed), real) for seed in (1, 1, 2))
    assert first == again != other
    base = fuzz_questions.base_questions()
    assert fuzz_questions.fuzzed(random.Random(3), base) == fuzz_questions.fuzzed(random.Random(3), base)


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__.strip("_"))
def test_hostile_files_end_in_text_or_a_clear_line(make):
    for n, size in enumerate((1, 40, 3_000)):
        outcome = outcome_of(*make(random.Random(n), size))
        assert outcome.kind in ("text", "refused"), outcome


def test_the_fuzzer_notices(monkeypatch, tmp_path, folder):
    monkeypatch.setattr(loaders, "load_brief", lambda *_: 1 / 0)
    assert outcome_of("a.txt", b"Words.").kind == "crash"

    def unclear(*_):
        raise BriefUnreadable("a.txt is bad\nin two lines")

    monkeypatch.setattr(loaders, "load_brief", unclear)
    assert outcome_of("a.txt", b"Words.").kind == "wrong" and Outcome("wrong", "", 0.0).bad
    embedder = fuzz_questions.HashEmbedder()
    build_index(tmp_path / "ix", embedder, [folder])
    assistant = Assistant(tmp_path / "ix", embedder, fuzz_questions.ChanceReader(1), AskSettings(n_read=3))
    reply = assistant.ask("what did Ambassador Brook object to")
    fuzz_questions.check(assistant, reply)
    cited = reply.answers[0].citation
    object.__setattr__(cited, "quote", cited.quote + "s")
    object.__setattr__(reply.answers[0], "text", cited.quote)
    with pytest.raises(Wrong, match="is not what stands at"):
        fuzz_questions.check(assistant, reply)


def test_a_short_run_finds_nothing(tmp_path):
    run = subprocess.run(
        [sys.executable, str(FUZZ), "--files", "12", "--questions", "20", "--seed", "4", "--out", str(tmp_path)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "12 files in" in run.stdout and "20 questions in" in run.stdout and ": 0 findings;" in run.stdout
    assert not list(tmp_path.iterdir())


def test_any_values_at_the_events_of_the_page(tmp_path):
    build_index(tmp_path, fuzz_questions.HashEmbedder(), [fuzz_http.SAMPLES])
    app = build_app(fuzz_questions.assistant_over(tmp_path, real=False, seed=4), examples=[])
    url = launch(app)
    ended, wrong = fuzz_http.at_events(url, 40, 4)
    app.close(verbose=False)
    assert (ended.total(), wrong) == (40, [])
    assert ended["complete"] and ended["error"]
