"""The words that say what a text is about. Pure."""

import re

_WORD = re.compile(r"\w+")
_FUNCTION_WORDS = frozenset(
    "a about also an and any are as at be because been but by can could did do does for from had has have he her "
    "his how i if in is it its many much of on or s she so than that the their them then there they this to was we "
    "were what when where which who whom whose why will with would you your".split()
)


def content_words(text: str) -> set[str]:
    """The different words of `text`, case-folded, without those that only hold a sentence together."""
    return {word for word in _WORD.findall(text.casefold()) if word not in _FUNCTION_WORDS}
