"""Words of a question that no brief holds, read as the word of the briefs that was meant."""

import re
from collections import Counter
from collections.abc import Callable

from rapidfuzz.distance import OSA

from index.store import Store

_WORD = re.compile(r"[^\W\d_]+")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»")
_SHORTEST = 5
"""Letters: a shorter word has too many neighbours to guess at."""
_ENDING = re.compile(r"(?:ers?|ed|ing)$", re.IGNORECASE)
_ENDINGS = 2
"""A word that is one of the briefs’ with so many letters more is another form of it (“Uskaran”, “whats”)."""
_ALIKE = str.maketrans("eiouyckz", "aaaaasss")
"""Letters taken for each other: vowels, and those that sound like s or k."""
_LOOKED_AT = 50
"""Passages with a word spelt nearly so: enough that the more frequent of several such words shows."""


def correct(question: str, store: Store, count_tokens: Callable[[str], int]) -> str:
    """`question` with its misspelt words read as words of the briefs; as it is when nothing is misspelt.

    A word is taken for misspelt when no brief holds it in any form and a language model's vocabulary does not hold it
    either; what stands in quotation marks never is. It is read as the word of the briefs that one slip makes it of; of
    several such words, the one found in more passages.

    Args:
        question: As it was typed.
        store: The briefs.
        count_tokens: Word pieces of a text (`Embedder.count_tokens`): a word of one piece is in the vocabulary.
    """
    quoted = [match.span() for match in _QUOTED.finditer(question)]
    parts: list[str] = []
    done = 0
    for match in _WORD.finditer(question):
        word = match[0]
        if len(word) < _SHORTEST or any(start <= match.start() < end for start, end in quoted):
            continue
        if store.knows(word) or _is_english(word, count_tokens):
            continue
        meant = _nearest(word, store)
        if meant:
            parts += [question[done : match.start()], meant]
            done = match.end()
    return "".join([*parts, question[done:]])


def _is_english(word: str, count_tokens: Callable[[str], int]) -> bool:
    """Whether the vocabulary holds `word`, or the word that it is made of with a common ending (“funder”)."""
    ending = _ENDING.search(word)
    stems = [word, word[: ending.start()]] if ending and ending.start() >= _SHORTEST - 1 else [word]
    return any(count_tokens(stem) <= 1 for stem in stems)


def _nearest(word: str, store: Store) -> str | None:
    """The word of the briefs that is nearest to `word`, as it is written there; None where none is near."""
    typed = word.casefold()
    written: dict[str, Counter[str]] = {}
    for passage in store.passages_like(word, _LOOKED_AT):
        for there in set(_WORD.findall(passage.headed_text)):
            folded = there.casefold()
            if _slipped(typed, folded):
                written.setdefault(folded, Counter())[there] += 1
    if not written or any(typed.startswith(there) and len(typed) - len(there) <= _ENDINGS for there in written):
        return None
    meant = min(written, key=lambda there: (-written[there].total(), there))
    # A word that begins a sentence or a title has a capital of theirs; a name has its own wherever it stands.
    return meant if meant in written[meant] else written[meant].most_common(1)[0][0]


def _slipped(typed: str, meant: str) -> bool:
    """Whether `typed` is `meant` but for one slip: a letter left out, added or taken for one like it, or two swapped.

    Not another first letter, nor another consonant in the place of one, which makes another word far more often than a
    slip (“recuse” is not “refuse”).
    """
    one, other = typed.translate(_ALIKE), meant.translate(_ALIKE)
    if one[0] != other[0] or OSA.distance(typed, meant) != 1:
        return False
    return len(typed) != len(meant) or one == other or sorted(typed) == sorted(meant)
