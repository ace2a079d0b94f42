"""The `/graphql` endpoint: each request is taken to the transport that it asks for.

HTTP is answered here, in JSON or as an event stream; a WebSocket is left to `websocket`.
"""

import asyncio
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import cast

import strawberry
import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import GraphQL
from strawberry.exceptions import MissingQueryError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET, UnsetType

from graphql import GraphQLError
from resumepair_graphql import graphiql
from resumepair_graphql.answers import answer
from resumepair_graphql.auth import ANONYMOUS, Authenticator, Identity, InvalidToken
from resumepair_graphql.client_connections import Connections, TooManyConnections
from resumepair_graphql.context import Context, Services
from resumepair_graphql.encoding import encode
from resumepair_graphql.errors import Unavailable
from resumepair_graphql.event_stream import EventStream, Results
from resumepair_graphql.http_refusal import HttpCode, HttpRefusal
from resumepair_graphql.negotiation import Acceptance, MediaType, negotiate
from resumepair_graphql.operation import Operation, read_operation
from resumepair_graphql.origins import Origins
from resumepair_graphql.settings import Settings
from resumepair_graphql.websocket import TRY_AGAIN_LATER, Adapter, ConnectionRefused, TransportHandler

METHODS = {
    "GET": frozenset({OperationType.QUERY}),
    "POST": frozenset({OperationType.QUERY, OperationType.MUTATION}),
}

log = structlog.stdlib.get_logger(__name__)


