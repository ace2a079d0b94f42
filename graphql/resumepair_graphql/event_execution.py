"""How the events of a subscription are executed: each in its time, and once for all who ask the same about it."""

# graphql-core leaves type parameters open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Mapping
from inspect import isawaitable
from typing import Any, cast

import orjson
from graphql.execution import Executor, execute_subscription_event, map_source_to_response_event

from graphql import ExecutionResult, OperationDefinitionNode
from resumepair_graphql.context import Context
from resumepair_graphql.executor import OperationExecutor, Results
from resumepair_graphql.request_errors import RequestError, RequestErrorCode


def audience_of(
    operation: OperationDefinitionNode, variables: Mapping[str, object] | None, context: Context
) -> tuple[object, ...]:
    """Who asks what: subscriptions with an equal one get the same of the same event.

    Documents are kept once they are prepared, so the same text is the same operation.
    """
    # As text: orjson's bytes keep a buffer of four kilobytes.
    return id(operation), orjson.dumps(variables).decode(), context.identity, context.base_url


def respond(
    executor: OperationExecutor, source: AsyncIterable[Any], timeout_seconds: float
) -> AsyncGenerator[ExecutionResult, None]:
    """The results of the source's events; one that has to wait for anything has as long as a query."""

    def execute(event_executor: Executor[Any]) -> Any:  # noqa: ANN401 # a result, or what becomes one
        own = cast("OperationExecutor", event_executor)
        results: Results | None = getattr(own.root_value, "results", None)
        if results is not None and (found := results.get(own.audience)):
            return found[1]
        result = execute_subscription_event(own)
        if isawaitable(result):  # for each their own: what it waits for may change
            return _within(timeout_seconds, result, own)
        if results is not None:
            results[own.audience] = (own.operation, result)
        return result

    return map_source_to_response_event(executor, source, execute)


async def _within(seconds: float, result: Awaitable[ExecutionResult], executor: OperationExecutor) -> ExecutionResult:
    timer = asyncio.timeout(seconds)
    try:
        async with timer:
            return await result
    except TimeoutError:
        if not timer.expired():
            raise
    error = RequestError(RequestErrorCode.OPERATION_TIMEOUT, f"The event took longer than {seconds:g} seconds.")
    error.path = [executor.root_name]  # of something that was executed: the subscription goes on
    return ExecutionResult({executor.root_name: None}, [error])
