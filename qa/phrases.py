"""Noun phrases that name who says something, as far as words, capitals and commas tell them. Pure.

There is no grammar here, only patterns: what does not plainly name somebody is no name. Every range is in characters of
the sentence given, in which each white-space character is a blank.
"""

import re

Range = tuple[int, int]
"""Half-open range of characters."""

_UPPER = "".join(character for character in map(chr, range(0x250)) if character.isupper())
DETERMINER = (
    r"(?:[Tt]he|[Aa]n?|[Ii]ts|[Hh]is|[Hh]er|[Tt]heir|[Oo]ur|[Yy]our|[Mm]y|[Tt]h[eo]se|[Bb]oth|[Oo]ne|[Tt]wo|[Tt]hree"
    r"|[Ff]our|[Ff]ive|[Ss]ix|[Ss]ome|[Ss]everal|[Mm]any|[Mm]ost|[Aa]nother|\d[\d,]*)"
)
NAME = rf"(?!(?:The|An?|Its|His|Her|Their|Our)\b)(?:al-|el-)?[{_UPPER}][\w’'.-]*"
SENTENCE_END = re.compile(rf"\b[a-z]{{2,}}[.!?][”\"]?(?= [{_UPPER}“])")
"""Where a sentence ends though its last word can be an abbreviation: “The ministry says no. Its”."""

MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_BODIES = (
    "ministry|government|administration|council|court|commission|committee|company|union|federation|department|office"
    "|board|panel|agency|authority|party|bank|university|inquiry|review|report|survey|institute|group|association"
    "|secretariat|parliament|delegation|embassy|army|police|audit|tribunal|inquest"
)
_ROLES = (
    "minister|president|chairman|chairwoman|director|mayor|governor|ambassador|spokesman|spokeswoman|commander|rector"
)
_TITLE = (
    r"(?:(?:Mr|Ms|Mrs|Dr|Gen|Col|Lt|Adm|Capt|Maj|Sgt|Rep|Sen|Gov|Amb)\.|Prime|Foreign|Finance|Justice|Minister"
    r"|President|First(?= Deputy)|Senator|Representative|Governor|Mayor|Judge|Ambassador|Captain|Colonel|General"
    r"|Commissioner|Chancellor|Deputy|Secretary|Professor|Bishop|Superintendent|Councillor|Chief|Queen|King|Lady|Lord"
    r"|Sir|Dame)"
)
_NO_FIRST_NAME = (
    "Tribunal|Court|Council|Bank|Party|Union|Act|States|Sea|Law|International|National|University|Treaty|Board|Fund"
    "|Association|Committee|Commission|Agency|Street|Bay|Port|River|Island|Islands|San|New|North|South|East|West|United"
    "|Ministry|Authority|Institute|Parliament|Congress|Government|Assembly|Agreement|Convention|Project|Complex|Mt\\."
    f"|{MONTHS}|On|In|At|By"
)
_ONE_NAME = rf"(?!(?:{_NO_FIRST_NAME})\b){NAME}"
_PERSON = re.compile(rf"\b{_TITLE} {NAME}|\b{_ONE_NAME} (?:[a-z]{{2,3}} )?{_ONE_NAME}(?! (?:{_NO_FIRST_NAME})\b)")
_AGENT = "(?:er|or|ent|ant|ary|ist|man|woman|chair|chief|head)"
_TITLED = re.compile(
    rf"(?:{DETERMINER} (?:(?!by|of|from|to|with)[a-z]+ ){{0,3}}?[a-z]*{_AGENT}, )?"
    rf"(?:{_TITLE} )+{NAME}(?: {NAME})*(?<!\.)"
)
_FEMALE = re.compile(r"\b(?:Ms\.|Mrs\.|Queen|Lady|Dame)")
_MALE = re.compile(r"\b(?:Mr\.|King|Lord|Sir)")

