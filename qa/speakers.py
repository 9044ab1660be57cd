"""Who said an answer: rules that find the speaker where an answer stands in reported or quoted speech. Pure.

A sentence is searched for frames: words that name a speaker beside a word of saying (“X told us that”, “, said X,”,
“according to X”), with the ranges they report. Of the frames that report the answer, the one that reports least counts,
for it is the innermost. Where a rule is unsure who is meant, or how far a report goes, it finds nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from index.passages import sentence_spans

Range = tuple[int, int]
"""Half-open range of characters."""

_REPORTING = (
    "said says say told tells tell argued argues argue warned warns warn wrote writes write added adds objected objects "
    "insisted insists insist claimed claims claim noted notes note observed observes remarked remarks replied replies "
    "reply answered answers explained explains explain stated states reported reports report announced announces "
    "conceded concedes acknowledged acknowledges admitted admits maintained maintains maintain contended contends "
    "asserted asserts declared declares complained complains complain cautioned cautions stressed stresses suggested "
    "suggests suggest proposed proposes propose demanded demands recommended recommends predicted predicts estimated "
    "estimates estimate calculated calculates reckoned reckons concluded concludes concede believed believes believe "
    "thought thinks think holds held hold denied denies deny recalled recalls testified testifies confirmed confirms "
    "promised promises vowed vows asked asks countered counters urged urges reminded reminds ruled rules pleaded pleads "
    "pledged pledges threatened threatens found finds joked jokes informed informs assured assures puts points pointed"
).split()
_QUOTING = (
    "called calls call described describes describe dismissed dismisses labelled labels labeled termed terms branded "
    "denounced denounces praised praises mocked mocks compared compares derided"
).split()
_GOING_ON = "arguing adding saying warning noting insisting claiming explaining predicting complaining stating".split()
_TO_SOMEONE = frozenset(
    "told tells tell warned warns reminded reminds promised promises informed informs assured assures".split()
)
_WITHOUT_THAT = frozenset(
    "said says say thinks think thought insisted insists insist claimed claims argues predicts believes".split()
)
_TO_DO = frozenset(
    "promised promises vowed vows asked asks urged urges pledged pledges threatened threatens".split()
)
_OF_DOCUMENTS = frozenset("found finds".split())
_OF_THINGS = frozenset("suggest suggests suggested holds hold held".split())
_OF_FIGURES = frozenset("estimated estimates estimate puts".split())
_BESIDE_QUOTATION = frozenset(
    "said says wrote writes told tells argued argues added adds warned warns explained explains recalled recalls noted "
    "notes observed observes remarked remarks replied replies asked asks complained complains joked jokes".split()
)

_UPPER = "".join(character for character in map(chr, range(0x250)) if character.isupper())
_DETERMINER = (
    r"(?:[Tt]he|[Aa]n?|[Ii]ts|[Hh]is|[Hh]er|[Tt]heir|[Oo]ur|[Yy]our|[Mm]y|[Tt]h[eo]se|[Bb]oth|[Oo]ne|[Tt]wo|[Tt]hree|[Ff]our"
    r"|[Ff]ive|[Ss]ix|[Ss]ome|[Ss]everal|[Mm]any|[Mm]ost|[Aa]nother|\d[\d,]*)"
)
_NAME = rf"(?!(?:The|An?|Its|His|Her|Their|Our)\b)(?:al-|el-)?[{_UPPER}][\w’'.-]*"
_ADVERBS = (
    r"(?:(?:has|have|had|also|then|now|later|already|once|since|still|long|often|always|himself|herself|itself"
    r"|nonetheless|(?!(?:family|ally|assembly|monopoly) )[a-z]+ly) )*"
)
_VERB = re.compile(rf"(?<=[ ,”\"]){_ADVERBS}(?P<verb>{'|'.join(_REPORTING + _QUOTING)})\b(?: out\b)?")
_PARTICIPLE = re.compile(rf", (?:{'|'.join(_GOING_ON)})\b")
_ACCORDING = re.compile(r"\b[Aa]ccording to |\b[Ii]n the (?:words|view|opinion|judgment) of ")
_AS_PUT = re.compile(rf"\bas (?P<speaker>[^,;.“”\"]+?) (?:{_ADVERBS}put|puts) it\b")
_TO_THEIR_MIND = re.compile(r"\b[Ii]n (?P<speaker>[^,;.“”\"]+?)(?:['’]s|s['’]) (?:words|view|opinion|judgment)\b")
_THEIR_VIEW = re.compile(
    r"(?:^|; |, but |, and )(?P<speaker>[^,;.“”\"]+?|His(?= )|Her(?= ))(?:['’]s|(?<=s)['’]|(?<=His)|(?<=Her)) (?:own )?"
    r"(?:estimate|view|complaint|argument|answer|reply|reasoning|explanation|objection|conclusion|advice|fear)"
    r" (?:is|was) that "
)

_BREAK = r"[;:—–()“”\"] ?|, (?:and|but|yet|while|whereas|so|or|because|though|although|for|as) "
_BEFORE_APPOSED = re.compile(rf"{_BREAK}| (?:that|because|if|whether|when|while) ")
_BEFORE_SUBJECT = re.compile(
    rf"{_BREAK}| (?:that|because|if|whether|when|while|(?<!such )as|where|what|how|why|which) "
)
"""What a subject cannot reach across, seen from its verb."""
_FULL_STOP = re.compile(rf"\b[a-z]{{2,}}[.!?][”\"]?(?= [{_UPPER}“])")
"""What ends a sentence where the splitter took an abbreviation: “no. Its”."""
_END_OF_REPORT = re.compile(
    r"; |—| – |,[”\"]? (?:but|yet|while|whereas|so|though|although|which|who|according to|a \w+ that)\b"
    r"|,[”\"]? and (?!that\b)| and (?:has|have|had|is|was|intends|plans|wants) "
)
_GAP = re.compile(
    r"(?:,? ?(?:in|on|at|to|last|this|yesterday|then|also|later|privately|publicly|with|during|after|before|over)"
    r"\b[^,;:“”\"()]{0,70}(?:, [^,;:“”\"()]{0,40},)?)??,? ?"
)
"""Where and when something was said, between the verb and what was said."""
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_OPENERS = re.compile(
    r"(?:(?:And|But|Yet|Still|So|Even|Thus|Then|Now|and|but|yet|then|now|nor)\b,? )?"
    r"(?:(?:Instead|However|Meanwhile|Today|Yesterday|Finally|Again|Nevertheless|Nonetheless|Moreover|Abroad|Here|Later|First"
    r"|Second|Third|Fourth|Last|Unsurprisingly|Predictably|Politically|Officially|Privately|Publicly), )?"
    r"(?:(?:(?:In|On|By|Since|Until|in|on|by) (?:early |late |mid-)?"
    rf"(?:(?:{_MONTHS})"
    r"(?: \d{1,2})?(?:,? \d{4})?|\d{4}|the (?:spring|summer|autumn|fall|winter)(?: of \d{4})?)"
    r"|(?:Last|This|last|this) (?:week|month|year|spring|summer|autumn|fall|winter|[A-Z][a-z]+)"
    r"|The (?:next|following|same) (?:day|week|month|year)|(?:\w+ )?\w+ (?:days|weeks|months|years) (?:later|ago|earlier)),? )?"
)
_NO_SUBJECT = frozenset(
    "is are was were be been being has have had do does did will would can could may might must shall should not never "
    "no nobody nothing none that which who whom whose what when where why how if because although though while than "
    "according i'd i’d i'm i’m i've i’ve there it he she they we i you him them us me himself herself nor or everyone anybody anyone somebody someone "
    "something everything this in on at by after before since during until within despite without under as for from to "
    "into with about like likes wants want".split()
)
_NO_END = frozenset("of and or the a an its his her their our your own percent other others some many most several both to in on at by for from with as".split())
_TITLE = (
    r"(?:(?:Mr|Ms|Mrs|Dr|Gen|Col|Lt|Adm|Capt|Maj|Sgt|Rep|Sen|Gov|Amb)\.|Prime|Foreign|Finance|Justice|Minister|President"
    r"|Senator|Representative|Governor|Mayor|Judge|Ambassador|Captain|Colonel|General|Commissioner|Chancellor|Deputy"
    r"|Secretary|Professor|Bishop|Superintendent|Councillor|Chief|Queen|King|Lady|Lord|Sir|Dame)"
)
_TITLED = re.compile(rf"(?:{_DETERMINER} (?:(?!by|of|from|to|with)[a-z]+ ){{0,3}}?[a-z]+, )?(?:{_TITLE} )+{_NAME}(?: {_NAME})*(?<!\.)")
_INSTITUTION = (
    "Tribunal|Court|Council|Bank|Party|Union|Act|States|Sea|Law|International|National|University|Treaty|Board|Fund"
    "|Association|Committee|Commission|Agency|Street|Bay|Port|River|Island|Islands|San|New|North|South|East|West|United"
    "|Ministry|Authority|Institute|Parliament|Congress|Government|Assembly|Agreement|Convention|Project|Complex|Mt\\."
    "|January|February|March|April|May|June|July|August|September|October|November|December|On|In|At|By"
)
_PERSON = re.compile(
    rf"\b{_TITLE} {_NAME}|\b(?!(?:{_INSTITUTION})\b){_NAME} (?:[a-z]{{2,3}} )?(?!(?:{_INSTITUTION})\b){_NAME}"
    rf"(?! (?:{_INSTITUTION})\b)"
)
_ROLES = "minister|president|chairman|chairwoman|director|mayor|governor|ambassador|spokesman|spokeswoman|commander|rector"
_NOT_WITH = r"(?!(?:led|of|in|for|from|at|on|by|with|to|and|or|who|that|which|[a-z]+ed by)\b)"
_HERS = re.compile(r"\b(?:Ms\.|Mrs\.|Queen|Lady|Dame)")
_HIS = re.compile(r"\b(?:Mr\.|King|Lord|Sir)")
_BODIES = (
    "ministry|government|administration|council|court|commission|committee|company|union|federation|department|office"
    "|board|panel|agency|authority|party|bank|university|inquiry|review|report|survey|institute|group|association"
    "|secretariat|parliament|delegation|embassy|army|police|audit|tribunal|inquest"
)
_NO_SOURCE = re.compile(r"\b(?:plan|schedule|rules?|law|terms|key|formula|needs?|size|custom)\b")
_SOURCE = re.compile(
    rf"(?:^| )(?!(?:{_MONTHS})\b){_NAME}|(?:{_BODIES}|{_ROLES}|poll|paper|letter|memo|note|figures|study|estimates?|data|records?|minutes"
    r"|officials?|diplomats?|witness(?:es)?|experts?|people|lawyers?|engineers?|economists?|researchers?|statistics"
    r"|accounts?|auditors?|ministers?|sources?|manifests?|documents?|newspapers?|residents?)\b"
)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A speaker's words and the ranges that they are said to have said, in a sentence."""

    speaker: Range
    reported: tuple[Range, ...]

    def reports(self, at: int) -> bool:
        return any(start <= at < end for start, end in self.reported)

    @property
    def size(self) -> int:
        return sum(end - start for start, end in self.reported)


