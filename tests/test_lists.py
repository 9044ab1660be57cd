"""Questions that ask for several things: how they are known, which answers belong together, and how these are shown.

`lists/cases.json` was written by reading invented briefs: questions with all their items, and questions that only look
like such. The rules were tuned on the even cases; `scripts/evaluate_lists.py` measures the answers to all of them.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import docx
import pytest
from citing import Shelf, citation_of
from hypothesis import given
from hypothesis import strategies as st

from index.briefs import parse_brief
from index.builder import build_index
from index.passages import split_into_passages
from qa.assistant import Assistant
from qa.batch import Asked
from qa.enumeration import holds_several, siblings
from qa.export import export
from qa.followup import resolve
from qa.lists import Several, asks_for_several
from qa.records import read_records
from qa.sections import in_order, shown
from qa.settings import AskSettings
from qa.sheet import AnswerSheet
from qa.together import put_together
from qa.types import Answer, Hit, Reply, Span
from qa.verify import Status, verify_citations
from ui import render
from ui.app import _cited_in
from ui.cli import _print_reply

CASES = json.loads((Path(__file__).parent / "lists" / "cases.json").read_text("utf-8"))
FIRST = (
    "The mayor, the port council and two unions objected in May. The Port Council did so twice, and Ivo Hale joined it."
)
BRIEF = f"""March 15, 2021 | Insight

Who Spoke Against the Quay

{FIRST}

Three changes are asked for: a lower fee; that the night shift be kept; and a new crane.

The ministry said <no>. Two answers came from it.

