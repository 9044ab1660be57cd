"""Citations against briefs that stayed, were edited, renamed, removed; by values and by the command."""

import json
import re
from dataclasses import asdict, replace

import pytest
from citing import COST, Shelf, citation_of
from conftest import BRIEF, OTHER
from hypothesis import given
from hypothesis import strategies as st

from index.briefs import brief_id, parse_brief
from index.errors import CitationInvalid
from index.passages import split_into_passages
from qa.citations import cite
from qa.records import MARK, Recorded, read_records, record_line, recorded
from qa.verify import Status, occurrences, verify_citation, verify_citations, word_difference

CITED = recorded(citation_of(COST))


def slices(verdict, shelf: Shelf) -> set[str]:
    """What stands at the places of a verdict."""
    return {shelf.brief(place.id[:12]).text[place.start : place.end] for place in verdict.places}


def test_an_untouched_brief_is_intact_and_no_other_is_read():
    shelf = Shelf(harbour_txt=BRIEF, grain_txt=OTHER)
    verdict = verify_citation(CITED, shelf)
    assert (verdict.status, verdict.says) == (Status.INTACT, f"harbour.txt, ¶ 1: “{COST}”")
    assert slices(verdict, shelf) == {COST} and shelf.n_listed == 0


def test_a_renamed_file_is_intact_and_its_name_is_told():
    verdict = verify_citation(CITED, Shelf(talks_txt=BRIEF))
    says = f"talks.txt, ¶ 1: “{COST}”; its source is talks.txt, not harbour.txt"
    assert (verdict.status, verdict.says) == (Status.INTACT, says)


def test_a_record_that_names_another_title_is_told():
    verdict = verify_citation(replace(CITED, title="A Better Title"), Shelf(harbour_txt=BRIEF))
    assert verdict.status is Status.INTACT
    assert verdict.says.endswith("; its title is What the “Harbour” Talks Left Open, not A Better Title")


@given(st.integers(0, len(BRIEF)), st.integers(0, 60), st.text("ab $4.\n", max_size=20))
def test_however_a_brief_is_edited_the_verdict_is_exact(at, n_cut, put):
    """Every place slices to the quote; moved is said exactly where the words still stand, never else."""
    edited = BRIEF[:at] + put + BRIEF[at + n_cut :]
    shelf = Shelf(harbour_txt=edited)
    verdict = verify_citation(CITED, shelf)
    if edited == BRIEF:
        assert verdict.status is Status.INTACT
    else:
        assert verdict.status is (Status.MOVED if occurrences(edited, COST) else Status.CHANGED)
    assert slices(verdict, shelf) == ({COST} if verdict.places else set())
    if verdict.difference:
        was = re.sub(r"\{\+.*?\+\}", "", verdict.difference).replace("[-", "").replace("-]", "")
        assert " ".join(was.split()) == CITED.sentence


def test_words_that_stand_elsewhere_in_the_edited_brief_have_moved():
    edited = BRIEF.replace("Ambassador Ana", "Last week Ambassador Ana")
    shelf = Shelf(harbour_txt=edited)
    verdict = verify_citation(CITED, shelf)
    at = edited.index(COST)
    new = f"{brief_id(edited)}:{at}-{at + len(COST)}"
    assert (verdict.status, verdict.says) == (Status.MOVED, f"now at {new} (harbour.txt, ¶ 1)")
    assert slices(verdict, shelf) == {COST} and verdict.difference is None


def test_renamed_and_edited_is_found_by_title_and_date_or_by_the_sentence():
    edited = BRIEF.replace("None answered.", "All answered.")
    by_title = verify_citation(replace(CITED, sentence=None), Shelf(talks_txt=edited))
    assert (by_title.status, by_title.places[0].source) == (Status.MOVED, "talks.txt")
    retitled = edited.replace("What the “Harbour” Talks Left Open", "Harbour Talks")
    by_sentence = verify_citation(CITED, Shelf(grain_txt=OTHER, talks_txt=retitled))
    assert (by_sentence.status, by_sentence.places[0].source) == (Status.MOVED, "talks.txt")
    assert verify_citation(replace(CITED, sentence=None), Shelf(talks_txt=retitled)).status is Status.GONE


def test_several_places_are_all_told():
    edited = BRIEF.replace("None answered.", "She said it would cost $40 million a year.")
    shelf = Shelf(harbour_txt=edited)
    verdict = verify_citation(CITED, shelf)
    assert len(verdict.places) == 2 and slices(verdict, shelf) == {COST}
    assert verdict.says.endswith(f", and at 1 more: {verdict.places[1].id}")


def test_the_second_of_equal_words_in_a_sentence_stays_the_second():
    text = BRIEF.replace("She said it would cost", "Not ten, she said, but ten, or")
    brief = parse_brief(text, "harbour.txt")
    start = text.index("ten, or")
    passage = split_into_passages(brief, lambda words: len(words.split()), 200)[0]
    cited = recorded(cite(brief, passage, start, start + 3))
    edited = text.replace("Ambassador Ana", "Then Ana")
    place = verify_citation(cited, Shelf(harbour_txt=edited)).places[0]
    assert place.start == edited.index("ten, or")