def speaker_of(text: str, paragraph_start: int, sentence: Range, answer: Range) -> Range | None:
    """Where in `text` the words stand that name who said `answer`; None where nobody is, or a rule is unsure.

    The words are as full as the brief has them in that place: a name with its apposition. For “he”, “she” and “it” they
    are those of the sentence before, in the same paragraph.

    Args:
        text: The brief's text.
        paragraph_start: Where the paragraph of the answer begins.
        sentence: The sentence of the answer; of several, no speaker is found.
        answer: The answer.
    """
    sentences = _sentences(text, paragraph_start, sentence, answer)
    if not sentences:
        return None
    sentence = sentences[-1]
    said = text[sentence[0] : sentence[1]]
    speaker = _who(said, _core(said, answer[0] - sentence[0], answer[1] - sentence[0]))
    if speaker is None:
        if len(sentences) < 2 or _quotations(said)[:1] != [(0, len(said))]:
            return None
        # A quotation that goes on: `“One,” said X. “Two.”`
        sentence = sentences.pop(-2)
        said = text[sentence[0] : sentence[1]]
        quoted = _quotations(said)
        speaker = _who(said, _core(said, *quoted[-1])) if quoted else None
        if speaker is None:
            return None
        sentences[-1] = sentence
    words = said[speaker[0] : speaker[1]].lower()
    words = {"his": "he", "her": "she"}.get(words, words)
    if words in ("he", "she", "it"):
        return _named_before(text, sentences, words, sentence[0] + speaker[0])
    return sentence[0] + speaker[0], sentence[0] + speaker[1]


