"""What people choose by a word on the command line, in whatever case they type it."""

from collections.abc import Mapping
from typing import Final, TypeVar

from resumepair_renderer.command.task import UsageProblem
from resumepair_renderer.options import Fit, Format, PageSize
from resumepair_renderer.templates import TEMPLATES

T = TypeVar("T")

MOST_PAGES: Final = 16
_MANY_DIGITS: Final = 5
FITS: Final[Mapping[str, Fit]] = {"none": Fit.NONE, "one-page": Fit.ONE_PAGE}
FORMATS: Final[Mapping[str, Format]] = {format_.value: format_ for format_ in Format}
PAGE_SIZES: Final[Mapping[str, PageSize]] = {"A4": "A4", "Letter": "Letter"}
TEMPLATE_NAMES: Final[Mapping[str, str]] = {name: name for name in TEMPLATES}


def choose(option: str, word: str | None, choices: Mapping[str, T]) -> T | None:
    """What `word` names, `one_page` and `One-Page` alike; None if there is no word.

    Raises:
        UsageProblem: it names nothing.
    """
    if word is None:
        return None
    for name, choice in choices.items():
        if _plain(name) == _plain(word):
            return choice
    raise UsageProblem(f"{option}: not one of {', '.join(choices)}: {word!r}")


def choose_pages(word: str | None, default: int) -> int:
    """How many to print at the same time.

    Raises:
        UsageProblem: it is no number, or not one that is possible.
    """
    if word is None:
        return default
    if not (word.isdecimal() and len(word) < _MANY_DIGITS and 1 <= int(word) <= MOST_PAGES):
        raise UsageProblem(f"--pages: not a number from 1 to {MOST_PAGES}: {word!r}")
    return int(word)


def _plain(word: str) -> str:
    return word.strip().casefold().replace("_", "-")
