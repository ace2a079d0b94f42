"""The verdict: it fails when it should, names what is wrong, and takes off points by a simple rule."""

import json
from dataclasses import replace

import pytest

from resumepair_renderer.expectation import Expectation, Group, Link, Value
from resumepair_renderer.finding import DEDUCTIONS, FindingCode
from resumepair_renderer.proof import MAX_FINDINGS, judge
from resumepair_renderer.reading import Font, Reading

EXPECTED = Expectation(
    groups=(
        Group((Value("profile.fullName", "Ada Quill"),), is_heading=True),
        Group((Value("work", "Experience"),), is_heading=True),
        Group(
            (Value("work[0].role", "Lead Engineer"), Value("work[0].company", "Fernhill")),
            (Value("work[0].bullets[0]", "First thing done"), Value("work[0].bullets[1]", "Second thing done")),
        ),
        Group((Value("skills", "Skills"),), is_heading=True),
        Group((Value("skills[0].items[0].name", "Rust"), Value("skills[0].items[1].name", "C"))),
    ),
    links=(Link("profile.email", "mailto:ada@example.org"),),
    title="Ada Quill – Résumé",
    language="en",
    families=("Source Serif 4",),
)
LINES = (
    "Ada Quill",
    "Experience",
    "Lead Engineer",
    "Fernhill",
    "First thing done",
    "Second thing done",
    "Skills: Rust, C",
)
GOOD = Reading(
    pages=("\n".join(LINES),),
    off_page=("",),
    fonts=(Font("SourceSerif4-Regular", "CIDFontType2", True),),
    letters=frozenset("".join(LINES)),
    links=("mailto:ada@example.org",),
    outline=("Ada Quill",),
    title="Ada Quill – Résumé",
    language="en",
    is_tagged=True,
    has_pictures=False,
    byte_size=50_000,
)


def lines(*changed: str) -> Reading:
    return replace(GOOD, pages=("\n".join(changed),), letters=GOOD.letters.union(*changed))


def findings(reading: Reading, expected: Expectation = EXPECTED) -> list[tuple[str, str]]:
    return [(finding.code.value, finding.path) for finding in judge(expected, reading).findings]


def test_a_pdf_that_is_right_has_all_points() -> None:
    proof = judge(EXPECTED, GOOD)
    assert proof.findings == ()
    assert (proof.score, proof.passed) == (100, True)
    assert (proof.texts_found, proof.texts_expected, proof.links_found, proof.links_expected) == (9, 9, 1, 1)


def test_headings_may_be_in_capitals_and_names_of_employers_may_not() -> None:
    capitals = lines(*(line.replace("Experience", "EXPERIENCE") for line in LINES))
    assert findings(replace(capitals, letters=capitals.letters - {"x"})) == []
    assert findings(lines(*(line.replace("Experience", "EXPERIENCE") for line in LINES))) == []
    assert findings(lines(*(line.replace("Fernhill", "FERNHILL") for line in LINES))) == [
        ("MISSING_TEXT", "work[0].company")
    ]


def test_the_order_within_a_head_is_free() -> None:
    assert findings(lines(*LINES[:2], "Fernhill", "Lead Engineer", *LINES[4:])) == []


