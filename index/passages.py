"""Brief to passages: whole sentences of one paragraph, small enough for the embedder. Pure."""

import re
from collections.abc import Callable, Iterator
from functools import cache

import nupunkt

from index.errors import BriefUnreadable
from index.types import Brief, Passage

# Abbreviations of military and diplomatic prose that nupunkt's own list lacks.
_ABBREVIATIONS = ("lt", "col", "maj", "capt", "cmdr", "sgt", "brig", "adm", "amb", "mt", "para", "approx")

_LONGEST_WORD = 300
"""Characters; a web address may have as many."""
_CUT = 100
_MOST_CHARS = 20
"""A word piece has about 4 characters; a range with more than this for each piece is cut anyway."""


@cache
def _splitter() -> nupunkt.PunktSentenceTokenizer:
    splitter = nupunkt.load("default")
    for word in _ABBREVIATIONS:
        splitter.add_abbreviation(word)
    return splitter


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Half-open character ranges of the sentences of `text`, in order, without white space around them."""
    spans = []
    for first, last in _prose(text):
        for start, end in _splitter().span_tokenize(text[first:last]):
            sentence = text[first + start : first + end]
            start += first + len(sentence) - len(sentence.lstrip())
            end = start + len(sentence.strip())
            if end > start:
                spans.append((start, end))
    return spans


def _prose(text: str) -> Iterator[tuple[int, int]]:
    """The ranges of `text` between words far too long, each of which is one by itself: nearly always all of it.

    The splitter takes time by the square of the length of a word with many full stops.
    """
    at = 0
    if len(text) > _LONGEST_WORD and max(map(len, text.split()), default=0) > _LONGEST_WORD:
        for word in re.finditer(r"\S+", text):
            if word.end() - word.start() > _LONGEST_WORD:
                yield at, word.start()
                yield from ((n, min(n + _CUT, word.end())) for n in range(*word.span(), _CUT))
                at = word.end()
    yield at, len(text)


def split_into_passages(brief: Brief, count_tokens: Callable[[str], int], max_tokens: int) -> list[Passage]:
    """The passages of `brief` in order; together they hold every sentence of every paragraph once.

    A paragraph that fits is one passage. A longer one is cut between sentences into parts of about
    equal length, for an even cut leaves no stump that says too little to be found; a sentence that
    does not fit by itself is cut between words, and a word between characters.

    Args:
        brief: The brief.
        count_tokens: The embedder's word pieces of a text, special tokens not counted.
        max_tokens: The most word pieces of header and text together.

    Raises:
        BriefUnreadable: The header alone leaves no room for text.
    """
    room = max_tokens - count_tokens(brief.header) - 1
    if room < 16:
        raise BriefUnreadable(
            f"{brief.source}: its title takes {count_tokens(brief.header)} of the {max_tokens} word pieces of a "
            "passage; shorten the title line"
        )
    passages = []
    for paragraph in brief.paragraphs:
        text = brief.text[paragraph.start : paragraph.end]
        for start, end in _pack(text, sentence_spans(text), count_tokens, room):
            start, end = paragraph.start + start, paragraph.start + end
            passages.append(Passage(brief.id, paragraph.number, start, end, brief.text[start:end], brief.header))
    return passages


def _pack(
    text: str, sentences: list[tuple[int, int]], count_tokens: Callable[[str], int], room: int
) -> list[tuple[int, int]]:
    """Runs of sentences of at most `room` tokens, as ranges of `text`."""
    if not sentences:
        return []
    if _fits(text, sentences[0][0], sentences[-1][1], count_tokens, room):
        return [(sentences[0][0], sentences[-1][1])]
    pieces = [p for s in sentences for p in _halves(text, *s, count_tokens, room)]
    sizes = [count_tokens(text[a:b]) for a, b in pieces]
    n_parts = -(-sum(sizes) // room)
    while True:
        target = sum(sizes) / n_parts
        parts = [pieces[0]]
        filled = sizes[0]
        for piece, size in zip(pieces[1:], sizes[1:], strict=True):
            whole = count_tokens(text[parts[-1][0] : piece[1]])
            if whole > room or filled + size / 2 > target * len(parts):
                parts.append(piece)
            else:
                parts[-1] = (parts[-1][0], piece[1])
            filled += size
        if len(parts) >= n_parts or n_parts > len(pieces):
            return parts
        n_parts += 1


def _halves(text: str, start: int, end: int, count_tokens: Callable[[str], int], room: int) -> list[tuple[int, int]]:
    """The range itself if it fits, else its halves, cut at the space (or character) nearest the middle."""
    if end - start < 2 or _fits(text, start, end, count_tokens, room):
        return [(start, end)]
    middle = (start + end) // 2
    cut = text.rfind(" ", start + 1, middle + 1)
    left, right = (cut, cut + 1) if cut > start else (middle, middle)
    return _halves(text, start, left, count_tokens, room) + _halves(text, right, end, count_tokens, room)


def _fits(text: str, start: int, end: int, count_tokens: Callable[[str], int], room: int) -> bool:
    """Whether the range has at most `room` tokens; those of one far too long, perhaps megabytes, are not counted."""
    return end - start <= _MOST_CHARS * room and count_tokens(text[start:end]) <= room
