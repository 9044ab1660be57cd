"""The other items of an enumeration, found from one of them by commas, semicolons and “and”. Pure.

“the <ministry>, the council and two unions met” gives the council and the two unions. There is no grammar here: where
it is not plain what is enumerated and where an item ends, nothing is found. Every range is in characters of the text.
"""

import re

from index.passages import sentence_spans
from qa.phrases import DETERMINER, NAME, SENTENCE_END, Range, is_noun_phrase

_LONGEST = 45
"""Words of an item between semicolons."""
_STOPS = re.compile(
    r" (?:is|are|was|were|be|been|has|have|had|do|does|did|will|would|can|could|may|might|must|shall|should|not|never"
    r"|who|whom|whose|which|that|where|when|while|because|if|unless|but|than|as|in|on|at|by|for|from|to|with|without"
    r"|under|over|after|before|since|until|through|during|against|about|into|met|said|say|says|want|wants|own)\b.*",
    re.S,
)
"""Where the last item ends at the latest: nothing that opens a clause or says where and when belongs to it."""
_VERB = re.compile(
    r"(?<=[\w’] )(?<!ly )(?<!\bthe )(?<!\ban )(?<!\ba )(?<!\bits )(?<!\bof )[a-z]{2,}ed"
    r"(?:$| (?:the|an?|its?|them|their|that|so|him|her|this)\b.*)"
)
"""“two unions ‹objected›”"""
_BOUNDARY = r";:—–()“”\"!?"
_LEAD = re.compile(r"\s*(?:(?:and|or)\s+)?(?:\(?\w{1,3}\)\s*)?(?:(?:first|second|third|fourth|last|final)(?:ly)?,\s+)?")
"""What stands before an item and is no part of it: “and”, “(2)”, “secondly,”."""
_JOINS = re.compile(r",? (?:and|or|as well as) |, ")
_LAST_JOIN = re.compile(r",? (?:and|or|nor|as well as) ")
_CLAUSE = re.compile(r"\b(?:is|are|was|were|be|has|have|had|will|would|can|could|may|might|must|should)\b")
_ANNOUNCES = re.compile(r"(?:[\w-]+ ){0,4}(?:both|two|three|four|five|six|seven|eight|nine|ten)\b", re.I)
_NO_ITEM = re.compile(r"(?:with|without|in|at|on|from|which|who|whose|that|then|thus|so|therefore|it|they|not)\b")
_APPOSED = re.compile(r"(?:an?|his|her|its|their|then|now|formerly) |the (?:son|daughter|head|author|owner|widow)\b")
_SENTENCE = re.compile(r"(?:they|he|she|it|we|i|you|this|there)\b", re.I)
"""Behind a semicolon, the beginning of a sentence."""
_REST = re.compile(r"(?:the |an)?(?:rest|others?)\b|so (?:on|forth)\b", re.I)
_FIRST_ITEM = re.compile(
    rf"(?:\b{DETERMINER} (?:(?!(?:in|at|to|from|for|with|on|by)\b)[\w’'&-]+ ){{0,4}}?[\w’'&.-]+"
    rf"|(?:\b{NAME} (?:(?:of|and|&) )?)*\b{NAME})$"
)


def siblings(text: str, start: int, end: int) -> list[Range]:
    """The other items of the enumeration of which `text[start:end]` is an item, or are several; in their order."""
    touched = [(a, b) for a, b in sentence_spans(text) if a < end and b > start]
    if len(touched) != 1:
        return []
    first, last = touched[0]
    said = re.sub(r"\s", " ", text[first:last])
    if cut := SENTENCE_END.search(said, end - first):
        said = said[: cut.end()]
    found = _between_semicolons(said, start - first, end - first) or _between_commas(said, start - first, end - first)
    return [(first + a, first + b) for a, b in found]


def holds_several(words: str) -> bool:
    """Whether `words` seem to be an enumeration by themselves, or the rest of one."""
    *joined, last = _LAST_JOIN.split(re.sub(r"\s", " ", words))
    return ";" in words or (bool(joined) and not _NO_ITEM.match(last))