@pytest.mark.parametrize(
    ("reading", "code", "path"),
    [
        (lines(*LINES[:3], *LINES[4:]), "MISSING_TEXT", "work[0].company"),
        (lines(*LINES[:4], LINES[5], LINES[4], LINES[6]), "TEXT_OUT_OF_ORDER", "work[0].bullets[1]"),
        (lines(*LINES[:4], "Fi rst th ing d one", *LINES[5:]), "BROKEN_WORDS", "work[0].bullets[0]"),
        (replace(GOOD, letters=GOOD.letters | {"\ufb01"}), "LIGATURE", ""),
        (replace(GOOD, letters=GOOD.letters - {"F"}), "WRONG_CHARACTER", "work[0].company"),
        (replace(GOOD, letters=GOOD.letters - {"Q"}), "WRONG_CHARACTER", "profile.fullName"),
        (replace(GOOD, off_page=("gone",)), "OFF_PAGE", ""),
        (replace(GOOD, fonts=(Font("SourceSerif4-Regular", "CIDFontType2", False),)), "FONT_NOT_EMBEDDED", ""),
        (replace(GOOD, fonts=(Font("", "Type3", True),)), "TYPE3_FONT", ""),
        (replace(GOOD, fonts=(Font("DejaVuSans", "CIDFontType2", True),)), "FOREIGN_FONT", ""),
        (replace(GOOD, fonts=(Font("SourceSerif4-Regular", "CIDFontType0", True),)), "FOREIGN_FONT", ""),
        (replace(GOOD, links=()), "MISSING_LINK", "profile.email"),
        (replace(GOOD, links=(*GOOD.links, "javascript:alert(1)")), "UNSAFE_LINK", ""),
        (replace(GOOD, title="Untitled"), "WRONG_TITLE", ""),
        (replace(GOOD, language="de"), "WRONG_LANGUAGE", ""),
        (replace(GOOD, is_tagged=False), "NOT_TAGGED", ""),
        (replace(GOOD, outline=()), "NO_OUTLINE", ""),
        (replace(GOOD, byte_size=200_001), "TOO_LARGE", ""),
        (replace(GOOD, byte_size=1_000_001, has_pictures=True), "TOO_LARGE", ""),
    ],
)
def test_what_is_wrong_is_named_and_fails(reading: Reading, code: str, path: str) -> None:
    assert findings(reading) == [(code, path)]
    proof = judge(EXPECTED, reading)
    assert not proof.passed
    assert proof.score < 100


def test_a_character_without_a_glyph_is_named_where_it_stands() -> None:
    rune = replace(EXPECTED, groups=(Group((Value("summary", "A \u16a0 rune"),)),))
    assert findings(lines("A \u16a0 rune"), rune) == [("MISSING_GLYPH", "summary")]
    assert judge(rune, lines("A \u16a0 rune")).missing_glyphs == ("\u16a0",)


def test_a_photo_may_weigh_something() -> None:
    assert findings(replace(GOOD, byte_size=300_000, has_pictures=True)) == []


def test_a_section_in_the_wrong_place_does_not_put_the_others_out_of_step() -> None:
    swapped = (LINES[0], LINES[6], *LINES[1:6])
    found = findings(lines(*swapped))
    assert found == [
        ("TEXT_OUT_OF_ORDER", "skills"),
        ("TEXT_OUT_OF_ORDER", "skills[0].items[0].name"),
        ("TEXT_OUT_OF_ORDER", "skills[0].items[1].name"),
    ]


