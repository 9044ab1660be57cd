"""The assistant over fakes: grouping, abstaining, citing, following a rebuilt index."""

import json
import shutil
import threading
from dataclasses import asdict

import pytest
from conftest import BRIEF, OTHER, HashEmbedder, KeywordReader

from index.builder import build_index
from index.errors import CitationInvalid, IndexMismatch, IndexMissing, QuestionDropped, QuestionInvalid
from index.store import Store
from index.types import Filters
from qa.assistant import Assistant
from qa.calibration import Calibration, Signals
from qa.citations import citation_id, parse_citation_id, sentence_around
from qa.verify import Status as CitationStatus


@pytest.fixture
def assistant(tmp_path, folder, embedder) -> Assistant:
    build_index(tmp_path / "ix", embedder, [folder])
    return Assistant(tmp_path / "ix", embedder, KeywordReader())


def test_an_answer_is_a_slice_with_its_whole_citation(assistant):
    reply = assistant.ask("what did the ambassador say it would cost")
    answer = reply.answers[0]
    cited = answer.citation
    assert reply.found and reply.confidence == answer.confidence > 0.5
    assert answer.text == cited.quote == BRIEF[cited.start : cited.end] == "$40 million a year"
    assert cited.sentence == "She said it would cost $40 million a year."
    assert BRIEF[cited.sentence_start :].startswith(cited.sentence)
    assert BRIEF[cited.passage_start :].startswith(cited.passage)
    assert (cited.title, cited.date, cited.kind) == ("What the “Harbour” Talks Left Open", "2021-03-15", "Insight")
    assert (cited.authors, cited.paragraph, cited.source) == (("Mara Quill",), 1, "harbour.txt")
    assert cited.topics == ("Indo-Pacific", "North Korea")
    assert cited.id == f"{cited.brief_id}:{cited.start}-{cited.end}"
    assert set(reply.timings_ms) == {"retrieve", "read", "total"}


def test_what_the_briefs_do_not_say_is_not_found(assistant):
    reply = assistant.ask("who painted the chapel ceiling")
    assert not reply.found
    assert reply.confidence < 0.5
    assert reply.passages  # what was read is told


def test_the_same_words_in_two_briefs_are_one_answer_with_dates(assistant, folder):
    (folder / "later.txt").write_text(
        BRIEF.replace("March 15, 2021", "May 2, 2022").replace("None answered.", "All answered."), "utf-8"
    )
    assistant.update()
    reply = assistant.ask("what would it cost")
    assert [a.text for a in reply.answers].count("$40 million a year") == 1
    answer = next(a for a in reply.answers if a.text == "$40 million a year")
    dates = [c.date for c in (answer.citation, *answer.also)]
    assert sorted(dates) == ["2021-03-15", "2022-05-02"]


def test_top_k_bounds_the_answers(assistant):
    assert len(assistant.ask("what did the flood close in may", top_k=1).answers) == 1


def test_filters_reach_the_search(assistant):
    reply = assistant.ask("what would it cost", Filters(after="2022-01-01"))
    assert {p.title for p in reply.passages} == {"Grain Prices After the Flood"}
    assert assistant.ask("what would it cost", Filters(author="nobody")).passages == ()


@pytest.mark.parametrize(
    ("question", "filters", "top_k", "words"),
    [
        ("", Filters(), 3, "the question is empty"),
        ("  ?! \n", Filters(), 3, "the question is empty"),
        ("\ud800", Filters(), 3, "the question is empty"),
        ("x" * 10_000, Filters(), 3, "has 10000 characters, at most 1000 are taken"),
        ("why", Filters(), 0, "at least 1, not 0"),
        ("why", Filters(after="last May"), 3, "after must be a date like 2021-03-15, not 'last May'"),
        ("why", Filters(after="2022-01-01", before="2021-01-01"), 3, "no date is after"),
    ],
)
def test_a_bad_question_is_one_sentence(assistant, question, filters, top_k, words):
    with pytest.raises(QuestionInvalid, match=words):
        assistant.ask(question, filters, top_k=top_k)


@pytest.mark.parametrize("looks", [0, 1])
def test_a_question_that_is_not_wanted_any_more_is_not_read(assistant, monkeypatch, looks):
    """Neither one that was dropped while it waited, nor one dropped during the search."""
    monkeypatch.setattr(KeywordReader, "read", lambda *_: pytest.fail("was read"))
    answers = iter([True] * looks + [False])
    with pytest.raises(QuestionDropped, match="^another question took the place of this one$"):
        assistant.ask("what would it cost", wanted=lambda: next(answers))


