"""graphql-core's executor, with a short way for most fields: those that are no more than an attribute of their object.

The short way reads the attribute and gives the scalar's own form of it, or goes on with the object that it is. Whatever
is not as simple as that, such as a null where there may be none, takes graphql-core's way, and so do all errors.
"""

# graphql-core leaves type parameters open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any, Self
from uuid import UUID

from graphql.execution.collect_fields import collect_fields
from graphql.execution.executor import CollectedErrors
from graphql.pyutils import Path
from strawberry import relay
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
    located_error,
)

PLAIN_TYPES = frozenset({str, int, float, bool, datetime, UUID})


@dataclass(frozen=True)
class Attribute:
    """Where a field's value is, and what becomes of it: a leaf is written, an object of this very class gone into."""

    name: str
    nullable: bool
    write: Callable[[Any], Any] | None = None
    class_: type | None = None


# What operations made of an event that others are told too: by who asks what, with the operation.
Results = dict[object, tuple[object, Any]]
# By type and field.
Attributes = Mapping[tuple[str, str], Attribute]


class OperationExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes one operation, or one event of a subscription.

    `audience`: all subscriptions that have the same make the same of the same event.
    """

    def __init__(self, *args: Any, attributes: Attributes, **kwargs: Any) -> None:  # noqa: ANN401 # graphql-core's
        super().__init__(*args, **kwargs)
        self._attributes = attributes
        self.audience: object = None
        self._root_fields: list[Any] = []  # the same list in the executors of all events

    def build_per_event_executor(self, payload: Any) -> Self:  # noqa: ANN401 # whatever the source gave
        """One for the next event, as graphql-core makes it, without the detour through `copy`."""
        executor = object.__new__(type(self))
        executor.__dict__.update(self.__dict__, root_value=payload, collected_errors=CollectedErrors())
        return executor

    def execute_collected_root_fields(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,  # noqa: ANN401 # whatever the source gave
        grouped_field_set: Any,  # noqa: ANN401 # graphql-core's
        serially: bool,
        new_defer_usages: Sequence[Any],
    ) -> Any:  # noqa: ANN401 # the answer's data, or what becomes it
        """Execute from the root on, each event of a subscription with the fields as they were collected for the first.

        graphql-core keeps what it collects further down by the identity of these, and with new ones for each event
        would collect anew and keep more and more.
        """
        if not self._root_fields:
            self._root_fields.append(grouped_field_set)
        return super().execute_collected_root_fields(
            root_type, root_value, self._root_fields[0], serially, new_defer_usages
        )

    @property
    def root_name(self) -> str:
        """What the answer calls the first field of the root, once that has been executed."""
        return str(next(iter(self._root_fields[0])))

    def located(self, error: Exception) -> GraphQLError:
        """What a subscription's source raised, at the field that is subscribed to."""
        root: Any = self.schema.subscription_type
        fields = collect_fields(
            self.schema, self.fragments, self.variable_values, root, self.operation, self.hide_suggestions
        )
        name, details = next(iter(fields.grouped_field_set.items()))
        return located_error(error, [each.node for each in details], [name])

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
            value = getattr(source, found.name, Undefined)
            if value is None and found.nullable:
                return None
            if found.class_ and type(value) is found.class_:
                return self._execute_object(parent_type.fields[name], value, field_details_list, path, position_context)
            if found.write and (type(value) in PLAIN_TYPES or isinstance(value, Enum)):
                with suppress(Exception):  # graphql-core's way raises it again, where it belongs
                    written = found.write(value)
                    if written is not None and written is not Undefined:
                        return written
        return super().execute_field(parent_type, source, field_details_list, path, position_context)

    def _execute_object(
        self,
        field: GraphQLField,
        value: object,
        field_details_list: list[Any],
        path: Path,
        position_context: Any,  # noqa: ANN401 # graphql-core's
    ) -> Any:  # noqa: ANN401 # as `execute_field`
        """The fields of an object; an error in one that may not be null is this field's, as it is there."""

        async def await_fields(completing: Awaitable[Any]) -> Any:  # noqa: ANN401
            try:
                return await completing
            except Exception as error:  # noqa: BLE001 # as graphql-core
                return self.handle_field_error(error, field.type, field_details_list, path)

        try:
            type_: Any = get_nullable_type(field.type)
            completed = self.collect_and_execute_subfields(type_, field_details_list, path, value, position_context)
        except Exception as error:  # noqa: BLE001 # as graphql-core
            return self.handle_field_error(error, field.type, field_details_list, path)
        return await_fields(completed) if self.is_awaitable(completed) else completed


def attributes_of(schema: GraphQLSchema) -> Attributes:
    """The fields of a Strawberry schema that are no more than an attribute."""
    return {
        (type_.name, name): attribute
        for type_ in schema.type_map.values()
        if isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items()
        if (attribute := _attribute_of(type_, name, field))
    }


def _attribute_of(parent: GraphQLObjectType, name: str, field: GraphQLField) -> Attribute | None:
    definition = (field.extensions or {}).get("strawberry-definition")
    origin = _class_of(parent)
    if not isinstance(definition, StrawberryField) or field.args or origin is None:
        return None
    nullable = not is_non_null_type(field.type)
    if name == "id" and issubclass(origin, relay.Node):
        return Attribute(origin.resolve_id_attr(), nullable, write=partial(_global_id, parent.name))
    if not definition.is_basic_field or definition.default_resolver is not getattr or not definition.python_name:
        return None
    type_: Any = get_nullable_type(field.type)
    if is_leaf_type(type_):
        return Attribute(definition.python_name, nullable, write=type_.coerce_output_value)
    if isinstance(type_, GraphQLObjectType):
        return Attribute(definition.python_name, nullable, class_=_class_of(type_))
    return None


def _class_of(type_: GraphQLObjectType) -> type | None:
    definition = (type_.extensions or {}).get("strawberry-definition")
    return getattr(definition, "origin", None)


def _global_id(type_name: str, key: object) -> str:
    return relay.to_base64(type_name, str(key))
