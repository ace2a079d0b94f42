"""What can be wrong with a PDF, and what each of it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FindingCode(StrEnum):
    """What can be wrong with a PDF."""

    MISSING_TEXT = "MISSING_TEXT"
    TEXT_OUT_OF_ORDER = "TEXT_OUT_OF_ORDER"
    BROKEN_WORDS = "BROKEN_WORDS"
    """The letters are there, with spaces where there are none, or without those there are."""

    LIGATURE = "LIGATURE"
    OFF_PAGE = "OFF_PAGE"
    """It is in the file, and beside the paper."""

    MISSING_GLYPH = "MISSING_GLYPH"
    WRONG_CHARACTER = "WRONG_CHARACTER"
    """It looks right, and the file says that it is another one."""

    FONT_NOT_EMBEDDED = "FONT_NOT_EMBEDDED"
    TYPE3_FONT = "TYPE3_FONT"
    FOREIGN_FONT = "FOREIGN_FONT"
    MISSING_LINK = "MISSING_LINK"
    UNSAFE_LINK = "UNSAFE_LINK"
    WRONG_TITLE = "WRONG_TITLE"
    WRONG_LANGUAGE = "WRONG_LANGUAGE"
    NOT_TAGGED = "NOT_TAGGED"
    NO_OUTLINE = "NO_OUTLINE"
    TOO_LARGE = "TOO_LARGE"


DEDUCTIONS: Final[Mapping[FindingCode, int]] = {
    FindingCode.LIGATURE: 10,
    FindingCode.OFF_PAGE: 10,
    FindingCode.MISSING_GLYPH: 5,
    FindingCode.WRONG_CHARACTER: 5,
    FindingCode.FONT_NOT_EMBEDDED: 10,
    FindingCode.TYPE3_FONT: 10,
    FindingCode.FOREIGN_FONT: 5,
    FindingCode.MISSING_LINK: 5,
    FindingCode.UNSAFE_LINK: 20,
    FindingCode.WRONG_TITLE: 10,
    FindingCode.WRONG_LANGUAGE: 5,
    FindingCode.NOT_TAGGED: 10,
    FindingCode.NO_OUTLINE: 5,
    FindingCode.TOO_LARGE: 5,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    `path` is that of the canonical document, empty where it is about the whole file.
    """

    code: FindingCode
    path: str
    message: str
