"""Errors about values speak GraphQL and JSON, not Python; they are short, and say where."""

from typing import Any
from unittest.mock import Mock

import pytest

from resumepair_graphql.auth import Identity
from resumepair_graphql.context import Context
from resumepair_graphql.execution import Policy
from resumepair_graphql.schema import build_schema

SCHEMA = build_schema(Policy(suggestions=False))
FILTERED = "query ($f: HistoryFilter) { history(filter: $f) { edges { cursor } } }"
PAGE = "query ($n: Int!) { documents(first: $n) { edges { cursor } } }"
DATE_TIME = 'A DateTime is a string such as "2030-01-31T08:00:00Z".'

UNKNOWN = "Expected value of type 'HistoryFilter' not to include unknown field 'statu'."
NULL_VARIABLE = "Expected variable '$n' provided to non-null type 'Int!' not to be null."


async def errors_of(query: str, variables: dict[str, Any] | None = None) -> list[Any]:
    context = Context(Mock(), "http://api.example", Identity("authenticated", "{}"))
    result = await SCHEMA.execute(query, variables, context)
    return [error.formatted for error in result.errors or []]


@pytest.mark.parametrize(
    ("query", "variables", "message"),
    [
        ("{ documents(first: " + "9" * 60_000 + ") { edges { cursor } } }", None, "Expected value of type 'Int'."),
        ('{ documents(first: "x") { edges { cursor } } }', None, 'Int cannot represent non-integer value: "x"'),
        (
            "{ history(first: null) { edges { cursor } } }", None,
            "Expected value of non-null type 'Int!' not to be null.",
        ),
        (
            "{ history(filter: {statu: EXPIRED}) { edges { cursor } } }", None,
            UNKNOWN,
        ),
        (
            FILTERED, {"f": {"statu": 1}},
            f"Variable '$f' has invalid value: {UNKNOWN}",
        ),
        (
            FILTERED, {"f": [{"status": None}]},
            "Variable '$f' has invalid value: Expected value of type 'HistoryFilter' to be an object.",
        ),
        (
            FILTERED, {"f": {"template": {"a": None, "b": True}}},
            "Variable '$f' has invalid value at .template: String cannot represent a non string value.",
        ),
        (
            FILTERED, {"f": {"status": 5}},
            "Variable '$f' has invalid value at .status: Enum 'HistoryStatus' cannot represent non-string value.",
        ),
        (FILTERED, {"f": {"since": "yesterday"}}, f"Variable '$f' has invalid value at .since: {DATE_TIME}"),
        (FILTERED, {"f": {"since": {"a": None}}}, f"Variable '$f' has invalid value at .since: {DATE_TIME}"),
        ('{ stats(since: "yesterday") { pending } }', None, DATE_TIME),
        ("{ history(filter: {since: 5}) { edges { cursor } } }", None, DATE_TIME),
        (
            PAGE, {"n": None},
            "Variable '$n' has invalid value: Expected value of non-null type 'Int!' not to be null.",
        ),
        (PAGE, {"n": "x"}, "Variable '$n' has invalid value: Int cannot represent non-integer value."),
        (
            PAGE.replace("Int!", "Int"), {"n": None},
            f"Argument 'first' has invalid value: {NULL_VARIABLE}",
        ),
    ],
)  # fmt: skip
async def test_a_value_that_does_not_fit(query: str, variables: dict[str, Any] | None, message: str) -> None:
    (error,) = await errors_of(query, variables)
    assert error["message"] == message
    assert error["locations"]


async def test_a_message_is_short_whatever_was_sent() -> None:
    (error,) = await errors_of(FILTERED, {"f": {"x" * 5000: 1}})
    assert len(error["message"]) == 300
