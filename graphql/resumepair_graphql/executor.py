"""graphql-core's executor, with a short way for most fields: a scalar or an enum that is an attribute of its object.

The short way reads the attribute and gives the scalar's own form of it. Whatever is not as simple as that, such as a
null where there may be none, takes graphql-core's way, and so do all errors.
"""

# graphql-core leaves type parameters open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from enum import Enum
from typing import Any

from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
)

PLAIN_TYPES = frozenset({str, int, float, bool, datetime})
# By type and field: the attribute, how it is written, and whether it may be null.
Attributes = Mapping[tuple[str, str], tuple[str, Callable[[Any], Any], bool]]


class OperationExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes one operation, or one event of a subscription."""

    def __init__(self, *args: Any, attributes: Attributes, **kwargs: Any) -> None:  # noqa: ANN401 # graphql-core's
        super().__init__(*args, **kwargs)
        self._attributes = attributes

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,  # noqa: ANN401 # whatever the resolver above gave
        field_details_list: list[Any],
        path: Path,
        position_context: Any,  # noqa: ANN401 # graphql-core's
    ) -> Any:  # noqa: ANN401 # a value of the answer, or what becomes one
        """The value of a field, the short way where there is one."""
        name = field_details_list[0].node.name.value
        if found := self._attributes.get((parent_type.name, name)):
            attribute, write, nullable = found
            with suppress(Exception):  # graphql-core's way raises it again, where it belongs
                value = getattr(source, attribute)
                if value is None and nullable:
                    return None
                if type(value) in PLAIN_TYPES or isinstance(value, Enum):
                    written = write(value)
                    if written is not None and written is not Undefined:
                        return written
        return super().execute_field(parent_type, source, field_details_list, path, position_context)


def attributes_of(schema: GraphQLSchema) -> Attributes:
    """The fields of a Strawberry schema that are no more than an attribute."""
    found: dict[tuple[str, str], tuple[str, Callable[[Any], Any], bool]] = {}
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType):
            continue
        for name, field in type_.fields.items():
            definition = (field.extensions or {}).get("strawberry-definition")
            leaf: Any = get_nullable_type(field.type)
            if (
                isinstance(definition, StrawberryField)
                and definition.is_basic_field
                and definition.default_resolver is getattr
                and definition.python_name
                and not field.args
                and is_leaf_type(leaf)
            ):
                found[type_.name, name] = (
                    definition.python_name, leaf.coerce_output_value, not is_non_null_type(field.type)
                )  # fmt: skip
    return found
