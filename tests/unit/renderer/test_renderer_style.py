"""Style: what a document wishes for is taken, or the nearest to it, and then that is said."""

from typing import Any

import pytest

from resumepair_renderer import TEMPLATES, Problem, RenderOptions, parse_document
from resumepair_renderer.contrast import TEXT_RATIO, ratio
from resumepair_renderer.page_view import wording_of
from resumepair_renderer.style import Style, style_of
from resumepair_renderer.typeface import families, font_stack

BARE: dict[str, Any] = {"profile": {"fullName": "Bo"}, "work": [], "education": [], "skills": []}


def style(template: str = "classic", **appearance: object) -> tuple[Style, tuple[Problem, ...]]:
    document = parse_document({**BARE, "appearance": appearance})
    return style_of(document, RenderOptions(), wording_of(document), TEMPLATES[template])


def first_family(asked: str, default: str = "Source Serif 4", language: str = "en") -> str:
    return font_stack(asked, default, language).split(",")[0].strip('"')


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_readable_and_needs_no_warning(template: str) -> None:
    made, warnings = style(template)
    colours = made.palette
    assert warnings == ()
    assert colours.text == TEMPLATES[template].text
    assert colours.primary == TEMPLATES[template].primary
    for letters in (colours.text, colours.muted, colours.accent):
        assert ratio(letters, colours.background) >= TEXT_RATIO
        assert ratio(letters, colours.tint) >= TEXT_RATIO
    assert ratio(colours.ink, colours.primary) >= TEXT_RATIO


def test_colours_that_cannot_be_read_are_moved_and_named() -> None:
    made, warnings = style(theme={"text": "#eeeeee", "primary": "#ffff00", "background": "#ffffff"})
    assert ratio(made.palette.text, "#ffffff") >= TEXT_RATIO
    assert [warning.path for warning in warnings] == ["appearance.theme.text", "appearance.theme.primary"]
    assert "#eeeeee became" in warnings[0].message


def test_a_dark_background_turns_the_templates_own_colours_without_a_warning() -> None:
    made, warnings = style(theme={"background": "#101418"})
    assert warnings == ()
    for letters in (made.palette.text, made.palette.muted, made.palette.accent):
        assert ratio(letters, "#101418") >= TEXT_RATIO


@pytest.mark.parametrize(
    ("asked", "family"),
    [
        ("Inter", "Inter"),
        ("lora", "Lora"),
        ("Arial", "Inter"),
        ("'Helvetica Neue', Helvetica, sans-serif", "Inter"),
        ("Times New Roman", "Tinos"),
        ("Calibri", "Carlito"),
        ("Georgia", "Merriweather"),
        ("EB Garamond", "Lora"),
        ("Segoe UI", "Open Sans"),
        ("Nobody's Sans", "Source Sans 3"),
        ("Nobody's Font", "Source Serif 4"),
        ("Nobody's Font, Roboto", "Roboto"),
        ("system-ui", "Inter"),
        ("", "Source Serif 4"),
    ],
)
def test_what_editors_call_their_fonts_is_set_in_the_nearest_of_ours(asked: str, family: str) -> None:
    assert first_family(asked) == family


@pytest.mark.parametrize("family", families())
def test_every_family_of_ours_can_be_asked_for_or_follows_by_itself(family: str) -> None:
    assert f'"{family}"' in font_stack(family, "Lora", "en")


def test_a_font_that_is_replaced_is_a_warning() -> None:
    _, (warning,) = style(typography={"fontFamily": "Papyrus"})
    assert warning.path == "appearance.typography.fontFamily"
    assert warning.message == "not one of our fonts, set in Source Serif 4 instead: Papyrus"


@pytest.mark.parametrize("family", ["Inter", "source sans pro", "serif", "Open Sans, sans-serif"])
def test_a_font_we_have_is_none(family: str) -> None:
    assert style(typography={"fontFamily": family})[1] == ()


@pytest.mark.parametrize(("language", "family"), [("ar", "Amiri"), ("fa", "Amiri"), ("he", "Noto Sans Hebrew")])
def test_right_to_left_letters_and_the_spaces_between_them_have_one_font(language: str, family: str) -> None:
    assert first_family("Inter", language=language) == family


@pytest.mark.parametrize("language", ["zh", "ja", "ko"])
def test_chinese_characters_have_the_shapes_of_the_documents_language(language: str) -> None:
    stack = font_stack("", "Inter", language)
    own = {"zh": "SC", "ja": "JP", "ko": "KR"}[language]
    assert stack.index(f"Noto Sans {own}") == stack.index("Noto Sans", stack.index("Thai"))


@pytest.mark.parametrize(("template", "area"), [("classic", (172, 259)), ("modern", (210, 280))])
def test_the_area_is_what_the_first_page_is_set_on(template: str, area: tuple[float, float]) -> None:
    made, _ = style(template)
    assert made.area == area
