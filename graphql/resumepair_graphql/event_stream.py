"""An operation's results as Server-Sent Events: graphql-sse's protocol, "distinct connections" mode.

The stream ends with `complete` when the operation is through. It ends without, after an error, when the token expires:
clients take that for a lost connection and come again. It ends as well when the client goes away or stops reading.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing, suppress
from typing import Any

import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from strawberry.types import ExecutionResult

from resumepair_graphql.answers import body_of
from resumepair_graphql.encoding import encode
from resumepair_graphql.http_refusal import HttpRefusal

log = structlog.stdlib.get_logger(__name__)

KEEP_ALIVE_SECONDS = 12.0
KEEP_ALIVE = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"
EXPIRED = {"message": "The token has expired; sign in again.", "extensions": {"code": "UNAUTHENTICATED"}}
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",  # nginx would hold events back
}

Results = AsyncGenerator[ExecutionResult, None]


class EventStream(Response):
    """Sends results as they come, one at a time: who does not read holds up only itself.

    Args:
        results: The operation; closed at the end, whatever ends it.
        expires_in: Seconds until the token expires, if it does.
        send_seconds: How long the client may take to make room for an event.
        stopping: Set when the process stops.
        leases: What is given back at the end.
    """

    def __init__(
        self,
        results: Results,
        *,
        expires_in: float | None,
        send_seconds: float,
        stopping: asyncio.Event,
        leases: ExitStack,
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._results = results
        self._expires_in = expires_in
        self._send_seconds = send_seconds
        self._stopping = stopping
        self._leases = leases
        self._keep_alive_seconds = keep_alive_seconds

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send until something ends it."""
        with self._leases, suppress(TimeoutError, OSError):
            async with aclosing(self._results):
                await self._put(send, {"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await self._put(send, _body(KEEP_ALIVE))  # the headers are out: the client knows that it is connected
                await self._send_events(receive, send)

    async def _send_events(self, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        expires_at = None if self._expires_in is None else loop.time() + self._expires_in
        gone = asyncio.ensure_future(_until_gone(receive))
        stopping = asyncio.ensure_future(self._stopping.wait())
        result = asyncio.ensure_future(_next(self._results))
        try:
            while True:
                left = float("inf") if expires_at is None else expires_at - loop.time()
                await asyncio.wait(
                    {gone, stopping, result},
                    timeout=max(min(left, self._keep_alive_seconds), 0),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if gone.done():
                    return
                if left <= 0 or (expires_at is not None and loop.time() >= expires_at):
                    await self._put(send, _body(_event({"errors": [EXPIRED]}), more=False))
                    return
                if result.done():
                    found = result.result()
                    if found is None:
                        await self._put(send, _body(COMPLETE, more=False))
                        return
                    await self._put(send, _body(_event(body_of(found))))
                    result = asyncio.ensure_future(_next(self._results))
                elif stopping.done():
                    await self._put(send, _body(b"", more=False))
                    return
                else:
                    await self._put(send, _body(KEEP_ALIVE))
        finally:
            for waiting in (gone, stopping, result):
                waiting.cancel()
            await asyncio.wait({gone, stopping, result})

    async def _put(self, send: Send, message: Message) -> None:
        """Raises TimeoutError when the client makes no room for it."""
        async with asyncio.timeout(self._send_seconds):
            await send(message)


async def _next(results: Results) -> ExecutionResult | None:
    """The next result; None at the end."""
    try:
        return await anext(results, None)
    except Exception:
        unforeseen = HttpRefusal.unforeseen()
        log.exception("unexpected_error", correlation_id=unforeseen.correlation_id)
        return ExecutionResult(data=None, errors=[unforeseen.error])


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(payload: dict[str, Any]) -> bytes:
    """One line of data: our JSON has no line breaks."""
    return b"event: next\ndata: " + encode(payload) + b"\n\n"


def _body(content: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}