_SOURCE = re.compile(
    rf" (?!(?:{MONTHS})\b){NAME}|^(?:{NAME}$|{NAME}, |[\w-]+['’]s )"
    rf"|(?:{_BODIES}|{_ROLES}|poll|paper|letter|memo|note|figures|study|estimates?|data|records?|minutes|officials?"
    r"|diplomats?|witness(?:es)?|experts?|people|lawyers?|engineers?|economists?|researchers?|statistics|accounts?"
    r"|auditors?|ministers?|sources?|manifests?|documents?|newspapers?|residents?)\b"
)
_NO_SOURCE = re.compile(r"\b(?:plan|schedule|rules?|law|terms|key|formula|needs?|size|custom)\b")
"""Things that happen “according to” them, but that say nothing."""

_BREAK = (
    r"[;:—–“”\"] ?|\((?![\w.-]{1,9}\))|(?<![A-Z.])\) ?"  # “(FATF)” and “(ret.)” belong to the name
    r"|, (?:and|but|yet|while|whereas|so|or|because|though|although|for|as|after|before|until|unless) "
)
_BEFORE_SUBJECT = re.compile(
    rf"{_BREAK}| (?:that|because|if|whether|when|while|(?<!such )as|where|what|how|why|which) "
)
_BEFORE_APPOSED = re.compile(rf"{_BREAK}| (?:that|because|if|whether|when|while) ")
"""What a subject, seen from its verb, cannot reach across; an apposition may hold a “which” or an “as”."""
_OPENERS = re.compile(
    r"(?:(?:And|But|Yet|Still|So|Even|Thus|Then|Now|and|but|yet|then|now|nor)\b,? )?"
    r"(?:(?:Instead|However|Meanwhile|Today|Yesterday|Finally|Again|Nevertheless|Nonetheless|Moreover|Abroad|Here|Later"
    r"|First|Second|Third|Fourth|Last|Unsurprisingly|Predictably|Politically|Officially|Privately|Publicly), )?"
    r"(?:(?:(?:In|On|By|Since|Until|in|on|by) (?:early |late |mid-)?"
    rf"(?:(?:{MONTHS})(?: \d{{1,2}})?(?:,? \d{{4}})?"
    r"|\d{4}|the (?:spring|summer|autumn|fall|winter)(?: of \d{4})?)"
    r"|(?:Last|This|last|this) (?:week|month|year|spring|summer|autumn|fall|winter|[A-Z][a-z]+)"
    r"|The (?:next|following|same) (?:day|week|month|year)"
    r"|(?:\w+ )?\w+ (?:days|weeks|months|years) (?:later|ago|earlier)),? )?"
)
"""Words before a subject that say how, or when."""
_PREPOSITIONS = frozenset("in on at to for from with under by".split())
_NO_NOUN = frozenset(
    "is are was were be been being has have had do does did will would can could may might must shall should not never "
    "no nobody nothing none that which who whom whose what when where why how if because although though while than as "
    "according there it he she they we i i'd i’d i'm i’m i've i’ve you him them us me himself herself nor or everyone "
    "anybody anyone somebody someone something everything after before since during until within despite without "
    "into about likes wants want".split()
)
_NO_FIRST = _NO_NOUN | _PREPOSITIONS | {"this", "like", "ahead"}
_NO_LAST = _PREPOSITIONS | frozenset(
    "of and or but the a an its his her their our your own percent other others some many most several both as".split()
)
_CONTRACTED = re.compile(r"[’'](?:ll|d|ve|re|m)\b")
_DID = re.compile(r"\b[a-z]{3,}ed (?:to|[a-z]+ly)\b")
_GERUND = re.compile("[A-Z][a-z]+ing")
_INTERJECTIONS = frozenset(
    ("however", "meanwhile", "too", "though", "instead", "likewise", "by contrast", "in turn", "of course")
) | {f"for {whose} part" for whose in ("his", "her", "its", "their")}
_AFTER_NOUN = (
    r"(?= (?!(?:led|of|in|for|from|at|on|by|with|to|and|or|who|that|which|[a-z]+ed by"
    r"|spokes[a-z]+|officials?|lawyers?|leaders?|members?|reports?|figures?)\b)[a-z])"
)
"""What stands behind the whole of a name: another word, but none that goes on with it."""


