"""Text as documents bring it, made fit for print: no control characters, one normal form."""

import re
import unicodedata
from typing import Final

_LIGATURES: Final = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st"}
)
# Controls, lone surrogates, noncharacters (Unicode 23.7), and the bidirectional overrides, which
# reach beyond the value that holds them.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\u202a-\u202e\ufffe\uffff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
    + "]"
)
# Spaces, and what only tells how its neighbours are written: joiners, marks of direction, soft hyphens.
_INVISIBLE: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
_LINE_BREAK: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_ENOUGH_BLANK_LINES: Final = re.compile(r"\n{3,}")
_SPACES: Final = re.compile(r"[^\S\n]+")
_SPACES_AROUND_BREAK: Final = re.compile(r" ?\n ?")
_BULLET: Final = re.compile(r"[-*•‣▪●–]\s+")
# What leaves no trace of its own on paper: soft hyphens, joiners, marks of direction, variation selectors, tags.
_IGNORABLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)


def clean_line(text: str) -> str:
    """`text` on one line: white space runs become single spaces."""
    return " ".join(clean_text(text).split())


def clean_text(text: str) -> str:
    """`text` with its line breaks, in NFC, without controls, lone surrogates and noncharacters.

    Ligature code points become the letters they stand for: people search for `office`,
    not for the single character a word processor put into it.
    """
    if text.isascii() and text.isprintable():
        return _SPACES.sub(" ", text).strip()
    text = _UNPRINTABLE.sub("", _LINE_BREAK.sub("\n", text)).translate(_LIGATURES)
    text = _SPACES_AROUND_BREAK.sub("\n", _SPACES.sub(" ", text))
    if not any(unicodedata.category(letter) not in _INVISIBLE for letter in text):
        return ""
    return unicodedata.normalize("NFC", _ENOUGH_BLANK_LINES.sub("\n\n", text)).strip()


def paragraphs(text: str) -> tuple[str, ...]:
    """The lines of `text` that hold something."""
    return tuple(line for line in text.split("\n") if line)


def without_bullet(line: str) -> str:
    """`line` without the dash or star that authors begin a list's items with."""
    return _BULLET.sub("", line, count=1) if _BULLET.match(line) else line


def without_ignorables(text: str) -> str:
    """`text` without what Unicode says may be ignored when there is no glyph for it (DerivedCoreProperties)."""
    return text if text.isascii() else _IGNORABLE.sub("", text)


def is_ignorable(letter: str) -> bool:
    """Whether `without_ignorables` takes `letter` away."""
    return _IGNORABLE.fullmatch(letter) is not None


def columns(text: str) -> int:
    """How wide `text` is, in letters of Latin width: marks take no room, Chinese characters take twice as much."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )
