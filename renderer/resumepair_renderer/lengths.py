"""Lengths on paper as people write them (`12`, `"12pt"`, `"0.75in"`), checked against their limits."""

import re
from typing import Final

from pydantic import BeforeValidator

from resumepair_renderer.fields import problem, quoted

_FORM: Final = re.compile(r"\s*(\d{1,4}(?:\.\d{1,6})?)\s*(mm|cm|in|pt|px)?\s*", re.ASCII)
_HUGE: Final = 1e9
_MILLIMETRES: Final = {"mm": 1.0, "cm": 10.0, "in": 25.4, "pt": 25.4 / 72, "px": 25.4 / 96}


def millimetres(least: float, most: float) -> BeforeValidator:
    """A length in millimetres; plain numbers are millimetres."""
    return BeforeValidator(lambda value: _length(value, least, most, unit="mm"))


def points(least: float, most: float, unit: str = "pt") -> BeforeValidator:
    """A length in points, or with `unit=""` a bare ratio; plain numbers are taken as they are."""
    return BeforeValidator(lambda value: _length(value, least, most, unit=unit))


def _length(value: object, least: float, most: float, *, unit: str) -> float | None:
    if value is None or value == "":
        return None
    length = _number(value, unit)
    if length is None or not least <= length <= most:
        expected = f"{least:g} to {most:g} {unit}".strip()
        raise problem(f"expected {expected}: {quoted(value)}")
    return round(length, 3)


def _number(value: object, unit: str) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < _HUGE else None  # and not NaN
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    number, written = float(match[1]), match[2]
    if written is None:
        return number
    return number * _MILLIMETRES[written] / _MILLIMETRES[unit] if unit else None