def is_noun_phrase(words: str) -> bool:
    """Whether `words` can name or describe somebody, and are nothing else as far as can be seen."""
    parts = words.lower().split()
    if not 1 <= len(parts) <= 14 or not re.fullmatch(r"[\w’'.&() -]+", words):
        return False
    if _CONTRACTED.search(words) or _GERUND.fullmatch(words):
        return False
    if parts[0] in _NO_FIRST or not _NO_NOUN.isdisjoint(parts):
        return False
    if parts[-1] in _NO_LAST or parts[-1].endswith(("'s", "’s", "'", "’")) or _DID.search(words):
        return False
    return bool(
        re.match(rf"{DETERMINER} .|{NAME}", words)
        or re.fullmatch(r"(?:[a-z]+ )?[a-z]{3,}s(?: (?:in|at|of|from) .+)?", words)
    )


def can_be_source(words: str) -> bool:
    """Whether a noun phrase names people, an institution or a document, and not some other thing."""
    return bool(_SOURCE.search(words)) and not _NO_SOURCE.search(words)


def subject_before(said: str, end: int) -> Range | None:
    """The subject whose verb begins at `end`: a noun phrase with its appositions, or “he”, “she”, “it”."""
    first = _subject_limit(said, end)
    opener = _OPENERS.match(said[first:end].rstrip())
    first += opener.end() if opener else 0
    region = said[first:end].rstrip()
    if region.endswith(", who"):
        name = re.search(
            rf"(?:{DETERMINER} (?:[a-z-]+ ){{1,4}})?(?:{NAME} )*{NAME}(?: of {NAME})?$", region.removesuffix(", who")
        )
        return (first + name.start(), first + name.end()) if name and " " in name[0] else None
    words = region.rstrip(",")
    parts = words.split(", ")
    starts = [first + sum(len(part) + 2 for part in parts[:n]) for n in range(len(parts))]
    stop = first + len(words)
    if region.endswith(","):
        if interrupted := parts[-1] in _INTERJECTIONS:
            stop -= len(parts.pop()) + 2
        for n in range(len(parts) - (not interrupted)):
            if is_noun_phrase(parts[n]) and all(map(_is_apposition, parts[n + 1 :])):
                return starts[n], stop
        return None
    last = parts[-1]
    if pronoun := re.match(
        r"(?:(?:In|On|At|By|With|After|For|During|To) (?:(?! (?:he|she|it) )[^,])*? )?([Hh]e|[Ss]he|[Ii]t)$", last
    ):
        return starts[-1] + pronoun.start(1), stop
    # “A did this and B” can be the end of one clause and the subject of the next.
    joins = " and " in last and (len(parts) > 1 or len(last.split()) > 8)
    return (starts[-1], stop) if is_noun_phrase(last) and not joins else None


def _subject_limit(said: str, end: int) -> int:
    """Where the clause begins whose subject ends at `end`."""
    if said[:end].rstrip().endswith(","):
        return max((match.end() for match in _BEFORE_APPOSED.finditer(said[:end])), default=0)
    first = max((match.end() for match in _BEFORE_SUBJECT.finditer(said[:end])), default=0)
    joined = max((match.end() for match in re.finditer(" (?:and|but) ", said[:end])), default=0)
    whole = re.fullmatch(rf"(?:{DETERMINER} |{NAME} )(?:(?![a-z]+ed )[^ ,]+ ){{0,7}}", said[first:end])
    return joined if joined > first and not whole and re.match(rf"{DETERMINER} |he |she |it ", said[joined:]) else first


def _is_apposition(part: str) -> bool:
    beginning = r"(?:who|whom|whose|which|(?:by )?(?:then|now)|formerly|among|[a-z]+ed\b|[a-z]+ by\b"
    return bool(re.match(rf"{beginning}|{DETERMINER} |{NAME})", part))


