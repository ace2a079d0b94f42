"""How a document wants to look and to be read. What is not said here is the template's decision."""

import re
from typing import Annotated, Literal

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BeforeValidator

from resumepair_renderer.fields import Entry, Line, Listing, problem, quoted
from resumepair_renderer.lengths import millimetres, points


def _choice(*choices: str) -> BeforeValidator:
    by_key = {choice.casefold(): choice for choice in choices}

    def choose(value: object) -> str | None:
        if value is None or value == "":
            return None
        if isinstance(value, str) and (choice := by_key.get(value.strip().casefold())):
            return choice
        raise problem(f"not one of {', '.join(choices)}: {quoted(value)}")

    return BeforeValidator(choose)


def _color(value: str) -> str:
    if value and not re.fullmatch(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", value):
        raise problem(f"not a colour like #1a2b3c: {quoted(value)}")
    return value.lower()


def _locale(value: str) -> str:
    if not value:
        return ""
    try:
        return str(Locale.parse(value.replace("_", "-"), sep="-"))
    except (ValueError, UnknownLocaleError, TypeError):
        raise problem(f"not a known locale: {quoted(value)}") from None


def _flag(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise problem("expected true or false")


Color = Annotated[Line, AfterValidator(_color)]


class Settings(Entry):
    """How the document is to be read: language, dates, paper, order of sections."""

    locale: Annotated[Line, AfterValidator(_locale)] = ""
    date_format: Annotated[Literal["US", "ISO", "EU"] | None, _choice("US", "ISO", "EU")] = None
    page_size: Annotated[Literal["A4", "Letter"] | None, _choice("A4", "Letter")] = None
    section_order: Listing[Line] = ()


class Theme(Entry):
    """Colours, as #rgb or #rrggbb."""

    background: Color = ""
    text: Color = ""
    primary: Color = ""


class Typography(Entry):
    """Type: a family, a size in points (7-16), a line height (1-2)."""

    font_family: Line = ""
    font_size: Annotated[float | None, points(7, 16)] = None
    line_height: Annotated[float | None, points(1, 2, unit="")] = None


class Appearance(Entry):
    """How the document is to look. `margin` in millimetres (5-50)."""

    template: Line = ""
    theme: Theme = Theme()
    typography: Typography = Typography()
    margin: Annotated[float | None, millimetres(5, 50)] = None
    show_page_numbers: Annotated[bool | None, BeforeValidator(_flag)] = None
