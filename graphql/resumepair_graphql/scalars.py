"""Scalars beyond GraphQL's own."""

from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

BigInt = NewType("BigInt", int)

BIG_INT = strawberry.scalar(
    name="BigInt",
    description="An integer that may exceed 32 bits (up to 2^53), such as a number of bytes.",
    serialize=int,
    parse_value=int,
    specified_by_url="https://developer.mozilla.org/docs/Web/JavaScript/Reference/Global_Objects/Number/MAX_SAFE_INTEGER",
)
SCALARS: dict[object, ScalarDefinition] = {BigInt: BIG_INT}
