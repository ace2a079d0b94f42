"""What an execution's result looks like to a client: its JSON, and its HTTP status."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from math import ceil
from typing import Any

from starlette.responses import Response
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from resumepair_graphql.http_refusal import json_response
from resumepair_graphql.negotiation import MediaType
from resumepair_graphql.request_errors import RequestErrorCode

# Of operations without a result; those that the client has to mend, all others, are 400.
STATUS_OF_CODE: Mapping[object, HTTPStatus] = {
    RequestErrorCode.THROTTLED: HTTPStatus.TOO_MANY_REQUESTS,
    RequestErrorCode.OPERATION_TIMEOUT: HTTPStatus.SERVICE_UNAVAILABLE,
    RequestErrorCode.INTERNAL_ERROR: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def has_no_result(result: ExecutionResult) -> bool:
    """Whether the operation was refused as a whole (syntax, validity, variables, limits), or given up for its time.

    So is a subscription that was refused or broke, though its errors have a path. Of other operations, graphql-core
    gives a variable of the wrong type `data: null` like a failure of a field; only the missing path tells.
    """
    if result.data is not None or not result.errors:
        return False
    return isinstance(result, PreExecutionError) or all(error.path is None for error in result.errors)


def body_of(result: ExecutionResult) -> dict[str, Any]:
    """The result as GraphQL's JSON; without `data` where it is none."""
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if not has_no_result(result):
        body["data"] = result.data
    if result.extensions:
        body["extensions"] = result.extensions
    return body


def answer(result: ExecutionResult, media_type: MediaType) -> Response:
    """The result over HTTP; `application/json` is 200 whatever came of it (GraphQL over HTTP, "Status Codes")."""
    status, headers = HTTPStatus.OK, None
    if media_type is MediaType.RESPONSE and has_no_result(result):
        codes = ((error.extensions or {}).get("code") for error in result.errors or ())
        status = next((STATUS_OF_CODE[code] for code in codes if code in STATUS_OF_CODE), HTTPStatus.BAD_REQUEST)
        times = (error.extensions.get("retryAt") for error in result.errors or () if error.extensions)
        time = next((time for time in times if isinstance(time, str)), None)
        headers = {"Retry-After": _seconds_until(time)} if time else None
    return json_response(body_of(result), status, media_type, headers)


def _seconds_until(time: str) -> str:
    """As the header has it, in whole seconds."""
    left = datetime.fromisoformat(time) - datetime.now(UTC)
    return str(max(ceil(left.total_seconds()), 1))