def _sentences(text: str, paragraph_start: int, sentence: Range, answer: Range) -> list[Range]:
    """Those of the paragraph up to the one with the answer; none where the answer stands in several."""
    found = sentence_spans(text[paragraph_start : sentence[1]])
    if not found or (paragraph_start + found[-1][0], paragraph_start + found[-1][1]) != sentence:
        return []
    sentences = []
    for a, b in found:
        start, end = paragraph_start + a, paragraph_start + b
        quoted = _quotations(text[start:end])
        for stop in _FULL_STOP.finditer(text, start, end):
            if not any(x < stop.end() - start < y for x, y in quoted):
                sentences.append((start, stop.end()))
                start = stop.end() + 1
                quoted = _quotations(text[start:end])
        sentences.append((start, end))
    while sentences and sentences[-1][0] >= answer[1]:
        sentences.pop()
    return sentences if sentences and sentences[-1][0] <= answer[0] else []


def _who(said: str, answer: Range) -> Range | None:
    """The speaker of the innermost frame that reports `answer`."""
    frames = [f for f in _frames(said) if f.reports(answer[0]) and f.reports(answer[1] - 1)]
    return min(frames, key=lambda frame: frame.size).speaker if frames else None


def _core(said: str, start: int, end: int) -> Range:
    """The answer without the marks around it."""
    while start < end and not said[start].isalnum():
        start += 1
    while start < end and not said[end - 1].isalnum():
        end -= 1
    if opening := re.match("(?:that|to|for) (?=.)", said[start:end]):
        start += opening.end()
    return start, end


