"""JSON Resume written back: valid by its schema, and nothing lost on the way there and back."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from resumepair_renderer import ResumeDocument, parse_document
from resumepair_renderer.formats.json_resume import write

DOCUMENTS = sorted((Path(__file__).parents[2] / "documents").glob("*.json"))
BARE: dict[str, Any] = {"profile": {"fullName": "Bo"}, "work": [], "education": [], "skills": []}

DATE = re.compile(r"([1-2][0-9]{3}-[0-1][0-9]-[0-3][0-9]|[1-2][0-9]{3}-[0-1][0-9]|[1-2][0-9]{3})")
TEXT, TEXTS, URL = "text", "texts", "url"
# The schema of JSON Resume 1.x as far as it says what a value has to be. Keys of our own are allowed by it.
PERIOD = {"startDate": DATE, "endDate": DATE, "url": URL, "summary": TEXT, "highlights": TEXTS}
SCHEMA: dict[str, dict[str, Any]] = {
    "work": {"name": TEXT, "location": TEXT, "description": TEXT, "position": TEXT, **PERIOD},
    "volunteer": {"organization": TEXT, "position": TEXT, **PERIOD},
    "education": {"institution": TEXT, "area": TEXT, "studyType": TEXT, "score": TEXT, "courses": TEXTS, **PERIOD},
    "awards": {"title": TEXT, "date": DATE, "awarder": TEXT, "summary": TEXT},
    "certificates": {"name": TEXT, "date": DATE, "url": URL, "issuer": TEXT},
    "publications": {"name": TEXT, "publisher": TEXT, "releaseDate": DATE, "url": URL, "summary": TEXT},
    "skills": {"name": TEXT, "level": TEXT, "keywords": TEXTS},
    "languages": {"language": TEXT, "fluency": TEXT},
    "interests": {"name": TEXT, "keywords": TEXTS},
    "references": {"name": TEXT, "reference": TEXT},
    "projects": {"name": TEXT, "description": TEXT, "keywords": TEXTS, "roles": TEXTS, "entity": TEXT, **PERIOD},
}
BASICS = {"name": TEXT, "label": TEXT, "image": TEXT, "email": TEXT, "phone": TEXT, "url": URL, "summary": TEXT}
LOCATION = {"address": TEXT, "postalCode": TEXT, "city": TEXT, "countryCode": TEXT, "region": TEXT}
PROFILE = {"network": TEXT, "username": TEXT, "url": URL}


def is_valid(value: object, kind: str | re.Pattern[str]) -> bool:
    if kind is TEXTS:
        return isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)
    if not isinstance(value, str):
        return False
    pattern = {TEXT: ".*", URL: "[a-z]+:.*"}.get(kind, "") if isinstance(kind, str) else kind
    return re.fullmatch(pattern, value, re.DOTALL if isinstance(pattern, str) else 0) is not None


def check(entry: dict[str, Any], schema: dict[str, Any]) -> None:
    for key, value in entry.items():
        assert value not in ("", [], {}, None), f"{key} is empty"
        assert key not in schema or is_valid(value, schema[key]), f"{key}: {value}"


def filled(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """`value` without what is empty."""
    if isinstance(value, dict):
        return {key: filled(item) for key, item in value.items() if item not in ("", [], {}, None)}
    return [filled(item) for item in value] if isinstance(value, list) else value


def loaded(path: Path) -> ResumeDocument:
    return parse_document(json.loads(path.read_text(encoding="utf-8")))


def through_json(document: ResumeDocument) -> ResumeDocument:
    return parse_document(json.loads(json.dumps(write(document))))


def comparable(document: ResumeDocument) -> dict[str, Any]:
    """What is printed of it: achievements follow the other bullets, a website is as good without its type."""
    data = document.model_dump()
    for work, entry in zip(data["work"], document.work, strict=True):
        work["description_bullets"] += work.pop("achievements")
        if entry.start_date and entry.end_date is None:
            work["end_date"] = "Present"
    for entry in data["volunteer"]:
        entry["end_date"] = entry["end_date"] or "Present"
    data["profile"]["photo"] = document.profile.photo and document.profile.photo.source
    data["profile"]["links"] = sorted(link.url.split("://")[-1] for link in document.profile.links)
    return data


def without_missing_ends(data: dict[str, Any]) -> dict[str, Any]:
    for section in ("work", "volunteer"):
        for entry in data[section]:
            entry["end_date"] = entry["end_date"] if entry["end_date"] != "Present" or entry["start_date"] else None
    return data


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_document_becomes_valid_json_resume(path: Path) -> None:
    written: dict[str, Any] = write(loaded(path))
    check({key: value for key, value in written["basics"].items() if key not in {"location", "profiles"}}, BASICS)
    check(written["basics"].get("location", {}), LOCATION)
    for profile in written["basics"].get("profiles", []):
        check(profile, PROFILE)
    for section, schema in SCHEMA.items():
        for entry in written.get(section, []):
            check(entry, schema)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_survives_the_way_there_and_back(path: Path) -> None:
    document = loaded(path)
    there_and_back = through_json(document)
    assert without_missing_ends(comparable(there_and_back)) == without_missing_ends(comparable(document))
    assert write(there_and_back) == write(document)


def test_json_resume_comes_back_as_it_was() -> None:
    original = filled(json.loads((DOCUMENTS[0].parent / "otto-json-resume.json").read_text(encoding="utf-8")))
    written = json.loads(json.dumps(write(parse_document(original))))
    lost = {key: original[key] for key in original.keys() - {"meta", "$schema"} if original[key] != written.get(key)}
    assert lost == {}


@pytest.mark.parametrize("section", ["education", "projects"])
def test_what_goes_on_says_so_where_a_missing_end_would_not(section: str) -> None:
    entry = {"name": "On", "school": "On", "startDate": "2020", "endDate": "Present"}
    document = parse_document({**BARE, section: [entry]})
    written: Any = write(document)
    assert written[section][0]["current"] is True
    assert "endDate" not in written[section][0]
    assert getattr(through_json(document), section)[0].end_date == "Present"


def test_levels_of_skills_come_back() -> None:
    items = ["Analysis", {"name": "Algebra", "level": 4}]
    document = parse_document({**BARE, "skills": [{"category": "Mathematics", "items": items}]})
    written: Any = write(document)
    assert written["skills"] == [
        {"name": "Mathematics", "keywords": ["Analysis", "Algebra"], "levels": {"Algebra": 4.0}}
    ]
    assert through_json(document).skills == document.skills


def test_sections_and_looks_of_our_own_come_back() -> None:
    own = {
        "extras": [{"title": "Speaking", "content": "Everywhere"}],
        "settings": {"locale": "de-CH", "dateFormat": "EU", "sectionOrder": ["skills", "work"]},
        "appearance": {"template": "classic", "margin": "1in", "theme": {"primary": "#123456"}},
    }
    document = parse_document({**BARE, **own})
    back = through_json(document)
    assert (back.extras, back.settings, back.appearance) == (document.extras, document.settings, document.appearance)


def test_a_photo_is_the_image() -> None:
    document = parse_document({**BARE, "profile": {"fullName": "Bo", "photo": "data:image/png;base64,AAAA"}})
    written: Any = write(document)
    assert written["basics"]["image"] == "data:image/png;base64,AAAA"


def test_dates_are_written_with_two_digits() -> None:
    document = parse_document({**BARE, "work": [{"company": "Co", "startDate": "2021-3", "endDate": "2021-4-5"}]})
    written: Any = write(document)
    assert (written["work"][0]["startDate"], written["work"][0]["endDate"]) == ("2021-03", "2021-04-05")


def test_an_address_that_may_not_be_a_link_is_kept_as_text() -> None:
    document = parse_document({**BARE, "work": [{"company": "Co", "link": "javascript:alert(1)"}]})
    written: Any = write(document)
    assert written["work"][0]["url"] == "javascript:alert(1)"
