"""A WebSocket as the server underneath hands it over: messages that come together, and a client that is gone."""

import asyncio
import gc
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from starlette.types import Message, Scope

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


class Gone(OSError):
    """What a server's `send` raises when the client is not there any more."""


class Connection:
    """The server's side of a connection; `room` decides whether a message can be sent, and may raise."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.received: asyncio.Queue[Message] = asyncio.Queue()
        self.room: Callable[[Message], None] = lambda _: None
        self.received.put_nowait({"type": "websocket.connect"})

    def tell(self, **message: object) -> None:
        """Put a message where the application finds it without waiting, together with the next ones."""
        self.received.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def leave(self) -> None:
        self.received.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def send(self, message: Message) -> None:
        self.room(message)
        self.sent.put_nowait(message)

    async def hear(self) -> dict[str, Any]:
        """The next message; a closing one as it is."""
        async with asyncio.timeout(WAIT_SECONDS):
            while (message := await self.sent.get())["type"] == "websocket.accept":
                pass
        return cast("dict[str, Any]", json.loads(message["text"]) if "text" in message else message)


@asynccontextmanager
async def connected(folder: Path) -> AsyncGenerator[Connection]:
    """A connection that was acknowledged; at the end the endpoint has to be through with it, without an error."""
    settings = Settings.model_validate(
        {
            "database_url": "unused",
            "storage_dir": folder,
            "storage_signing_key": SECRET,
            "supabase_jwt_secret": SECRET,
        }
    )
    authenticator = Authenticator("authenticated", secret=SECRET)
    endpoint = Endpoint(SCHEMA, cast("Services", None), authenticator, settings)
    connection = Connection()
    serving = asyncio.ensure_future(endpoint(SCOPE, connection.received.get, connection.send))
    connection.tell(type="connection_init")
    assert await connection.hear() == {"type": "connection_ack"}
    yield connection
    connection.leave()
    async with asyncio.timeout(WAIT_SECONDS):
        await serving


def ask(connection: Connection, id_: str, query: str) -> None:
    connection.tell(type="subscribe", id=id_, payload={"query": query})


async def test_what_was_asked_and_taken_back_at_once_is_not_kept(tmp_path: Path) -> None:
    async with connected(tmp_path) as connection:
        for number in range(90):
            ask(connection, str(number), TAKEN_BACK)
            connection.tell(type="complete", id=str(number))
        ask(connection, "last", "{ __typename }")
        assert [(await connection.hear())["type"] for _ in range(2)] == ["next", "complete"]
        assert [one for one in gc.get_objects() if isinstance(one, Operation) and one.query == TAKEN_BACK] == []
