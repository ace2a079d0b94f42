"""Contrast: whatever a theme says, text can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resumepair_renderer.contrast import MARK_RATIO, TEXT_RATIO, ink_on, mixed, ratio, readable

COLORS = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("#000", "#fff", 21), ("#ffffff", "#ffffff", 1), ("#767676", "#ffffff", 4.54), ("#ffffff", "#0000ff", 8.59)],
)
def test_the_ratio_is_that_of_wcag(one: str, other: str, expected: float) -> None:
    assert ratio(one, other) == pytest.approx(expected, abs=0.01)
    assert ratio(other, one) == ratio(one, other)


@given(COLORS, COLORS)
def test_every_colour_becomes_readable_on_every_background(color: str, background: str) -> None:
    assert ratio(readable(color, background), background) >= TEXT_RATIO
    assert ratio(readable(color, background, MARK_RATIO), background) >= MARK_RATIO


@given(COLORS)
def test_black_or_white_is_readable_on_everything(background: str) -> None:
    assert ratio(ink_on(background), background) >= TEXT_RATIO


@given(COLORS, COLORS)
def test_what_is_readable_stays_as_it_is(color: str, background: str) -> None:
    if ratio(color, background) >= TEXT_RATIO:
        assert readable(color, background) == color


def test_a_colour_keeps_its_hue_where_it_can() -> None:
    red, green, blue = (int(readable("#6fa8ff", "#ffffff")[place : place + 2], 16) for place in (1, 3, 5))
    assert red < green < blue


def test_colours_mix_by_share() -> None:
    assert mixed("#000000", "#ffffff", 0) == "#ffffff"
    assert mixed("#000000", "#ffffff", 1) == "#000000"
    assert mixed("#f00", "#0000ff", 0.5) == "#800080"
