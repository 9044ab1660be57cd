"""Who said an answer: rules that find the speaker where an answer stands in reported or quoted speech. Pure.

A sentence is searched for frames: words that name a speaker beside a word of saying (“X told us that”, “, said X,”,
“according to X”), with the ranges they report. Of the frames that report the answer, the one that reports least counts,
for it is the innermost. Where a rule is unsure who is meant, or how far a report goes, it finds nothing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from index.passages import sentence_spans
from qa.phrases import (
    DETERMINER,
    MONTHS,
    NAME,
    SENTENCE_END,
    Range,
    can_be_source,
    is_noun_phrase,
    meant,
    names_nobody,
    opening,
    source_at,
    subject_before,
)

MAX_SENTENCE = 2_000
"""Characters; in what is longer, a table or a list, nobody is looked for."""

_REPORTING = (
    "said says say told tells tell argued argues argue warned warns warn wrote writes write added adds objected "
    "objects insisted insists insist claimed claims claim noted notes note observed observes remarked remarks "
    "replied replies reply answered answers explained explains explain stated states reported reports report "
    "announced announces conceded concedes acknowledged acknowledges admitted admits maintained maintains "
    "maintain contended contends asserted asserts declared declares complained complains complain cautioned "
    "cautions stressed stresses suggested suggests proposed proposes propose demanded demands recommended "
    "recommends predicted predicts estimated estimates estimate calculated calculates reckoned reckons "
    "concluded concludes concede believed believes believe thought thinks think holds held hold denied denies "
    "deny recalled recalls testified testifies confirmed confirms promised promises vowed vows asked asks "
    "countered counters urged urges reminded reminds ruled rules pleaded pleads pledged pledges threatened "
    "threatens found finds joked jokes informed informs assured assures puts points pointed"
).split()
_CALLING = (
    "called calls call described describes describe dismissed dismisses labelled labels labeled termed terms "
    "branded denounced denounces praised praises mocked mocks compared compares derided"
).split()
"""“X called it “…””: only what is quoted is X's."""
_TO_SOMEONE = frozenset(
    "told tells tell warned warns reminded reminds promised promises informed informs assured assures".split()
)
_WITHOUT_THAT = frozenset(
    "said says say thinks think thought insisted insists insist claimed claims argues predicts believes".split()
)
_TO_DO = frozenset("promised promises vowed vows asked asks urged urges pledged pledges threatened threatens".split())
_OF_FIGURES = frozenset("estimated estimates estimate puts".split())
_ALSO_OF_THINGS = frozenset("suggests suggested holds hold held".split())
_ASIDE = frozenset(
    "said says wrote writes told tells argued argues added adds warned warns explained explains recalled recalls noted "
    "notes observed observes remarked remarks replied replies asked asks complained complains joked jokes".split()
)
"""Verbs that can stand beside what they report: “…, X said”, “…,” said X."""
_TRANSITIVE = frozenset("told tells asked asks added adds recalled recalls".split())
"""Those after which a noun phrase, where no quotation stands before, is more likely an object than the speaker."""

_ADVERBS = (
    r"(?:(?:has|have|had|also|then|now|later|already|once|since|still|long|often|always|himself|herself|itself"
    r"|nonetheless|(?!(?:family|ally|assembly|monopoly) )[a-z]+ly) )*"
)
_VERB = re.compile(rf"(?<=[ ,”\"]){_ADVERBS}(?P<verb>{'|'.join(_REPORTING + _CALLING)})\b(?: (?:out|back)\b)?")
_AND_VERB = re.compile(r"\b(?:and|but)(?: then)?(?:,[^,;:]+,)? $")
_PARTICIPLE = re.compile(
    ", (?:arguing|adding|saying|warning|noting|insisting|claiming|explaining|predicting|complaining|stating)\\b"
)
_ACCORDING = re.compile(r"\b(?:[Aa]ccording to|[Ii]n the (?:words|view|opinion|judgment) of) ")
_IN_PASSING = (
    re.compile(rf"\bas (?P<speaker>[^,;.“”\"]+?) (?:{_ADVERBS}put|puts) it\b"),
    re.compile(r"\b[Ii]n (?P<speaker>[^,;.“”\"]+?)(?:['’]s|s['’]) (?:words|view|opinion|judgment)\b"),
)
_VIEW_IS = re.compile(
    r"(?:^|; |, but |, and )(?P<speaker>[^,;.“”\"]+?|His(?= )|Her(?= ))(?:['’]s|(?<=s)['’]|(?<=His)|(?<=Her)) (?:own )?"
    r"(?:estimate|view|complaint|argument|answer|reply|reasoning|explanation|objection|conclusion|advice|fear)"
    r" (?:is|was) that "
)
_DOCUMENT = re.compile(r"\b(?:review|report|survey|study|audit|inquiry|poll|investigation)s?\b")