def test_a_value_that_also_stands_far_away_does_not_put_the_rest_out_of_step() -> None:
    padding = [f"Line {n} of something long that comes after all of it" for n in range(30)]
    reading = lines(*LINES[:3], *LINES[4:], *padding, "Fernhill")
    assert findings(reading) == [("TEXT_OUT_OF_ORDER", "work[0].company")]


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_of_equal_values_the_one_that_is_lost_is_named(lost: int) -> None:
    years = ["2020", "2016", "2011", "2004"]
    roles = ["Director", "Lead", "Engineer", "Trainee"]
    groups = tuple(
        Group(
            (
                Value(f"work[{n}].role", role),
                Value(f"work[{n}].company", "Same Co"),
                Value(f"work[{n}].startDate", year),
            ),
            (Value(f"work[{n}].bullets[0]", f"Did what a {role} does"),),
        )
        for n, (role, year) in enumerate(zip(roles, years, strict=True))
    )
    printed = [
        (role, "" if n == lost else "Same Co", year, f"Did what a {role} does")
        for n, (role, year) in enumerate(zip(roles, years, strict=True))
    ]
    reading = lines(*(line for entry in printed for line in entry))
    expected = replace(EXPECTED, groups=groups)
    (found,) = judge(expected, reading).findings
    assert found.path == f"work[{lost}].company"


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://example.org", "https://example.org/"),
        ("https://Example.org/a b", "https://example.org/a%20b"),
        ("https://müller.example/ü", "https://xn--mller-kva.example/%C3%BC"),
        ("https://example.org/😀", "https://example.org/%F0%9F%98%80"),
        ("mailto:ö@example.org", "mailto:%C3%B6@example.org"),
        ("https://x.example/a|b", "https://x.example/a%7Cb"),
        ("https://x.example/a\\b", "https://x.example/a/b"),
        ("https://x.example/?a\\b", "https://x.example/?a\\b"),
        ("HTTPS://x.example:443/a", "https://x.example/a"),
        ("http://x.example:80", "http://x.example/"),
        ("http://x.example:443", "http://x.example:443/"),
        ("https://x.example/a/../b", "https://x.example/b"),
        ("https://x.example/a/./b/%2E%2e", "https://x.example/a/"),
        ("https://x.example/{id}?q=[1]`^#a|b", "https://x.example/%7Bid%7D?q=[1]`^#a|b"),
        ("https://x.example/a'b?it's", "https://x.example/a'b?it%27s"),
        ("https://faß.example", "https://xn--fa-hia.example/"),
        ("https://Bo:Pw@x.example", "https://Bo:Pw@x.example/"),
    ],
)
def test_links_are_the_same_as_browsers_write_them(address: str, found: str) -> None:
    expected = replace(EXPECTED, links=(Link("profile.links[0].url", address),))
    assert findings(replace(GOOD, links=(found,)), expected) == []


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://x.example/a", "https://x.example/b"),
        ("https://x.example:444/a", "https://x.example/a"),
        ("https://x.example/A", "https://x.example/a"),
        ("https://x.example/a%2Fb", "https://x.example/a/b"),
        ("http://x.example", "https://x.example/"),
    ],
)
def test_links_that_lead_elsewhere_are_not_the_same(address: str, found: str) -> None:
    expected = replace(EXPECTED, links=(Link("profile.links[0].url", address),))
    assert findings(replace(GOOD, links=(found,)), expected) == [("MISSING_LINK", "profile.links[0].url")]


def test_points_are_the_share_of_values_in_place_less_those_for_each_kind_of_finding() -> None:
    two_missing = lines(LINES[0], LINES[1], *LINES[4:])
    assert judge(EXPECTED, two_missing).score == int(100 * 7 / 9)
    broken = lines(*LINES[:4], "Fi rst th ing d one", *LINES[5:])
    assert judge(EXPECTED, broken).score == int(100 * 8.5 / 9)
    untitled = replace(GOOD, title="", is_tagged=False, links=("data:x", "file:x", *GOOD.links))
    codes = (FindingCode.WRONG_TITLE, FindingCode.NOT_TAGGED, FindingCode.UNSAFE_LINK)
    assert judge(EXPECTED, untitled).score == 100 - sum(DEDUCTIONS[code] for code in codes)
    assert judge(EXPECTED, replace(untitled, pages=("",), fonts=(), outline=())).score == 0


def test_only_the_first_findings_are_kept_and_all_are_counted() -> None:
    values = tuple(Value(f"work[{n}].role", f"Role number {n}.") for n in range(80))
    proof = judge(replace(EXPECTED, groups=(Group(values),)), lines("Role number. 0123456789"))
    assert (len(proof.findings), proof.finding_count) == (MAX_FINDINGS, 80)
    assert (proof.texts_expected, proof.texts_found, proof.score) == (80, 0, 0)


def test_long_values_are_cut_in_messages() -> None:
    long = replace(EXPECTED, groups=(Group((Value("summary", "word " * 500),)),))
    assert all(len(finding.message) < 100 for finding in judge(long, GOOD).findings)


def test_the_verdict_can_be_stored_as_json() -> None:
    stored = json.loads(json.dumps(judge(EXPECTED, replace(GOOD, title="Untitled")).to_json()))
    assert stored == {
        "score": 90,
        "passed": False,
        "findings": [{"code": "WRONG_TITLE", "path": "", "message": "the title is “Untitled”"}],
        "findingCount": 1,
        "textsExpected": 9,
        "textsFound": 9,
        "linksExpected": 1,
        "linksFound": 1,
        "missingGlyphs": [],
        "fonts": ["SourceSerif4-Regular"],
        "title": "Untitled",
        "language": "en",
        "isTagged": True,
        "pageCount": 1,
        "byteSize": 50_000,
    }
