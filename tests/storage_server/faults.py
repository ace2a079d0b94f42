"""What goes wrong on demand. Each fault waits for a number of requests of a kind and is then over.

The kinds are `upload`, `download`, `remove`, `info`, `list`, `sign` and `link` (a signed URL that is followed).
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

FOREVER = -1
KINDS = frozenset({"upload", "download", "remove", "info", "list", "sign", "link"})
# The code of the body, where the real server gives one.
CODES = {429: "too_many_connections", 500: "Internal", 503: "acquiring_lock_timeout", 544: "DatabaseTimeout"}

Answer = Callable[[], Coroutine[Any, Any, Response]]
Misbehave = Callable[["Exchange"], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Exchange:
    """A request that meets a fault: `answer` carries it out, `drop` closes the connection."""

    scope: Scope
    receive: Receive
    send: Send
    answer: Answer

    async def respond(self) -> None:
        response = await self.answer()
        await response(self.scope, self.receive, self.send)

    async def drop(self) -> None:
        self.scope["state"]["drop"]()
        while (await self.receive())["type"] != "http.disconnect":
            pass


@dataclass
class Fault:
    """One kind of misbehaviour, for so many more requests."""

    misbehave: Misbehave
    kinds: frozenset[str]
    left: int


class Held:
    """Requests that wait until the test lets them go on."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._lock = threading.Lock()
        self._is_open = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def wait(self, seconds: float = 30) -> None:
        """Until a request is there."""
        assert self._reached.wait(seconds), "no request came"

    def let_go(self) -> None:
        with self._lock:
            self._is_open = True
            for loop, gate in self._waiting:
                loop.call_soon_threadsafe(gate.set)

    async def pass_through(self) -> None:
        """In the server: wait to be let go."""
        gate = asyncio.Event()
        with self._lock:
            self._waiting.append((asyncio.get_running_loop(), gate))
            if self._is_open:
                gate.set()
        self._reached.set()
        await gate.wait()


class Faults:
    """The faults of one server, set from any thread: on requests of one kind or of all, so often or FOREVER."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()
        self.requests = Counter[str]()

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, kind: str) -> Misbehave | None:
        """The next fault for a request of this kind; both are counted."""
        with self._lock:
            self.requests[kind] += 1
            for fault in self._waiting:
                if kind in fault.kinds:
                    fault.left -= 1
                    if not fault.left:
                        self._waiting.remove(fault)
                    return fault.misbehave
        return None

    def lose_responses(self, *, times: int = 1, on: str | None = None) -> None:
        """It is done, and the connection is closed without a word."""

        async def misbehave(exchange: Exchange) -> None:
            await exchange.answer()
            await exchange.drop()

        self._add(misbehave, times, on)

    def drop(self, *, times: int = 1, on: str | None = None) -> None:
        """The connection is closed, and nothing is done."""
        self._add(Exchange.drop, times, on)

    def answer(self, status: int, error: str | None = None, *, times: int = 1, on: str | None = None) -> None:
        """Nothing is done; the answer is this one, in the real server's form."""
        from tests.storage_server.errors import Refused  # noqa: PLC0415 # it needs no faults

        refused = Refused(status, error or CODES.get(status, "Error"), "as it was told to", min(status, 599))

        async def misbehave(exchange: Exchange) -> None:
            await refused.response()(exchange.scope, exchange.receive, exchange.send)

        self._add(misbehave, times, on)

    def garble(self, *, times: int = 1, on: str | None = None) -> None:
        """It is done, and answered with 200 and no JSON."""

        async def misbehave(exchange: Exchange) -> None:
            await exchange.answer()
            response = Response("<html>all is well</html>", media_type="text/html")
            await response(exchange.scope, exchange.receive, exchange.send)

        self._add(misbehave, times, on)

    def truncate(self, *, times: int = 1, on: str | None = None) -> None:
        """It is done, and the connection is closed in the middle of the answer's body."""

        async def misbehave(exchange: Exchange) -> None:
            async def half(message: Message) -> None:
                if message["type"] == "http.response.body":
                    body = message["body"]
                    message = {**message, "body": body[: len(body) // 2], "more_body": True}
                await exchange.send(message)

            response = await exchange.answer()
            await response(exchange.scope, exchange.receive, half)
            await exchange.drop()

        self._add(misbehave, times, on)

    def slow(self, seconds: float, *, times: int = 1, on: str | None = None) -> None:
        """It takes this long before anything is done."""

        async def misbehave(exchange: Exchange) -> None:
            await asyncio.sleep(seconds)
            await exchange.respond()

        self._add(misbehave, times, on)

    def hold(self, *, times: int = 1, on: str | None = None, done: bool = False) -> Held:
        """It waits until it is let go, before anything is done, or when it is `done` and only the answer is missing."""
        held = Held()

        async def misbehave(exchange: Exchange) -> None:
            response = await exchange.answer() if done else None
            await held.pass_through()
            await (response(exchange.scope, exchange.receive, exchange.send) if response else exchange.respond())

        self._add(misbehave, times, on)
        return held

    def _add(self, misbehave: Misbehave, times: int, on: str | None) -> None:
        assert on is None or on in KINDS, on
        with self._lock:
            self._waiting.append(Fault(misbehave, frozenset({on}) if on else KINDS, times))
