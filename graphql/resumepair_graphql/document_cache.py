"""Parsed and validated documents by their text, good and bad ones, so that each is worked out once.

What is expensive about a document happens here in the order of its price, and stops at the first objection: length,
tokens, limits, rules. Compiling its cost comes last, and only when it is executed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphql.validation.rules import overlapping_fields_can_be_merged

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from resumepair_graphql.cost import Cost, CostCompiler
from resumepair_graphql.lru import Lru
from resumepair_graphql.query_limits import QueryLimits, check_document, too_large
from resumepair_graphql.request_errors import RequestError, RequestErrorCode, coded

MAX_DOCUMENTS = 1000
MAX_CHARACTERS = 100_000  # each takes about half a kilobyte once it is parsed: some 50 MB
MAX_ERRORS = 20
# The rule that compares fields of one name pair by pair counts its steps: 20,000 of them take some ten milliseconds.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 20_000
# How graphql-core's parser ends its messages about its own limits.
PARSER_LIMIT = "Parsing aborted."
PARSER_NESTING = "nested too deeply"


@dataclass(frozen=True)
class Prepared:
    """A document, or why it is none; the costs are those of its operations, by name."""

    document: DocumentNode | None = None
    errors: Sequence[GraphQLError] = ()
    operations: Mapping[str, OperationDefinitionNode] = field(default_factory=dict[str, OperationDefinitionNode])
    costs: dict[str, Cost] = field(default_factory=dict[str, Cost])

    def operation(self, name: object) -> OperationDefinitionNode:
        """The operation that is asked for.

        Raises:
            RequestError: OPERATION_RESOLUTION_FAILURE; there is none of this name, or it is not said which.
        """
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        found = self.operations.get(name) if isinstance(name, str) else None
        if found is None:
            raise RequestError(
                RequestErrorCode.OPERATION_RESOLUTION_FAILURE,
                "`operationName` has to say which of the operations to execute."
                if name is None
                else "There is no operation of this `operationName`.",
            )
        return found


class DocumentCache:
    """Prepares documents for a schema; without `introspection` or `suggestions` the schema's names stay unsaid."""

    def __init__(self, schema: GraphQLSchema, limits: QueryLimits, *, introspection: bool, suggestions: bool) -> None:
        self._schema = schema
        self._limits = limits
        self._suggestions = suggestions
        # Built once: graphql-core keeps what it knows of a rule by the rule's class.
        self._rules: tuple[type[ASTValidationRule], ...] = (
            *specified_rules,
            *(() if introspection else (NoSchemaIntrospectionCustomRule,)),
        )
        self._cache: Lru[str, Prepared] = Lru(MAX_DOCUMENTS, MAX_CHARACTERS)
        self._pinned: dict[str, Prepared] = {}

    def __len__(self) -> int:
        return len(self._cache)

    def __contains__(self, text: str) -> bool:
        """Whether it is known what there is to know about this text."""
        return text in self._pinned or text in self._cache

    def pin(self, text: str) -> Sequence[GraphQLError]:
        """Prepare a document, its costs as well, and never forget it; its errors instead, if it is not a good one."""
        prepared = self.prepare(text)
        if not prepared.errors:
            self._pinned[text] = prepared
            for operation in prepared.operations.values():
                self.cost(prepared, operation)
        return prepared.errors

    def prepare(self, text: str) -> Prepared:
        """The document, or its errors, as found out the first time."""
        prepared = self._pinned.get(text) or self._cache.get(text)
        if prepared is None:
            if len(text) > self._limits.characters:  # not even kept
                return Prepared(errors=[too_large(f"{self._limits.characters} characters")])
            prepared = self._prepared(text)
            self._cache.put(text, prepared, len(text))
        return prepared

    def cost(self, prepared: Prepared, operation: OperationDefinitionNode) -> Cost:
        """The compiled cost of an operation of a good document."""
        name = operation.name.value if operation.name else ""
        found = prepared.costs.get(name)
        if found is None:
            if prepared.document is None:
                raise ValueError(prepared)
            found = prepared.costs[name] = CostCompiler(self._schema, prepared.document).compile(operation)
        return found

    def _prepared(self, text: str) -> Prepared:
        try:
            document = self._parse(text)
            check_document(document, self._limits)
        except RequestError as error:
            return Prepared(errors=[error.with_traceback(None)])
        except GraphQLSyntaxError as error:
            return Prepared(errors=coded([error.with_traceback(None)], RequestErrorCode.GRAPHQL_PARSE_FAILED))
        errors = validate(
            self._schema, document, self._rules, max_errors=MAX_ERRORS, hide_suggestions=not self._suggestions
        )
        if errors:
            return Prepared(errors=coded(errors, RequestErrorCode.GRAPHQL_VALIDATION_FAILED))
        operations = {
            node.name.value if node.name else "": node
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        }
        return Prepared(document, operations=operations)

    def _parse(self, text: str) -> DocumentNode:
        tokens = self._limits.tokens
        try:
            return parse(text, max_lexical_tokens=tokens, max_comments=tokens)
        except GraphQLSyntaxError as error:
            if PARSER_NESTING in error.message:
                raise RequestError(RequestErrorCode.QUERY_TOO_DEEP, "The query is nested too deeply.") from None
            if error.message.endswith(PARSER_LIMIT):
                raise too_large(f"{tokens} tokens or comments") from None
            raise
