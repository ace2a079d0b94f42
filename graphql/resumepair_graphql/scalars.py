"""Scalars beyond GraphQL's own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import NewType, cast

import strawberry
from strawberry.schema.types.base_scalars import DateTimeDefinition
from strawberry.types.scalar import ScalarDefinition

from graphql import GraphQLError, StringValueNode, ValueNode

BigInt = NewType("BigInt", int)

BIG_INT = strawberry.scalar(
    name="BigInt",
    description="An integer that may exceed 32 bits (up to 2^53), such as a number of bytes or of milliseconds.",
    serialize=int,
    parse_value=int,
    specified_by_url="https://developer.mozilla.org/docs/Web/JavaScript/Reference/Global_Objects/Number/MAX_SAFE_INTEGER",
)


PARSE_MOMENT = cast("Callable[[object], datetime]", DateTimeDefinition.parse_value)
NO_MOMENT = 'A DateTime is a string such as "2030-01-31T08:00:00Z".'


def _moment_of(value: object) -> datetime:
    """A moment, or a plain word about how one is written: the parser's own are Python's."""
    try:
        return PARSE_MOMENT(value)
    except GraphQLError:
        raise GraphQLError(NO_MOMENT) from None


def _literal_moment_of(node: ValueNode, _variables: object = None) -> datetime:
    """The same, with the place in the document where it is none."""
    try:
        return PARSE_MOMENT(node.value if isinstance(node, StringValueNode) else None)
    except GraphQLError:
        raise GraphQLError(NO_MOMENT, node) from None


# As Strawberry has it, and said where it is specified.
DATE_TIME = replace(
    DateTimeDefinition,
    parse_value=_moment_of,
    parse_literal=_literal_moment_of,
    description="A moment, with its offset from UTC: `2030-01-31T08:00:00+00:00`, or with `Z`.",
    specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
)
SCALARS: dict[object, ScalarDefinition] = {BigInt: BIG_INT, datetime: DATE_TIME}
