"""Whether a question asks for several things, as far as its words tell. Pure.

There is no grammar here, only forms: “which bodies objected”, “what are the three reasons”, “name the ministers who”,
and “who”, where one or several may be meant. What does not plainly ask for several asks for one.
"""

import re
from dataclasses import dataclass

NUMBERS = {word: n for n, word in enumerate("two three four five six seven eight nine ten eleven twelve".split(), 2)}
_NUMBER = rf"(?P<number>{'|'.join(NUMBERS)}|[2-9]|1[0-2])"
_SOME = r"(?:both|several|various|different|other|main|all)"
_DETERMINER = r"(?:the|his|her|its|their|(?:[\w.-]+ ){0,3}?[\w-]+(?:['’]s|s['’]))"
_PREPOSITION = r"(?:(?:in|to|from|by|for|with|at|of|under|against|between|on|into) )?"
_FOLLOWS = re.compile(
    r"(?:did|do|does|are|were|have|has|had|would|will|should|could|can|must|may|might|[a-z]{2,}ed"
    r"|made|gave|took|won|lost|said|led|set|met|held|sold|bought|built|chose|fell|fought|found|got|kept|left|paid|put"
    r"|ran|sent|spent|spoke|stood|told|went|wrote"
    r"|apply|back|benefit|buy|divide|exist|face|make|need|oppose|produce|provide|refuse|remain|say|sell|support|supply"
    r"|threaten|use|want)$"
)
"""What stands behind the whole of a subject, or of an object before its own subject."""
_PLURAL = r"(?P<noun>[\w-]*[a-z]s|people|men|women|children|criteria|phenomena)"
_WHICH = re.compile(rf"{_PREPOSITION}(?P<wh>which|what) (?:{_NUMBER} |{_SOME} )?(?P<rest>.+)")
_NOUN = re.compile(rf"{_PLURAL}(?: of (?:[\w-]+ ){{0,2}}?[\w-]+)??(?= (?P<next>(?!of )\S+)|$)")
_ARE = re.compile(
    rf"(?:which|what) (?:are|were) {_DETERMINER} (?:{_NUMBER} |{_SOME} )?(?P<between>(?:[\w’'-]+ ){{0,2}}?){_PLURAL}"
    r"(?=\s|$)(?!.* (?:about|like|called|worth|of|for|to|with|in|on|by|from|do|doing)$"
    r"|.* (?:supposed|advised|meant|expected|asked|told|forced|allowed|able) to\b)"
)
_NAME = re.compile(
    r"(?:please )?(?:name|list|enumerate)(?: me)? (?:all |both )?(?:of )?(?:the |any )?"
    rf"(?:{_NUMBER} |{_SOME} )?(?:of the )?"
    rf"(?P<between>(?:[\w’'-]+ ){{0,2}}?){_PLURAL}(?=\s|$)"
)
_WHO = re.compile(
    r"(?:and |so )?who(?:m did)? (?:(?!(?:is|was|has|does|am|s|the|of)\b)\S"
    r"|(?:is|was|has|had) (?:been )?(?:[a-z]{2,}ed|made|given|taken|won|said|told|written)\b)"
)
_WHO_ARE = re.compile(
    r"who (?:are|were) (?:the|his|her|its|their|all)\b(?!.* (?:to|for|by|with|of|from)\b(?: \w+){0,2}$)"
    r"|who (?:else|all)\b"
)

_NO_PLURAL = re.compile(
    r".*(?:ss|us|is|(?<!crit)(?<!top)(?<!clin)(?<!fabr)(?<!republ)(?<!tact)(?<!mechan)ics)$"
    r"|(?:was|has|does|as|news|series|means|species|gas|bias|atlas|alias|lens|texas|headquarters|crossroads|always"
    r"|perhaps|besides|across|towards|upwards|afterwards|sometimes)$"
)
"""Singulars and other words in “s”."""
_NO_LIST = frozenset(
    "odds wages funds savings results effects consequences circumstances relations arms goods figures words amounts "
    "numbers times days weeks months years hours minutes views thoughts feelings prospects chances affairs talks terms "
    "grounds lengths powers rights losses damages proceeds earnings costs thanks remains kinds sorts types".split()
)
"""Plurals that mean one thing, or are answered by one."""
_VERBS = frozenset(
    "owns pays runs makes takes gets holds says wants needs leads heads chairs sells buys keeps gives lies stands sits "
    "goes comes covers mans allows requires forbids governs happens matters counts remains prevents divides stops "
    "drives means begins ends follows separates worries provides produces carries serves depends belongs".split()
)
"""Verbs that, behind a noun, could be taken for a second noun: “which firm pays”."""
_NOT_BETWEEN = re.compile(
    r"(?:did|do|does|is|are|was|were|has|have|had|would|will|should|could|can|must|may|might|the|an?|this|that|these"
    r"|those|his|her|its|their|of|in|on|at|to|from|by|for|with|about|if|else|who|which|what|[\w-]+['’]s|[\w-]+s['’]"
    r"|[a-z]{3,}ed)$"
)


@dataclass(frozen=True, slots=True)
class Several:
    """How a question asks for several things."""

    surely: bool
    """False for “who …”, which may mean one."""
    at_most: int | None = None
    """The number that it tells: “which three bodies”."""


def asks_for_several(question: str) -> Several | None:
    """How `question` asks for several things; None where it asks for one, or one cannot tell."""
    words = " ".join(question.lower().replace("'s", "’s").split()).strip(" ?!.")
    last = re.split(r"[.?!] ", words)[-1]
    for form, asks in ((_ARE, _asks_by_name), (_NAME, _asks_by_name), (_WHICH, _asks_which)):
        if (match := form.match(last)) and asks(match):
            number = match["number"]
            return Several(True, (NUMBERS.get(number) or int(number)) if number else None)
    if _WHO_ARE.match(last):
        return Several(True)
    return Several(False) if _WHO.match(last) else None


def _is_plural(noun: str, before: str) -> bool:
    """Whether `noun` is one, behind such words as can stand between it and its article or number."""
    return not (_NO_PLURAL.match(noun) or noun in _NO_LIST or any(map(_NOT_BETWEEN.match, before.split())))


def _asks_by_name(asked: re.Match[str]) -> bool:
    return _is_plural(asked["noun"], asked["between"])


def _asks_which(asked: re.Match[str]) -> bool:
    """Whether “which” or “what” is followed by a plural noun that is the whole of what it asks for."""
    rest = asked["rest"].split(" ")
    for n in range(min(4, len(rest))):
        noun = _NOUN.match(" ".join(rest[n:]))
        if not noun or not _is_plural(noun["noun"], " ".join(rest[:n])):
            continue
        if asked["number"]:
            return True
        follows = _FOLLOWS.match(noun["next"] or "")
        # “which states oppose”: right after “which” a plural is a noun for certain; “what stops” is not.
        if noun["noun"] not in _VERBS and (follows or (asked["wh"] == "which" and not n)):
            return True
    return False
