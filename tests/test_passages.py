import pytest
from conftest import BRIEF, HashEmbedder
from hypothesis import given
from hypothesis import strategies as st

from index.briefs import parse_brief
from index.errors import BriefUnreadable
from index.passages import sentence_spans, split_into_passages

count = HashEmbedder().count_tokens

# Marked by hand: what a splitter for policy prose must not break, and what it must.
SENTENCES = [
    ["Following talks, the U.S. assisted South Korea in obtaining approval.", "The U.N. agreed."],
    ["Lt. Col. James Mora said the plan would fail.", "He left."],
    ["Resolution No. 4 was passed in Jan. 2019.", "It lapsed."],
    ["Tourists may return to the Mt. Kumgang resort.", "That same month, Moon agreed."],
    ["Seoul said it was “very inappropriate.”", "Washington disagreed."],
    ["He asked, “Why now?”", "Nobody answered."],
    ["“We will not pay,” Dr. Ahn said.", "“Not one cent.”"],
    ["Sen. Ann Q. Doyle (R-N.J.) opposed it.", "Rep. Smith did not."],
    ["Exports rose 3.5 percent to $1.2 billion.", "Imports fell."],
    ["The firm, Orbis Inc., was fined.", "It appealed."],
    ["See Art. 5, para. 2 of the treaty.", "It is clear."],
    ["He cited “the so-called ‘Moon doctrine.’”", "Others did not."],
    ["Gov. Hale's term ends in 2020.", "J. P. Morgan lent $3m."],
    ["Washington, D.C. is far.", "Seoul is near."],
    ["Its budget was approx. 4 million.", "Too little, said the E.U. Commission."],
    ["Capt. R. B. Lewis and Maj. Gen. Ito met.", "They talked."],
]


@pytest.mark.parametrize("sentences", SENTENCES, ids=lambda s: s[0][:25])
def test_sentences_of_policy_prose(sentences):
    text = " ".join(sentences)
    assert [text[a:b] for a, b in sentence_spans(text)] == sentences


def test_one_passage_a_paragraph_that_fits():
    brief = parse_brief(BRIEF, "harbour.txt")
    passages = split_into_passages(brief, count, 60)
    assert [(p.paragraph, p.start, p.end) for p in passages] == [(p.number, p.start, p.end) for p in brief.paragraphs]


def test_a_long_paragraph_is_cut_between_sentences_into_even_parts():
    body = " ".join(f"Sentence number {n} has exactly eight words." for n in range(12))
    passages = split_into_passages(parse_brief(f"Title\n\n{body}", "long.txt"), count, 62)
    assert [p.text.count("Sentence") for p in passages] == [6, 6]


def test_a_title_that_leaves_no_room_is_refused():
    brief = parse_brief(f"{'Word ' * 40}\n\nText of the brief.", "wide.txt")
    with pytest.raises(BriefUnreadable, match="its title takes 40 of the 50 word pieces"):
        split_into_passages(brief, count, 50)


@given(
    st.lists(
        st.sampled_from(
            ["a", "bc", "D", " ", ". ", "\n\n", "\r\n", "\t", "“", "”", "😀", "é", "e\u0301", "\u200d", "?"]
        ),
        min_size=1,
        max_size=300,
    ).map("".join)
)
def test_passages_are_slices_in_order_that_fit_and_leave_nothing_out(text):
    try:
        brief = parse_brief(text, "any.txt")
    except BriefUnreadable:
        return
    try:
        passages = split_into_passages(brief, count, 40)
    except BriefUnreadable:
        return  # the title was too long
    covered = set()
    last = 0
    for p in passages:
        assert p.text == brief.text[p.start : p.end] and p.start >= last
        assert count(p.headed_text) <= 40
        last = p.end
        covered.update(range(p.start, p.end))
    for paragraph in brief.paragraphs:
        left = [i for i in range(paragraph.start, paragraph.end) if i not in covered]
        assert all(text[i].isspace() for i in left)
