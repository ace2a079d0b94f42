"""What an operation may cost: how many values its answer can have, worked out before it runs.

A field costs one, or its price, for each time it can occur. What is below a connection occurs `first` times, what is
below `nodes(ids:)` once for each id, what is below another list as often as the field says that it can have entries, or
as such lists are long as a rule. Each operation is compiled once into a short list of sums, which an execution adds up
with its variables: fragments are worked out once, however often they are spread.
"""

# graphql-core leaves type parameters open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from graphql.utilities.coerce_input_value import coerce_default_value

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Undefined,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
    is_leaf_type,
    is_list_type,
    value_from_ast_untyped,
)
from resumepair_graphql.pages import FIRST_MAX
from resumepair_graphql.prices import asks_database, cost_of, entries_of
from resumepair_graphql.variable_lists import count_entries, lists_of

FIELD = 1
DATABASE_FIELD = 10  # a root field or a connection: a transaction of its own
MUTATION_FIELD = 50
LIST_SIZE = 5  # of lists that are not paged and of which nothing else is known, such as errors
PAGE_ARGUMENT = "first"
# How often what is below `__schema` is counted: fewer times than there are types, so that tools can always afford it.
INTROSPECTED = 50


@dataclass(frozen=True)
class VariableSize:
    """How often something occurs, when a variable says so."""

    name: str
    default: int
    paged: bool

    def value(self, variables: Mapping[str, object]) -> int:
        """The number: GraphQL takes 100.0 for 100, too; whatever is none, the most there can be."""
        given = variables.get(self.name)
        if isinstance(given, list):
            return len(cast("list[object]", given))
        if not self.paged or given is None:
            return self.default
        if isinstance(given, float) and given.is_integer():
            return _clamped(int(given))
        return _clamped(given) if type(given) is int else FIRST_MAX


@dataclass(frozen=True)
class Step:
    """The place of a sum that depends on variables."""

    index: int


Size = int | VariableSize
Amount = int | Step
Term = tuple[Size, Amount]


@dataclass(frozen=True)
class Cost:
    """The compiled cost of an operation: steps that each use earlier ones, and the variables whose lists count.

    `asks` tells whether anything below the root asks the database again, `declared` names the operation's variables.
    """

    steps: Sequence[tuple[int, Sequence[Term]]]
    total: Amount
    lists: Sequence[tuple[str, object]]
    declared: frozenset[str]
    asks: bool = False

    def declared_of(self, variables: dict[str, object] | None) -> dict[str, object] | None:
        """The variables without those that the operation does not have: nobody looks at these."""
        if variables is None or self.declared.issuperset(variables):
            return variables
        return {name: variables[name] for name in self.declared if name in variables}

    def of(self, variables: Mapping[str, object] | None) -> int:
        """The cost with these variables, as they were sent."""
        given = variables or {}
        values: list[int] = []
        for fixed, terms in self.steps:
            total = fixed
            for size, amount in terms:
                factor = size if isinstance(size, int) else size.value(given)
                total += factor * (amount if isinstance(amount, int) else values[amount.index])
            values.append(total)
        cost = self.total if isinstance(self.total, int) else values[self.total.index]
        return cost + sum(count_entries(given.get(name), type_) for name, type_ in self.lists)


@dataclass(frozen=True)
class Selected:
    """The amounts of a selection set: what occurs once in its object, and what once in each entry of its lists."""

    once: Amount
    each: Amount


