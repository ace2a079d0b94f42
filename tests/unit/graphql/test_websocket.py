"""A WebSocket as the server underneath hands it over: messages that come together, and a client that is gone."""

import asyncio
import gc
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import jwt
import pytest
from starlette.types import Message, Scope
from structlog.testing import capture_logs

from resumepair_graphql.auth import Authenticator
from resumepair_graphql.context import Services
from resumepair_graphql.endpoint import Endpoint
from resumepair_graphql.operation import Operation
from resumepair_graphql.schema import build_schema
from resumepair_graphql.settings import Settings

SECRET = "a secret of thirty-two characters"
SCHEMA = build_schema()
WAIT_SECONDS = 10
TAKEN_BACK = "{ taken: __typename }"
SCOPE: Scope = {
    "type": "websocket", "scheme": "ws", "path": "/graphql", "query_string": b"", "headers": [],
    "subprotocols": ["graphql-transport-ws"], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
}  # fmt: skip


GONE = [
    pytest.param(OSError("gone"), id="the client is gone"),
    # As uvicorn has it between its own close, such as for a message that is too long, and the connection's end.
    pytest.param(
        RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'."), id="closed"
    ),
]


async def room(_: Message) -> None:
    """A client that takes everything."""


def no_room(error: Exception) -> Callable[[Message], Awaitable[None]]:
    async def fail(_: Message) -> None:
        raise error

    return fail


class Leaving:
    """A client that goes away just before it is sent a closing message."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "websocket.close":
            self.left.set()
            raise OSError("gone")


class Connection:
    """The server's side of a connection; `send` waits for `room`, which may raise."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.received: asyncio.Queue[Message] = asyncio.Queue()
        self.room: Callable[[Message], Awaitable[None]] = room
        self.received.put_nowait({"type": "websocket.connect"})

    def tell(self, **message: object) -> None:
        """Put a message where the application finds it without waiting, together with the next ones."""
        self.tell_text(json.dumps(message))

    def tell_text(self, text: str) -> None:
        self.received.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self) -> None:
        self.received.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def send(self, message: Message) -> None:
        await self.room(message)
        self.sent.put_nowait(message)

    async def hear(self) -> dict[str, Any]:
        """The next message; a closing one as it is."""
        async with asyncio.timeout(WAIT_SECONDS):
            while (message := await self.sent.get())["type"] == "websocket.accept":
                pass
        return cast("dict[str, Any]", json.loads(message["text"]) if "text" in message else message)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """Nothing is logged by the libraries either, nor by a task that nobody asked what became of it."""
    yield
    gc.collect()
    assert caplog.get_records("call") == []


@pytest.fixture
def endpoint(tmp_path: Path) -> Endpoint:
    """One that has no database: nothing here asks it anything."""
    settings = {
        "database_url": "unused",
        "storage_dir": tmp_path,
        "storage_signing_key": SECRET,
        "supabase_jwt_secret": SECRET,
        "client_timeout_seconds": 0.1,
        "max_connections_per_address": 1,
    }
    authenticator = Authenticator("authenticated", secret=SECRET)
    return Endpoint(SCHEMA, cast("Services", None), authenticator, Settings.model_validate(settings))


@asynccontextmanager
async def served(endpoint: Endpoint, scope: Scope = SCOPE) -> AsyncGenerator[Connection]:
    """A connection; at the end the endpoint has to be through with it, and to have logged nothing."""
    connection = Connection()
    task = asyncio.ensure_future(endpoint(scope, connection.received.get, connection.send))
    with capture_logs() as logs:
        yield connection
        connection.leave()
        async with asyncio.timeout(WAIT_SECONDS):
            await task
    assert logs == []


@asynccontextmanager
async def greeted(endpoint: Endpoint, token: str | None = None) -> AsyncGenerator[Connection]:
    """The same, once it was acknowledged."""
    async with served(endpoint) as connection:
        connection.tell(type="connection_init", payload={"authorization": f"Bearer {token}"} if token else {})
        assert await connection.hear() == {"type": "connection_ack"}
        yield connection


def ask(connection: Connection, id_: str, query: str) -> None:
    connection.tell(type="subscribe", id=id_, payload={"query": query})


async def test_what_was_asked_and_taken_back_at_once_is_not_kept(endpoint: Endpoint) -> None:
    async with greeted(endpoint) as connection:
        for number in range(90):
            ask(connection, str(number), TAKEN_BACK)
            connection.tell(type="complete", id=str(number))
        ask(connection, "last", "{ __typename }")
        assert [(await connection.hear())["type"] for _ in range(2)] == ["next", "complete"]
        assert [one for one in gc.get_objects() if isinstance(one, Operation) and one.query == TAKEN_BACK] == []


@pytest.mark.parametrize("error", GONE)
async def test_who_sends_garbage_and_goes_away_is_no_error(endpoint: Endpoint, error: Exception) -> None:
    async with greeted(endpoint) as connection:
        connection.room = no_room(error)
        connection.tell_text("garbage")


@pytest.mark.parametrize("error", GONE)
async def test_who_asks_and_goes_away_is_no_error(endpoint: Endpoint, error: Exception) -> None:
    async with greeted(endpoint) as connection:
        connection.room = no_room(error)
        ask(connection, "1", "{ __typename }")
        ask(connection, "2", "")
        connection.tell(type="ping")


async def test_a_result_that_comes_while_the_connection_is_closed_is_no_error(endpoint: Endpoint) -> None:
    closing, read = asyncio.Event(), asyncio.Event()

    async def slow(message: Message) -> None:
        if message["type"] == "websocket.close":
            closing.set()
            await read.wait()

    async with greeted(endpoint) as connection:
        connection.room = slow
        ask(connection, "1", "{ __typename }")
        connection.tell_text("garbage")
        await closing.wait()
        read.set()
        assert (await connection.hear())["code"] == 4400


async def test_who_goes_away_while_the_token_ends_is_no_error(endpoint: Endpoint) -> None:
    claims = {"sub": str(uuid4()), "role": "authenticated", "aud": "authenticated", "exp": int(time.time()) - 8}
    async with greeted(endpoint, jwt.encode(claims, SECRET, "HS256")) as connection:
        connection.room = leaving = Leaving()
        await leaving.left.wait()


@pytest.mark.parametrize("subprotocols", [["graphql-transport-ws"], []], ids=["silent", "of another protocol"])
async def test_who_is_sent_away_and_was_gone_is_no_error(endpoint: Endpoint, subprotocols: list[str]) -> None:
    async with served(endpoint, {**SCOPE, "subprotocols": subprotocols}) as connection:
        connection.room = leaving = Leaving()
        await leaving.left.wait()


async def test_who_has_too_many_connections_and_goes_away_is_no_error(endpoint: Endpoint) -> None:
    async with greeted(endpoint), served(endpoint) as second:
        second.room = leaving = Leaving()
        await leaving.left.wait()