def _quotations(said: str) -> list[Range]:
    """Where double quotation marks stand around words, the marks included; one that is not closed goes to the end."""
    found, opened = [], -1
    for at, character in enumerate(said):
        if opened < 0 and character in "“\"":
            opened = at
        elif opened >= 0 and character in "”\"":
            found.append((opened, at + 1))
            opened = -1
    return found + ([(opened, len(said))] if opened >= 0 else [])


def _frames(said: str) -> Iterator[_Frame]:
    quoted = _quotations(said)
    before = None
    for verb in _VERB.finditer(said):
        if any(a < verb.start("verb") < b for a, b in quoted):
            continue
        subject = _subject(said, verb.start())
        if subject is None and re.search(r"\b(?:and|but)(?: then)?(?:,[^,;:]+,)? $", said[: verb.start()]):
            subject = before or _opening(said)
        if subject is not None:
            before = subject
            yield from _after_subject(said, subject, verb, quoted)
        elif verb["verb"] in _BESIDE_QUOTATION:
            yield from _inverted(said, verb, quoted)
    for participle in _PARTICIPLE.finditer(said):
        subject = before or _opening(said)
        if subject and not any(a < participle.start() < b for a, b in quoted):
            yield from _complement(said, subject, participle.end(), quoted)
    yield from _by_name(said)


def _after_subject(said: str, subject: Range, verb: re.Match[str], quoted: list[Range]) -> Iterator[_Frame]:
    """What the words after a subject and a verb of saying report."""
    word, at = verb["verb"], verb.end()
    if word in _QUOTING:
        yield from (_Frame(subject, (q,)) for q in quoted if at < q[0] and not re.search("[;:]|, and ", said[at : q[0]]))
        return
    if word in _OF_DOCUMENTS and not said.startswith(" that ", at):
        if re.search(r"\b(?:review|report|survey|study|audit|inquiry|poll|investigation)s?\b", said[slice(*subject)]):
            yield _Frame(subject, ((at, _end_of_report(said, at)),))
        return
    if word in _OF_THINGS and not _SOURCE.search(said[slice(*subject)]):
        return
    frames = list(_complement(said, subject, at, quoted, word))
    if not frames and word in _BESIDE_QUOTATION:
        frames = list(_aside(said, subject, at, quoted))
    yield from frames


