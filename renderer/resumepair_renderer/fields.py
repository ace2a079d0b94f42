"""The kinds of value that documents are made of, shared by the canonical model and JSON Resume.

Every kind takes null for missing, numbers for text, and states its limit; what it refuses it
refuses with a message that reads well behind a path: `work[2].startDate: not a date: "soon"`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Self, TypeVar, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from resumepair_renderer.partial_date import PRESENT, EndDate, PartialDate
from resumepair_renderer.text import clean_line, clean_text

MAX_LINE: Final = 1_000
MAX_TEXT: Final = 40_000
MAX_ITEMS: Final = 250
MAX_LEVEL: Final = 5

_SHOWN_INPUT: Final = 60


def problem(message: str) -> PydanticCustomError:
    """A refusal whose `message` goes to the author of the document as it is."""
    return PydanticCustomError("document", "{message}", {"message": message})


def quoted(value: object) -> str:
    """`value` as the author wrote it, cut to a readable length, safe to store and to send."""
    if isinstance(value, dict | list | tuple):
        return "an object" if isinstance(value, dict) else "a list"
    shown = json.dumps(value, ensure_ascii=False, default=str)
    shown = shown.encode("utf-8", "replace").decode("utf-8")
    return shown if len(shown) <= _SHOWN_INPUT else f"{shown[: _SHOWN_INPUT - 1]}…"


def _as_text(value: object, limit: int) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise problem("expected text")
    if len(value) > limit:
        raise problem(f"too long: {len(value)} characters, at most {limit} are possible")
    return value


def _line(value: object) -> str:
    return clean_line(_as_text(value, MAX_LINE))


def _text(value: object) -> str:
    return clean_text(_as_text(value, MAX_TEXT))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as the author gave it: `source` is a data: URI or an address, `path` is where it stood.

    No plain text, so that nobody takes its letters for the language of the document.
    """

    source: str
    path: str


def picture_at(path: str) -> BeforeValidator:
    """A picture of any length, as text or as an object with a `url`; what it is worth is `photo`'s to say."""

    def take(value: object) -> Picture | None:
        if isinstance(value, Picture):
            return value
        if isinstance(value, dict):
            value = cast("dict[str, object]", value).get("url")
        if value is not None and not isinstance(value, str):
            raise problem("expected text")
        source = (value or "").strip()
        return Picture(source, path) if source else None

    return BeforeValidator(take)


def _date(value: object) -> PartialDate | None:
    if isinstance(value, PartialDate):
        return value
    text = _line(value)
    if not text:
        return None
    try:
        return PartialDate.parse(text)
    except ValueError:
        raise problem(f"not a date: {quoted(text)}") from None


def _end_date(value: object) -> EndDate | None:
    if isinstance(value, str) and value.strip().casefold() == PRESENT.casefold():
        return PRESENT
    return _date(value)


def _level(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_LEVEL:
        return float(value)
    raise problem(f"not a level from 0 to {MAX_LEVEL}: {quoted(value)}")


def _flag(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise problem("expected true or false")


def _items(value: object) -> object:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise problem("expected a list")
    items = cast("Sequence[object]", value)
    if len(items) > MAX_ITEMS:
        raise problem(f"too long: {len(items)} items, at most {MAX_ITEMS} are possible")
    return items


Item = TypeVar("Item")


def _without_blanks(items: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(item for item in items if item)


Line = Annotated[str, BeforeValidator(_line)]
"""Text on one line, at most 1,000 characters."""

Text = Annotated[str, BeforeValidator(_text)]
"""Text with its line breaks, at most 40,000 characters."""

Date = Annotated[PartialDate | None, BeforeValidator(_date)]
"""`YYYY`, `YYYY-MM` or `YYYY-MM-DD`; null or empty when unknown."""

End = Annotated[EndDate | None, BeforeValidator(_end_date)]
"""A date, or "Present"."""

Level = Annotated[float | None, BeforeValidator(_level)]
"""A number from 0 to 5; null when unknown."""

Flag = Annotated[bool, BeforeValidator(_flag)]
"""True or false; null for false."""

Listing = Annotated[tuple[Item, ...], BeforeValidator(_items), AfterValidator(_without_blanks)]
"""A list of at most 250; items with nothing in them are dropped, the paths of the others stay."""


class Entry(BaseModel):
    """An object of a document: camelCase in JSON, unknown keys ignored, null taken for empty.

    A class that names a `text_field` may be written as plain text, which goes into that field.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="ignore",
        frozen=True,
        arbitrary_types_allowed=True,
    )

    text_field: ClassVar[str | None] = None

    @model_validator(mode="before")
    @classmethod
    def _from_text_or_null(cls, value: object) -> object:
        if value is None:
            return {}
        if isinstance(value, str | int | float) and cls.text_field is not None:
            return {cls.text_field: value}
        if not isinstance(value, dict | cls):
            raise problem("expected an object")
        return value  # pyright: ignore[reportUnknownVariableType]

    def __bool__(self) -> bool:
        """Whether anything in it was filled in."""
        return any(bool(getattr(self, name)) for name in type(self).model_fields)

    @classmethod
    def of(cls, **values: object) -> Self:
        """An entry from the names of Python, for mappings between models."""
        return cls.model_validate(values)
