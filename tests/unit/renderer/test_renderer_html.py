"""The HTML: nothing in a document becomes markup, and only allowed addresses become links."""

from typing import Any

import pytest

from resumepair_renderer import TEMPLATES, InvalidOptions, RenderOptions, parse_document, render_html
from resumepair_renderer.link import phone, safe_href
from resumepair_renderer.page_view import PageView, page_view, wording_of

BARE: dict[str, Any] = {"profile": {"fullName": "Bo"}, "work": [], "education": [], "skills": []}


PHOTO = "data:image/jpeg;base64,/9j/4AAQ"

every_template = pytest.mark.parametrize("template", TEMPLATES)


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


@every_template
def test_appearance_reaches_every_stylesheet(template: str) -> None:
    page = html(
        RenderOptions(template),
        appearance={
            "theme": {"primary": "#0B3D91", "text": "#111", "background": "#fefefe"},
            "typography": {"fontFamily": "Inter", "fontSize": "11pt", "lineHeight": 1.5},
            "margin": "1in",
        },
    )
    for declaration in (
        "--primary: #0b3d91;",
        "--text: #111;",
        "--background: #fefefe;",
        '--font: "Inter"',
        "--size: 11.0pt;",
        "--leading: 1.5;",
        "--margin: 25.4mm;",
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


@every_template
def test_sections_follow_the_authors_order_and_none_is_lost(template: str) -> None:
    page = html(
        RenderOptions(template),
        summary="Hello",
        work=[{"role": "Baker"}],
        languages=["Welsh"],
        settings={"sectionOrder": ["languages", "nonsense", "Experience"]},
    )
    assert page.index(">Languages<") < page.index(">Experience<") < page.index(">Summary<")


@every_template
def test_page_numbers_can_be_forced_and_forbidden(template: str) -> None:
    options = RenderOptions(template)
    not_on_the_first = "@bottom-right { content: none; }"
    assert not_on_the_first in html(options)
    assert not_on_the_first not in html(options, appearance={"showPageNumbers": True})
    assert "counter(page)" not in html(options, appearance={"showPageNumbers": False})


def test_templates_have_orders_of_their_own() -> None:
    parts: dict[str, Any] = {
        "work": [{"role": "Baker"}],
        "skills": ["Sourdough"],
        "education": [{"school": "Bakers' College"}],
    }
    classic, technical, academic = (html(RenderOptions(name), **parts) for name in ("classic", "technical", "academic"))
    assert classic.index(">Experience<") < classic.index(">Education<") < classic.index(">Skills<")
    assert technical.index(">Skills<") < technical.index(">Experience<")
    assert academic.index(">Education<") < academic.index(">Experience<")


TALKATIVE: dict[str, Any] = {
    **BARE,
    "profile": {"fullName": "Bo", "email": "bo.the.baker@example.org"},
    "summary": "What is said at length. " * 8,
}


def view_with_sidebar(**parts: object) -> PageView:
    document = parse_document({**TALKATIVE, **parts})
    return page_view(document, wording_of(document), template=TEMPLATES["sidebar"])


def test_short_sections_stand_beside_the_others_in_reading_order() -> None:
    page = view_with_sidebar(skills=["Sourdough"])
    assert [section.key for section in page.sidebar] == ["skills"]
    assert [section.key for section in page.main] == ["summary"]
    assert page.sections == (*page.sidebar, *page.main)


def test_what_is_too_long_for_the_first_page_does_not_stand_beside_it() -> None:
    items = [f"Skill {number}" for number in range(60)]
    page = view_with_sidebar(skills=[{"category": "All", "items": items}], languages=["Welsh"])
    assert [section.key for section in page.sidebar] == ["languages"]
    assert [section.key for section in page.main] == ["summary", "skills"]


@pytest.mark.parametrize("parts", [{"summary": "Few words."}, {"profile": {"fullName": "Bo"}}])
def test_nothing_stands_beside_where_readers_would_find_an_empty_band_between(parts: dict[str, object]) -> None:
    page = view_with_sidebar(skills=["Sourdough"], **parts)
    assert not page.has_columns
    assert page.sidebar == ()


@every_template
def test_a_photo_has_a_place_and_a_name(template: str) -> None:
    document = parse_document({**BARE, "summary": "Hello"})
    page = render_html(document, RenderOptions(template), photo=PHOTO)
    assert page.count(f'<img class="photo" src="{PHOTO}" alt="Bo">') == 1
    assert "<img" not in render_html(document, RenderOptions(template))


@every_template
def test_levels_are_text(template: str) -> None:
    skills = [
        {"category": "Bread", "items": [{"name": "Sourdough", "level": 4}, {"name": "Rye", "level": 2.5}, "Naan"]}
    ]
    page = html(RenderOptions(template), skills=skills, summary="What is said at length. " * 8)
    assert "4/5" in page
    assert "2.5/5" in page


def test_a_list_in_japanese_has_no_space_after_its_comma() -> None:
    education = [{"school": "西都工業大学", "degree": "修士", "field": "情報工学"}]
    page = html(education=education, skills=[{"category": "言語", "items": ["Rust", "Go"]}], settings={"locale": "ja"})
    assert "修士、情報工学" in page
    assert "Rust、Go" in page


@pytest.mark.parametrize(
    ("score", "printed"),
    [
        ("8.2", "Grade: 8.2"),
        ("A", "Grade: A"),
        ("B+", "Grade: B+"),
        ("2:1", "Grade: 2:1"),
        ("GPA 3.8", "GPA 3.8"),
        ("3.8 GPA", "3.8 GPA"),
        ("With distinction", "With distinction"),
    ],
)
def test_a_score_that_does_not_say_what_it_is_has_a_label(score: str, printed: str) -> None:
    assert f">{printed}<" in html(education=[{"school": "Bakers' College", "degree": "BSc", "score": score}])


@every_template
def test_a_name_beside_its_own_address_does_not_look_like_a_second_link(template: str) -> None:
    page = html(RenderOptions(template), projects=[{"name": "Oven", "link": "https://oven.example"}])
    assert page.count('<h3 class="again"><a href="https://oven.example">Oven</a>') == 1
    publications = [{"name": "On Rye", "publisher": "Crumb", "link": "https://crumb.example"}]
    assert 'class="again"' not in html(RenderOptions(template), publications=publications)


@every_template
def test_what_is_printed_is_not_laid_out_for_a_screen_as_well(template: str) -> None:
    document = parse_document(BARE)
    hidden = "@media screen { body { display: none; } }"
    assert hidden in render_html(document, RenderOptions(template))
    on_screen = render_html(document, RenderOptions(template), target="screen")
    assert hidden not in on_screen
    assert "max-width" in on_screen
    assert "default-src 'none'" in on_screen
    assert "<script" not in on_screen


@pytest.mark.parametrize(("template", "generic"), [("classic", "serif"), ("modern", "sans-serif")])
def test_a_browser_without_our_fonts_is_told_what_to_take(template: str, generic: str) -> None:
    page = render_html(parse_document(BARE), RenderOptions(template), target="screen")
    assert f'"Noto Emoji", {generic};' in page


def test_options_are_read_from_json() -> None:
    assert RenderOptions.parse({"template": "classic", "pageSize": "LETTER"}) == RenderOptions("classic", "Letter")
    assert RenderOptions.parse({}) == RenderOptions()


@pytest.mark.parametrize("options", [{"template": "baroque"}, {"template": 1}, {"pageSize": "A5"}, {"pageSize": 4}])
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidOptions):
        RenderOptions.parse(options)


@pytest.mark.parametrize(
    ("name", "email", "footer"),
    [
        ("Bo Rivers", "bo@rivers.example", "Bo Rivers · bo@rivers.example"),
        ("Bo", "a-very-long-address-that-would-be-cut@rivers.example", "Bo"),
        ("Maximiliana von Hohenlangenbeck-Waldenfels", "", "Maximiliana von…"),
        ("A" * 80, "", "A" * 18 + "…"),
        ("寿" * 30, "", "寿" * 18 + "…"),
    ],
)
def test_the_footer_says_whose_page_it_is_and_never_a_part_of_an_address(name: str, email: str, footer: str) -> None:
    document = parse_document({"basics": {"name": name, "email": email}})
    assert page_view(document, wording_of(document)).footer == footer
