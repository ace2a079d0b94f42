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