Mara Quill is a senior fellow at the Coastal Institute.
"""
FOUND = 0.5


# ---- how they are known ----


def test_there_are_enough_cases_of_both_kinds():
    assert sum(bool(case["items"]) for case in CASES) >= 60
    assert sum(not case["items"] for case in CASES) >= 60
    assert len({case["question"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("cases", [CASES[::2], CASES[1::2]])
def test_the_questions_written_by_hand_are_told_apart(cases):
    known = [asks_for_several(case["question"]) for case in cases if case["items"]]
    assert sum(several is not None for several in known) >= 0.95 * len(known)
    alike = [asks_for_several(case["question"]) for case in cases if not case["items"]]
    assert not any(several and several.surely for several in alike)


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("which bodies objected to the plan", None),
        ("Which EU refineries could produce gallium?", None),
        ("in which countries did she serve", None),
        ("what conditions did Port Egerton set?", None),
        ("what conditions does the sultanate set for it", None),
        ("What signs of success does the author look for?", None),
        ("what are the three reasons for the delay", 3),
        ("What are Hale’s demands?", None),
        ("Which 4 states oppose the plan?", 4),
        ("which two flag states dominate the gray fleet", 2),
        ("name the ministers who resigned", None),
        ("List the five conditions", 5),
        ("please name two of the unions that struck", 2),
        ("who are the two deputies", None),
        ("who else objected", None),
        ("Was it late? Which unions struck?", None),
        ("which press agencies were closed", None),
        ("which critics were named", None),
        ("what people were hurt", None),
    ],
)
def test_a_question_that_surely_asks_for_several(question, number):
    assert asks_for_several(question) == Several(True, number)


@pytest.mark.parametrize(
    "question",
    ["who criticised the plan", "Who was interviewed?", "who has objected so far", "and who voted for it",
     "whom did she accuse", "who mans the barriers"],
)  # fmt: skip
def test_who_may_mean_one_or_several(question):
    assert asks_for_several(question) == Several(False)


@pytest.mark.parametrize(
    "question",
    [
        "what is the focus of the group",
        "which countries’ ships were seized",
        "which countries' ships were seized",
        "what does Harris object to",
        "what did Harris object to",
        "what news did the envoy bring",
        "which crisis was meant",
        "what process does it require",
        "what happens to the fares",
        "what prevents Hale from selling",
        "what stops trade",
        "which firm pays its assessors by the file",
        "which island lies downwind",
        "Which of the two authors used to work for the railways?",
        "Name the company that brings the most complaints",
        "name of the shipowner",
        "what are vessel days",
        "what are the talks about",
        "What are the Liberals afraid of?",
        "what were the envoys supposed to achieve",
        "what views does she hold",
        "what politics did they agree on",
        "what should planners do",
        "how many ships sank",
        "who is the minister",
        "who was the envoy",
        "whose plans were these",
        "reasons",
        "",
        "?",
    ],
)
def test_a_question_that_asks_for_one_thing(question):
    assert asks_for_several(question) is None


# ---- the other items of an enumeration ----


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("There <the mayor>, the port council and two unions objected.", ["the port council", "two unions"]),
        ("There the mayor, <the port council>, and two unions objected.", ["the mayor", "two unions"]),
        ("It was opposed by the mayor, the port council or <two unions>.", ["the mayor", "the port council"]),
        ("<Britain> and the Baltic states want it.", ["the Baltic states"]),
        ("They met <nine diggers>, traders and officials in the hills.", ["traders", "officials"]),
        ("We saw three states, <Qurayn>, Najm and Ras Dhahab.", ["Najm", "Ras Dhahab"]),
        ("We saw <Qurayn,\r\nNajm> and the Kingdom of Dhahab.", ["the Kingdom of Dhahab"]),
        ("It wants: (1) <a lower fee>; (2) that the shift, though late, be kept; and (3) no more cranes.",
         ["that the shift, though late, be kept", "no more cranes"]),
        ("It wants two things: a lower fee; and <a new crane>.", ["a lower fee"]),
        ("It asks: <that it be signed>; and that somebody be told no. Nobody was.", ["that somebody be told no"]),
    ],
)  # fmt: skip
def test_the_other_items_stand_beside_one(text, found):
    start, end = text.index("<"), text.index(">") - 1
    text = text.replace("<", "").replace(">", "")
    assert [text[a:b] for a, b in siblings(text, start, end)] == found


@pytest.mark.parametrize(
    "text",
    [
        "<The mayor> objected.",
        "<The mayor>, the head of the council, objected and left.",
        "<Ana Brook>, a judge and the owner of a boat, objected.",
        "<The mayor> objected, and the council did not.",
        "He saw <the mayor>, and the council met.",
        "<The quay is closed>, the crane and two ships are gone.",
        "The mayor, <the port council and two unions> objected.",
        "We saw <the mayor>, the clerk and the rest.",
        "He said this: <the fee is high>; it was late.",
        "The fee is high; <a new crane> is needed.",
        "He saw <the mayor. The council> and two unions objected.",
    ],
)
def test_what_is_no_plain_enumeration_has_no_other_items(text):
    start, end = text.index("<"), text.index(">") - 1
    assert siblings(text.replace("<", "").replace(">", ""), start, end) == []


def test_an_enumeration_is_told_from_other_words():
    assert all(map(holds_several, ["the mayor, a clerk and two unions", "fish or\r\nfowl", "a fee; that it be kept"]))
    assert not any(map(holds_several, ["the mayor", "the mayor, Ana Brook", "a crane, and with money for it"]))


words = st.sampled_from("the mayor Ivo Hale , ; : and or two unions that is was . “ ” ( ) (2) by".split())


@given(st.lists(words, min_size=1, max_size=40).map(" ".join), st.data())
def test_whatever_the_text_items_are_parts_of_it_beside_the_one_given(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    found = siblings(text, start, end)
    ranges = sorted([*found, (start, end)])
    assert found == sorted(found)
    assert all(0 <= a < b <= len(text) and text[a:b] == text[a:b].strip() for a, b in found)
    assert all(one[1] <= other[0] for one, other in zip(ranges, ranges[1:], strict=False))


# ---- which answers belong together ----


def together(several: Several, *said: tuple[str, float]) -> list[str]:
    """The texts of the answers that belong together, of answers with these words and probabilities."""
    return [answer.text for answer in arranged(several, *said)[0]]


def arranged(several: Several, *said: tuple[str, float]) -> tuple[tuple[Answer, ...], tuple[Answer, ...]]:
    brief = parse_brief(BRIEF, "quay.txt")
    hits = [Hit(p, 0.0, n) for n, p in enumerate(split_into_passages(brief, lambda text: len(text.split()), 200))]
    answers = [Answer(quote, sure, citation_of(quote, BRIEF, "quay.txt")) for quote, sure in said]
    found, n = put_together(several, answers, hits, lambda _: brief, FOUND)
    for item in found:
        assert item.text == item.citation.quote == BRIEF[item.citation.start : item.citation.end]
    return found[:n], found[n:]


SURELY = Several(True)


def test_the_other_items_are_answers_with_citations_and_less_sure():
    items, others = arranged(SURELY, ("The mayor", 0.8), ("Ivo Hale", 0.3), ("two unions", 0.2))
    assert [(item.text, item.confidence) for item in items] == [
        ("The mayor", 0.8), ("the port council", 0.72), ("two unions", 0.72)
    ]  # fmt: skip
    assert [other.text for other in others] == ["Ivo Hale"]  # and not what is an item already
    assert items[1].citation.sentence == FIRST[: FIRST.index(" The Port")]


def test_an_answer_that_holds_the_enumeration_stands_alone():
    assert together(SURELY, ("The mayor, the port council and two unions", 0.8), ("Ivo Hale", 0.7)) == [
        "The mayor, the port council and two unions"
    ]


def test_an_enumeration_comes_before_a_surer_answer_if_it_is_near_and_found():
    assert together(SURELY, ("The ministry", 0.8), ("a lower fee", 0.55))[0] == "a lower fee"
    assert together(SURELY, ("The ministry", 0.9), ("a lower fee", 0.55)) == ["The ministry"]
    assert together(SURELY, ("The ministry", 0.6), ("a lower fee", 0.4)) == ["The ministry"]  # not found by itself
    assert together(Several(False), ("The ministry", 0.8), ("a lower fee", 0.55)) == ["The ministry"]


def test_further_answers_of_the_passage_belong_to_it_if_they_are_likely_right():
    assert together(SURELY, ("Ivo Hale", 0.9), ("twice", 0.5), ("in May", 0.4)) == ["Ivo Hale", "twice"]
    assert together(SURELY, ("Ivo Hale", 0.9), ("The ministry", 0.8)) == ["Ivo Hale"]  # another passage
    assert together(Several(False), ("Ivo Hale", 0.9), ("twice", 0.5)) == ["Ivo Hale"]  # “who” may mean one
    assert together(SURELY, ("The ministry", 0.9), ("Two answers", 0.8)) == ["The ministry"]  # tells of a list


def test_one_thing_named_twice_is_one_item():
    items, _ = arranged(SURELY, ("Ivo Hale", 0.9), ("The Port Council", 0.8), ("port council", 0.55))
    assert [(item.text, len(item.also)) for item in items] == [("Ivo Hale", 0), ("The Port Council", 1)]


def test_there_are_no_more_than_the_question_tells():
    assert together(Several(True, 2), ("The mayor", 0.8)) == ["The mayor", "the port council"]


class SayingReader:
    """Gives these words wherever they stand, with their scores."""

    name = "saying"
    folder = None

    def __init__(self, **said: float) -> None:
        self.said = {words.replace("_", " "): score for words, score in said.items()}

    def read(self, question: str, hits: Sequence[Hit], settings: AskSettings) -> list[Span]:
        del question, settings
        found = [
            Span(hit, start, start + len(words), score)
            for words, score in self.said.items()
            for hit in hits
            if (start := BRIEF.find(words, hit.passage.start, hit.passage.end)) >= 0
        ]
        return sorted(found, key=lambda span: -span.score)


def asked(tmp_path, embedder, question: str, top_k: int = 3, **said: float) -> Reply:
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / "quay.txt").write_bytes(BRIEF.encode())
    build_index(tmp_path / "ix", embedder, [tmp_path / "in"])
    return Assistant(tmp_path / "ix", embedder, SayingReader(**said)).ask(question, top_k=top_k)


def test_a_list_is_one_of_the_answers_wanted(tmp_path, embedder):
    reply = asked(tmp_path, embedder, "which bodies objected", 2, the_port_council=6, Ivo_Hale=0.2, the_night_shift=0)
    assert reply.n_listed == 3
    assert [answer.text for answer in reply.answers] == ["the port council", "The mayor", "two unions", "Ivo Hale"]
    assert reply.confidence == reply.answers[0].confidence


def test_where_one_thing_is_asked_for_or_none_found_nothing_changes(tmp_path, embedder):
    for question, score in (("what did the council object to", 6), ("which bodies objected", -6)):
        reply = asked(tmp_path, embedder, question, 1, the_port_council=score, Ivo_Hale=score - 1)
        assert (reply.found, reply.n_listed) == (score > 0, 1)
        assert [answer.text for answer in reply.answers] == ["the port council"]


def test_a_reply_cannot_hold_together_what_it_does_not_hold():
    only = Answer("Ivo Hale", 0.9, citation_of("Ivo Hale", BRIEF))
    for n, found in ((2, True), (0, True), (2, False)):
        with pytest.raises(ValueError, match="cannot belong together"):
            Reply("who?", found, 0.9, (only,), (), n_listed=n)


# ---- how they are shown ----


def listed() -> Reply:
    """A reply whose surest item stands between the others."""
    items, others = arranged(SURELY, ("the port council", 0.8), ("a lower fee", 0.45), ("The ministry", 0.55))
    return Reply("which bodies?", True, 0.8, (*items, *others), (), n_listed=len(items))


ITEMS = ["The mayor", "the port council", "two unions"]


def test_they_are_shown_in_the_order_of_the_brief_however_sure():
    reply = listed()
    assert [answer.text for answer in in_order(reply)] == ITEMS
    assert [answer.text for answer in shown(reply)] == [*ITEMS, "The ministry"]
    weak = Reply("q?", True, 0.4, tuple(Answer(a.text, 0.4, a.citation) for a in reply.answers), (), n_listed=3)
    assert [answer.text for answer in shown(weak)] == ITEMS


def test_the_page_shows_one_card_whose_sentence_stands_once():
    page = render.reply_page(listed())
    card = page[page.index("<article") : page.index("</article>")]
    told = "3 answers that belong together"
    assert card.startswith(f'<article class="bq-answer bq-first" aria-label="{told}"><p class="bq-label">{told}</p><ol')
    assert [card.index(f'<p class="bq-words" dir="auto">{text}</p>') for text in ITEMS] == sorted(
        card.index(f'<p class="bq-words" dir="auto">{text}</p>') for text in ITEMS
    )
    assert card.count("<blockquote") == 1
    assert "".join(f'<mark class="cited">{text}</mark>' for text in ITEMS) == "".join(
        part[: part.index("</mark>") + 7] if part.startswith("<mark") else ""
        for part in card[card.index("<blockquote") :].replace("<mark", "\0<mark").split("\0")
    )
    for answer in listed().answers[:3]:
        assert f'data-open="{answer.citation.id}"' in card
    assert page.index("Other readings") > page.index("</article>") and "The ministry" not in card


def test_a_single_answer_is_shown_as_ever():
    reply = listed()
    one = Reply(reply.question, True, 0.8, reply.answers[:1], ())
    assert render.answer_card(reply.answers[0], first=True) in render.reply_page(one)
    assert "bq-items" not in render.reply_page(one)


def test_the_brief_in_the_reader_has_them_all_marked():
    brief, reply = parse_brief(BRIEF, "quay.txt"), listed()
    c = reply.answers[0].citation
    page = render.brief_page(brief, c.start, c.end, _cited_in(reply, brief.id))
    assert '<mark class="other">The mayor</mark>, <mark class="cited" id="cited" tabindex="-1">the port' in page
    assert '<mark class="other">two unions</mark>' in page


def test_documents_tell_that_they_belong_together_and_are_verified():
    reply, told = listed(), "3 answers that belong together:"
    markdown, page = (export([reply], name).decode() for name in ("a.md", "a.html"))
    assert f"## which bodies?\n\n{told}\n\n> **The mayor**, the port council and two unions" in markdown
    assert f"<p>{told}</p><blockquote" in page
    written = [p.text for p in docx.Document(io.BytesIO(export([reply], "a.docx"))).paragraphs]
    assert written[written.index(told) + 2].startswith("The mayor, the port council and two unions objected")
    alone = Reply(reply.question, True, 0.8, reply.answers[:1], ())
    assert b"belong together" not in b"".join(export([alone], f"a{form}") for form in (".md", ".html"))
    for name in ("a.md", "a.html", "a.docx", "a.bib", "a.csl.json", "a.json"):
        verdicts = verify_citations(read_records(export([reply], name), name), Shelf(quay_txt=BRIEF))
        assert len(verdicts) == 4 if name != "a.json" else len(verdicts) >= 4
        assert {verdict.status for verdict in verdicts} == {Status.INTACT}


def test_a_sheet_holds_them_in_one_cell_each_and_is_verified(tmp_path):
    path, reply = tmp_path / "answers.csv", listed()
    with AnswerSheet(path) as sheet:
        sheet.add(Asked("a", reply.question), reply)
    (row,) = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
    assert row["answer"] == "The mayor; the port council; two unions"
    assert row["citation"].split("; ") == [answer.citation.id for answer in in_order(reply)]
    assert row["sentence"] == reply.answers[0].citation.sentence and row["paragraph"] == "1"
    assert row["further answers"].startswith("The ministry (")
    verdicts = verify_citations(read_records(path.read_bytes(), "answers.csv"), Shelf(quay_txt=BRIEF))
    assert {verdict.status for verdict in verdicts} == {Status.INTACT}


def test_the_command_line_prints_all_of_them(capsys):
    _print_reply(listed())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 answers that belong together:"
    assert [line for line in lines if line in (*ITEMS, "The ministry")] == [*ITEMS, "The ministry"]


def test_a_reply_as_json_tells_how_many():
    assert asdict(listed())["n_listed"] == 3


def test_he_is_none_of_several():
    reply = listed()
    names = Reply("who objected", True, 0.9, tuple(Answer("Ivo Hale", 0.9, a.citation) for a in reply.answers[:2]), ())
    assert resolve("why did he object", names) == "why did Ivo Hale object"
    both = Reply("who objected", True, 0.9, names.answers, (), n_listed=2)
    assert resolve("why did he object", both) == "why did he object"
