"""The lists in an operation's variables: which ones can hold any, and how many entries there are in what was sent."""

# graphql-core leaves type parameters open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any, cast

from graphql import (
    GraphQLSchema,
    OperationDefinitionNode,
    get_nullable_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    type_from_ast,
)


def lists_of(schema: GraphQLSchema, operation: OperationDefinitionNode) -> list[tuple[str, object]]:
    """The variables that can hold lists, with their types."""
    found: list[tuple[str, object]] = []
    for node in operation.variable_definitions or ():
        type_: object = type_from_ast(schema, node.type)
        if type_ is not None and _holds_lists(type_, set()):
            found.append((node.variable.name.value, type_))
    return found


def count_entries(value: object, type_: object) -> int:
    """How many entries there are in the lists of a variable; a scalar's own insides, such as JSON's, do not count."""
    count = 0
    stack: list[tuple[object, object]] = [(value, type_)]
    while stack:
        item, item_type = stack.pop()
        nullable: Any = get_nullable_type(cast("Any", item_type))
        if isinstance(item, list) and is_list_type(nullable):
            entries = cast("list[object]", item)
            count += len(entries)
            if not is_leaf_type(get_nullable_type(nullable.of_type)):
                stack += [(entry, nullable.of_type) for entry in entries]
        elif isinstance(item, dict) and is_input_object_type(nullable):
            members = cast("dict[str, object]", item)
            stack += [(members[name], member.type) for name, member in nullable.fields.items() if name in members]
    return count


def _holds_lists(type_: object, seen: set[str]) -> bool:
    nullable: Any = get_nullable_type(cast("Any", type_))
    if is_list_type(nullable):
        return True
    if not is_input_object_type(nullable) or nullable.name in seen:
        return False
    seen.add(nullable.name)
    return any(_holds_lists(member.type, seen) for member in nullable.fields.values())
