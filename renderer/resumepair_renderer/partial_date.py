"""Dates as people remember them: a year, a month or a day. Formatting belongs to `wording`."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final, Literal

PRESENT: Final = "Present"

_FORM: Final = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A year, perhaps with a month (1-12), perhaps with a day."""

    year: int
    month: int | None = None
    day: int | None = None

    @classmethod
    def parse(cls, text: str) -> "PartialDate":
        """Read `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.

        Raises:
            ValueError: it is none of these, or no day of the calendar.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError("not a date")
        year, month, day = (None if part is None else int(part) for part in match.groups())
        dt.date(year or 0, 1 if month is None else month, 1 if day is None else day)
        return cls(year or 0, month, day)

    def __str__(self) -> str:
        """The form that `parse` reads, with two digits for months and days (ISO 8601)."""
        parts = [f"{self.year:04}", *(f"{part:02}" for part in (self.month, self.day) if part is not None)]
        return "-".join(parts)


EndDate = PartialDate | Literal["Present"]
