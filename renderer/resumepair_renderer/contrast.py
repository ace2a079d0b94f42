"""Colours that can be read: the ratio of two, and the nearest shade that is far enough from another.

Ratio and limits are those of WCAG 2.2 (relative luminance; 1.4.3 for text, 1.4.11 for the rest).
"""

from typing import Final

TEXT_RATIO: Final = 4.5
"""What text needs against its background."""

MARK_RATIO: Final = 3.0
"""What large letters, lines and marks need."""

_BLACK: Final = "#000000"
_WHITE: Final = "#ffffff"
_STEPS: Final = 50
_SHORT: Final = 4


def ratio(one: str, other: str) -> float:
    """The contrast of two colours (`#rgb` or `#rrggbb`), from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(color: str, background: str, least: float = TEXT_RATIO) -> str:
    """`color`, or the shade nearest to it whose ratio against `background` is at least `least`.

    It moves towards black or towards white, whichever is further from the background.
    """
    end = max(_BLACK, _WHITE, key=lambda extreme: ratio(extreme, background))
    shades = (mixed(end, color, step / _STEPS) for step in range(_STEPS + 1))
    return next((shade for shade in shades if ratio(shade, background) >= least), end)


def mixed(one: str, other: str, share: float) -> str:
    """`share` (0 to 1) of `one` in `other`."""
    if not share:
        return other
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def ink_on(background: str) -> str:
    """Black or white, whichever reads better; white on all that is dark enough for it."""
    return _WHITE if ratio(_WHITE, background) >= TEXT_RATIO else _BLACK


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004


def _channels(color: str) -> tuple[int, int, int]:
    digits = "".join(2 * digit for digit in color[1:]) if len(color) == _SHORT else color[1:]
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
