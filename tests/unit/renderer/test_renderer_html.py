"""The HTML: nothing in a document becomes markup, and only allowed addresses become links."""

from typing import Any

import pytest

from resumepair_renderer import InvalidOptions, RenderOptions, parse_document, render_html
from resumepair_renderer.link import phone, safe_href

BARE: dict[str, Any] = {"profile": {"fullName": "Bo"}, "work": [], "education": [], "skills": []}


def html(options: RenderOptions | None = None, **parts: object) -> str:
    return render_html(parse_document({**BARE, **parts}), options or RenderOptions())


@pytest.mark.parametrize(
    ("address", "href"),
    [
        ("https://example.org/a?b=c", "https://example.org/a?b=c"),
        ("mailto:bo@example.org", "mailto:bo@example.org"),
        ("example.org/bo", "https://example.org/bo"),
        ("javascript:alert(1)", ""),
        ("JaVaScRiPt:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,<b>", ""),
        ("file:///etc/passwd", ""),
        ("vbscript:x", ""),
        ("//example.org", ""),
        ("https:", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_only_allowed_schemes_become_links(address: str, href: str) -> None:
    assert safe_href(address) == href


def test_an_address_that_is_no_link_is_printed_as_text() -> None:
    page = html(profile={"fullName": "Bo", "links": [{"url": "javascript:alert(1)"}]})
    assert "javascript:alert(1)" in page
    assert "<a" not in page


def test_telephone_numbers_are_dialled_without_punctuation() -> None:
    assert phone("+44 (20) 7946-0018").href == "tel:+442079460018"
    assert phone("call me maybe").href == ""


def test_values_are_escaped_in_text_titles_and_attributes() -> None:
    evil = '"><script>alert(1)</script>'
    page = html(profile={"fullName": evil, "headline": evil, "links": [{"url": f"https://example.org/{evil}"}]})
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_policy_forbids_everything_but_inline_style_and_data() -> None:
    page = html()
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:" in page


def test_appearance_reaches_the_stylesheet() -> None:
    page = html(
        appearance={
            "theme": {"primary": "#ABCDEF", "text": "#111", "background": "#fefefe"},
            "typography": {"fontFamily": "Inter", "fontSize": "11pt", "lineHeight": 1.5},
            "margin": "1in",
        }
    )
    for declaration in (
        "--primary: #abcdef;",
        "--text: #111;",
        "--background: #fefefe;",
        '--font: "Source Sans 3"',
        "--size: 11.0pt;",
        "--leading: 1.5;",
        "margin: 25.4mm;",
    ):
        assert declaration in page


@pytest.mark.parametrize(
    ("settings", "options", "size"),
    [
        ({}, RenderOptions(), "A4"),
        ({"locale": "en-US"}, RenderOptions(), "Letter"),
        ({"locale": "en-US", "pageSize": "A4"}, RenderOptions(), "A4"),
        ({"pageSize": "A4"}, RenderOptions(page_size="Letter"), "Letter"),
    ],
)
def test_the_caller_decides_the_paper_then_the_document_then_its_language(
    settings: dict[str, str], options: RenderOptions, size: str
) -> None:
    assert f"size: {size};" in html(options, settings=settings)


@pytest.mark.parametrize(("locale", "tag", "direction"), [("ar", "ar", "rtl"), ("pt_BR", "pt-BR", "ltr")])
def test_language_and_direction_are_marked(locale: str, tag: str, direction: str) -> None:
    assert f'<html lang="{tag}" dir="{direction}">' in html(settings={"locale": locale})


def test_sections_follow_the_authors_order_and_none_is_lost() -> None:
    page = html(
        summary="Hello",
        work=[{"role": "Baker"}],
        languages=["Welsh"],
        settings={"sectionOrder": ["languages", "nonsense", "Experience"]},
    )
    assert page.index(">Languages<") < page.index(">Experience<") < page.index(">Summary<")


def test_page_numbers_can_be_forced_and_forbidden() -> None:
    assert "@page :first" in html()
    assert "@page :first" not in html(appearance={"showPageNumbers": True})
    assert "counter(page)" not in html(appearance={"showPageNumbers": False})


def test_options_are_read_from_json() -> None:
    assert RenderOptions.parse({"template": "classic", "pageSize": "LETTER"}) == RenderOptions("classic", "Letter")
    assert RenderOptions.parse({}) == RenderOptions()


@pytest.mark.parametrize("options", [{"template": "baroque"}, {"template": 1}, {"pageSize": "A5"}, {"pageSize": 4}])
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidOptions):
        RenderOptions.parse(options)
