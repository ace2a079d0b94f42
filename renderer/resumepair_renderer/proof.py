"""The verdict on a finished PDF: is everything there, in order, readable by machines, of a sane size.

`expectation` says what should be found, `reading` what was; nothing here knows how the PDF was
made.

The score is the share of values found in their place, in percent, where one that stands elsewhere
or is broken up counts half; less a fixed number of points for each kind of other finding
(`DEDUCTIONS`), however often it occurs. Only a PDF without any finding has 100 points and passes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from unicodedata import normalize
from urllib.parse import quote, urlsplit

from resumepair_renderer.expectation import Expectation, Group, Link, Value
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

_UNQUOTED: Final = "%/:?#[]@!$&'()*+,;=-._~|{}^`\\"
_EMBEDDABLE: Final = frozenset({"CIDFontType2", "TrueType"})


class FindingCode(StrEnum):
    """What can be wrong with a PDF."""

    MISSING_TEXT = "MISSING_TEXT"
    TEXT_OUT_OF_ORDER = "TEXT_OUT_OF_ORDER"
    BROKEN_WORDS = "BROKEN_WORDS"
    """The letters are there, with spaces where there are none, or without those there are."""

    LIGATURE = "LIGATURE"
    MISSING_GLYPH = "MISSING_GLYPH"
    WRONG_CHARACTER = "WRONG_CHARACTER"
    """It looks right, and the file says that it is another one."""

    FONT_NOT_EMBEDDED = "FONT_NOT_EMBEDDED"
    TYPE3_FONT = "TYPE3_FONT"
    FOREIGN_FONT = "FOREIGN_FONT"
    MISSING_LINK = "MISSING_LINK"
    UNSAFE_LINK = "UNSAFE_LINK"
    WRONG_TITLE = "WRONG_TITLE"
    WRONG_LANGUAGE = "WRONG_LANGUAGE"
    NOT_TAGGED = "NOT_TAGGED"
    NO_OUTLINE = "NO_OUTLINE"
    TOO_LARGE = "TOO_LARGE"


DEDUCTIONS: Final[Mapping[FindingCode, int]] = {
    FindingCode.LIGATURE: 10,
    FindingCode.MISSING_GLYPH: 5,
    FindingCode.WRONG_CHARACTER: 5,
    FindingCode.FONT_NOT_EMBEDDED: 10,
    FindingCode.TYPE3_FONT: 10,
    FindingCode.FOREIGN_FONT: 5,
    FindingCode.MISSING_LINK: 5,
    FindingCode.UNSAFE_LINK: 20,
    FindingCode.WRONG_TITLE: 10,
    FindingCode.WRONG_LANGUAGE: 5,
    FindingCode.NOT_TAGGED: 10,
    FindingCode.NO_OUTLINE: 5,
    FindingCode.TOO_LARGE: 5,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    `path` is that of the canonical document, empty where it is about the whole file.
    """

    code: FindingCode
    path: str
    message: str


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


def _judge_texts(groups: Iterable[Group], text: PageText) -> list[Finding]:
    """Walk through the text with the groups, each of which has to begin where the one before has ended.

    A value counts as in its place if it is not much farther away than the group is long, and what was
    not found before it: else a value that also stands elsewhere would put all others out of step.
    """
    findings: list[Finding] = []
    start = lag = 0
    for group in groups:
        length = sum(len(value.text) for value in (*group.head, *group.body))
        reach = start + 2 * (length + lag) + _SLACK
        end = at = start
        missed = 0
        for value in group.head:
            found = _find(value, text, start, reach, in_capitals=group.is_heading)
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
            normalised = {_normalised(other) for other in found}
        if _normalised(address) not in normalised:
            findings.append(Finding(FindingCode.MISSING_LINK, path, f"not a live link: {_shown(address)}"))
    findings += (
        Finding(FindingCode.UNSAFE_LINK, "", f"a link that is not safe: {_shown(address)}")
        for address in found
        if address.partition(":")[0].casefold() not in ALLOWED_SCHEMES
    )
    return findings


def _normalised(address: str) -> str:
    """`address` as browsers write it: the host in small letters and ASCII, the rest percent-encoded."""
    try:
        parts = urlsplit(address)
        host = parts.netloc.casefold().encode("idna").decode() if parts.netloc else ""
    except (ValueError, UnicodeError):
        return address
    rest = quote(address[len(parts.scheme) + 1 + (len(parts.netloc) + 2 if parts.netloc else 0) :], safe=_UNQUOTED)
    return f"{parts.scheme.casefold()}:{host}{rest}".removesuffix("/")


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
    """What the fonts say of simple scripts. Headings are left out: they are ours, and perhaps in capitals."""
    for ligature in sorted(_LIGATURES & letters):
        yield Finding(FindingCode.LIGATURE, "", f"a ligature that searches do not find: U+{ord(ligature):04X}")
    known = set(letters | _FOLDED)
    for group in groups:
        if group.is_heading:
            continue
        for value in (*group.head, *group.body):
            if known.issuperset(value.text):
                continue
            for letter in sorted(set(without_ignorables(value.text)) - known):
                known.add(letter)
                if not is_complex(letter) and not letters.issuperset(normalize("NFD", letter)):
                    message = f"read as another character: U+{ord(letter):04X} ({letter})"
                    yield Finding(FindingCode.WRONG_CHARACTER, value.path, message)


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
