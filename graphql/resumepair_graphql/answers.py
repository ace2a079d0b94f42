"""What an execution's result looks like to a client: its JSON, and its HTTP status."""

from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from strawberry.types import ExecutionResult

from resumepair_graphql.http_refusal import json_response
from resumepair_graphql.negotiation import MediaType

# Refusals of a whole operation that are not the client's doing; all others are 400.
STATUS_OF_CODE = {
    "UNAUTHENTICATED": HTTPStatus.UNAUTHORIZED,
    "FORBIDDEN": HTTPStatus.FORBIDDEN,
    "RATE_LIMITED": HTTPStatus.TOO_MANY_REQUESTS,
    "THROTTLED": HTTPStatus.TOO_MANY_REQUESTS,
    "OPERATION_TIMEOUT": HTTPStatus.SERVICE_UNAVAILABLE,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
    "INTERNAL_ERROR": HTTPStatus.INTERNAL_SERVER_ERROR,
}


def was_not_executed(result: ExecutionResult) -> bool:
    """Whether the operation was refused as a whole: its syntax, its validity, its variables.

    graphql-core gives a variable of the wrong type `data: null` like a failure of a field; only the missing path tells.
    """
    return result.data is None and bool(result.errors) and all(error.path is None for error in result.errors or ())


def body_of(result: ExecutionResult) -> dict[str, Any]:
    """The result as GraphQL's JSON; without `data` where nothing was executed."""
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if not was_not_executed(result):
        body["data"] = result.data
    if result.extensions:
        body["extensions"] = result.extensions
    return body


def answer(result: ExecutionResult, media_type: MediaType) -> Response:
    """The result over HTTP; `application/json` is 200 whatever came of it (GraphQL over HTTP, "Status Codes")."""
    status = HTTPStatus.OK
    if media_type is MediaType.RESPONSE and was_not_executed(result):
        codes = ((error.extensions or {}).get("code") for error in result.errors or ())
        status = next((STATUS_OF_CODE[code] for code in codes if code in STATUS_OF_CODE), HTTPStatus.BAD_REQUEST)
    return json_response(body_of(result), status, media_type)