def _between_semicolons(said: str, start: int, end: int) -> list[Range]:
    """Items parted by semicolons behind a colon."""
    colon = max(said.rfind(": ", 0, start), said.rfind(": ", 0, said.find(";") + 1))
    if colon < 0 or colon > start or ";" not in said[colon:]:
        return []
    pieces = []
    at = colon + 1
    for piece in said[at:].split(";"):
        begin = at + _end_of(_LEAD.match(piece))
        stop = at + len(piece.rstrip(' .”"'))
        pieces.append((begin, stop))
        at += len(piece) + 1
    if any(not 0 < len(said[a:b].split()) <= _LONGEST or _SENTENCE.match(said[a:b]) for a, b in pieces):
        return []
    return [(a, b) for a, b in pieces if b <= start or a >= end]


def _between_commas(said: str, start: int, end: int) -> list[Range]:
    """Items parted by commas, and by “and” before the last."""
    own = said[start:end]
    before, after = _before(said, start), _after(said, end)
    # “A and B” of which both are given is whole; what has a verb is a clause, and “and” begins another one.
    if before is None or after is None or not (before or after) or _LAST_JOIN.search(own) or _CLAUSE.search(own):
        return []
    items = [*before, (start, end), *after]
    joins = [said[b:a] for (_, b), (a, _) in zip(items, items[1:], strict=False)]
    if not _LAST_JOIN.fullmatch(joins[-1]) or (len(joins) == 1 and joins[0].startswith(",") and ", " not in own):
        return []  # “A, and B” are two clauses more often than two items
    if before and _ANNOUNCES.match(said[slice(*before[0])]):  # “three donors, A, B and C”
        del before[0]
    words = [said[a:b] for a, b in (*before, *after)]
    named = bool(re.search(rf"\b{NAME}$", own))
    apposed = named and any(map(_APPOSED.match, words))  # “Ana Brook, a judge and the owner of a boat”
    return [*before, *after] if not apposed and all(map(_is_item, words)) else []


def _after(said: str, end: int) -> list[Range] | None:
    """Items behind `end`; None where what follows is no enumeration as far as can be seen."""
    region = re.split(rf"[{_BOUNDARY}]|\.$", said[end:])[0]
    found: list[Range] = []
    at = 0
    while (join := _JOINS.match(region, at)) is not None:
        is_last = bool(_LAST_JOIN.fullmatch(join[0]))
        begin = join.end()
        following = _JOINS.search(region, begin)
        stop = following.start() if following and not is_last else len(region)
        words = region[begin:stop]
        if is_last:
            words = _STOPS.sub("", re.split(r", ", words)[0]).rstrip(" .")
            verb = _VERB.search(words)
            words = words[: verb.start()].rstrip() if verb else words
        if not words:
            return []
        found.append((end + begin, end + begin + len(words)))
        if is_last:
            return found
        at = stop
    return []


def _before(said: str, start: int) -> list[Range] | None:
    """Items before `start`, in their order."""
    first = max((m.end() for m in re.finditer(rf"[{_BOUNDARY}] ?", said[:start])), default=0)
    region = said[first:start]
    joins = list(_JOINS.finditer(region))
    if not joins or joins[-1].end() != len(region):
        return []
    found: list[Range] = []
    for n in range(len(joins) - 1, -1, -1):
        begin = joins[n - 1].end() if n else 0
        words = region[begin : joins[n].start()]
        if n and _is_item(words):
            found.insert(0, (first + begin, first + joins[n].start()))
            continue
        head = _FIRST_ITEM.search(words)
        if head is None:
            return None
        found.insert(0, (first + begin + head.start(), first + joins[n].start()))
        break
    return found


def _is_item(words: str) -> bool:
    return len(words.split()) <= 12 and is_noun_phrase(words) and not _REST.match(words)


def _end_of(match: re.Match[str] | None) -> int:
    return match.end() if match else 0
