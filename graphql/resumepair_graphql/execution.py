"""How every operation is executed, whichever way it came: found, checked, paid for, run, and its errors masked.

Strawberry builds the schema and its resolvers; its own pipeline of extensions is not used, since this one does each
thing once per document where that does it once per request.
"""

# graphql-core leaves type parameters open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, cast

import strawberry
from graphql.execution import (
    create_source_event_stream,
)
from strawberry.exceptions import MissingQueryError
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.schema.schema import StreamResult
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from graphql import ExecutionResult as CoreResult
from graphql import GraphQLError, GraphQLSchema
from resumepair_graphql.context import Context
from resumepair_graphql.document_cache import DocumentCache
from resumepair_graphql.event_execution import audience_of, respond
from resumepair_graphql.executor import OperationExecutor, attributes_of
from resumepair_graphql.masking import masked
from resumepair_graphql.pacing import Pace
from resumepair_graphql.query_limits import QueryLimits, check_variables
from resumepair_graphql.rate_limit import CostBudget, payer_of, stamp
from resumepair_graphql.request_errors import RequestError, RequestErrorCode, coded
from resumepair_graphql.settings import (
    MAX_QUERY_COST,
    OPERATION_TIMEOUT_SECONDS,
    RATE_LIMIT_COST_PER_MINUTE,
    Settings,
)
from resumepair_graphql.trusted import PersistedDocuments

# Parsing and validating a document takes up to some ten milliseconds, once.
PREPARATION_COST = 100
# Each looks through the whole object that it is about.
MAX_VARIABLE_ERRORS = 10


@dataclass(frozen=True)
class Policy:
    """What is allowed, and how much of it; a `cost_per_minute` of 0 is no limit. The defaults are for development."""

    introspection: bool = True
    suggestions: bool = True
    limits: QueryLimits = field(default_factory=QueryLimits)
    max_cost: int = MAX_QUERY_COST
    cost_per_minute: int = RATE_LIMIT_COST_PER_MINUTE
    preparation_cost: int = PREPARATION_COST
    timeout_seconds: float = OPERATION_TIMEOUT_SECONDS
    documents: PersistedDocuments = field(default_factory=PersistedDocuments)


def policy_of(settings: Settings, documents: PersistedDocuments) -> Policy:
    """The policy that the settings make."""
    return Policy(
        introspection=settings.development,
        suggestions=settings.development,
        max_cost=settings.max_query_cost,
        cost_per_minute=settings.rate_limit_cost_per_minute,
        timeout_seconds=settings.operation_timeout_seconds,
        documents=documents,
    )


@dataclass(frozen=True)
class Request:
    """What a transport hands over."""

    query: str | None
    variables: dict[str, Any] | None
    context: Any
    root_value: Any
    operation_name: str | None
    extensions: dict[str, Any] | None
    allowed: frozenset[OperationType]


@dataclass(frozen=True)
class Admitted:
    """An operation that may run; `extensions` is what its answer says of its cost."""

    type: OperationType
    executor: OperationExecutor
    extensions: dict[str, Any]


