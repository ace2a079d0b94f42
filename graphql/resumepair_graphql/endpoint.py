"""The `/graphql` endpoint: Strawberry's view with our tokens, encoder and WebSocket manners."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import cast

import orjson
import strawberry
from cross_web import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types.unset import UNSET, UnsetType

from resumepair_graphql.auth import Authenticator, InvalidToken
from resumepair_graphql.context import Context, Services
from resumepair_graphql.errors import Unavailable

INIT_TIMEOUT = timedelta(seconds=10)
MAX_OPERATIONS_PER_CONNECTION = 100
FORBIDDEN = 4403


class TransportHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """graphql-transport-ws, with three corrections.

    The connection ends with its token (4403, which clients answer by connecting again); a message that is not an object
    closes it instead of raising; a syntax error ends its operation instead of the connection.
    """

    _expiry: asyncio.TimerHandle | None = None
    _closing: asyncio.Future[None] | None = None

    async def handle_message(self, message: object) -> None:
        """Refuse what is not an object before looking into it."""
        if not isinstance(message, dict):
            await self.handle_invalid_message("A message has to be a JSON object")
            return
        try:
            await super().handle_message(cast("Message", message))
        except (TypeError, AttributeError):  # fields of the wrong type, such as an id that is a list
            await self.handle_invalid_message("Failed to parse message")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Acknowledge, and set the connection's end."""
        if message.get("payload") is None:
            message = {**message, "payload": {}}
        await super().handle_connection_init(message)
        expires_at = self.context.identity.expires_at
        if self.connection_acknowledged and expires_at and not self._expiry:
            seconds = (expires_at - datetime.now(UTC)).total_seconds()
            self._expiry = asyncio.get_running_loop().call_later(max(seconds, 0), self._expire)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Refuse an operation whose parts are not of the protocol's types."""
        payload = cast("dict[str, object]", message["payload"])
        nothing = type(None)
        parts = (
            (cast("object", message["id"]), (str,)),
            (payload.get("query"), (str,)),
            (payload.get("variables"), (dict, nothing)),
            (payload.get("operationName"), (str, nothing)),
        )
        if not all(isinstance(part, kinds) for part, kinds in parts):
            await self.handle_invalid_message("Failed to parse message")
            return
        await super().handle_subscribe(message)

    async def shutdown(self) -> None:
        """Nothing is left behind."""
        if self._expiry:
            self._expiry.cancel()
        if self._closing:
            await asyncio.wait([self._closing])
        await super().shutdown()

    def _expire(self) -> None:
        self._closing = asyncio.ensure_future(self.websocket.close(FORBIDDEN, "Token expired"))

    @staticmethod
    def _get_pre_execution_close_reason(error: object) -> None:  # the view's signature
        """No error of an operation is a reason to close the connection."""


class Endpoint(GraphQL[Context, None]):
    """GraphQL over HTTP POST and GET, and over graphql-transport-ws."""

    graphql_transport_ws_handler_class = TransportHandler

    def __init__(
        self, schema: strawberry.Schema, services: Services, authenticator: Authenticator, public_url: str | None
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=INIT_TIMEOUT,
            max_subscriptions_per_connection=MAX_OPERATIONS_PER_CONNECTION,
        )
        self._services = services
        self._authenticator = authenticator
        self._public_url = public_url.rstrip("/") if public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a bad token over HTTP is a 401 in GraphQL's own form."""
        try:
            await super().__call__(scope, receive, send)
        except InvalidToken as error:
            await _unauthenticated(str(error))(scope, receive, send)
        except Unavailable as error:  # the token's key is not known, and the auth server is away
            body = {"errors": [{"message": error.message, "extensions": error.extensions}]}
            await JSONResponse(body, status_code=503)(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002 # the view's signature
        """The asking user's context; over a WebSocket the token may also come with `connection_init`."""
        authorization = request.headers.get("authorization")
        context = Context(self._services, self._public_url or _base_url(request), authorization=authorization)
        if isinstance(request, Request):
            context.identity = await self._authenticator.identify(authorization)
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Check the token of `connectionParams.authorization`, else of the request's header.

        Raises:
            ConnectionRejectionError: It is not a good one; closes with 4403.
        """
        params = {name.lower(): value for name, value in context.connection_params.items()}
        authorization = params.get("authorization", context.authorization)
        if authorization is not None and not isinstance(authorization, str):
            raise ConnectionRejectionError
        try:
            context.identity = await self._authenticator.identify(authorization)
        except (InvalidToken, Unavailable):
            raise ConnectionRejectionError from None
        return cast("UnsetType", UNSET)

    def parse_json(self, data: str | bytes) -> dict[str, object] | list[object]:
        """A request's body, or a parameter of it; nothing at all counts as an empty object.

        Raises:
            HTTPException: 400, it is a scalar or not JSON.
        """
        parsed: object = super().parse_json(data)
        if not isinstance(parsed, dict | list | None):
            raise HTTPException(400, "A request has to be a JSON object")
        return cast("dict[str, object] | list[object]", parsed or {})

    def decode_json(self, data: str | bytes) -> object:
        """With a limit on depth, unlike the standard library's."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """Text, not bytes: bytes would become binary WebSocket frames, which clients refuse."""
        return orjson.dumps(data).decode()


def _base_url(request: Request | WebSocket) -> str:
    """Where the client reached us, as an HTTP URL."""
    scheme = {"ws": "http", "wss": "https"}.get(request.url.scheme, request.url.scheme)
    return f"{scheme}://{request.url.netloc}"


def _unauthenticated(message: str) -> Response:
    return JSONResponse(
        {"errors": [{"message": message, "extensions": {"code": "UNAUTHENTICATED"}}]},
        status_code=401,
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )
