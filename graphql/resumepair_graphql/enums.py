"""Enum values with a description for the SDL."""

from typing import cast

import strawberry


def described(value: str, description: str) -> str:
    """A member's value for a Strawberry enum, which unwraps it: to a type checker it is what it becomes."""
    return cast("str", strawberry.enum_value(value, description=description))
