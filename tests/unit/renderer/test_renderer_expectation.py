"""What is expected of a PDF: every value of the document, by its path, in the order of print."""

from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from resumepair_renderer import ResumeDocument, parse_document
from resumepair_renderer.expectation import Expectation, expect
from resumepair_renderer.page_view import wording_of

DOCUMENT: dict[str, Any] = {
    "profile": {
        "fullName": "Ada",
        "headline": "Engineer",
        "email": "ada@example.org",
        "location": {"city": "Bristol", "postal": "BS1"},
        "links": [{"url": "https://example.org/ada"}, {"label": "Blog", "url": "example.org"}],
    },
    "summary": "First.\n- Second.",
    "work": [
        {
            "role": "Lead",
            "company": "Fernhill",
            "link": "javascript:x",
            "startDate": "2021-03",
            "descriptionBullets": ["* One", "Two\n- Three"],
            "achievements": ["Won"],
            "techStack": ["Rust"],
        }
    ],
    "education": [{"school": "Exeter", "degree": "BSc", "endDate": "2006"}],
    "skills": [{"category": "Tools", "items": ["Git"]}],
    "extras": [{"title": "Speaking", "content": "Keynote"}],
}


def expected(*section_order: str, **changes: object) -> Expectation:
    document = parse_document(DOCUMENT | changes)
    return expect(document, wording_of(document), title="Ada – Résumé", section_order=section_order)


def texts(expectation: Expectation) -> dict[str, str]:
    return {value.path: value.text for group in expectation.groups for value in (*group.head, *group.body)}


def test_every_value_is_expected_by_its_path_in_the_model() -> None:
    found = texts(expected())
    assert (
        found.items()
        >= {
            "profile.fullName": "Ada",
            "profile.headline": "Engineer",
            "profile.location.city": "Bristol",
            "profile.location.postal": "BS1",
            "profile.links[0]": "example.org/ada",
            "profile.links[1]": "Blog",
            "work": "Experience",
            "work[0].role": "Lead",
            "work[0].company": "Fernhill",
            "work[0].startDate": "Mar 2021",
            "work[0].endDate": "Present",
            "work[0].descriptionBullets[0]": "One",
            "work[0].achievements[0]": "Won",
            "work[0].techStack[0]": "Rust",
            "education[0].endDate": "2006",
            "skills[0].items[0].name": "Git",
            "extras[0].title": "Speaking",
            "extras[0].content": "Keynote",
        }.items()
    )


def test_bullets_and_paragraphs_are_expected_in_order_and_without_their_marks() -> None:
    bodies = [[value.text for value in group.body] for group in expected().groups if group.body]
    assert bodies == [["First.", "Second."], ["One", "Two", "Three", "Won"], ["Keynote"]]


def test_sections_are_expected_as_they_are_printed_and_the_others_after_them() -> None:
    def order(*keys: str) -> list[str]:
        groups = expected(*keys).groups
        return [group.head[0].path for group in groups if group.is_heading]

    assert order() == ["profile.fullName", "summary", "work", "education", "skills", "extras[0].title"]
    assert order("extra", "skills") == ["profile.fullName", "extras[0].title", "skills", "summary", "work", "education"]


def test_safe_addresses_are_expected_as_links_and_others_as_text() -> None:
    expectation = expected()
    assert dict(expectation.links) == {
        "profile.email": "mailto:ada@example.org",
        "profile.links[0].url": "https://example.org/ada",
        "profile.links[1].url": "https://example.org",
    }
    assert texts(expectation)["work[0].link"] == "javascript:x"


def test_language_and_fonts_are_those_of_the_document_and_the_package() -> None:
    expectation = expected(settings={"locale": "en-GB"})
    assert expectation.language == "en-GB"
    assert "Source Serif 4" in expectation.families


def test_characters_are_those_of_all_texts_and_of_headings_in_capitals() -> None:
    found = expected(extras=[{"title": "ə", "content": "·"}]).letters
    assert found >= {"ə", "Ə", "·", "W", "k"}
    assert "V" not in found  # those of other texts are not


@pytest.mark.parametrize("section", sorted(set(ResumeDocument.model_fields) - {"summary", "settings", "appearance"}))
def test_no_text_of_any_section_is_forgotten(section: str) -> None:
    """Walks the model: a field that is added to it has to be expected, or named here as not printed."""
    not_printed = {
        "profile": {"photo", "type", "url", "username"},  # a link is expected by its label
        "projects": {"type"},
    }.get(section, set())
    texts_made: list[str] = []
    filled = filled_in(ResumeDocument.model_fields[section].annotation, texts_made, not_printed)
    base: dict[str, Any] = {"profile": {"fullName": "Ada"}, "work": [], "education": [], "skills": []}
    document = parse_document(base | {section: filled})
    found = texts(expect(document, wording_of(document), title="")).values()
    assert texts_made
    assert set(texts_made) <= set(found)


def filled_in(annotation: object, made: list[str], left_out: set[str]) -> object:
    """A value of the type `annotation` with a text of its own in every field."""
    if get_origin(annotation) is tuple:
        return [filled_in(get_args(annotation)[0], made, left_out)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return {name: filled_in(field.annotation, made, left_out) for name, field in fields if name not in left_out}
    if annotation is str:
        made.append(f"Text {len(made)}.")
        return made[-1]
    return None
