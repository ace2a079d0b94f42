"""What the endpoint answers when a request does not get as far as GraphQL: a status, and GraphQL's own error form."""

import secrets
from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus

from starlette.responses import Response

from graphql import GraphQLError
from resumepair_graphql.encoding import encode
from resumepair_graphql.negotiation import MediaType


class HttpCode(Enum):
    """`extensions.code` of a request that the transport refused; `docs/reference/transports.md` explains each."""

    BAD_REQUEST = HTTPStatus.BAD_REQUEST
    UNAUTHENTICATED = HTTPStatus.UNAUTHORIZED
    ORIGIN_NOT_ALLOWED = HTTPStatus.FORBIDDEN
    METHOD_NOT_ALLOWED = HTTPStatus.METHOD_NOT_ALLOWED
    NOT_ACCEPTABLE = HTTPStatus.NOT_ACCEPTABLE
    REQUEST_TIMEOUT = HTTPStatus.REQUEST_TIMEOUT
    REQUEST_TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    UNSUPPORTED_MEDIA_TYPE = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    TOO_MANY_CONNECTIONS = HTTPStatus.TOO_MANY_REQUESTS
    INTERNAL_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR


class HttpRefusal(Exception):
    """The request is answered with its code's status; the message says what to do."""

    def __init__(
        self,
        code: HttpCode,
        message: str,
        headers: Mapping[str, str] | None = None,
        correlation_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.correlation_id = correlation_id

    @classmethod
    def unforeseen(cls) -> "HttpRefusal":
        """What a client is told about an error of ours; the log has the rest under the same id."""
        correlation_id = secrets.token_hex(8)
        message = f"Something went wrong on our side (id {correlation_id})."
        return cls(HttpCode.INTERNAL_ERROR, message, correlation_id=correlation_id)

    @property
    def error(self) -> GraphQLError:
        """The same in GraphQL's form."""
        extensions = {"code": self.code.name}
        if self.correlation_id:
            extensions["correlationId"] = self.correlation_id
        return GraphQLError(self.message, extensions=extensions)

    def response(self, media_type: MediaType = MediaType.JSON) -> Response:
        """The answer; where an event stream was asked for, in JSON all the same."""
        shown = MediaType.JSON if media_type is MediaType.EVENTS else media_type
        return json_response({"errors": [self.error.formatted]}, self.code.value, shown, self.headers)


def json_response(
    body: object, status: int, media_type: MediaType, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that nobody keeps or takes for something else."""
    return Response(
        encode(body),
        status,
        {
            "Content-Type": f"{media_type.value}; charset=utf-8",
            "Cache-Control": "no-store",
            "Vary": "Accept",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )
