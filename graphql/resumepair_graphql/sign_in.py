"""Root fields that need a token: all, but for those that are marked as open to anybody.

Whoever comes without one is told so before anything is said about what they ask for, such as that there is none.
"""

# graphql-core leaves type parameters open.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Mapping
from typing import Any, Final

from graphql import GraphQLField, GraphQLNamedType, GraphQLSchema, get_named_type
from resumepair_graphql.errors import not_signed_in

NOBODY: Final = "anon"
OPEN: Final[Mapping[str, object]] = {"open": True}  # the metadata of a field that needs no token

Resolve = Callable[..., Any]


def require_sign_in(schema: GraphQLSchema) -> None:
    """Put the check before the resolvers of the schema's root fields."""
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        for field in root.fields.values() if root else ():
            if field.subscribe:
                field.subscribe = _checked(field.subscribe, None)
            elif field.resolve and not _is_open(field):
                field.resolve = _checked(field.resolve, _payload_of(get_named_type(field.type)))


def _checked(resolve: Resolve, payload: Callable[..., object] | None) -> Resolve:
    """The resolver, for who has a token; a mutation answers with its payload, everything else raises."""

    def checked(source: object, info: Any, **arguments: object) -> Any:  # noqa: ANN401 # graphql-core's
        if info.context.identity.role != NOBODY:
            return resolve(source, info, **arguments)
        refusal = not_signed_in()
        if payload is None:
            raise refusal
        return payload(errors=[refusal.as_user_error()])

    return checked


def _is_open(field: GraphQLField) -> bool:
    definition = (field.extensions or {}).get("strawberry-definition")
    return bool(getattr(definition, "metadata", {}).get("open"))


def _payload_of(type_: GraphQLNamedType) -> Callable[..., object] | None:
    """What makes a mutation's payload: the one kind of type that lists errors."""
    if "errors" not in getattr(type_, "fields", {}):
        return None
    return getattr((type_.extensions or {}).get("strawberry-definition"), "origin", None)
