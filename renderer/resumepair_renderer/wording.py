"""What the renderer itself says in a document: section labels and dates, in the document's language."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from babel import Locale
from babel.core import get_global
from babel.dates import format_date, format_skeleton

from resumepair_renderer.partial_date import PRESENT, EndDate, PartialDate

DateFormat = Literal["US", "ISO", "EU"]

_FALLBACK: Final = "en"
_LETTER_TERRITORIES: Final = frozenset({"US", "CA", "MX", "PH", "CL", "CO", "VE", "CR", "GT", "PA"})
# CLDR adds the word "year" here, or writes what no résumé does.
_MONTH_PATTERNS: Final = {
    "bg": "LLL y", "ca": "LLL y", "fi": "M/y", "lv": "MM.y", "pt": "MMM y", "ru": "LLL y", "uk": "LLL y", "vi": "MM/y",
}  # fmt: skip
_SAME_WORDS: Final = {"no": "nb"}

# First and last letter of the alphabets that decide a document's language when nobody said it.
_ALPHABETS: Final = (
    ("ja", 0x3040, 0x30FF),
    ("ko", 0xAC00, 0xD7A3),
    ("zh", 0x4E00, 0x9FFF),
    ("hi", 0x0900, 0x097F),
    ("th", 0x0E00, 0x0E7F),
    ("ar", 0x0600, 0x06FF),
    ("he", 0x0590, 0x05FF),
    ("ru", 0x0400, 0x04FF),
    ("el", 0x0370, 0x03FF),
    ("en", 0x0041, 0x024F),
)
_TELLING_LETTERS: Final = (("ar", "fa", "پچژگ"), ("ru", "uk", "іїєґ"))
_COMMAS: Final = {"ar": "، ", "fa": "، ", "ja": "、", "zh": "、"}
_SAMPLE: Final = 20_000


@dataclass(frozen=True)
class Wording:
    """Labels and dates for one locale."""

    locale: Locale
    date_format: DateFormat | None

    @classmethod
    def of(cls, locale: str, date_format: DateFormat | None, texts: Iterable[str]) -> "Wording":
        """The wording for `locale`, or, when it is empty, for the language of `texts`."""
        return cls(Locale.parse(locale or guess_language(texts)), date_format)

    @property
    def language_tag(self) -> str:
        """The BCP 47 tag, as `<html lang>` wants it."""
        return str(self.locale).replace("_", "-")

    @property
    def is_right_to_left(self) -> bool:
        """Whether the language is written from right to left."""
        return self.locale.text_direction == "rtl"

    @property
    def page_size(self) -> Literal["A4", "Letter"]:
        """The paper that is usual where the locale is at home."""
        return "Letter" if self.locale.territory in _LETTER_TERRITORIES else "A4"

    @property
    def comma(self) -> str:
        """What stands between the items of a list."""
        return _COMMAS.get(self.locale.language, ", ")

    def label(self, key: str) -> str:
        """The words for `key`, in English where the language is not one of ours."""
        return _labels_of(str(self.locale))[key]

    def date(self, date: PartialDate) -> str:
        """`date` to the month: a résumé names no days."""
        if date.month is None:
            return str(date.year)
        day = dt.date(date.year, date.month, 1)
        if self.date_format == "ISO":
            return f"{date.year:04}-{date.month:02}"
        if self.date_format == "EU":
            return f"{date.month:02}/{date.year:04}"
        pattern = _MONTH_PATTERNS.get(self.locale.language)
        if pattern is None:
            return _plain_spaces(format_skeleton("yMMM", day, locale=self.locale))
        return _plain_spaces(format_date(day, pattern, locale=self.locale))

    def period(self, start: PartialDate | None, end: EndDate | None) -> str:
        """`Mar 2021 – Present`; what is unknown is left out, equal ends are said once."""
        ends = [self.date(start)] if start else []
        if end == PRESENT:
            ends.append(self.label("present"))
        elif end is not None:
            ends.append(self.date(end))
        return " – ".join(dict.fromkeys(ends))


def guess_language(texts: Iterable[str]) -> str:
    """The language whose alphabet `texts` are mostly written in; Latin letters mean English."""
    letters = Counter("".join(texts)[:_SAMPLE].casefold())
    counts: Counter[str] = Counter()
    for character, count in letters.items():
        language = next((name for name, a, z in _ALPHABETS if a <= ord(character) <= z), None)
        if language is not None:
            counts[language] += count
    if counts["ja"]:  # kana are outnumbered by Chinese characters even in Japanese
        counts["ja"] += counts.pop("zh", 0)
    language = counts.most_common(1)[0][0] if counts else _FALLBACK
    for plain, special, telling in _TELLING_LETTERS:
        if language == plain and any(letters[letter] for letter in telling):
            return special
    return language


@cache
def _labels_of(locale: str) -> Mapping[str, str]:
    """The labels of a language, with those of its script or country where they differ."""
    labels = _labels()
    found: dict[str, str] = {}
    for name in reversed(tuple(_with_parents(locale))):
        found.update(labels.get(_SAME_WORDS.get(name, name), {}))
    return found or labels[_FALLBACK]


def _with_parents(locale: str) -> Iterator[str]:
    """`zh_Hant_TW`, `zh_Hant`, `zh`; Angola's Portuguese comes by way of Portugal's (CLDR)."""
    exceptions: Mapping[str, str] = get_global("parent_exceptions")
    while locale and locale != "root":
        yield locale
        shorter = locale.rpartition("_")[0]
        parent = exceptions.get(locale, shorter)
        # Another script is another parent to CLDR; here it may still lack a word.
        locale = shorter if parent == "root" else parent


@cache
def _labels() -> Mapping[str, Mapping[str, str]]:
    text = files("resumepair_renderer").joinpath("labels.json").read_text(encoding="utf-8")
    labels: dict[str, dict[str, str]] = json.loads(text)
    return {name.replace("-", "_"): words for name, words in labels.items()}


def _plain_spaces(text: str) -> str:
    return " ".join(text.split())