class ExportSchema(strawberry.Schema):
    """The schema with our way to execute: what Strawberry's views call."""

    def __init__(self, *, policy: Policy, **parts: Any) -> None:  # noqa: ANN401 # Strawberry's own arguments
        super().__init__(**parts)
        self.policy = policy
        self.document_cache = DocumentCache(
            self._schema, policy.limits, introspection=policy.introspection, suggestions=policy.suggestions
        )
        self._budget = CostBudget(policy.cost_per_minute) if policy.cost_per_minute else None
        self._attributes = attributes_of(self._schema)
        self._timeout_seconds = policy.timeout_seconds

    @property
    def core(self) -> GraphQLSchema:
        """graphql-core's schema, which Strawberry shows nowhere else."""
        return self._schema

    async def execute(  # noqa: PLR0917 # Strawberry's signature
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,  # noqa: ANN401
        root_value: Any | None = None,  # noqa: ANN401
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Run a query or a mutation. What never began to run is a `PreExecutionError`.

        Raises:
            MissingQueryError: There is neither a query nor the hash of one.
            InvalidOperationTypeError: This type of operation may not come this way.
        """
        allowed = frozenset(allowed_operation_types or OperationType) - {OperationType.SUBSCRIPTION}
        request = Request(
            query, variable_values, context_value, root_value, operation_name, operation_extensions, allowed
        )
        try:
            admitted = self._admit(request)
        except RequestError as error:
            return _refused([error])
        if isinstance(admitted, ExecutionResult):
            return admitted
        return await self._run(admitted)

    async def stream(  # noqa: PLR0917 # Strawberry's signature
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,  # noqa: ANN401
        root_value: Any | None = None,  # noqa: ANN401
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
    ) -> StreamResult:
        """Run any operation and give its results, of which a query or a mutation has one; it never raises."""
        allowed = frozenset(allowed_operation_types or OperationType)
        return self._results(
            Request(query, variable_values, context_value, root_value, operation_name, operation_extensions, allowed)
        )

    async def _results(self, request: Request) -> AsyncGenerator[ExecutionResult, None]:
        try:
            admitted = self._admit(request)
        except RequestError as error:
            admitted = _refused([error])
        except MissingQueryError:
            admitted = _refused([RequestError(RequestErrorCode.BAD_REQUEST, "There is no query.")])
        except InvalidOperationTypeError as error:
            message = f"A {error.operation_type.value} is not possible this way."
            admitted = _refused([RequestError(RequestErrorCode.BAD_REQUEST, message)])
        if isinstance(admitted, ExecutionResult):
            yield admitted
        elif admitted.type is not OperationType.SUBSCRIPTION:
            yield await self._run(admitted)
        else:
            async with aclosing(self._events(admitted)) as events:
                async for event in events:
                    yield event

    def _admit(self, request: Request) -> Admitted | ExecutionResult:
        """Everything before the first resolver, the cheapest objection first."""
        asked = self.policy.documents.find(request.query, request.extensions)
        if asked is None:
            raise MissingQueryError
        preparation = 0 if asked.text in self.document_cache else self.policy.preparation_cost
        if points := preparation + getattr(request.context, "reading_cost", 0):
            self._charge(request.context, points, {})
        prepared = self.document_cache.prepare(asked.text)
        if prepared.document is None:
            return _refused(prepared.errors)
        self.policy.documents.register(asked)
        operation = prepared.operation(request.operation_name)
        type_ = OperationType(operation.operation.value)
        if type_ not in request.allowed:
            raise InvalidOperationTypeError(type_)
        compiled = self.document_cache.cost(prepared, operation)
        variables = compiled.declared_of(request.variables)
        check_variables(variables, self.policy.limits)
        cost = compiled.of(variables)
        extensions = self._affordable(cost)
        built = OperationExecutor.build(
            self._schema, prepared.document, request.root_value, request.context, variables,
            operation.name.value if operation.name else None,
            is_awaitable=cast("Any", optimized_is_awaitable), hide_suggestions=not self.policy.suggestions,
            max_coercion_errors=MAX_VARIABLE_ERRORS, operation_extensions=request.extensions,
            attributes=self._attributes,
        )  # fmt: skip
        if isinstance(built, list):
            return _refused(coded(built, RequestErrorCode.BAD_USER_INPUT))
        executor = cast("OperationExecutor", built)
        extensions = self._charge(request.context, cost, extensions)
        if type_ is OperationType.SUBSCRIPTION and isinstance(request.context, Context):
            executor.audience = audience_of(operation, variables, request.context)
            if compiled.asks:
                request.context.pace = Pace(self._budget, _payer_of(request.context), cost)
        return Admitted(type_, executor, extensions)

    def _affordable(self, cost: int) -> dict[str, Any]:
        """What the answer says about the cost, if there may be an operation of such a cost at all.

        Raises:
            RequestError: QUERY_TOO_COSTLY.
        """
        limit = self.policy.max_cost
        extensions: dict[str, Any] = {"cost": {"requested": cost, "limit": limit}}
        if cost > limit:
            message = f"The query may cost {cost}, more than {limit}; ask for smaller pages or fewer fields."
            raise RequestError(RequestErrorCode.QUERY_TOO_COSTLY, message, **extensions)
        return extensions

    def _charge(self, context: Any, points: int, extensions: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
        """Take points from the budget of who asks; the extensions, with what is left of it.

        Raises:
            RequestError: THROTTLED.
        """
        payer = _payer_of(context)
        if not self._budget or not payer:
            return extensions
        allowance = self._budget.take(payer, points)
        extensions["rateLimit"] = allowance.as_extension()
        if allowance.retry_at:
            raise RequestError(
                RequestErrorCode.THROTTLED, "You have asked for much in the last minute; wait until `retryAt`.",
                retryAt=stamp(allowance.retry_at), **extensions,
            )  # fmt: skip
        return extensions

    async def _run(self, admitted: Admitted) -> ExecutionResult:
        """Execute a query or a mutation within its time."""
        timer = asyncio.timeout(self._timeout_seconds)
        try:
            async with timer:
                result = admitted.executor.execute_operation()
                result = cast("CoreResult", await result if isawaitable(result) else result)
        except TimeoutError:
            if not timer.expired():
                raise
            message = (
                f"The operation took longer than {self._timeout_seconds:g} seconds; a mutation may have been done."
            )
            return ExecutionResult(
                None, [RequestError(RequestErrorCode.OPERATION_TIMEOUT, message)], admitted.extensions
            )
        return ExecutionResult(result.data, masked(result.errors) if result.errors else None, admitted.extensions)

    async def _events(self, admitted: Admitted) -> AsyncGenerator[ExecutionResult, None]:
        """The results of a subscription; the first one says what it cost."""
        source = create_source_event_stream(admitted.executor)
        source = await source if isawaitable(source) else source
        if isinstance(source, CoreResult):
            yield PreExecutionError(None, masked(source.errors or ()), admitted.extensions)
            return
        extensions: dict[str, Any] | None = admitted.extensions
        try:
            async with aclosing(respond(admitted.executor, source, self._timeout_seconds)) as results:
                async for result in results:
                    yield ExecutionResult(result.data, masked(result.errors) if result.errors else None, extensions)
                    extensions = None
        except Exception as error:  # noqa: BLE001 # whatever the source raised, as a resolver may
            located = admitted.executor.located(error)
            yield PreExecutionError(None, masked([located]), extensions)


def _payer_of(context: Any) -> str | None:  # noqa: ANN401
    identity = getattr(context, "identity", None)
    return payer_of(identity, context.address) if identity else None


def _refused(errors: Iterable[GraphQLError]) -> PreExecutionError:
    return PreExecutionError(None, list(errors))
