"""How much there is to read in a request, told from its text: before it is parsed, since parsing is a part of the cost.

Lists in lists cost a hundred times more than a string of the same length: each value is parsed, walked and let go of.
"""

from typing import Final

MAX_VALUES: Final = 10_000
# A document has some twenty bytes a value, so that one of 1 MiB has half of this.
MAX_SAVING_VALUES: Final = 100_000
VALUES_PER_POINT: Final = 100
CHARACTERS_PER_POINT: Final = 16_384


def values_in(text: str | bytes) -> int:
    """How many values a JSON text can have, counted in microseconds: its commas and what opens, in strings as well."""
    if isinstance(text, str):
        return text.count(",") + text.count("[") + text.count("{")
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def points_of(size: int, values: int) -> int:
    """The price of reading a text of this length; nothing for a usual one."""
    return size // CHARACTERS_PER_POINT + values // VALUES_PER_POINT