def _aside(said: str, subject: Range, at: int, quoted: list[Range]) -> Iterator[_Frame]:
    """“…, X told us, …”; the verb ends at `at`."""
    left = said[: subject[0]].rstrip()
    told = re.match(r"(?: [^ ,.;:“”\"]+){0,8}(?=[,.;]|$)", said[at:])
    if not told:
        return
    right = at + told.end()
    if left.endswith(("”", '"')):
        yield _Frame(subject, tuple(q for q in quoted if q[1] == len(left) or right < q[0] <= right + 2))
    elif left.endswith(","):
        start = _clause_start(said, subject[0])
        if said[right : right + 1] == "," or len(said[start : len(left)].split()) > 5:
            yield _Frame(subject, ((start, len(left)), (right, _end_of_report(said, right))))


def _complement(said: str, subject: Range, at: int, quoted: list[Range], word: str = "said") -> Iterator[_Frame]:
    """What stands after the verb that ends at `at`: “that …”, a quotation, “to …”, or a clause by itself."""
    gap = r"[^,;:“”\"()]{0,70}?(?:, [^,;:“”\"()]{0,60},)?" if word in _TO_SOMEONE else _GAP.pattern
    if word in _TO_DO and (to := re.match(r"(?:(?! that )[^,;:“”\"()]){0,60}? to ", said[at:])):
        yield _Frame(subject, ((at + to.end(), _end_of_report(said, at + to.end())),))
    elif that := re.match(rf"{gap}(?<=[ ,])that,? ", said[at:]):
        yield _Frame(subject, ((at + that.end(), _end_of_report(said, at + that.end())),))
    elif quotation := re.match(r"[^;“”\"()]{0,90}?[,:] (?=[“\"])", said[at:]):
        yield _Frame(subject, tuple(q for q in quoted if q[0] >= at + quotation.end()))
    elif word in _OF_FIGURES and (figure := re.match(r"(?: [^,;:“”\"()]{1,60}?)? at ", said[at:])):
        yield _Frame(subject, ((at + figure.end(), _end_of_report(said, at + figure.end())),))
    elif word in _WITHOUT_THAT and re.match(rf" (?:{_DETERMINER}|{_NAME}|he|she|it|they|there) ", said[at:]):
        yield _Frame(subject, ((at, _end_of_report(said, at)),))


def _inverted(said: str, verb: re.Match[str], quoted: list[Range]) -> Iterator[_Frame]:
    """“…,” said X, the minister of Y, “…”."""
    left = said[: verb.start()].rstrip()
    if not left or left[-1] not in ",”\"":
        return
    rest = re.match(r"[^;:“”\"]+?(?=\.?$|;|,? [“\"]| when | as | after | in (?:January|February|[A-Z]|\d)|, [a-z]+ing )", said[verb.end() :])
    if rest is None:
        return
    start = verb.end() + 1
    speaker = said[start : verb.end() + rest.end()]
    if left[-1] == ",":  # not a quotation: the report goes on after the name, which cannot have an apposition
        named = re.match(rf"[^,]+(?:, (?:{_NAME} ?)+(?=,))?", speaker + said[verb.end() + rest.end() :][:1])
        speaker = named[0] if named else ""
    end = start + len(speaker.rstrip(" ,"))
    if not _is_noun_phrase(said[start:end].split(", ")[0]):
        return
    if left[-1] == ",":
        reported = [(_clause_start(said, verb.start()), verb.start()), (end, _end_of_report(said, end))]
    else:
        reported = [q for q in quoted if q[1] <= verb.start() or q[0] <= end + 3 and q[0] >= end]
    yield _Frame((start, end), tuple(reported))


