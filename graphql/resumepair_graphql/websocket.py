"""graphql-transport-ws as Strawberry speaks it, with better manners and less patience."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import ExitStack, suppress
from typing import Any, Protocol, cast

import orjson
import structlog
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonTextMessageReceived, WebSocketDisconnected
from strawberry.schema.schema import StreamResult
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation as RunningOperation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    CompleteMessage,
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types import ExecutionResult
from strawberry.utils.aio import aclosing

from graphql import GraphQLError
from resumepair_graphql.answers import has_no_result
from resumepair_graphql.client_connections import Connections, TooManyConnections
from resumepair_graphql.context import Context
from resumepair_graphql.http_refusal import HttpRefusal
from resumepair_graphql.message_pace import MessagePace
from resumepair_graphql.operation import Operation
from resumepair_graphql.reading import MAX_VALUES, points_of, values_in
from resumepair_graphql.request_errors import RequestError, RequestErrorCode

log = structlog.stdlib.get_logger(__name__)

MAX_OPERATIONS = 100
UNAUTHORIZED = 4401
FORBIDDEN = 4403
SUBSCRIBER_EXISTS = 4409
TOO_MANY_MESSAGES = 4429
TOO_LARGE = 1009
TRY_AGAIN_LATER = 1013
MAX_REASON_BYTES = 123  # RFC 6455, 5.5


class ConnectionRefused(Exception):
    """The token of `connection_init` is not a good one; the message says why."""


class View(Protocol):
    """What a connection needs of the endpoint."""

    connections: Connections
    client_seconds: float

    def encode_json(self, data: object) -> str:
        """A message as text."""
        ...


class Stuck(WebSocketDisconnected):
    """The client made no room for what was to be sent."""


class Adapter(ASGIWebSocketAdapter):
    """Sends with a limit on the time that the client takes to make room for it, and leaves messages to be read."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:  # noqa: ARG002 # Strawberry's
        """The messages as texts: whether they are to be parsed at all is for the handler to say."""
        with suppress(WebSocketDisconnect):
            while self.ws.application_state != WebSocketState.DISCONNECTED:
                try:
                    text = await self.ws.receive_text()
                except KeyError:
                    raise NonTextMessageReceived from None
                yield text

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send; raises WebSocketDisconnected when nobody is there any more, Stuck when the client makes no room."""
        await self._in_time(self.ws.send_text(self._view.encode_json(message)))

    async def close(self, code: int, reason: str) -> None:
        """Close; raises as `send_json` does."""
        await self._in_time(self.ws.close(code=code, reason=reason))

    async def _in_time(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._view.client_seconds):
                await sending
        except TimeoutError:
            raise Stuck from None
        except (WebSocketDisconnect, RuntimeError):  # the latter after a close, of ours or of the server's own
            raise WebSocketDisconnected from None

    @property
    def _view(self) -> View:
        return cast("View", self.view)  # pyright: ignore[reportUnknownMemberType] # Strawberry gives no type arguments


class AskedOperation(RunningOperation[Context, None]):
    """A running operation with all that was asked for, which thereby is kept no longer than it."""

    __slots__ = ("asked",)

    def __init__(self, handler: "TransportHandler", id_: str, asked: Operation) -> None:
        super().__init__(handler, id_, asked.query or "", asked.variables, asked.name)
        self.asked = asked


class TransportHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One connection.

    It ends with its token (4403, which clients answer by connecting again), and for a client that has too many, sends
    too fast or does not read. A message that is not an object closes it instead of raising. An operation has a context
    of its own; what is wrong with it, its syntax too, ends the operation and not the connection.
    """

    _leases: ExitStack
    _serving: asyncio.Task[object] | None = None
    _given_up = False
    _expiry: asyncio.TimerHandle | None = None
    _closing: asyncio.Task[None] | None = None
    _reading_cost = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 # Strawberry's
        super().__init__(*args, **kwargs)
        self._pace = MessagePace()

    async def handle(self) -> None:
        """Serve the connection until it ends."""
        self._serving = cast("asyncio.Task[object]", asyncio.current_task())
        with ExitStack() as self._leases:
            try:
                await super().handle()
            except asyncio.CancelledError:
                if not self._given_up:
                    raise
                self._serving.uncancel()

    async def handle_message(self, message: object) -> None:
        """Refuse what is too much, no JSON or not an object, before looking into it."""
        text = cast("str", message)  # as the adapter gives it
        if reason := self._pace.exceeded_by(len(text), asyncio.get_running_loop().time()):
            await self.websocket.close(TOO_MANY_MESSAGES, reason)
            return
        values = values_in(text)
        if values > MAX_VALUES:
            await self.websocket.close(TOO_LARGE, f"More than {MAX_VALUES} values in a message")
            return
        self._reading_cost = points_of(len(text), values)
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            await self.handle_invalid_message("WebSocket message must be valid JSON")
            return
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
        try:
            await super().handle_connection_init(message)
        except ConnectionRefused as error:
            await self.websocket.close(FORBIDDEN, shortened(str(error)))
            return
        seconds = self.context.identity.seconds_left
        if self.connection_acknowledged and seconds is not None and not self._expiry:
            self._expiry = asyncio.get_running_loop().call_later(max(seconds, 0), self._expire)

    async def send_message(self, message: Message) -> None:
        """Send; an acknowledgement only to a user who has room for one more connection."""
        if message["type"] == "connection_ack":
            try:
                self._leases.enter_context(cast("View", self.view).connections.of_user(self.context.identity))
            except TooManyConnections as error:
                await self.websocket.close(TRY_AGAIN_LATER, str(error))
                raise WebSocketDisconnected from None
        await super().send_message(message)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Start an operation; what is wrong with it is an `error` of its own."""
        id_, payload = cast("object", message["id"]), cast("object", message["payload"])
        if not isinstance(id_, str) or not isinstance(payload, dict):
            await self.handle_invalid_message("Failed to parse message")
        elif not self.connection_acknowledged:
            await self.websocket.close(UNAUTHORIZED, "Unauthorized")
        elif id_ in self.operations:
            await self.websocket.close(SUBSCRIBER_EXISTS, f"Subscriber for {id_} already exists")
        elif len(self.operations) >= MAX_OPERATIONS:
            reason = f"This connection has {MAX_OPERATIONS} operations; let one of them end first."
            await self._refuse(id_, RequestError(RequestErrorCode.TOO_MANY_OPERATIONS, reason))
        else:
            try:
                asked = Operation.of(cast("dict[str, object]", payload), self._reading_cost)
            except HttpRefusal as refusal:
                await self._refuse(id_, refusal.error)
            else:
                self._start(id_, asked)

    async def run_operation(self, operation: RunningOperation[Context, None]) -> None:
        """Run it to its end; a client that does not take the results is given up."""
        asked = cast("AskedOperation", operation).asked
        context = self.context.fresh()
        context.reading_cost = asked.reading_cost
        try:
            results = await self.schema.stream(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.name,
                operation_extensions=asked.extensions,
            )
            async with aclosing(results):
                await self._send_result_stream(operation, results)
            await operation.send_operation_message(CompleteMessage(id=operation.id, type="complete"))
        except Stuck:
            self._give_up()
        except WebSocketDisconnected:
            pass
        except Exception:  # whatever it is, the client is told that the operation is over
            unforeseen = HttpRefusal.unforeseen()
            log.exception("unexpected_error", correlation_id=unforeseen.correlation_id)
            with suppress(WebSocketDisconnected):
                await operation.send_initial_errors([unforeseen.error])

    async def cleanup_operation(self, operation_id: str) -> None:
        """End it, and let go of it at once: a cancelled task keeps the place where it was, which leads back to it."""
        operation = self.operations.get(operation_id)
        await super().cleanup_operation(operation_id)
        if operation:
            operation.task = None

    async def handle_task_exception(self, error: Exception) -> None:
        """What came of closing a connection on which nothing was said in time."""
        if isinstance(error, Stuck):
            self._give_up()
        elif not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)

    async def shutdown(self) -> None:
        """Nothing is left behind."""
        if self._expiry:
            self._expiry.cancel()
        if self._closing:
            await asyncio.wait([self._closing])
        await super().shutdown()

    def _start(self, id_: str, asked: Operation) -> None:
        operation = self.operations[id_] = AskedOperation(self, id_, asked)
        operation.task = asyncio.create_task(self.run_operation(operation))

    async def _refuse(self, id_: str, error: GraphQLError) -> None:
        """Say that an operation ended before it began."""
        await self.send_message({"id": id_, "type": "error", "payload": [error.formatted]})

    async def _send_result_stream(
        self, operation: RunningOperation[Context, None], result_source: StreamResult
    ) -> None:
        """As Strawberry does; but what has no result, for its variables say, is an `error` message as well."""
        async for result in result_source:
            if not isinstance(result, ExecutionResult):
                await self._reject_incremental_delivery(operation)
                return
            if has_no_result(result):
                await operation.send_initial_errors(result.errors or [])
                return
            await operation.send_next(result)

    def _give_up(self) -> None:
        """End a connection that cannot even be closed in order: the message would wait as well."""
        if self._serving and not self._given_up:
            self._given_up = True
            self._serving.cancel()

    def _expire(self) -> None:
        self._closing = asyncio.create_task(self._close_expired())

    async def _close_expired(self) -> None:
        try:
            await self.websocket.close(FORBIDDEN, "Token expired")
        except Stuck:
            self._give_up()
        except WebSocketDisconnected:
            pass


def shortened(reason: str) -> str:
    """As much of it as a closing message can have."""
    return reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
