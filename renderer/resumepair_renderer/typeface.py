"""Which of the packaged fonts a document is set in, script by script."""

import re
from collections.abc import Mapping
from typing import Final

SERIF: Final = "Source Serif 4"
SANS: Final = "Source Sans 3"
INTER: Final = "Inter"
LORA: Final = "Lora"
MERRIWEATHER: Final = "Merriweather"
ROBOTO: Final = "Roboto"
OPEN_SANS: Final = "Open Sans"
TINOS: Final = "Tinos"
CARLITO: Final = "Carlito"

_LATIN: Final = (SERIF, SANS, INTER, LORA, MERRIWEATHER, ROBOTO, OPEN_SANS, TINOS, CARLITO)
# Of an average letter of English text, in em.
_WIDTHS: Final[Mapping[str, float]] = {
    SERIF: 0.475, SANS: 0.415, INTER: 0.473, LORA: 0.466, MERRIWEATHER: 0.48, ROBOTO: 0.439, OPEN_SANS: 0.464,
    TINOS: 0.403, CARLITO: 0.409,
}  # fmt: skip
_SERIFS: Final = frozenset({SERIF, LORA, MERRIWEATHER, TINOS})
# These have the few Greek letters that stand in formulas: words would be set in two faces.
_WITHOUT_GREEK: Final = frozenset({LORA, MERRIWEATHER})
_OTHER_SCRIPTS: Final = ("Amiri", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai")
_CJK: Final = {"ja": "Noto Sans JP", "ko": "Noto Sans KR", "zh": "Noto Sans SC"}
_FIRST: Final = {"ar": "Amiri", "fa": "Amiri", "he": "Noto Sans Hebrew"}
_SYMBOLS: Final = ("Noto Sans Symbols 2", "Noto Emoji")

# The same font under another name, or no font at all: nothing to tell the author.
_SAME: Final[Mapping[str, str]] = {
    "source sans": SANS, "source sans pro": SANS, "source serif": SERIF, "source serif pro": SERIF,
    "inter tight": INTER, "inter variable": INTER, "opensans": OPEN_SANS, "roboto flex": ROBOTO,
    "merriweather 24pt": MERRIWEATHER,
}  # fmt: skip
_GENERIC: Final[Mapping[str, str]] = {
    "serif": SERIF, "ui-serif": SERIF, "sans-serif": SANS, "ui-sans-serif": SANS, "sans": SANS, "system-ui": INTER,
    "-apple-system": INTER, "blinkmacsystemfont": INTER,
}  # fmt: skip

# What editors offer, and the nearest of ours: the same widths where there is such a font.
_NEAREST: Final[Mapping[str, str]] = {
    "times": TINOS, "liberation serif": TINOS, "nimbus roman": TINOS,
    "calibri": CARLITO, "lato": CARLITO, "candara": CARLITO, "corbel": CARLITO,
    "arial": INTER, "helvetica": INTER, "san francisco": INTER, "sf pro": INTER, "liberation sans": INTER,
    "work sans": INTER, "public sans": INTER, "ibm plex sans": INTER, "dm sans": INTER, "manrope": INTER,
    "verdana": OPEN_SANS, "tahoma": OPEN_SANS, "segoe": OPEN_SANS, "noto sans": OPEN_SANS, "nunito": OPEN_SANS,
    "trebuchet": OPEN_SANS, "lucida": OPEN_SANS, "dejavu sans": OPEN_SANS,
    "montserrat": INTER, "poppins": INTER, "raleway": SANS, "avenir": SANS, "futura": SANS, "gill sans": SANS,
    "fira sans": SANS, "pt sans": SANS, "optima": SANS, "ubuntu": ROBOTO,
    "georgia": MERRIWEATHER, "charter": MERRIWEATHER, "bitter": MERRIWEATHER, "roboto slab": MERRIWEATHER,
    "cambria": SERIF, "pt serif": SERIF, "noto serif": SERIF, "minion": SERIF, "crimson": SERIF,
    "libre caslon": SERIF, "caslon": SERIF, "garamond": LORA, "baskerville": LORA, "palatino": LORA,
    "book antiqua": LORA, "playfair": LORA, "didot": LORA, "bodoni": LORA, "cormorant": LORA,
}  # fmt: skip


def font_stack(asked: str, default: str, language: str) -> str:
    """The CSS `font-family` for text in `language` (a two-letter code).

    `asked` is whatever the author's editor calls its font: what we do not have is replaced by
    the nearest of ours, or by the template's `default`. Chinese characters look different in
    Chinese, Japanese and Korean, so the document's own come first. Written from right to left,
    spaces and digits have to come from the same font as the letters, or readers lose them.
    """
    preferred = _CJK.get(language)
    cjk = sorted(_CJK.values(), key=lambda family: family != preferred)
    latin, _ = chosen(asked, default)
    rest = SERIF if latin in _SERIFS else SANS
    first = rest if language == "el" and latin in _WITHOUT_GREEK else _FIRST.get(language, latin)
    stack = (first, latin, rest, *_OTHER_SCRIPTS, *cjk, *_SYMBOLS)
    return ", ".join(f'"{family}"' for family in dict.fromkeys(stack))


def generic(asked: str, default: str) -> str:
    """`serif` or `sans-serif`, for machines that lack the font."""
    family, _ = chosen(asked, default)
    return "serif" if family in _SERIFS else "sans-serif"


def chosen(asked: str, default: str) -> tuple[str, bool]:
    """The family of ours that `asked` gets, and whether it is the one that was meant.

    `asked` may be a CSS list: the first name in it that we have, or know something near to, counts.
    """
    names = [name for part in asked.split(",") if (name := re.sub(r"[\s\"']+", " ", part).strip().casefold())]
    ours = {**{family.casefold(): family for family in _LATIN}, **_SAME}
    if not names:
        return default, True
    for position, name in enumerate(names):
        if name in ours:
            return ours[name], position == 0
        if name in _GENERIC:
            return _GENERIC[name], position == 0
        if near := next((_NEAREST[key] for key in sorted(_NEAREST, key=len, reverse=True) if key in name), None):
            return near, False
    return _by_word(names[0], default), False


def letter_width(family: str) -> float:
    """How wide letters of a Latin family of ours are on average, in em."""
    return _WIDTHS.get(family, _WIDTHS[SANS])


def families() -> tuple[str, ...]:
    """Every family there is, in the order of preference."""
    return (*_LATIN, *_OTHER_SCRIPTS, *_CJK.values(), *_SYMBOLS)


def _by_word(name: str, default: str) -> str:
    if "sans" in name or "grotesk" in name or "gothic" in name:
        return SANS
    return SERIF if "serif" in name or "book" in name else default
