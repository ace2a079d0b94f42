"""The verdict on a finished PDF: is everything there, in order, readable by machines, of a sane size.

`expectation` says what should be found, `reading` what was; nothing here knows how the PDF was
made.

The score is the share of values found in their place, in percent, where one that stands elsewhere
or is broken up counts half; less a fixed number of points for each kind of other finding
(`DEDUCTIONS`), however often it occurs. Only a PDF without any finding has 100 points and passes.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

from resumepair_renderer.address import browser_spelling
from resumepair_renderer.expectation import Expectation, Group, Link, Value
from resumepair_renderer.finding import DEDUCTIONS, Finding, FindingCode
from resumepair_renderer.glyphs import missing_glyphs
from resumepair_renderer.link import ALLOWED_SCHEMES
from resumepair_renderer.page_text import Found, Match, PageText, is_complex
from resumepair_renderer.reading import Reading
from resumepair_renderer.text import without_ignorables

MAX_FINDINGS: Final = 50
MAX_BYTES: Final = 1_000_000
MAX_BYTES_OF_SHORT: Final = 200_000
SHORT_PAGES: Final = 2

_PASSING: Final = 100
_SHOWN: Final = 60
_SLACK: Final = 400
_LIGATURES: Final = frozenset("\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06")
_FOLDED: Final = frozenset(" \u00a0\u2010\u2011")
"""Spaces, of which there are some in every text, and hyphens, which are one for all searches."""

_NOTHING: Final = Group(())
_EMBEDDABLE: Final = frozenset({"CIDFontType2", "TrueType"})


@dataclass(frozen=True, slots=True)
class Proof:
    """Judgement of a PDF that was read back. Of findings and missing glyphs the first fifty are kept."""

    score: int
    findings: tuple[Finding, ...]
    finding_count: int
    texts_expected: int
    texts_found: int
    links_expected: int
    links_found: int
    missing_glyphs: tuple[str, ...]
    fonts: tuple[str, ...]
    title: str
    language: str
    is_tagged: bool
    page_count: int
    byte_size: int

    @property
    def passed(self) -> bool:
        """Whether there was nothing to find."""
        return self.finding_count == 0

    def to_json(self) -> dict[str, object]:
        """The verdict as it is stored and sent."""
        return {
            "score": self.score,
            "passed": self.passed,
            "findings": [
                {"code": finding.code.value, "path": finding.path, "message": finding.message}
                for finding in self.findings
            ],
            "findingCount": self.finding_count,
            "textsExpected": self.texts_expected,
            "textsFound": self.texts_found,
            "linksExpected": self.links_expected,
            "linksFound": self.links_found,
            "missingGlyphs": list(self.missing_glyphs),
            "fonts": list(self.fonts),
            "title": self.title,
            "language": self.language,
            "isTagged": self.is_tagged,
            "pageCount": self.page_count,
            "byteSize": self.byte_size,
        }


def judge(expectation: Expectation, reading: Reading) -> Proof:
    """The verdict on what was read."""
    texts = _judge_texts(expectation.groups, PageText(reading.pages))
    links = _judge_links(expectation.links, reading.links)
    values = [value for group in expectation.groups for value in (*group.head, *group.body)]
    glyphs = missing_glyphs(value.text for value in values)
    others = [
        *links,
        *_judge_paper(reading.off_page),
        *_judge_glyphs(glyphs, values),
        *_judge_letters(expectation.groups, reading.letters.union(glyphs)),
        *_judge_fonts(expectation, reading),
        *_judge_file(expectation, reading),
    ]
    findings = [*texts, *others]
    missing = sum(finding.code == FindingCode.MISSING_TEXT for finding in texts)
    return Proof(
        score=_score(len(values), missing, len(texts) - missing, {finding.code for finding in others}),
        findings=tuple(findings[:MAX_FINDINGS]),
        finding_count=len(findings),
        texts_expected=len(values),
        texts_found=len(values) - len(texts),
        links_expected=len(expectation.links),
        links_found=len(expectation.links) - sum(finding.code == FindingCode.MISSING_LINK for finding in links),
        missing_glyphs=glyphs[:MAX_FINDINGS],
        fonts=tuple(font.name for font in reading.fonts),
        title=reading.title,
        language=reading.language,
        is_tagged=reading.is_tagged,
        page_count=reading.page_count,
        byte_size=reading.byte_size,
    )


def _score(expected: int, missing: int, misplaced: int, others: Iterable[FindingCode]) -> int:
    share = (expected - missing - misplaced / 2) / expected if expected else 1.0
    points = int(_PASSING * share) - sum(DEDUCTIONS[code] for code in others)
    return max(points, 0)


def _judge_texts(groups: tuple[Group, ...], text: PageText) -> list[Finding]:
    """If something is wrong, a stricter search may tell better what: a value may have been taken for its like."""
    findings = _walk(groups, text, is_strict=False)
    return min(_walk(groups, text, is_strict=True), findings, key=len) if findings else findings


def _walk(groups: tuple[Group, ...], text: PageText, *, is_strict: bool) -> list[Finding]:
    """Walk through the text with the groups, each of which has to begin where the one before has ended.

    A value counts as in its place if it is not much farther away than the group is long, and what was
    not found before it: else a value that also stands elsewhere would put all others out of step. The
    strict walk looks for what the next group has too only before the other values of that one.
    """
    findings: list[Finding] = []
    start = lag = 0
    for group, following in zip(groups, (*groups[1:], _NOTHING), strict=True):
        length = sum(len(value.text) for value in (*group.head, *group.body))
        reach = start + 2 * (length + lag) + _SLACK
        shared = {value.text for value in group.head} & {value.text for value in following.head} if is_strict else ()
        limit = _begin(following, shared, text, start, reach) if shared else reach
        end = at = start
        missed = 0
        for value in group.head:
            found = _find(value, text, start, limit if value.text in shared else reach, in_capitals=group.is_heading)
            missed += _note(found, value, text, findings)
            end = max(end, found.end)
        for value in group.body:
            found = _find(value, text, at, reach)
            missed += _note(found, value, text, findings)
            at = found.end
        if missed > length / 2:  # the rest is there by chance
            lag += length
        else:
            lag, start = missed, max(end, at)
    return findings


def _begin(group: Group, shared: Collection[str], text: PageText, start: int, reach: int) -> int:
    """Where the first value of `group` begins that is not `shared`, not beyond `reach`."""
    others = (value.text for value in group.head if value.text not in shared)
    places = ((other, text.find(other, start, reach)) for other in others)
    begins = (found.end - len("".join(other.split())) for other, found in places if found.match is Match.EXACT)
    return min(begins, default=reach)


def _find(value: Value, text: PageText, start: int, reach: int, *, in_capitals: bool = False) -> Found:
    found = text.find(value.text, start, reach)
    if found.match is Match.NONE and in_capitals:
        return text.find(value.text.upper(), start, reach)
    return found


def _note(found: Found, value: Value, text: PageText, findings: list[Finding]) -> int:
    """How many letters were not found in their place."""
    if found.match is Match.EXACT:
        return 0
    if found.match is Match.OTHER_SPACES:
        code, message = FindingCode.BROKEN_WORDS, "not its words, only its letters"
    elif text.find(value.text).match is Match.EXACT:
        code, message = FindingCode.TEXT_OUT_OF_ORDER, "not in its place"
    else:
        code, message = FindingCode.MISSING_TEXT, "not found"
    findings.append(Finding(code, value.path, f"{message}: {_shown(value.text)}"))
    return len(value.text)


def _judge_links(expected: Iterable[Link], found: tuple[str, ...]) -> list[Finding]:
    findings: list[Finding] = []
    addresses: set[str] = set(found)
    normalised: set[str] | None = None
    for path, address in expected:
        if address in addresses or f"{address}/" in addresses:
            continue
        if normalised is None:
            normalised = {browser_spelling(other) for other in found}
        if browser_spelling(address) not in normalised:
            findings.append(Finding(FindingCode.MISSING_LINK, path, f"not a live link: {_shown(address)}"))
    findings += (
        Finding(FindingCode.UNSAFE_LINK, "", f"a link that is not safe: {_shown(address)}")
        for address in found
        if address.partition(":")[0].casefold() not in ALLOWED_SCHEMES
    )
    return findings


def _judge_paper(off_page: Iterable[str]) -> Iterator[Finding]:
    for number, text in enumerate(off_page, start=1):
        if text:
            yield Finding(FindingCode.OFF_PAGE, "", f"runs off the paper on page {number}: {_shown(text)}")


def _judge_glyphs(missing: Iterable[str], values: Iterable[Value]) -> Iterator[Finding]:
    waiting = set(missing)
    for value in values:
        if not waiting:
            return
        found = waiting.intersection(value.text)
        waiting -= found
        for letter in sorted(found):
            yield Finding(FindingCode.MISSING_GLYPH, value.path, f"no font has U+{ord(letter):04X} ({letter})")


def _judge_letters(groups: Iterable[Group], letters: frozenset[str]) -> Iterator[Finding]:
    """What the fonts say of simple scripts."""
    for ligature in sorted(_LIGATURES & letters):
        yield Finding(FindingCode.LIGATURE, "", f"a ligature that searches do not find: U+{ord(ligature):04X}")
    known = set(letters | _FOLDED)
    for group in groups:
        for value in (*group.head, *group.body):
            if known.issuperset(value.text):
                continue
            for letter in sorted(set(without_ignorables(value.text)) - known):
                known.add(letter)
                if not is_complex(letter) and not _is_read(letter, letters, in_capitals=group.is_heading):
                    message = f"read as another character: U+{ord(letter):04X} ({letter})"
                    yield Finding(FindingCode.WRONG_CHARACTER, value.path, message)


def _is_read(letter: str, letters: frozenset[str], *, in_capitals: bool) -> bool:
    """Whether fonts have `letter` itself, or its parts."""
    spellings = (letter, letter.upper()) if in_capitals else (letter,)
    return any(letters.issuperset(normalize("NFD", spelling)) for spelling in spellings)


def _judge_fonts(expectation: Expectation, reading: Reading) -> Iterator[Finding]:
    ours = {family.replace(" ", "").casefold() for family in expectation.families}
    for font in reading.fonts:
        if font.kind == "Type3":
            yield Finding(FindingCode.TYPE3_FONT, "", f"drawn as shapes: {font.name or 'a font without a name'}")
            continue
        if not font.is_embedded:
            yield Finding(FindingCode.FONT_NOT_EMBEDDED, "", f"not embedded: {font.name}")
        if font.kind not in _EMBEDDABLE or font.name.partition("-")[0].casefold() not in ours:
            yield Finding(FindingCode.FOREIGN_FONT, "", f"not one of ours as TrueType: {font.name} ({font.kind})")


def _judge_file(expectation: Expectation, reading: Reading) -> Iterator[Finding]:
    if reading.title != expectation.title:
        yield Finding(FindingCode.WRONG_TITLE, "", f"the title is {_shown(reading.title)}")
    if reading.language != expectation.language:
        yield Finding(FindingCode.WRONG_LANGUAGE, "", f"the language is {_shown(reading.language)}")
    if not reading.is_tagged:
        yield Finding(FindingCode.NOT_TAGGED, "", "no tags for screen readers")
    if expectation.has_headings and not reading.outline:
        yield Finding(FindingCode.NO_OUTLINE, "", "no outline")
    is_short = reading.page_count <= SHORT_PAGES and not reading.has_pictures
    if reading.byte_size > (MAX_BYTES_OF_SHORT if is_short else MAX_BYTES):
        yield Finding(FindingCode.TOO_LARGE, "", f"{reading.byte_size} bytes on {reading.page_count} pages")


def _shown(text: str) -> str:
    return f"“{text}”" if len(text) <= _SHOWN else f"“{text[: _SHOWN - 1]}…”"
