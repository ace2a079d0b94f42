"""What a client may see of an error of a field: what was meant for it passes, the rest becomes an id.

Refusals pass, and so do values of variables that do not fit an argument. Whatever else happened while fields were
resolved or completed is ours: it goes to the log, and the client gets an id to ask about.
"""

import secrets
from collections.abc import Sequence
from traceback import walk_tb

import structlog
from graphql.execution.values import get_argument_values

from graphql import GraphQLError
from resumepair_graphql.errors import Refusal
from resumepair_graphql.request_errors import RequestError, RequestErrorCode, coded

log = structlog.stdlib.get_logger(__name__)


def masked(errors: Sequence[GraphQLError]) -> list[GraphQLError]:
    """The errors of an execution as a client may see them; the others are logged."""
    return [_masked(error) for error in errors]


def _masked(error: GraphQLError) -> GraphQLError:
    cause = _cause_of(error)
    if isinstance(cause, Refusal | RequestError):
        return error
    if isinstance(cause, GraphQLError) and _is_about_arguments(cause):
        return coded([error], RequestErrorCode.BAD_USER_INPUT)[0]
    correlation_id = secrets.token_hex(8)
    log.error("unexpected_error", correlation_id=correlation_id, path=error.path, exc_info=cause)
    return GraphQLError(
        f"Something went wrong on our side (id {correlation_id}).",
        nodes=error.nodes,
        path=error.path,
        extensions={"code": RequestErrorCode.INTERNAL_ERROR.value, "correlationId": correlation_id},
    )


def _cause_of(error: GraphQLError) -> Exception:
    """The error that was raised, below those that only say where."""
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _is_about_arguments(error: GraphQLError) -> bool:
    """Whether graphql-core raised it while it read arguments; its other errors tell of our values, not the client's."""
    return any(frame.f_code is get_argument_values.__code__ for frame, _ in walk_tb(error.__traceback__))
