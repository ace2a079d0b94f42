"""Whoever has not signed in is told so by every field, whatever they ask it for."""

from collections.abc import AsyncIterator
from typing import Any, cast
from unittest.mock import Mock

import pytest
from strawberry.types import ExecutionResult

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from resumepair_graphql.context import Context
from resumepair_graphql.schema import build_schema

SCHEMA = build_schema()
CORE = SCHEMA._schema  # Strawberry shows it nowhere else
ROOTS = [root for root in (CORE.query_type, CORE.mutation_type, CORE.subscription_type) if root]
PUBLIC = {"me", "templates"}
FIELDS = [
    pytest.param(root.name.lower(), name, field, id=f"{root.name}.{name}")
    for root in ROOTS
    for name, field in root.fields.items()
    if name not in PUBLIC
]
UNSUITABLE = {
    "ID": '"x"', "String": '""', "Int": "-1", "Boolean": "true", "JSON": "5", "DateTime": '"2030-01-31T08:00:00"'
}  # fmt: skip


def unsuitable(type_: Any) -> str:  # noqa: ANN401 # a type of graphql-core
    """A value that fits the type, and that whoever has signed in would be refused for."""
    nullable = get_nullable_type(type_)
    if is_list_type(nullable):
        return f"[{unsuitable(nullable.of_type)}]"
    if isinstance(nullable, GraphQLInputObjectType):
        members = (f"{name}: {unsuitable(m.type)}" for name, m in nullable.fields.items() if fits(nullable, name))
        return f"{{{', '.join(members)}}}"
    return UNSUITABLE.get(nullable.name) or next(iter(nullable.values))


def fits(type_: GraphQLInputObjectType, name: str) -> bool:
    return not type_.is_one_of or name == next(iter(type_.fields))


def asking_for(kind: str, name: str, field: GraphQLField) -> str:
    arguments = ", ".join(f"{argument}: {unsuitable(a.type)}" for argument, a in field.args.items())
    fields = getattr(get_named_type(field.type), "fields", {})
    selection = "{ errors { code } }" if "errors" in fields else "{ __typename }"
    return f"{kind} {{ {name}{f'({arguments})' if arguments else ''} {selection} }}"


@pytest.mark.parametrize(("kind", "name", "field"), FIELDS)
async def test_every_field_says_so_first(kind: str, name: str, field: GraphQLField) -> None:
    context = Context(Mock(), "http://api.example")  # there are no services for nobody
    (result,) = await results_of(asking_for(kind, name, field), context)
    if kind == "mutation":
        assert (result.data, result.errors) == ({name: {"errors": [{"code": "UNAUTHENTICATED"}]}}, None)
    else:
        (error,) = result.errors or []
        assert (error.extensions, error.path, bool(error.locations)) == ({"code": "UNAUTHENTICATED"}, [name], True)


async def results_of(query: str, context: Context) -> list[ExecutionResult]:
    stream = cast("AsyncIterator[ExecutionResult]", await SCHEMA.stream(query, context_value=context))
    return [result async for result in stream]