class CostCompiler:
    """Compiles the operations of one document that is valid."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._steps: list[tuple[int, Sequence[Term]]] = []
        self._selected: dict[str, Selected] = {}
        self._defaults: dict[str, object] = {}
        self._asks = False

    def compile(self, operation: OperationDefinitionNode) -> Cost:
        """The cost of an operation; defaults of variables are the operation's own."""
        self._steps, self._selected, self._asks = [], {}, False
        self._defaults = {
            node.variable.name.value: value_from_ast_untyped(node.default_value)
            for node in operation.variable_definitions or ()
            if node.default_value
        }
        root = self._schema.get_root_type(operation.operation)
        base = MUTATION_FIELD if operation.operation is OperationType.MUTATION else DATABASE_FIELD
        selected = self._selection_set(operation.selection_set, root, base)
        total = self._sum([(1, selected.once), (LIST_SIZE, selected.each)])
        declared = frozenset(node.variable.name.value for node in operation.variable_definitions or ())
        return Cost(tuple(self._steps), total, lists_of(self._schema, operation), declared, self._asks)

    def _selection_set(self, selection_set: SelectionSetNode, parent: GraphQLNamedType | None, base: int) -> Selected:
        once: list[Term] = []
        each: list[Term] = []
        for selection in selection_set.selections:
            match selection:
                case FieldNode():
                    self._field(selection, parent, base, once, each)
                case FragmentSpreadNode():
                    spread = self._fragment(selection.name.value, base)
                    once.append((1, spread.once))
                    each.append((1, spread.each))
                case InlineFragmentNode():
                    condition = selection.type_condition
                    inner_type = self._schema.get_type(condition.name.value) if condition else parent
                    inner = self._selection_set(selection.selection_set, inner_type, base)
                    once.append((1, inner.once))
                    each.append((1, inner.each))
                case _:
                    pass
        return Selected(self._sum(once), self._sum(each))

    def _fragment(self, name: str, base: int) -> Selected:
        """Compiled once; the fields of one that is spread at the root cost what they cost there."""
        key = f"{base} {name}"
        if key not in self._selected:
            node = self._fragments[name]
            type_ = self._schema.get_type(node.type_condition.name.value)
            self._selected[key] = self._selection_set(node.selection_set, type_, base)
        return self._selected[key]

    def _field(
        self, node: FieldNode, parent: GraphQLNamedType | None, base: int, once: list[Term], each: list[Term]
    ) -> None:
        definition = (
            self._schema.get_field(parent, node.name.value)
            if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
            else None
        )
        if definition is None:  # unknown, which validation has refused
            return
        self._asks = self._asks or (base == FIELD and asks_database(definition))
        own = max(cost_of(definition), DATABASE_FIELD if PAGE_ARGUMENT in definition.args else FIELD)
        type_ = get_named_type(definition.type)
        if node.selection_set is None or is_leaf_type(type_):
            once.append((1, max(base, own) if definition.args else own))
            self._entries(definition, FIELD, None, once, each)
            return
        content = self._selection_set(node.selection_set, type_, FIELD)
        if is_introspection_type(type_) and node.name.value in ("__schema", "__type"):
            once.append((INTROSPECTED, self._sum([(1, content.once), (1, content.each)])))
            return
        size = self._size(node, definition)
        paged = PAGE_ARGUMENT in definition.args
        length = 1 if is_introspection_type(type_) else LIST_SIZE  # what is below `__schema` is charged as a whole
        inside = self._sum([(1, content.once), (size if paged and size is not None else length, content.each)])
        once.append((1, max(base, own)))
        if is_list_type(get_nullable_type(definition.type)):
            self._entries(definition, self._sum([(1, FIELD), (1, inside)]), None if paged else size, once, each)
        else:
            once.append((1, inside))

    def _entries(
        self, definition: GraphQLField, entry: Amount, size: Size | None, once: list[Term], each: list[Term]
    ) -> None:
        """What the entries of a field cost that is a list, so many of them, or as many as such a list has."""
        known = entries_of(definition) if size is None else size
        if not is_list_type(get_nullable_type(definition.type)):
            return
        if known is None:
            each.append((1, entry))
        else:
            once.append((known, entry))

    def _size(self, node: FieldNode, definition: GraphQLField) -> Size | None:
        """How long the list is that a field's arguments ask for; None when they say nothing about it."""
        for name, argument in definition.args.items():
            paged = name == PAGE_ARGUMENT
            is_list = is_list_type(get_nullable_type(argument.type))
            if not paged and not is_list:
                continue
            given = next((a.value for a in node.arguments or () if a.name.value == name), None)
            match given:
                case VariableNode():
                    variable = given.name.value
                    fallback = self._defaults.get(variable, _default_of(argument))
                    return VariableSize(variable, _length(fallback), paged)
                case IntValueNode() if paged:
                    return _clamped(int(given.value))
                case ListValueNode():
                    return len(given.values)
                case None:
                    return _length(_default_of(argument))
                case _:
                    return 1
        return None

    def _sum(self, terms: Sequence[Term]) -> Amount:
        """One amount; a number where no variable has a say."""
        fixed = sum(size * amount for size, amount in terms if isinstance(size, int) and isinstance(amount, int))
        rest = [(size, amount) for size, amount in terms if not (isinstance(size, int) and isinstance(amount, int))]
        rest = [(size, amount) for size, amount in rest if amount != 0]
        if not rest:
            return fixed
        if not fixed and len(rest) == 1 and rest[0][0] == 1:
            return rest[0][1]
        self._steps.append((fixed, rest))
        return Step(len(self._steps) - 1)


def _default_of(argument: GraphQLArgument) -> object:
    value: object = coerce_default_value(argument)
    return None if value is Undefined else value


def _length(value: object) -> int:
    """What an absent argument amounts to."""
    if isinstance(value, list):
        return len(cast("list[object]", value))
    return _clamped(value) if type(value) is int else 1


def _clamped(first: int) -> int:
    """A size of a page; one that is out of range is refused by the field itself."""
    return min(max(first, 0), FIRST_MAX)