def test_words_in_another_sentence_are_moved_and_the_change_is_shown():
    edited = BRIEF.replace("it would cost $40 million a year.", "it would not cost $40 million a year but less.")
    verdict = verify_citation(CITED, Shelf(harbour_txt=edited))
    shown = "She said it would{+ not+} cost $40 million a year{+ but less+}."
    assert (verdict.status, verdict.difference) == (Status.MOVED, shown)
    assert verdict.says.endswith(f"; its sentence has changed: {shown}")


def test_changed_words_are_shown_against_the_nearest_sentence():
    edited = BRIEF.replace("$40 million", "$70 million").replace("Ambassador Ana", "A new paragraph.\n\nAmbassador Ana")
    verdict = verify_citation(CITED, Shelf(harbour_txt=edited, grain_txt=OTHER))
    assert verdict.status is Status.CHANGED and verdict.places == ()
    assert verdict.difference == "She said it would cost $[-40-]{+70+} million a year."
    assert verdict.says == f"harbour.txt no longer says “{COST}”: {verdict.difference}"


def test_where_no_sentence_is_like_it_none_is_shown():
    verdict = verify_citation(CITED, Shelf(harbour_txt=OTHER))
    assert (verdict.status, verdict.difference) == (Status.CHANGED, None)


def test_the_sentence_in_another_brief_does_not_hide_that_the_cited_brief_changed():
    shelf = Shelf(harbour_txt=BRIEF.replace("$40 million", "$70 million"), copy_txt=f"She said so.\n\n{CITED.sentence}")
    assert verify_citation(CITED, shelf).status is Status.CHANGED


def test_likeness_is_never_enough():
    """A comma more, another case, another kind of space: not the same words."""
    for other in (COST.replace(" a", ", a"), COST.replace("million", "Million"), COST.replace(" ", "\u00a0")):
        assert verify_citation(CITED, Shelf(harbour_txt=BRIEF.replace(COST, other))).status is Status.CHANGED


def test_a_removed_brief_is_gone():
    verdict = verify_citation(CITED, Shelf(grain_txt=OTHER))
    assert (verdict.status, verdict.places) == (Status.GONE, ())
    assert verdict.says == f"no brief is called harbour.txt, and none holds the sentence around “{COST}”"


def test_a_forged_quote_is_not_intact():
    forged = replace(CITED, quote="$90 million a year", sentence="She said it would cost $90 million a year.")
    verdict = verify_citation(forged, Shelf(harbour_txt=BRIEF))
    assert verdict.status is Status.CHANGED
    assert verdict.difference == "She said it would cost $[-90-]{+40+} million a year."


@pytest.mark.parametrize(
    ("bare", "status", "words"),
    [
        (CITED.id, Status.INTACT, f"“{COST}”"),
        (f"{brief_id(BRIEF)}:5-99999", Status.GONE, f"has {len(BRIEF)} characters"),
        (f"{brief_id(BRIEF)}:9-5", Status.GONE, "cannot be of it"),
        ("0123456789ab:5-9", Status.GONE, "a bare id does not tell what it said"),
    ],
)
def test_a_bare_id_is_intact_or_gone(bare, status, words):
    verdict = verify_citation(Recorded(bare), Shelf(harbour_txt=BRIEF))
    assert verdict.status is status and words in verdict.says


def test_briefs_are_listed_once_for_many_citations():
    shelf = Shelf(grain_txt=OTHER)
    assert [v.status for v in verify_citations([CITED] * 5, shelf)] == [Status.GONE] * 5
    assert shelf.n_listed == 1


def test_whole_words_only():
    assert occurrences("1310 and 310, 310.5 but 3100; 310", "310") == [9, 14, 30]
    assert occurrences("“overdue.” “overdue.”", "“overdue.”") == [0, 11]
    assert occurrences("aaa", "") == []


def test_differences_by_hand():
    assert word_difference("cost 40 crowns", "cost 50 crowns") == "cost [-40-]{+50+} crowns"
    assert word_difference("a b", "a") == "a[- b-]"
    assert word_difference("same", "same") == "same"


@given(st.text(st.characters(), min_size=1), st.text(st.characters()))
def test_a_record_says_what_it_was_made_of_on_one_line_of_plain_characters(quote, title):
    cited = replace(citation_of(COST), quote=quote, title=title)
    line = record_line(cited)
    assert read_records(f"{line}\n\n{line}\n".encode(), "memo.md") == (recorded(cited),)
    assert read_records(f"so {quote}: {line} it is".encode("utf-8", "replace"), "memo.md") == (recorded(cited),)
    assert line.splitlines() == [line]
    inside = line.removeprefix("{").removesuffix("}")
    assert not set("{}<>&`*%$@#\\") & set(inside.replace("\\u", ""))


