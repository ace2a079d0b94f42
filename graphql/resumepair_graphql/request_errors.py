"""Why an operation was not executed, or not to its end: the closed list of codes that belong to no field.

What a field or a mutation refuses is in `errors`.
"""

from collections.abc import Sequence
from enum import StrEnum

from graphql import GraphQLError, Node
from resumepair_graphql.wording import worded


class RequestErrorCode(StrEnum):
    """The codes; `docs/reference/errors.md` explains each. Where other servers have a name for it, it is theirs."""

    BAD_REQUEST = "BAD_REQUEST"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    QUERY_TOO_LARGE = "QUERY_TOO_LARGE"
    QUERY_TOO_DEEP = "QUERY_TOO_DEEP"
    QUERY_TOO_WIDE = "QUERY_TOO_WIDE"
    QUERY_TOO_COSTLY = "QUERY_TOO_COSTLY"
    THROTTLED = "THROTTLED"
    TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"
    RESPONSE_TOO_LARGE = "RESPONSE_TOO_LARGE"
    OPERATION_TIMEOUT = "OPERATION_TIMEOUT"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    QUERY_NOT_TRUSTED = "QUERY_NOT_TRUSTED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class RequestError(GraphQLError):
    """An error of the operation as a whole; `more` becomes extensions beside the code."""

    def __init__(self, code: RequestErrorCode, message: str, node: Node | None = None, **more: object) -> None:
        super().__init__(message, node, extensions={"code": code.value, **more})
        self.code = code


def coded(errors: Sequence[GraphQLError], code: RequestErrorCode) -> list[GraphQLError]:
    """The errors, each with this code where it has none, in our words."""
    for error in errors:
        error.message = worded(error.message)
        error.extensions = {"code": code.value, **(error.extensions or {})}
    return list(errors)
