"""How large, deep and wide a document may be: measured in one walk, before anything more expensive looks at it.

Each selection is visited once; a fragment is measured once, and counted wherever it is spread. What the answer may
cost is `cost`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
)
from resumepair_graphql.request_errors import RequestError, RequestErrorCode


@dataclass(frozen=True)
class QueryLimits:
    """The most of each that a document may have; what is in a fragment counts each time it is spread."""

    characters: int = 65_536
    tokens: int = 2000
    definitions: int = 50
    depth: int = 16
    input_depth: int = 64
    entries: int = 200
    alias_length: int = 100
    fields: int = 500
    root_fields: int = 20
    aliases: int = 50
    directives: int = 50
    repeats: int = 50


@dataclass
class Measure:
    """What there is in an operation or a fragment."""

    depth: int = 0
    input_depth: int = 0
    entries: int = 0
    alias_length: int = 0
    fields: int = 0
    root_fields: int = 0
    aliases: int = 0
    directives: int = 0
    repeats: int = 0
    spreads: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])  # name, depth

    def add(self, fragment: "Measure", depth: int) -> None:
        """Count a fragment that is spread at this depth."""
        self.depth = max(self.depth, depth + fragment.depth)
        self.input_depth = max(self.input_depth, fragment.input_depth)
        self.entries += fragment.entries
        self.alias_length = max(self.alias_length, fragment.alias_length)
        self.fields += fragment.fields
        self.root_fields += fragment.root_fields if depth == 0 else 0
        self.aliases += fragment.aliases
        self.directives += fragment.directives
        self.repeats = max(self.repeats, fragment.repeats)


WORDS: Mapping[str, tuple[RequestErrorCode, str]] = {
    "depth": (RequestErrorCode.QUERY_TOO_DEEP, "levels of fields"),
    "input_depth": (RequestErrorCode.QUERY_TOO_DEEP, "levels of lists and objects in a value"),
    # Each entry is validated for itself, which takes twenty microseconds and more.
    "entries": (RequestErrorCode.QUERY_TOO_LARGE, "entries in its lists and objects"),
    # The answer says it again for each object that there is.
    "alias_length": (RequestErrorCode.QUERY_TOO_LARGE, "characters in an alias"),
    "fields": (RequestErrorCode.QUERY_TOO_WIDE, "fields"),
    "root_fields": (RequestErrorCode.QUERY_TOO_WIDE, "fields at the root"),
    "aliases": (RequestErrorCode.QUERY_TOO_WIDE, "aliases"),
    "directives": (RequestErrorCode.QUERY_TOO_WIDE, "directives"),
    "repeats": (RequestErrorCode.QUERY_TOO_WIDE, "fields of one name side by side"),
}


def check_document(document: DocumentNode, limits: QueryLimits) -> None:
    """Refuse a document that has too much of something.

    Raises:
        RequestError: QUERY_TOO_LARGE, QUERY_TOO_DEEP or QUERY_TOO_WIDE.
    """
    if len(document.definitions) > limits.definitions:
        raise too_large(f"{limits.definitions} operations and fragments")
    for measure in measure_document(document):
        for name, (code, words) in WORDS.items():
            limit = getattr(limits, name)
            if getattr(measure, name) > limit:
                raise RequestError(code, f"The query has more than {limit} {words}; ask for less, or in several.")


def too_large(most: str) -> RequestError:
    """The refusal of a document that is larger than this."""
    return RequestError(
        RequestErrorCode.QUERY_TOO_LARGE, f"The query has more than {most}; send values as variables, or split it."
    )


def measure_document(document: DocumentNode) -> list[Measure]:
    """The measures of each operation and each fragment, with what they spread."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    measured: dict[str, Measure | None] = {}

    def fragment(name: str) -> Measure:
        known = measured.get(name)
        if known is not None or name not in fragments or name in measured:
            return known or Measure()  # unknown ones and cycles are for validation to tell
        measured[name] = None
        measured[name] = found = whole(fragments[name])
        return found

    def whole(definition: OperationDefinitionNode | FragmentDefinitionNode) -> Measure:
        measure = _measure_own(definition)
        for name, depth in measure.spreads:
            measure.add(fragment(name), depth)
        return measure

    operations = [whole(node) for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    return operations + [replace(fragment(name), root_fields=0) for name in fragments]  # spread where it may be


def _measure_own(definition: OperationDefinitionNode | FragmentDefinitionNode) -> Measure:
    """What is written in the definition itself."""
    measure = Measure(directives=len(definition.directives or ()))
    for variable in definition.variable_definitions or ():
        _measure_value(variable.default_value, measure)
    stack: list[tuple[SelectionSetNode, int, Counter[str]]] = [(definition.selection_set, 0, Counter())]
    while stack:
        selection_set, depth, names = stack.pop()
        for selection in selection_set.selections:
            for directive in selection.directives or ():
                measure.directives += 1
                for argument in directive.arguments or ():
                    _measure_value(argument.value, measure)
            if isinstance(selection, FragmentSpreadNode):
                measure.spreads.append((selection.name.value, depth))
            elif isinstance(selection, FieldNode):
                _measure_field(selection, depth, names, measure)
                if selection.selection_set:
                    stack.append((selection.selection_set, depth + 1, Counter()))
            elif inner := getattr(selection, "selection_set", None):
                stack.append((inner, depth, names))
    return measure


def _measure_field(node: FieldNode, depth: int, names: Counter[str], measure: Measure) -> None:
    measure.fields += 1
    measure.root_fields += depth == 0
    if node.alias:
        measure.aliases += 1
        measure.alias_length = max(measure.alias_length, len(node.alias.value))
    measure.depth = max(measure.depth, depth + 1)
    name = (node.alias or node.name).value
    names[name] += 1
    measure.repeats = max(measure.repeats, names[name])
    for argument in node.arguments or ():
        _measure_value(argument.value, measure)


def _measure_value(value: ValueNode | None, measure: Measure) -> None:
    stack = [(value, 1)] if isinstance(value, ListValueNode | ObjectValueNode) else []
    while stack:
        node, depth = stack.pop()
        measure.input_depth = max(measure.input_depth, depth)
        inner = node.values if isinstance(node, ListValueNode) else [member.value for member in node.fields]
        measure.entries += len(inner)
        stack += [(item, depth + 1) for item in inner if isinstance(item, ListValueNode | ObjectValueNode)]


CONTAINERS: Final = (dict, list)


def check_variables(variables: Mapping[str, object] | None, limits: QueryLimits) -> None:
    """Refuse variables that are nested too deeply, also within JSON.

    Raises:
        RequestError: QUERY_TOO_DEEP.
    """
    level: list[object] = [variables] if variables else []
    for _ in range(limits.input_depth + 2):
        if not level:
            return
        # What is empty has nothing below it, and a hundred thousand of these have to cost next to nothing.
        level = [item for value in level for item in _members(value) if item and type(item) in CONTAINERS]
    code, words = WORDS["input_depth"]
    raise RequestError(code, f"The variables have more than {limits.input_depth} {words}.")


def _members(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value)
