"""Words of a question that no brief holds, read as the word of the briefs that was meant."""

import re
from collections import Counter
from collections.abc import Callable

from rapidfuzz.distance import OSA

from index.store import Store

_WORD = re.compile(r"[^\W\d_]+")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»")
_LOOKED_AT = 50
"""Passages with a word spelt nearly so: enough that the more frequent of several such words shows."""


def edits_allowed(word: str) -> int:
    """How many letters may be wrong in `word`: a short one has too many neighbours to guess at."""
    return 0 if len(word) < 5 else 1 if len(word) < 9 else 2


def correct(question: str, store: Store, count_tokens: Callable[[str], int]) -> str:
    """`question` with its misspelt words read as words of the briefs; as it is when nothing is misspelt.

    A word is taken for misspelt when no brief holds it in any form and a language model's vocabulary does not hold it
    either; what stands in quotation marks never is. It is read as the nearest word that begins with the same letter, of
    equally near ones as the one found in more passages.

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
        allowed = edits_allowed(word)
        if not allowed or any(start <= match.start() < end for start, end in quoted):
            continue
        if store.knows(word) or count_tokens(word) <= 1:
            continue
        meant = _nearest(word, allowed, store)
        if meant:
            parts += [question[done : match.start()], meant]
            done = match.end()
    return "".join([*parts, question[done:]])


def _nearest(word: str, allowed: int, store: Store) -> str | None:
    """The word of the briefs that is nearest to `word`, as it is written there; None where none is near."""
    typed = word.casefold()
    written: dict[str, Counter[str]] = {}
    for passage in store.passages_like(word, allowed, _LOOKED_AT):
        for there in set(_WORD.findall(passage.headed_text)):
            folded = there.casefold()
            if folded[0] == typed[0] and OSA.distance(typed, folded, score_cutoff=allowed) <= allowed:
                written.setdefault(folded, Counter())[there] += 1
    if not written:
        return None
    meant = min(written, key=lambda there: (OSA.distance(typed, there), -written[there].total(), there))
    # A word that begins a sentence or a title has a capital of theirs; a name has its own wherever it stands.
    return meant if meant in written[meant] else written[meant].most_common(1)[0][0]
