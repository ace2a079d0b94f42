"""Plain text: everything is there, in order, on lines that forms understand."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from resumepair_renderer import Format, RenderOptions, compose

DOCUMENTS = sorted((Path(__file__).parents[2] / "documents").glob("*.json"))
BARE: dict[str, Any] = {"profile": {"fullName": "Bo"}, "work": [], "education": [], "skills": []}


def text_of(data: dict[str, Any]) -> str:
    return compose(data, RenderOptions(format=Format.TXT)).content.decode()


def test_a_document_reads_as_a_person_would_type_it() -> None:
    work = {
        "company": "Engines",
        "role": "Programmer",
        "startDate": "1842-02",
        "endDate": "1843-09",
        "descriptionBullets": ["Wrote Note G"],
        "techStack": ["Cards", "Gears"],
    }
    profile = {"fullName": "Ada", "headline": "Analyst", "email": "ada@example.org"}
    skills = [{"category": "Mathematics", "items": ["Algebra", "Analysis"]}]
    document = {**BARE, "profile": profile, "summary": "First.", "work": [work], "skills": skills}
    assert text_of({**document, "settings": {"locale": "en"}}) == (
        "Ada\nAnalyst\n\nada@example.org\n\n\n"
        "Summary\n-------\nFirst.\n\n\n"
        "Experience\n----------\nProgrammer\nEngines\nFeb 1842 – Sep 1843\n- Wrote Note G\nCards, Gears\n\n\n"
        "Skills\n------\nMathematics: Algebra, Analysis\n"
    )


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_no_line_is_ragged(path: Path) -> None:
    text = text_of(json.loads(path.read_text(encoding="utf-8")))
    assert text.endswith("\n")
    assert not text.startswith("\n")
    assert "\n\n\n\n" not in text
    assert [line for line in text.split("\n") if line != line.strip()] == []
    assert re.search("[\t\r\x00-\x08]", text) is None


def test_links_are_spelled_out() -> None:
    links = [{"url": "https://ada.example/"}, {"label": "My essays", "url": "ada.example/essays"}]
    text = text_of(
        {**BARE, "profile": {"fullName": "Ada", "email": "a@b.example", "phone": "+44 20 7946 0000", "links": links}}
    )
    assert "https://ada.example/" in text
    assert "My essays (https://ada.example/essays)" in text
    assert "mailto:" not in text
    assert "tel:" not in text


def test_an_address_is_said_once() -> None:
    text = text_of({**BARE, "projects": [{"name": "Almanac", "link": "https://git.example/almanac"}]})
    assert text.count("git.example") == 1
    assert "Almanac\nhttps://git.example/almanac" in text


def test_what_may_not_be_a_link_stays_text() -> None:
    assert "javascript:alert(1)" in text_of({**BARE, "work": [{"company": "Co", "link": "javascript:alert(1)"}]})


def test_wide_letters_are_underlined_in_full() -> None:
    text = text_of({**BARE, "summary": "設計してきました。", "settings": {"locale": "ja"}})
    assert "概要\n----\n" in text


def test_markup_is_text() -> None:
    assert "<b>**bold**</b>" in text_of({**BARE, "summary": "<b>**bold**</b>"})