def _by_name(said: str) -> Iterator[_Frame]:
    """“According to X”, “in X's words”, “as X put it”."""
    for match in _ACCORDING.finditer(said):
        if re.search(r"(?:^|,|;) $|^$", said[: match.start()]) or re.match(r"[^,;:]+[.;]", said[match.end() :]):
            source = _source(said, match.end())
            if source:
                yield _around(said, source, match.start())
    for match in _THEIR_VIEW.finditer(said):
        if match["speaker"] in ("His", "Her") or _is_noun_phrase(match["speaker"]):
            yield _Frame(match.span("speaker"), ((match.end(), _end_of_report(said, match.end())),))
    for pattern in (_AS_PUT, _TO_THEIR_MIND):
        for match in pattern.finditer(said):
            if _is_noun_phrase(match["speaker"]):
                yield _around(said, match.span("speaker"), match.start())


def _source(said: str, start: int) -> Range | None:
    """The noun phrase at `start` that can be the source of a statement, with what is plainly said of it."""
    parts = re.split("(, )", re.split(r"[;:“”\"]|\.[”\"]?$", said[start:])[0])[::2]
    first = re.sub(" who .*", "", parts[0])
    if not _is_noun_phrase(first) or not _SOURCE.search(first) or _NO_SOURCE.search(first):
        return None
    end = start + len(parts[0])
    if len(parts) > 2 and re.fullmatch(rf"(?:{_NAME} ?)+|(?:who|whose|an?|[a-z]+ed)\b.*", parts[1]):
        end += 2 + len(parts[1])
    return start, end


def _around(said: str, speaker: Range, start: int) -> _Frame:
    """The clause around a phrase that begins at `start` and names the speaker."""
    return _Frame(speaker, ((_clause_start(said, start), start), (speaker[1], _end_of_report(said, speaker[1]))))


def _clause_start(said: str, at: int) -> int:
    """Where the clause begins that goes up to `at`."""
    breaks = [m.end() for m in re.finditer(r"; |—| – |, (?:but|yet|while|whereas|although) |, and |, (?:which|who|where),? | of (?:whom|which),? ", said[:at])]
    return breaks[-1] if breaks else 0


def _end_of_report(said: str, at: int) -> int:
    quoted = _quotations(said)
    ends = _END_OF_REPORT.finditer(said, at + 2)
    return next((e.start() for e in ends if not any(a < e.end() < b for a, b in quoted)), len(said))


def _subject(said: str, end: int) -> Range | None:
    """The noun phrase, with its appositions, or the pronoun that ends before the verb at `end`."""
    if not said[:end].rstrip().endswith(","):
        joined = max((match.end() for match in re.finditer(" (?:and|but) ", said[:end])), default=0)
        first = max((match.end() for match in _BEFORE_SUBJECT.finditer(said[:end])), default=0)
        whole = re.fullmatch(rf"(?:{_DETERMINER} |{_NAME} )(?:(?![a-z]+ed )[^ ,]+ ){{0,7}}", said[first:end])
        if joined > first and not whole and re.match(rf"{_DETERMINER} |he |she |it ", said[joined:]):
            first = joined
    else:
        first = max((match.end() for match in _BEFORE_APPOSED.finditer(said[:end])), default=0)
    region = said[first:end].rstrip()
    opener = _OPENERS.match(region)
    first += opener.end() if opener else 0
    region = said[first:end].rstrip()
    if region.endswith(", who"):
        name = re.search(rf"(?:{_DETERMINER} (?:[a-z-]+ ){{1,4}})?(?:{_NAME} )*{_NAME}(?: of {_NAME})?$", region[:-5])
        return (first + name.start(), first + name.end()) if name and " " in name[0] else None
    parts = region.rstrip(",").split(", ")
    starts = [first + sum(len(part) + 2 for part in parts[:n]) for n in range(len(parts))]
    stop = first + len(region.rstrip(","))
    if not region.endswith(","):
        last = parts[-1]
        if after := re.match(r"(?:In|On|At|By|With|After|For|During|To) (?:(?! (?:he|she|it) )[^,])*? (he|she|it)$", last):
            return starts[-1] + after.start(1), stop
        if last.lower() in ("he", "she", "it") or (_is_noun_phrase(last) and not _joins(last, len(parts))):
            return starts[-1], stop
        return None
    for n in range(len(parts) - 1):
        if _is_noun_phrase(parts[n]) and all(map(_is_apposition, parts[n + 1 :])):
            return starts[n], stop
    return None


def _joins(words: str, n_parts: int) -> bool:
    """Whether `words`, a noun phrase with an “and”, may be the end of one clause and the subject of the next."""
    return " and " in words and (n_parts > 1 or len(words.split()) > 8)