def opening(said: str) -> Range | None:
    """The subject with which a sentence opens, as far as it can be told without knowing its verb."""
    opener = _OPENERS.match(said)
    first = opener.end() if opener else 0
    rest = said[first:]
    apposed = re.match(r"(?P<one>[^,;:“”\"]+), (?P<two>[^,;:“”\"]+), [a-z]", rest)
    if apposed and is_noun_phrase(apposed["one"]) and _is_apposition(apposed["two"]):
        return first, first + apposed.end("two")
    if apposed and apposed["two"] in _INTERJECTIONS and is_noun_phrase(apposed["one"]):
        return first, first + apposed.end("one")
    described = rf"(?:(?:{DETERMINER}|{NAME}['’]s) (?:[a-z-]+ ){{1,4}})?"
    subject = re.match(
        rf"{described}(?:{NAME} )*?{NAME}(?:(?: of)? {NAME})*(?: \([A-Z]\w*\))?{_AFTER_NOUN}", rest
    ) or re.match(
        rf"{DETERMINER} (?:[\w’'-]+ ){{0,4}}?(?:(?i:{_BODIES})|(?:{_ROLES})(?: of the \w+)?){_AFTER_NOUN}", rest
    )
    return (first, first + subject.end()) if subject and is_noun_phrase(subject[0]) else None


def source_at(said: str, start: int) -> Range | None:
    """The noun phrase that begins at `start`, after “according to”, with what is plainly in apposition to it."""
    parts = re.split(r"[;:“”\"]|\.[”\"]?$", said[start:])[0].split(", ")
    head = re.sub(" who .*", "", parts[0])
    if not is_noun_phrase(head) or not can_be_source(head):
        return None
    apposed = len(parts) > 2 and re.fullmatch(rf"{NAME}(?: {NAME})*|(?:who|whose|an?|[a-z]+ed)\b.*", parts[1])
    return start, start + len(parts[0]) + (2 + len(parts[1]) if apposed else 0)


def meant(pronoun: str, before: str, text: str) -> Range | None:
    """Whom “he”, “she” or “it” means: the one whom the sentence `before` is about, if it names nobody else.

    A single word in “s”, such as “Comments” or “Harris”, is a name if it follows another one somewhere in `text`.
    """
    if pronoun == "it":
        return _body_in(before)
    found = _person_in(before)
    name = before[slice(*found)] if found else ""
    if not found or (_FEMALE if pronoun == "he" else _MALE).search(name):
        return None
    plural = re.fullmatch(r"\w+s", name) and not re.search(rf"\b{NAME} {name}\b", text)
    return None if plural else found


def names_nobody(said: str) -> bool:
    """Whether a sentence goes on about whom the one before it was about, and names nobody."""
    return bool(re.match("(?:He|His|She|Her|It|Its) ", said)) and not _PERSON.search(said)


def _body_in(said: str) -> Range | None:
    """The institution with which a sentence opens."""
    subject = opening(said)
    return subject if subject and _is_body(said[slice(*subject)]) else None


def _person_in(said: str) -> Range | None:
    """The person with whom a sentence opens, or the only one who has a title; None where it names others too."""
    subject = opening(said)
    if subject and _is_person(said[slice(*subject)]):
        return subject if not _PERSON.search(said[subject[1] :]) else None
    titled = list(_TITLED.finditer(said))
    if len(titled) != 1:
        return None
    start, end = titled[0].span()
    return (start, end) if not _PERSON.search(f"{said[:start]};{said[end:]}") else None


def _is_person(words: str) -> bool:
    head, _, apposed = words.partition(", ")
    named = (
        re.search(NAME, head) or re.search(rf"\b(?:{_ROLES})\b", head) or re.fullmatch(rf"{NAME}(?: {NAME})*", apposed)
    )
    return bool(named) and not _is_body(words)


def _is_body(words: str) -> bool:
    return bool(re.search(rf"\b(?i:{_BODIES})\b", words.split(",")[0]))