def test_records_and_ids_are_found_in_any_text():
    other = recorded(citation_of("310 crowns", OTHER, "grain.txt"))
    line = record_line(citation_of(COST))
    torn = citation_of("overdue")
    text = f"See {CITED.id}, {COST}, and {other.id}.\n{line}{line}\nTorn: {record_line(torn)[:70]}"
    assert read_records(text.encode(), "memo.txt") == (CITED, Recorded(other.id), Recorded(torn.id))
    page = f"<style>{other.id}</style><pre>{line.replace('&', '&amp;')}</pre>"
    assert read_records(page.encode(), "page.html") == (CITED,)
    with pytest.raises(CitationInvalid, match=r"no citation stands in memo\.txt"):
        read_records(b"nothing 0123456789abc:5-9", "memo.txt")


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"\xff\xfe", "a.txt", "a.txt is neither UTF-8 text nor a DOCX file"),
        (b"PK\x03\x04", "a.docx", "a.docx is not a whole DOCX file"),
        (b'{"answers": 1}\n{"torn', "a.jsonl", "line 2 of a.jsonl is not JSON"),
        (b"", "a.json", "no citation stands in a.json"),
        (b"[" * 100_000, "a.json", "a.json is nested too deeply to be a reply"),
        (b'{"briefqa:citation": ' + b"[" * 100_000, "a.md", "a.md is nested too deeply"),
        (b'"' + b"x" * 200_000 + b'"', "a.csv", "a.csv is not a whole CSV sheet .field larger than"),
        (b'{"briefqa:citation": 5, "quote": "x"}', "a.md", "no citation stands in a.md"),
    ],
    ids=lambda value: value if isinstance(value, str) else "content",
)
def test_a_file_that_holds_none_is_told_in_a_sentence(content, name, words):
    with pytest.raises(CitationInvalid, match=words):
        read_records(content, name)


def test_a_memo_whose_words_were_changed_is_told():
    line = record_line(citation_of(COST))
    for memo, shown in (("It cost $40 million\na **year**.", True), ("It cost $90 million a year.", False), ("", True)):
        found = read_records(f"{memo}\n\n{line}".encode(), "memo.md")
        assert found == (replace(CITED, shown=shown),)
        verdict = verify_citation(found[0], Shelf(harbour_txt=BRIEF))
        assert verdict.status is (Status.INTACT if shown else Status.CHANGED)
    told = verify_citation(replace(CITED, shown=False), Shelf(harbour_txt=BRIEF))
    assert told.says == f"harbour.txt, ¶ 1: “{COST}”; but the file that cites these words shows others"
    gone = verify_citation(replace(CITED, shown=False), Shelf(grain_txt=OTHER))
    assert gone.status is Status.GONE and gone.says.endswith("; but the file that cites these words shows others")


def test_a_reply_whose_answer_or_sentence_was_changed_is_told():
    cited = asdict(citation_of(COST))
    answer = {"text": COST, "citation": cited, "also": [asdict(citation_of("overdue"))]}
    for key, value, statuses in (
        ("text", COST, [Status.INTACT, Status.INTACT]),
        ("text", "$90 million a year", [Status.CHANGED, Status.INTACT]),
        (
            "citation",
            cited | {"sentence": "She denied it would cost $40 million a year."},
            [Status.CHANGED, Status.INTACT],
        ),
    ):
        reply = json.dumps({"answers": [answer | {key: value}]}).encode()
        verdicts = verify_citations(read_records(reply, "reply.json"), Shelf(harbour_txt=BRIEF))
        assert [verdict.status for verdict in verdicts] == statuses
    assert "[-denied-]{+said+}" in verdicts[0].difference


@given(st.binary(max_size=80), st.binary(max_size=80), st.sampled_from(["md", "html", "docx", "json", "csv", "bib"]))
def test_no_file_is_more_than_a_sentence(before, after, ending):
    line = record_line(citation_of(COST)).encode()
    for content in (before + after, before + line[: len(line) // 2] + after, b"PK" + before, before + line + after):
        try:
            found = read_records(content, f"a.{ending}")
        except CitationInvalid as exc:
            assert str(exc).count("\n") == 0
        else:
            assert found


def test_a_stream_of_replies_or_of_records_is_read():
    line = record_line(citation_of(COST))
    reply = json.dumps({"answers": [{"citation": asdict(citation_of(COST)), "also": []}]})
    for stream in (line, f"{line}\n{line}\n", reply, f"See {COST}: {line}"):
        assert read_records(stream.encode(), "-") == (CITED,)


def test_a_record_with_fields_of_the_wrong_kind_counts_as_a_bare_id():
    line = json.dumps({MARK: CITED.id, "quote": 7, "paragraph": "one"})
    assert read_records(line.encode(), "memo.md") == (Recorded(CITED.id),)