def _is_apposition(part: str) -> bool:
    return bool(
        re.match(rf"(?:who|whom|whose|which|then|now|by now|formerly|among|a former|[a-z]+ed\b|{_DETERMINER} |{_NAME})", part)
    )


def _is_noun_phrase(words: str) -> bool:
    """Whether `words` can be somebody's name or description, and nothing else as far as can be seen."""
    parts = words.split()
    if not 1 <= len(parts) <= 14 or not re.fullmatch(r"[\w’'.&() -]+", words):
        return False
    begins = re.match(rf"{_DETERMINER} .|{_NAME}", words) or re.fullmatch(r"(?:[a-z]+ )?[a-z]{3,}s", words)
    lower = [part.lower() for part in parts]
    if re.fullmatch("[A-Z][a-z]+ing", words):
        return False
    if not begins or re.search(r"[’'](?:ll|d|ve|re|m)\b", words) or lower[-1] in _NO_END or lower[-1].endswith(("'s", "’s")):
        return False
    return lower[0] not in _NO_SUBJECT and not any(
        word in _NO_SUBJECT and word not in ("in", "on", "at", "to", "for", "from", "with", "under", "this", "like")
        for word in lower
    )


def _opening(said: str) -> Range | None:
    """The subject with which a sentence opens, as far as it can be told without knowing its verb."""
    opener = _OPENERS.match(said)
    first = opener.end() if opener else 0
    rest = said[first:]
    apposed = re.match(r"(?P<one>[^,;:“”\"]+), (?P<two>[^,;:“”\"]+), [a-z]", rest)
    if apposed and _is_noun_phrase(apposed["one"]) and _is_apposition(apposed["two"]):
        return first, first + apposed.end("two")
    named = re.match(
        rf"(?:(?:{_DETERMINER}|{_NAME}['’]s) (?:[a-z-]+ ){{1,4}})?(?:{_NAME} )*?{_NAME}(?:(?: of)? {_NAME})*(?= {_NOT_WITH}[a-z])", rest
    ) or re.match(rf"{_DETERMINER} (?:[\w’'-]+ ){{0,4}}?(?:(?i:{_BODIES})|(?:{_ROLES})(?: of the \w+)?)(?= {_NOT_WITH}[a-z])", rest)
    return (first, first + named.end()) if named and _is_noun_phrase(named[0]) else None


def _named_before(text: str, sentences: list[Range], pronoun: str, at: int) -> Range | None:
    """Whom the pronoun at `at`, in the last of `sentences`, means, if there is nobody else whom it could mean."""
    start = sentences[-1][0]
    parts = [*sentences[:-1], (start, at)] if re.search("; |, (?:and|but) $", text[start:at]) else sentences[:-1]
    for start, end in reversed(parts):
        said = text[start:end]
        found = _body_in(said) if pronoun == "it" else _person_in(said)
        if found is None and re.match("(?:He|His|She|Her|It|Its) ", said) and not _PERSON.search(said):
            continue
        if found is None:
            return None
        name = said[found[0] : found[1]]
        if (pronoun == "he" and _HERS.search(name)) or (pronoun == "she" and _HIS.search(name)):
            return None
        return start + found[0], start + found[1]
    return None


def _body_in(said: str) -> Range | None:
    """The institution with which a sentence opens."""
    subject = _opening(said)
    words = said[slice(*subject)].split(",")[0] if subject else ""
    return subject if re.search(rf"\b(?:{_BODIES})\b", words, re.IGNORECASE) else None


def _person_in(said: str) -> Range | None:
    """The person with whom a sentence opens, or the only one with a title; None where it names others too."""
    subject = _opening(said)
    if subject and not re.search(rf"\b(?:{_BODIES})\b", said[slice(*subject)].split(",")[0], re.IGNORECASE):
        return subject if not _PERSON.search(said[subject[1] :]) else None
    titled = list(_TITLED.finditer(said))
    if len(titled) != 1:
        return None
    others = said[: titled[0].start()] + ";" + said[titled[0].end() :]
    return titled[0].span() if not _PERSON.search(others) else None
