"""Which of the packaged fonts a document is set in, script by script."""

from typing import Final

SERIF: Final = "Source Serif 4"
SANS: Final = "Source Sans 3"

_SERIF_WORDS: Final = (
    "serif", "georgia", "times", "garamond", "merriweather", "lora", "playfair", "baskerville",
    "cambria", "palatino", "book", "tinos", "caslon", "bodoni", "charter", "minion", "crimson",
)  # fmt: skip
_SANS_WORDS: Final = ("sans", "inter", "arial", "helvetica", "roboto", "calibri", "verdana", "lato")
_OTHER_SCRIPTS: Final = ("Amiri", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai")
_CJK: Final = {"ja": "Noto Sans JP", "ko": "Noto Sans KR", "zh": "Noto Sans SC"}
_FIRST: Final = {"ar": "Amiri", "fa": "Amiri", "he": "Noto Sans Hebrew"}
_SYMBOLS: Final = ("Noto Sans Symbols 2", "Noto Emoji")


def font_stack(asked: str, default: str, language: str) -> str:
    """The CSS `font-family` for text in `language` (a two-letter code).

    `asked` is whatever the author's editor calls its font: what we do not have is replaced by
    the nearest of ours, or by the template's `default`. Chinese characters look different in
    Chinese, Japanese and Korean, so the document's own come first. Written from right to left,
    spaces and digits have to come from the same font as the letters, or readers lose them.
    """
    preferred = _CJK.get(language)
    cjk = sorted(_CJK.values(), key=lambda family: family != preferred)
    latin = _latin(asked, default)
    families = (_FIRST.get(language, latin), latin, *_OTHER_SCRIPTS, *cjk, *_SYMBOLS)
    return ", ".join(f'"{family}"' for family in dict.fromkeys(families))


def families() -> tuple[str, ...]:
    """Every family there is, in the order of preference."""
    return (SERIF, SANS, *_OTHER_SCRIPTS, *_CJK.values(), *_SYMBOLS)


def _latin(asked: str, default: str) -> str:
    name = asked.casefold()
    if any(word in name for word in _SANS_WORDS):
        return SANS
    return SERIF if any(word in name for word in _SERIF_WORDS) else default