_NO_STOP = r"[^,;:“”\"()]"
_WHOM = rf"{_NO_STOP}{{0,70}}?(?:, {_NO_STOP}{{0,60}},)?"
"""To whom, where and when something was said, between “told” and “that”."""
_WHEN = (
    r"(?:,? ?(?:in|on|at|to|last|this|yesterday|then|also|later|privately|publicly|with|during|after|before|over)"
    rf"\b{_NO_STOP}{{0,70}}(?:, {_NO_STOP}{{0,40}},)?)??,? ?"
)
"""Where and when, between “said” and “that”."""
_NAMED_AFTER = re.compile(
    rf"[^;:“”\"]+?(?=\.?$|;|,? [“\"]| when | as | after | (?:in|on) (?:{MONTHS}|\d)|, [a-z]+ing )"
)
_SURELY_NAMED = re.compile(rf"{_NO_STOP}+(?:, {NAME}(?: {NAME})*(?=,))?")
"""Where no quotation mark tells that the report goes on, only a second name belongs to the first for certain."""
_CLAUSE_BEGINS = re.compile(
    r"; |—| – |, (?:but|yet|while|whereas|although) |, and | (?:and|but), |, (?:which|who|whose|where),? "
    r"| of (?:whom|which),? "
)
_REPORT_ENDS = re.compile(
    r"; |—| – |,[”\"]? (?:but|yet|while|whereas|so|though|although|which|who|according to|a \w+ that)\b"
    r"|,[”\"]? and (?!that\b)| and (?:has|have|is|intends|plans|wants) "
)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a sentence names a speaker, and the ranges of it that are reported of that speaker."""

    speaker: Range
    reported: tuple[Range, ...]

    def reports(self, answer: Range) -> bool:
        """Whether the answer begins and ends in what is reported; “, she says,” may stand in its midst."""
        return all(any(a <= at < b for a, b in self.reported) for at in (answer[0], answer[1] - 1))

    @property
    def size(self) -> int:
        return sum(end - start for start, end in self.reported)


def speaker_of(text: str, paragraph_start: int, sentence: Range, answer: Range) -> Range | None:
    """Where in `text` the words stand that name who said `answer`; None where nobody is, or a rule is unsure.

    The words are as full as they are in that place: a name with its apposition. For “he”, “she” and “it” they are those
    of a sentence before, in the same paragraph, if that speaks of nobody else.

    Args:
        text: The brief's text.
        paragraph_start: Where the paragraph of the answer begins.
        sentence: The sentence of the answer; in several sentences no speaker is found.
        answer: The answer.
    """
    if sentence[1] - sentence[0] > MAX_SENTENCE:
        return None
    sentences = _sentences(text, paragraph_start, sentence, answer)
    if not sentences:
        return None
    start = sentences[-1][0]
    said = _flat(text, sentences[-1])
    speaker = _who(said, (answer[0] - start, answer[1] - start))
    if speaker is None and len(sentences) > 1 and _quotations(said)[:1] == [(0, len(said))]:
        # A quotation that goes on: “One,” said X. “Two.”
        sentences.pop()
        start = sentences[-1][0]
        said = _flat(text, sentences[-1])
        quoted = _quotations(said)
        speaker = _who(said, quoted[-1]) if quoted else None
    if speaker is None:
        return None
    words = said[slice(*speaker)].lower()
    pronoun = {"his": "he", "her": "she"}.get(words, words)
    speaker = (start + speaker[0], start + speaker[1])
    return _named_before(text, sentences, pronoun, speaker[0]) if pronoun in ("he", "she", "it") else speaker


def _flat(text: str, part: Range) -> str:
    """A part of the text with a blank for each line break: offsets stay."""
    return re.sub(r"\s", " ", text[slice(*part)])


def _sentences(text: str, paragraph_start: int, sentence: Range, answer: Range) -> list[Range]:
    """The sentences of the paragraph up to that of the answer; none where the answer stands in several."""
    found = [(paragraph_start + a, paragraph_start + b) for a, b in sentence_spans(text[paragraph_start : sentence[1]])]
    if not found or found[-1] != sentence:
        return []
    sentences = [part for one in found for part in _parts(text, one) if part[0] < answer[1]]
    start, end = sentences[-1]
    return sentences if start <= answer[0] and answer[1] <= end else []


def _parts(text: str, sentence: Range) -> Iterator[Range]:
    """The sentences in what the splitter took for one because a word before a full stop can be an abbreviation."""
    start, end = sentence
    quoted = _quotations(text[start:end])
    for stop in SENTENCE_END.finditer(text, start, end):
        if not _is_in(stop.end() - sentence[0], quoted):
            yield start, stop.end()
            start = stop.end() + 1
    yield start, end


def _named_before(text: str, sentences: Sequence[Range], pronoun: str, at: int) -> Range | None:
    """Whom the pronoun at `at`, in the last of `sentences`, means."""
    start = sentences[-1][0]
    before = list(sentences[:-1])
    if re.search("; |, (?:and|but) $", _flat(text, (start, at))):
        before.append((start, at))  # X did this, and he said
    for start, end in reversed(before):
        said = _flat(text, (start, min(end, start + MAX_SENTENCE)))
        if found := meant(pronoun, said, text):
            return start + found[0], start + found[1]
        if not names_nobody(said):
            return None
    return None


def _who(said: str, answer: Range) -> Range | None:
    """The speaker in the innermost frame that reports the answer."""
    answer = _core(said, answer)
    frames = [frame for frame in _frames(said) if frame.reports(answer)]
    return min(frames, key=lambda frame: frame.size).speaker if frames else None


def _core(said: str, answer: Range) -> Range:
    """The answer without the marks around it, and without the word that joins it to its verb."""
    start, end = answer
    while start < end and not said[start].isalnum():
        start += 1
    while start < end and not said[end - 1].isalnum():
        end -= 1
    joint = re.match("(?:that|to|for) (?=.)", said[start:end])
    return start + (joint.end() if joint else 0), end


def _quotations(said: str) -> list[Range]:
    """Where double quotation marks stand around words, the marks included; one that is not closed goes to the end."""
    found, opened = [], -1
    for at, character in enumerate(said):
        if opened < 0 and character in '“"':
            opened = at
        elif opened >= 0 and character in '”"':
            found.append((opened, at + 1))
            opened = -1
    return found + ([(opened, len(said))] if opened >= 0 else [])


def _is_in(at: int, ranges: Iterable[Range]) -> bool:
    return any(start < at < end for start, end in ranges)


def _frames(said: str) -> Iterator[_Frame]:
    quoted = _quotations(said)
    last: Range | None = None
    for verb in _VERB.finditer(said):
        if _is_in(verb.start("verb"), quoted):
            continue
        subject = subject_before(said, verb.start())
        if subject is None and _AND_VERB.search(said[: verb.start()]):
            subject = last or opening(said)
        if subject is not None:
            last = subject
            yield from _after_verb(said, subject, verb["verb"], verb.end(), quoted)
        elif verb["verb"] in _ASIDE:
            yield from _inverted(said, verb, quoted)
    for participle in _PARTICIPLE.finditer(said):
        subject = last or opening(said)
        if subject and not _is_in(participle.start(), quoted):
            yield from _complement(said, subject, "saying", participle.end(), quoted)
    yield from _by_source(said)


def _after_verb(said: str, subject: Range, verb: str, at: int, quoted: Sequence[Range]) -> Iterator[_Frame]:
    """What a subject and a verb of saying, which ends at `at`, report."""
    who = said[slice(*subject)]
    if verb in _CALLING:
        yield from (
            _Frame(subject, (q,)) for q in quoted if at < q[0] and not re.search("[;:]|, and ", said[at : q[0]])
        )
    elif verb in ("found", "finds") and not said.startswith(" that ", at):
        if _DOCUMENT.search(who):
            yield _from(said, subject, at)
    elif verb not in _ALSO_OF_THINGS or can_be_source(who):
        beside = list(_aside(said, subject, at, quoted)) if verb in _ASIDE else []
        after = list(_complement(said, subject, verb, at, quoted))
        yield from beside if said[: subject[0]].rstrip().endswith(("”", '"')) and beside else after or beside


def _complement(said: str, subject: Range, verb: str, at: int, quoted: Sequence[Range]) -> Iterator[_Frame]:
    """What stands after the verb: “to …”, “that …”, a quotation, “at …”, or a clause by itself."""
    rest = said[at:]
    gap = _WHOM if verb in _TO_SOMEONE else _WHEN
    if verb in _TO_DO and (to := re.match(rf"(?:(?! that ){_NO_STOP}){{0,60}}? to ", rest)):
        yield _from(said, subject, at + to.end())
    elif that := re.match(rf"{gap}(?<=[ ,])that,? ", rest):
        yield _from(said, subject, at + that.end())
    elif quotation := re.match(r"[^;“”\"()]{0,90}?[,:] (?=[“\"])", rest):
        yield _Frame(subject, tuple(q for q in quoted if q[0] >= at + quotation.end()))
    elif verb in _OF_FIGURES and (figure := re.match(rf"(?: {_NO_STOP}{{1,60}}?)? at ", rest)):
        yield _from(said, subject, at + figure.end())
    elif verb in _WITHOUT_THAT and re.match(rf" (?:{DETERMINER}|{NAME}|he|she|it|they|there) ", rest):
        yield _from(said, subject, at)


def _aside(said: str, subject: Range, at: int, quoted: Sequence[Range]) -> Iterator[_Frame]:
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
            yield _Frame(subject, ((start, len(left)), (right, _report_end(said, right))))


def _inverted(said: str, verb: re.Match[str], quoted: Sequence[Range]) -> Iterator[_Frame]:
    """“…,” said X, the minister of Y, “…”."""
    mark = said[: verb.start()].rstrip()[-1:]
    named = _NAMED_AFTER.match(said, verb.end() + 1)
    if not named or mark not in (",", "”", '"') or (mark == "," and verb["verb"] in _TRANSITIVE):
        return
    start, end = named.span()
    if mark == "," and (certain := _SURELY_NAMED.match(said, start)):
        end = min(end, certain.end())
    if not is_noun_phrase(said[start:end].split(", ")[0]):
        return
    if mark == ",":
        yield _around(said, (start, end), verb.start())
    else:
        yield _Frame((start, end), tuple(q for q in quoted if q[1] <= verb.start() or end <= q[0] <= end + 3))


def _by_source(said: str) -> Iterator[_Frame]:
    """“According to X”, “X's view is that”, “as X put it”, “in X's words”."""
    for match in _ACCORDING.finditer(said):
        apart = re.search(r"^$|[,;] $", said[: match.start()]) or re.match(r"[^,;:]+[.;]", said[match.end() :])
        if apart and (source := source_at(said, match.end())):
            yield _around(said, source, match.start())
    for match in _VIEW_IS.finditer(said):
        if match["speaker"] in ("His", "Her") or is_noun_phrase(match["speaker"]):
            yield _from(said, match.span("speaker"), match.end())
    for pattern in _IN_PASSING:
        for match in pattern.finditer(said):
            if is_noun_phrase(match["speaker"]):
                yield _around(said, match.span("speaker"), match.start())


def _from(said: str, speaker: Range, start: int) -> _Frame:
    """What is reported from `start` on."""
    return _Frame(speaker, ((start, _report_end(said, start)),))


def _around(said: str, speaker: Range, start: int) -> _Frame:
    """The clause around words that begin at `start` and end with the speaker."""
    return _Frame(speaker, ((_clause_start(said, start), start), (speaker[1], _report_end(said, speaker[1]))))


def _clause_start(said: str, end: int) -> int:
    return max((match.end() for match in _CLAUSE_BEGINS.finditer(said[:end])), default=0)


def _report_end(said: str, start: int) -> int:
    """How far a report goes that begins at `start`: to where the author may speak again."""
    quoted = _quotations(said)
    ends = (end for end in _REPORT_ENDS.finditer(said, start + 2) if not _is_in(end.end(), quoted))
    return next((end.start() for end in ends), len(said))
