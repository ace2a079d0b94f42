"""Documents: what is accepted, what is refused, and in whose words."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resumepair_renderer import (
    Format,
    InvalidDocument,
    RenderOptions,
    ResumeDocument,
    compose,
    parse_document,
    render_html,
)
from resumepair_renderer.fields import Picture
from resumepair_renderer.formats.json_resume import write
from resumepair_renderer.page_view import wording_of
from resumepair_renderer.partial_date import PartialDate

DOCUMENTS = Path(__file__).parents[2] / "documents"

BARE: dict[str, Any] = {"profile": {"fullName": "Bo"}, "work": [], "education": [], "skills": []}


def problems(data: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        parse_document(data)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("path", sorted(DOCUMENTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_sample_document_is_valid(path: Path) -> None:
    assert isinstance(parse_document(json.loads(path.read_text())), ResumeDocument)


def test_a_wrong_date_is_named_by_its_path() -> None:
    work = [{}, None, {"startDate": "soon"}]
    assert problems({**BARE, "work": work}) == ['work[2].startDate: not a date: "soon"']


def test_json_resume_problems_are_named_by_the_paths_of_json_resume() -> None:
    data = {
        "basics": {"name": "Bo", "email": ["bo@example.org"]},
        "education": [{"startDate": "2020-13"}],
    }
    assert problems(data) == [
        "basics.email: expected text",
        'education[0].startDate: not a date: "2020-13"',
    ]


def test_required_parts_are_missed_by_name() -> None:
    assert problems({}) == [f"{part}: missing" for part in ("profile", "work", "education", "skills")]


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"work": {}}, "work: expected a list"),
        ({"work": [5]}, "work[0]: expected an object"),
        ({"summary": True}, "summary: expected text"),
        ({"summary": "x" * 40_001}, "summary: too long: 40001 characters, at most 40000 are possible"),
        ({"work": [{}] * 251}, "work: too long: 251 items, at most 250 are possible"),
        (
            {"skills": [{"items": [{"name": "Go", "level": 9}]}]},
            "skills[0].items[0].level: not a level from 0 to 5: 9",
        ),
        ({"settings": {"locale": "klingon"}}, 'settings.locale: not a known locale: "klingon"'),
        ({"settings": {"pageSize": "A5"}}, 'settings.pageSize: not one of A4, Letter: "A5"'),
        ({"settings": {"dateFormat": 1}}, "settings.dateFormat: not one of US, ISO, EU: 1"),
        (
            {"appearance": {"theme": {"primary": "red; } * {"}}},
            'appearance.theme.primary: not a colour like #1a2b3c: "red; } * {"',
        ),
        ({"appearance": {"margin": "9in"}}, 'appearance.margin: expected 5 to 50 mm: "9in"'),
        (
            {"appearance": {"typography": {"fontSize": 99}}},
            "appearance.typography.fontSize: expected 7 to 16 pt: 99",
        ),
        ({"appearance": {"showPageNumbers": "yes"}}, "appearance.showPageNumbers: expected true or false"),
    ],
)
def test_a_wrong_value_is_refused(part: dict[str, Any], problem: str) -> None:
    assert problems({**BARE, **part}) == [problem]


def test_an_empty_document_is_refused_instead_of_printed_blank() -> None:
    assert problems({**BARE, "profile": {}}) == ["profile.fullName: the document is empty, nothing to print"]
    assert problems({**BARE, "profile": None, "work": None}) == ["profile: missing", "work: missing"]
    assert problems({"basics": {}}) == ["basics.name: the document is empty, nothing to print"]


def test_null_means_empty_where_nothing_is_required() -> None:
    document = dict.fromkeys(ResumeDocument.model_json_schema(by_alias=True)["properties"])
    assert parse_document({**document, **BARE, "summary": "Here"}).summary == "Here"


def test_at_most_ten_problems_are_listed() -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_document({**BARE, "work": [{"startDate": "soon"}] * 12})
    assert len(caught.value.problems) == 12
    assert str(caught.value).count("not a date") == 10
    assert str(caught.value).endswith("; and 2 more")


@pytest.mark.parametrize("name", ["\u200b\u200b", "\ufeff", "\u2060 \u00ad", "\u3000"])
def test_a_name_that_nobody_can_see_is_no_name(name: str) -> None:
    assert problems({**BARE, "profile": {"fullName": name}}) == [
        "profile.fullName: the document is empty, nothing to print"
    ]


def test_control_characters_ligatures_and_lone_surrogates_are_taken_out() -> None:
    document = parse_document({**BARE, "summary": "a\x00b\ud800 o\ufb03ce\u202e\r\nnext\tline"})
    assert document.summary == "ab office\nnext line"


def test_skills_may_be_plain_text_or_carry_a_level() -> None:
    group = parse_document({**BARE, "skills": [{"items": ["Go", {"name": "Rust", "level": 4}]}]}).skills[0]
    assert [(item.name, item.level) for item in group.items] == [("Go", None), ("Rust", 4.0)]


def test_a_photo_alone_is_no_resume() -> None:
    assert problems({**BARE, "profile": {"photo": "data:image/png;base64,AAAA"}}) == [
        "profile.fullName: the document is empty, nothing to print"
    ]


def test_the_letters_of_a_photo_are_not_taken_for_the_language() -> None:
    profile = {"fullName": "Ελένη", "photo": "data:image/png;base64," + "A" * 30_000}
    assert wording_of(parse_document({**BARE, "profile": profile})).language_tag == "el"


def test_a_photo_may_be_an_object_with_an_address_and_nothing_else() -> None:
    photo = parse_document({**BARE, "profile": {"fullName": "Bo", "photo": {"url": " x "}}}).profile.photo
    assert photo == Picture("x", "profile.photo")
    assert problems({**BARE, "profile": {"photo": 5}}) == ["profile.photo: expected text"]


def test_what_only_programs_read_is_kept() -> None:
    links = [{"network": "Birdsong", "username": "@otto", "url": "https://birdsong.example/otto"}]
    projects = [{"name": "Almanac", "type": "application"}]
    document = parse_document({"basics": {"name": "Otto", "profiles": links}, "projects": projects})
    assert document.profile.links[0].username == "@otto"
    assert document.projects[0].type == "application"


def test_unknown_keys_are_ignored() -> None:
    assert parse_document({**BARE, "zodiac": "Virgo"}).profile.full_name == "Bo"


def test_json_resume_loses_nothing_that_has_a_place() -> None:
    data = json.loads((DOCUMENTS / "otto-json-resume.json").read_text())
    html = render_html(parse_document(data), RenderOptions())
    unprinted = {"", "GitHub", "otto", "application", "v1.0.0", "Master", "Native", "Fluent"}
    for text in leaves({**data, "meta": None}):
        date = text[4:5] == "-" and text[:4].isdigit()
        assert date or text in unprinted or text.removeprefix("https://") in html, text
    text = re.sub("<[^>]+>", "", html)
    assert "Collections (Master)" in text
    assert "Dutch (Native)" in text


def test_json_resume_dates_and_lists_arrive() -> None:
    data = json.loads((DOCUMENTS / "otto-json-resume.json").read_text())
    document = parse_document(data)
    assert document.work[0].start_date == PartialDate(2014, 2, 1)
    assert document.work[0].link == "https://quiet-machines.example"
    assert document.education[0].courses == ("Conservation", "Provenance Research")


def test_the_name_of_an_account_is_kept_where_its_address_lacks_it() -> None:
    profiles = [
        {"network": "Birdsong", "username": "otto", "url": "https://birdsong.example"},
        {"network": "Birdsong", "username": "otto", "url": "https://birdsong.example/Otto"},
        {"network": "Birdsong", "username": "@otto"},
    ]
    links = parse_document({"basics": {"name": "Otto", "profiles": profiles}}).profile.links
    assert [link.label for link in links] == ["Birdsong: otto", "", "Birdsong: @otto"]


def leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value] if isinstance(value, str) else []


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20)
OF_PEOPLE = ["fullName", "name", "location", "links", "profiles", "url", "link", "text"]
OF_ENTRIES = ["startDate", "endDate", "items", "level", "keywords", "highlights", "descriptionBullets"]
OF_LOOKS = ["locale", "theme", "margin", "typography"]
KEYS = st.sampled_from([*OF_PEOPLE, *OF_ENTRIES, *OF_LOOKS])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
TOP_KEYS = st.sampled_from(["basics", *ResumeDocument.model_json_schema(by_alias=True)["properties"]])


@given(st.dictionaries(TOP_KEYS, JSON, max_size=8), st.booleans())
def test_any_json_is_rendered_or_refused_with_paths(data: dict[str, Any], complete: bool) -> None:
    refused = None
    try:
        document = parse_document({**BARE, **data} if complete else data)
    except InvalidDocument as error:
        refused = error
    if refused is None:
        render_html(document, RenderOptions()).encode()
        compose({**BARE, **data} if complete else data, RenderOptions(format=Format.TXT))
        assert parse_document(json.loads(json.dumps(write(document)))) is not None
    else:
        assert refused.problems
        assert str(refused).encode()


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"work": [{"startDate": "2020-00"}]}, 'work[0].startDate: not a date: "2020-00"'),
        ({"work": [{"endDate": "2020-05-00"}]}, 'work[0].endDate: not a date: "2020-05-00"'),
        (
            {"appearance": {"typography": {"fontSize": 10**400}}},
            "appearance.typography.fontSize: expected 7 to 16 pt: 1",
        ),
        ({"appearance": {"margin": float("nan")}}, "appearance.margin: expected 5 to 50 mm: NaN"),
    ],
)
def test_numbers_beyond_all_calendars_and_papers_are_refused_by_path(part: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_document({"profile": {"fullName": "Bo"}, "work": [], "education": [], "skills": [], **part})
    assert str(caught.value).startswith(message)
