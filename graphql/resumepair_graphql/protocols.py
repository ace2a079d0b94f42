"""HTTP and WebSockets as uvicorn speaks them, with less patience for slow clients and more fairness among them."""

import asyncio
from typing import Any

import uvicorn
from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

MAX_HEADER_BYTES = 64 * 1024
SLICE_BYTES = 1024


def impatient_protocol(client_seconds: float) -> type[asyncio.Protocol]:
    """HTTP as uvicorn speaks it, for clients that send their headers within that time."""
    return type("HttpProtocol", (ImpatientProtocol,), {"seconds": client_seconds})


class FairWebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets as uvicorn speaks them, with room for others while many messages come at once.

    What is received is taken apart a slice at a time: one read can have forty thousand small messages, for which all
    other clients would wait half a second.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._slices: list[bytes] = []  # of which there are few

    def data_received(self, data: bytes) -> None:
        """Take in the first slice, and the others in the next turns of the loop."""
        is_idle = not self._slices
        self._slices.extend(data[start : start + SLICE_BYTES] for start in range(0, len(data), SLICE_BYTES))
        if is_idle:
            self._take_in()

    async def receive(self) -> ASGIReceiveEvent:
        """The next message; uvicorn reads on after the last one, though there may be slices to take in."""
        message = await super().receive()
        self._hold_back()
        return message

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave what is not taken in yet."""
        self._slices.clear()
        super().connection_lost(exc)

    def _take_in(self) -> None:
        if self._slices:
            super().data_received(self._slices.pop(0))
        if self._slices:
            self._hold_back()
            self.loop.call_soon(self._take_in)
        elif not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def _hold_back(self) -> None:
        if self._slices and not self.transport.is_closing():
            self.transport.pause_reading()


class ImpatientProtocol(HttpToolsProtocol):
    """HTTP with a limit on the time and the size of a request's headers; uvicorn has neither."""

    seconds: float
    _waiting: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Expect a first request."""
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._have_headers()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Expect the rest of the headers."""
        self._have_headers()
        self._expect_headers()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Expect a body, for which the application has a limit."""
        self._have_headers()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take in no more headers than there may be."""
        super().data_received(data)
        if self._waiting:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES:
                self._give_up()

    def _expect_headers(self) -> None:
        self._header_bytes = 0
        self._waiting = self.loop.call_later(self.seconds, self._give_up)

    def _have_headers(self) -> None:
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._have_headers()
        self.transport.close()
