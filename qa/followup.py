"""Questions that lean on the one before: “and what did he recommend?”, “what about Moon?”. Pure."""

import re

from qa.types import Reply
from qa.words import content_words

_WORD = re.compile(r"[^\W_]+(?:[-’'.](?=\w)[^\W_]+)*")
_PRONOUN = re.compile(r"\b(?:he|she|they|it|him|them|her|his|their|its)\b", re.IGNORECASE)
_POSSESSIVES = frozenset({"his", "their", "its"})
_LEAD = re.compile(r"(?:and|but|so|then|also|ok|okay|well)\b[\s,]*", re.IGNORECASE)
_ABOUT = re.compile(r"(?:what|how)\s+about\s+(?P<name>.+?)\s*[?.!]*", re.IGNORECASE | re.DOTALL)
_OF = re.compile(r"’s?$|'s?$")
_NAME_LINKS = frozenset({"of", "the", "for", "de", "van", "von", "and"})
_LONGEST_NAME = 6


def resolve(question: str, before: Reply) -> str:
    """`question` with what it leans on put in from the question and answer before; as it is when it stands by itself.

    A pronoun is filled only where the question names nobody before it, and only with a name: the answer before, if
    that was asked for with “who”, else the name in the question before, as the passages read for it write it. “What
    about …?” asks the question before of another name.
    """
    asked = before.understood or before.question
    name = _named_in(asked, before)
    if about := _ABOUT.fullmatch(_LEAD.sub("", question.strip(), count=1)):
        if name is None or len(about["name"].split()) > _LONGEST_NAME:
            return question
        start, end, _ = name
        return f"{asked[:start]}{about['name']}{asked[end:]}"
    pronoun = _PRONOUN.search(question)
    if pronoun is None or not _leans(question[: pronoun.start()]):
        return question
    meant = _who_answered(asked, before) or (name[2] if name else None)
    if meant is None:
        return question
    after = question[pronoun.end() :]
    word = pronoun[0].casefold()
    # “her” before a noun is possessive: “what was her answer”, but “who criticised her in public”.
    following = _WORD.match(after.lstrip())
    possessive = word in _POSSESSIVES or (word == "her" and following is not None and bool(content_words(following[0])))
    return f"{_LEAD.sub('', question[: pronoun.start()].lstrip(), count=1)}{_of(meant) if possessive else meant}{after}"


def _leans(opening: str) -> bool:
    """Whether what comes before a pronoun names nobody: at most a verb, and no capital after the first word."""
    words = _WORD.findall(_LEAD.sub("", opening.lstrip(), count=1))
    return len(content_words(opening)) <= 1 and not any(word[0].isupper() for word in words[1:])


def _who_answered(asked: str, before: Reply) -> str | None:
    """The answer before, where a name was asked for and a name it is."""
    if not before.found or before.n_listed > 1 or not re.match(r"(?:\W*\w+\W+)?who\b", asked, re.IGNORECASE):
        return None
    words = _WORD.findall(before.answers[0].text)
    capitals = sum(word[0].isupper() for word in words)
    return before.answers[0].text if len(words) <= _LONGEST_NAME and 0 < capitals >= len(words) - 1 else None


def _named_in(asked: str, before: Reply) -> tuple[int, int, str] | None:
    """The first name in the question before: where it stands there, and how the passages read for it write it."""
    texts = [answer.citation.passage for answer in before.answers if before.found]
    texts += [passage.text for passage in before.passages]
    words = list(_WORD.finditer(asked))
    for first, match in enumerate(words):
        if not _as_name(_OF.sub("", match[0]), texts):
            continue
        last = first
        for further in range(first + 1, min(first + _LONGEST_NAME, len(words))):
            if _as_name(" ".join(w[0] for w in words[first : further + 1]), texts):
                last = further
        the = "the " if first and words[first - 1][0].casefold() == "the" else ""
        written = the + _written(words, first, last, texts)
        return match.start(), words[last].end() - len(_end_of(words[last][0])), written
    return None


def _end_of(word: str) -> str:
    found = _OF.search(word)
    return found[0] if found else ""


def _written(words: list[re.Match[str]], first: int, last: int, texts: list[str]) -> str:
    phrase = _OF.sub("", " ".join(word[0] for word in words[first : last + 1]))
    return _as_name(phrase, texts) or phrase


def _as_name(phrase: str, texts: list[str]) -> str | None:
    """`phrase` as a text writes it in the midst of a sentence, each word that is not a link with a capital; or None."""
    if not content_words(phrase):
        return None
    pattern = re.compile(rf"(?<=[a-z,;’”] )\b{re.escape(phrase)}\b", re.IGNORECASE)
    for text in texts:
        for match in pattern.finditer(text):
            found = match[0].split()
            if found[0][0].isupper() and all(word[0].isupper() or word in _NAME_LINKS for word in found):
                return match[0]
    return None


def _of(name: str) -> str:
    return f"{name}’" if name.endswith("s") else f"{name}’s"