def test_citations_resolve_to_their_characters(assistant):
    brief = assistant.brief("grain.txt")
    start = OTHER.index("310 crowns")
    assert assistant.resolve(citation_id(brief.id, start, start + 10)) == (brief, start, start + 10)
    assert parse_citation_id("0123456789ab:5-9") == ("0123456789ab", 5, 9)
    for wrong, words in (
        ("nonsense", "is not a citation"),
        ("0123456789ab:5-9", "no brief '0123456789ab'"),
        (f"{brief.id}:5-99999", "do not lie in grain.txt"),
        (f"{brief.id}:9-5", "do not lie in grain.txt"),
    ):
        with pytest.raises(CitationInvalid, match=words):
            assistant.resolve(wrong)


def test_the_citations_of_a_reply_are_verified_against_the_index_of_the_moment(assistant, folder):
    reply = json.dumps(asdict(assistant.ask("what would it cost", top_k=1))).encode()
    assert [verdict.status for verdict in assistant.verify(reply, "reply.json")] == [CitationStatus.INTACT]
    (folder / "harbour.txt").unlink()
    assistant.update()
    assert [verdict.status for verdict in assistant.verify(reply, "reply.json")] == [CitationStatus.GONE]


def test_the_reader_alone_reads_what_it_is_given(assistant):
    passages = assistant.passages(assistant.brief("grain.txt").id)
    assert [passage.text for passage in passages] == [OTHER[passage.start : passage.end] for passage in passages]
    reply = assistant.ask_of("what would it cost", passages)
    assert [p.title for p in reply.passages] == ["Grain Prices After the Flood"] * len(passages)
    assert assistant.ask_of("what did the ambassador say it would cost", ()).answers == ()
    assert assistant.passages("0123456789ab") == ()
    with pytest.raises(QuestionInvalid):
        assistant.ask_of("", passages)


def test_a_quote_over_two_sentences_brings_both(assistant):
    brief = assistant.brief("harbour.txt")
    start, end = BRIEF.index("cost"), BRIEF.index("answered.")
    a, b = sentence_around(brief, start, end)
    assert BRIEF[a:b] == "She said it would cost $40 million a year. 😀 None answered."


def test_a_rebuilt_index_answers_without_a_restart(assistant, folder):
    assert assistant.ask("what would it cost").answers[0].text == "$40 million a year"
    (folder / "harbour.txt").write_text(BRIEF.replace("$40 million", "$70 million"), "utf-8")
    report = assistant.update()
    assert report.changed == ("harbour.txt",)
    assert assistant.ask("what would it cost").answers[0].text == "$70 million a year"
    assert assistant.status().generation == 2


def test_an_index_made_anew_under_the_same_number_is_noticed(assistant, folder, tmp_path):
    (folder / "harbour.txt").write_text(BRIEF.replace("$40 million", "$70 million"), "utf-8")
    shutil.rmtree(tmp_path / "ix")
    build_index(tmp_path / "ix", HashEmbedder(), [folder])
    assert assistant.ask("what would it cost").answers[0].text == "$70 million a year"


def test_questions_are_answered_while_a_rebuild_runs(assistant, folder):
    (folder / "harbour.txt").write_text(BRIEF.replace("$40 million", "$70 million"), "utf-8")
    answers = []

    def ask_meanwhile(stage: str, done: int, total: int) -> None:
        asking = threading.Thread(target=lambda: answers.append(assistant.ask("what would it cost").answers[0].text))
        asking.start()
        asking.join()

    assistant.update(progress=ask_meanwhile)
    assert set(answers) == {"$40 million a year"} and len(answers) > 3
    assert assistant.ask("what would it cost").answers[0].text == "$70 million a year"


def test_another_embedder_and_no_index_are_refused(assistant, tmp_path):
    with pytest.raises(IndexMismatch, match="was made with the embedder hash"):
        Assistant(tmp_path / "ix", HashEmbedder("other", 32), KeywordReader())
    with pytest.raises(IndexMissing):
        Assistant.open(tmp_path / "none")


def test_probabilities_by_hand(tmp_path):
    model = Calibration(intercept=-1.0, score=0.5, log_rank=-0.3, coverage=2.0)
    # −1 + 0.5·4 − 0.3·ln 2 + 2·0.5 = 1.7921
    assert model.probability(Signals(4.0, 1, 0.5)) == pytest.approx(0.85718, abs=1e-5)
    assert Calibration().probability(Signals(0.0, 0, 0.0)) == 0.5
    assert Calibration().probability(Signals(-1e9, 0, 0.0)) < 1e-9
    (tmp_path / "calibration.json").write_text(model.to_json(), "utf-8")
    assert Calibration.load(tmp_path) == model
    assert Calibration.load(None) == Calibration()


def test_the_store_is_the_one_asked(assistant, tmp_path):
    assert Store(tmp_path / "ix").n_passages == assistant.status().n_passages == 6


def test_the_index_is_checked(assistant):
    assert [finding.ok for finding in assistant.check()] == [True] * 4
