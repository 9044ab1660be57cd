"""Questions as people type them: misspelt, about the brief itself, about a time, leaning on the one before."""

from datetime import date

import pytest
from conftest import BRIEF, KeywordReader
from fake_assistant import answer as answer_of
from fake_assistant import make_brief

from index.builder import build_index
from index.embedder import SentenceTransformerEmbedder
from index.store import Store
from index.types import Filters
from qa.assistant import Assistant
from qa.followup import resolve
from qa.header import Part, asked_part, share_held
from qa.periods import asks_present, period_of
from qa.spelling import correct
from qa.types import ReadPassage, Reply

TODAY = date(2026, 11, 27)
ENGLISH = frozenset("what did the who is object to flood about banned reserve".split())


@pytest.fixture
def index_dir(tmp_path, folder, embedder):
    build_index(tmp_path / "ix", embedder, [folder])
    return tmp_path / "ix"


@pytest.fixture
def assistant(index_dir, embedder) -> Assistant:
    return Assistant(index_dir, embedder, KeywordReader())


def vocabulary(text: str) -> int:
    """Like word pieces: a common word is one."""
    return 1 if text.lower() in ENGLISH else 2


# ---- spelling ----


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("what did ambasador brook object to", "what did Ambassador brook object to"),
        ("what did the minstry of transprot say?", "what did the ministry of transport say?"),
        ("who recomended a reserve", "who recommended a reserve"),
        ("Is Vargo an economist", "Is Varga an economist"),
        ("what did brook object to", "what did brook object to"),  # all known: not a letter changes
        ("objecting objections", "objecting objections"),  # known in another form
        ("what about “ambasador” and \"minstry\"", "what about “ambasador” and \"minstry\""),  # quoted: as it stands
        ("what about Hal", "what about Hal"),  # too short to guess at
        ("what about the zzyzx and 2o21", "what about the zzyzx and 2o21"),  # nothing is near
        ("was it banned", "was it banned"),  # an English word that the briefs do not hold
        ("the vargan plan and whats new", "the vargan plan and whats new"),  # forms of a word that they hold
        ("was the casal closed", "was the casal closed"),  # another consonant makes another word
        ("what about the flooder", "what about the flooder"),  # made of an English word
        ("was the kanal closed", "was the canal closed"),
        ("", ""),
        ("\x00 \U0001f600 ambasador\U0001f600", "\x00 \U0001f600 Ambassador\U0001f600"),
    ],
)  # fmt: skip
def test_words_that_no_brief_holds_are_read_as_the_one_that_was_meant(index_dir, typed, read):
    assert correct(typed, Store(index_dir), vocabulary) == read


def test_the_more_frequent_of_two_words_equally_near_is_meant(tmp_path, embedder):
    for n, name in enumerate(["Marden", "Marten", "Marten"]):
        (tmp_path / f"{n}.txt").write_text(
            f"Title {n}\n\nThe envoy {name} spoke in the hall, and nobody answered.\n\nEnd."
        )
    build_index(tmp_path / "ix", embedder, [tmp_path])
    assert correct("what did Maren say", Store(tmp_path / "ix"), vocabulary) == "what did Marten say"


def test_the_reply_tells_how_a_question_was_read(index_dir, embedder, monkeypatch):
    monkeypatch.setattr(embedder, "count_tokens", vocabulary)
    reply = Assistant(index_dir, embedder, KeywordReader()).ask("what did the ambasador say it would cost")
    assert reply.question == "what did the ambasador say it would cost"
    assert reply.understood == "what did the Ambassador say it would cost"
    assert reply.answers[0].text == "$40 million a year"


def test_a_question_read_letter_by_letter_says_nothing_of_it(assistant):
    assert assistant.ask("what did the ambassador say it would cost").understood is None


def test_the_real_vocabulary_tells_slips_from_words(tmp_path):
    """“hari” is a word piece, and so “haris” could be taken for its plural."""
    text = "The envoy Harris objected to the founder of the Kaesong plan, and the government received the parliament."
    (tmp_path / "one.txt").write_text(f"Title\n\n{text}\n\nThe end came soon.\n")
    embedder = SentenceTransformerEmbedder()
    build_index(tmp_path / "ix", embedder, [tmp_path])
    for typed, read in (
        ("what did haris object to", "what did Harris object to"),
        ("who recieved the parliment and the goverment", "who received the parliament and the government"),
        ("funder of the kaesong plan, banned and recused", "funder of the kaesong plan, banned and recused"),
    ):
        assert correct(typed, Store(tmp_path / "ix"), embedder.count_tokens) == read


