"""What graphql-core says about values, in the words of GraphQL and JSON: it shows them as Python writes them."""

import re
from typing import Final

MAX_CHARACTERS: Final = 300
# What follows is the value itself, or an exception of Python's; where it was is in `locations` and in the message.
VALUE = re.compile(r", but encountered error '|, found: | Found: ")
VARIABLE: Final = "Variable '$"
VARIABLE_VALUE = re.compile(r"(cannot represent [\w -]*value): .*", re.DOTALL)


def worded(message: str) -> str:
    """The message without values of variables, with null for None, and short; others as they are."""
    said, *shown = VALUE.split(message, maxsplit=1)
    if shown and not said.endswith(("?", ".")):
        said += "."
    if said.startswith(VARIABLE):
        said = VARIABLE_VALUE.sub(r"\1.", said)
    said = said.replace("not to be None.", "not to be null.")
    return said if len(said) <= MAX_CHARACTERS else f"{said[: MAX_CHARACTERS - 1]}…"