class Endpoint(GraphQL[Context, None]):
    """GraphQL over HTTP (POST, GET, Server-Sent Events) and over graphql-transport-ws."""

    graphql_transport_ws_handler_class = TransportHandler
    websocket_adapter_class = Adapter

    def __init__(
        self, schema: strawberry.Schema, services: Services, authenticator: Authenticator, settings: Settings
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=settings.client_timeout_seconds),
            allowed_origins=["*"],  # checked here, for all transports
        )
        self._services = services
        self._authenticator = authenticator
        self._public_url = settings.public_url.rstrip("/") if settings.public_url else None
        self._has_ide = settings.development
        self._origins = Origins(settings.allowed_origins, settings.public_url)
        self._stopping = asyncio.Event()
        self.client_seconds = settings.client_timeout_seconds
        self.connections = Connections(settings.max_connections_per_user, settings.max_connections_per_address)

    def stop(self) -> None:
        """End the event streams, because the process stops; the server ends the WebSockets."""
        self._stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a WebSocket to its end."""
        if scope["type"] == "websocket":
            await self._serve_websocket(WebSocket(scope, receive, send))
            return
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _serve_websocket(self, websocket: WebSocket) -> None:
        try:
            self._origins.check(websocket.headers)
            with self.connections.from_address(_address(websocket), "websocket"), suppress(WebSocketDisconnected):
                await self.run(websocket)
        except HttpRefusal:
            await websocket.close()  # before it was accepted: 403
        except TooManyConnections as error:
            # A browser shows no page the status of a handshake, but a code.
            await websocket.accept(await self.pick_websocket_subprotocol(websocket))
            with suppress(WebSocketDisconnect):
                await websocket.close(TRY_AGAIN_LATER, str(error))

    async def _answer(self, request: Request) -> Response:
        accepted = negotiate(request.headers.get("accept"))
        media_type = accepted.best if accepted else MediaType.JSON
        try:
            if self._has_ide and graphiql.is_asked_for(request):
                return graphiql.page()
            return await self._carry_out(request, accepted)
        except HttpRefusal as refusal:
            return refusal.response(media_type)
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody
        except Exception:
            unforeseen = HttpRefusal.unforeseen()
            log.exception("unexpected_error", correlation_id=unforeseen.correlation_id)
            return unforeseen.response(media_type)

    async def _carry_out(self, request: Request, accepted: Acceptance | None) -> Response:
        """Read the operation and run it, once the request is one that may be made at all."""
        self._origins.check(request.headers)
        if request.method not in METHODS:
            raise HttpRefusal(HttpCode.METHOD_NOT_ALLOWED, "Use POST, or GET for queries.", {"Allow": "GET, POST"})
        if accepted is None:
            raise HttpRefusal(HttpCode.NOT_ACCEPTABLE, f"Accept one of: {', '.join(form.value for form in MediaType)}.")
        identity = await self.identify(request.headers)
        operation = await read_operation(request, signed_in=identity != ANONYMOUS, seconds=self.client_seconds)
        authorization = request.headers.get("authorization")
        context = Context(
            self._services, self.base_url(request), identity, _address(request), authorization,
            reading_cost=operation.reading_cost,
        )  # fmt: skip
        if accepted.best is MediaType.EVENTS:
            return await self._stream(request, operation, context)
        try:
            result = await self.schema.execute(
                operation.query,
                operation.variables,
                context,
                operation_name=operation.name,
                allowed_operation_types=METHODS[request.method],
                operation_extensions=operation.extensions,
            )
        except InvalidOperationTypeError as error:
            if error.operation_type is not OperationType.SUBSCRIPTION:
                message = "A mutation has to be sent with POST."
                raise HttpRefusal(HttpCode.METHOD_NOT_ALLOWED, message, {"Allow": "POST"}) from None
            if accepted.takes_events:
                return await self._stream(request, operation, context)
            message = "A subscription is answered as events: accept `text/event-stream`, or use a WebSocket."
            raise HttpRefusal(HttpCode.NOT_ACCEPTABLE, message) from None
        except MissingQueryError:
            raise HttpRefusal(HttpCode.BAD_REQUEST, "There is no `query`.") from None
        except CannotGetOperationTypeError as error:
            result = PreExecutionError(data=None, errors=[GraphQLError(error.as_http_error_reason())])
        return answer(result, accepted.best)

    async def _stream(self, request: Request, operation: Operation, context: Context) -> Response:
        """The operation's results as events, whatever kind it is of."""
        leases = ExitStack()
        try:
            leases.enter_context(self.connections.from_address(_address(request), "sse"))
            leases.enter_context(self.connections.of_user(context.identity))
        except TooManyConnections as error:
            leases.close()
            raise _too_many(error) from None
        results = await self.schema.stream(
            operation.query,
            operation.variables,
            context,
            operation_name=operation.name,
            allowed_operation_types=METHODS[request.method] | {OperationType.SUBSCRIPTION},
            operation_extensions=operation.extensions,
        )
        return EventStream(
            cast("Results", results),
            expires_in=context.identity.seconds_left,
            send_seconds=self.client_seconds,
            stopping=self._stopping,
            leases=leases,
        )

    async def identify(self, headers: Headers) -> Identity:
        """Who asks, by the `Authorization` header.

        Raises:
            HttpRefusal: 401, the token is not good; 503, it cannot be checked just now.
        """
        try:
            return await self._authenticator.identify(headers.get("authorization"))
        except InvalidToken as error:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise HttpRefusal(HttpCode.UNAUTHENTICATED, str(error), challenge) from None
        except Unavailable as error:
            raise HttpRefusal(HttpCode.UNAVAILABLE, error.message, {"Retry-After": "5"}) from None

    def base_url(self, request: Request | WebSocket) -> str:
        """Where clients reach us, as an HTTP URL."""
        scheme = {"ws": "http", "wss": "https"}.get(request.url.scheme, request.url.scheme)
        return self._public_url or f"{scheme}://{request.url.netloc}"

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002 # the view's signature
        """A WebSocket's; its token comes with the handshake or with `connection_init`."""
        authorization = request.headers.get("authorization")
        return Context(self._services, self.base_url(request), address=_address(request), authorization=authorization)

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Check the token of `connectionParams.authorization`, else of the request's header.

        Raises:
            ConnectionRefused: It is not a good one; closes with 4403.
        """
        params = {name.lower(): value for name, value in context.connection_params.items()}
        if "authorization" in params:
            context.authorization = _authorization_of(params["authorization"])
        try:
            context.identity = await self._authenticator.identify(context.authorization)
        except (InvalidToken, Unavailable) as error:
            raise ConnectionRefused(error.message if isinstance(error, Unavailable) else str(error)) from None
        return cast("UnsetType", UNSET)

    def encode_json(self, data: object) -> str:
        """Text, not bytes: bytes would become binary WebSocket frames, which clients refuse."""
        return encode(data).decode()


def _authorization_of(given: object) -> str | None:
    """What `connection_init` brought, as a header has it; there, clients may send the bare token.

    Raises:
        ConnectionRefused: It is no string.
    """
    if given is not None and not isinstance(given, str):
        raise ConnectionRefused("`authorization` has to be a string: Bearer <token>")
    bare = (given or "").strip()
    return f"Bearer {bare}" if bare and " " not in bare else given


def _address(request: Request | WebSocket) -> str:
    return request.client.host if request.client else ""


def _too_many(error: TooManyConnections) -> HttpRefusal:
    return HttpRefusal(HttpCode.TOO_MANY_CONNECTIONS, str(error), {"Retry-After": "10"})