# ---- about the brief itself ----


@pytest.mark.parametrize(
    ("question", "part", "subject"),
    [
        ("Who wrote the brief on harbour fees?", Part.AUTHORS, "harbour fees"),
        ("who is the author of the article about the flood", Part.AUTHORS, "the flood"),
        ("author of the policy brief on grain", Part.AUTHORS, "grain"),
        ("Who was the brief on tolls written by?", Part.AUTHORS, "tolls"),
        ("who wrote this brief", Part.AUTHORS, ""),
        ("when was the brief on “Harbour Talks” published", Part.DATE, "Harbour Talks"),
        ("When did the insight on grain prices come out?", Part.DATE, "grain prices"),
        ("what is the date of the brief about grain", Part.DATE, "grain"),
        ("What is the title of the piece on grain?", Part.TITLE, "grain"),
        ("what was the brief on grain called", Part.TITLE, "grain"),
    ],
)
def test_a_question_about_a_brief_itself_is_known_by_its_form(question, part, subject):
    asked = asked_part(question)
    assert asked and (asked.part, asked.subject) == (part, subject)


@pytest.mark.parametrize(
    "question",
    [
        "who wrote the report on the flood",  # a report may be something that a brief tells of
        "who wrote to the minister about the brief",
        "who wrote the brief opinion that ended the case",
        "when was the flood",
        "what did the author of the brief object to?",
        "when was the article of the law published in the gazette repealed",
    ],
)
def test_a_question_about_what_a_brief_tells_is_not_taken_for_one(question):
    assert asked_part(question) is None


def test_author_date_and_title_are_answered_by_a_citation_into_the_header(assistant):
    for question, words, paragraph in (
        ("who wrote the brief on the joint harbour project?", "Mara Quill", 3),
        ("when was the brief on the joint harbour project published?", "March 15, 2021", 0),
        ("what is the title of the brief on the joint harbour project?", "What the “Harbour” Talks Left Open", 0),
    ):
        reply = assistant.ask(question)
        cited = reply.answers[0].citation
        assert reply.found and cited.quote == reply.answers[0].text == words == BRIEF[cited.start : cited.end]
        assert cited.paragraph == paragraph and cited.source == "harbour.txt"
        assert assistant.resolve(cited.id)[1:] == (cited.start, cited.end)


def test_a_brief_that_there_is_not_has_no_author(assistant):
    reply = assistant.ask("who wrote the brief on Brazilian coffee exports?")
    assert not reply.found and reply.confidence < 0.3


def test_this_brief_is_the_one_the_filter_names(assistant):
    name = next(brief.id for brief in assistant.briefs() if brief.source == "grain.txt")
    reply = assistant.ask("who wrote this brief?", Filters(brief=name))
    assert reply.found and reply.answers[0].text == "Teo Marsh"
    assert reply.confidence == 0.99  # nothing is certain


def test_several_authors_are_one_answer_as_they_stand(assistant, folder):
    two = BRIEF.replace("Mara Quill is a", "Mara Quill and Dr. Jon Aske are").replace("harbour", "lighthouse")
    (folder / "two.txt").write_text(two, "utf-8")
    assistant.update()
    reply = assistant.ask("who wrote the brief on the joint lighthouse project?")
    assert reply.answers[0].text == "Mara Quill and Dr. Jon Aske"


def test_the_share_of_words_held_is_by_stems_without_the_small_words(assistant):
    brief = assistant.brief("grain.txt")
    assert share_held("the prices of wheat", brief) == 1.0
    assert share_held("the price of coffee", brief) == 0.5
    assert share_held("of the", brief) == 1.0


# ---- the time asked about ----


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("what happened in 2018", "2018-01-01", "2018-12-31"),
        ("what did Kim say in March 2021?", "2021-03-01", "2021-03-31"),
        ("what did Kim say on February 5th, 2020?", "2020-02-01", "2020-02-29"),
        ("who led before March 2021", "0001-01-01", "2021-03-01"),
        ("who led until 2019", "0001-01-01", "2019-12-31"),
        ("what changed before the end of March 2021", "0001-01-01", "2021-03-31"),
        ("how many since 2019", "2019-01-01", "9999-12-31"),
        ("between 2020 and 2018, how many", "2018-01-01", "2020-12-31"),
        ("what was said last December", "2025-12-01", "2025-12-31"),
        ("what was said last march", "2026-03-01", "2026-03-31"),
        ("what changed last year", "2025-01-01", "2025-12-31"),
    ],
)
def test_the_time_that_a_question_names(question, first, last):
    assert period_of(question, TODAY) == (first, last)


