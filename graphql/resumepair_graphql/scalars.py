"""Scalars beyond GraphQL's own."""

from dataclasses import replace
from datetime import datetime
from typing import NewType

import strawberry
from strawberry.schema.types.base_scalars import DateTimeDefinition
from strawberry.types.scalar import ScalarDefinition

BigInt = NewType("BigInt", int)

BIG_INT = strawberry.scalar(
    name="BigInt",
    description="An integer that may exceed 32 bits (up to 2^53), such as a number of bytes or of milliseconds.",
    serialize=int,
    parse_value=int,
    specified_by_url="https://developer.mozilla.org/docs/Web/JavaScript/Reference/Global_Objects/Number/MAX_SAFE_INTEGER",
)
# As Strawberry has it, and said where it is specified.
DATE_TIME = replace(
    DateTimeDefinition,
    description="A moment, with its offset from UTC: `2030-01-31T08:00:00+00:00`, or with `Z`.",
    specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
)
SCALARS: dict[object, ScalarDefinition] = {BigInt: BIG_INT, datetime: DATE_TIME}