@pytest.mark.parametrize("question", ["who may march", "what did 20190 voters want", "the last seat", "in May, what"])
def test_what_only_looks_like_a_time_is_none(question):
    assert period_of(question, TODAY) is None


def test_the_present_is_asked_for_by_a_word_or_by_the_verb():
    assert all(map(asks_present, ["who is the minister", "what did it cost at the latest", "how much does it cost"]))
    assert not any(map(asks_present, ["who was the minister", "what did Harris object to", "why had it failed"]))


def _prices(folder):
    for year, price in (("2019", "210"), ("2022", "310"), ("2024", "180")):
        (folder / f"{year}.txt").write_text(
            f"June 2, {year} | Insight\n\nThe Price of Flour\n\nFlour costs {price} crowns a tonne.\n\n"
            "Jo Ray is an analyst at the Granary Project.\n", "utf-8",
        )  # fmt: skip


def test_of_answers_equally_sure_the_newest_comes_first_or_the_one_of_the_year_named(tmp_path, embedder):
    (tmp_path / "in").mkdir()
    _prices(tmp_path / "in")
    build_index(tmp_path / "ix", embedder, [tmp_path / "in"])
    assistant = Assistant(tmp_path / "ix", embedder, KeywordReader())

    def answers(question: str) -> list[str]:
        return [answer.citation.date[:4] for answer in assistant.ask(question).answers]

    assert answers("what is the price that flour costs") == ["2024", "2022", "2019"]
    assert answers("what was the price that flour costs in 2019")[0] == "2019"
    assert answers("what was the price that flour costs in 2022")[0] == "2022"
    assert sorted(answers("what was the price that flour costs")) == ["2019", "2022", "2024"]


# ---- the question before ----

PASSAGE = (
    "Last year Ambassador Ana Brook objected to the joint harbour project, and Ivo Hale of the Coastal Union did not. "
    "In Seoul the Ministry of Transport defended it."
)


def before(question: str, answer: str | None = None, understood: str | None = None) -> Reply:
    """A reply to `question`, over `PASSAGE`."""
    read = ReadPassage("0" * 12, "Title", None, 1, 0, len(PASSAGE), PASSAGE, 1.0)
    if answer is None:
        return Reply(question, False, 0.1, (), (read,), understood=understood)
    brief = make_brief("Title", [PASSAGE])
    return Reply(question, True, 0.9, (answer_of(0.9, ((brief, answer),)),), (read,), understood=understood)


@pytest.mark.parametrize(
    ("first", "answer", "then", "meant"),
    [
        ("what did ana brook object to", "the joint harbour project", "and what did she recommend?",
         "what did Ana Brook recommend?"),
        ("What did Brook object to?", None, "what was her reason", "what was Brook’s reason"),
        ("who objected to the project", "Ana Brook", "why did she object?", "why did Ana Brook object?"),
        ("who did not object", "Ivo Hale", "who criticised him?", "who criticised Ivo Hale?"),
        ("what did the ministry of transport defend", None, "What did it say?",
         "What did the Ministry of Transport say?"),
        ("what did Brook object to", None, "What about Hale?", "what did Hale object to"),
        ("what did Brook’s opponents say", None, "and what about Hale", "what did Hale’s opponents say"),
        # nothing to lean on, or nothing that leans
        ("what did the project cost", None, "and what did he recommend?", "and what did he recommend?"),
        ("what did Brook object to", None, "what did Hale say about his post", "what did Hale say about his post"),
        ("what did Brook object to", None, "who led the union in 2020", "who led the union in 2020"),
        ("what did Brook object to", None, "why did Hale reject it", "why did Hale reject it"),
        ("what did Brook object to", None, "how is the itinerary", "how is the itinerary"),
    ],
)  # fmt: skip
def test_a_question_that_leans_on_the_one_before_is_filled_in(first, answer, then, meant):
    assert resolve(then, before(first, answer)) == meant


def test_a_chain_of_questions_keeps_its_subject():
    first = before("and what did she say", None, understood="what did Ana Brook say")
    assert resolve("where does she live?", first) == "where does Ana Brook live?"


def test_the_assistant_tells_what_it_took_from_the_question_before(assistant):
    first = assistant.ask("what did Brook say it would cost")
    reply = assistant.ask("and what did she say it would cost?", after=first)
    assert reply.understood == "what did Brook say it would cost?"
    assert reply.answers[0].text == first.answers[0].text
