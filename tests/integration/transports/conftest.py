"""The API as a process of its own, over real sockets, and who speaks to it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
from strawberry.relay import to_base64
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from dev.postgres import PostgresServer
from resumepair_graphql.auth import CLOCK_SKEW
from tests.conftest import Database, cloned
from tests.integration.conftest import Person

SECRET = "a secret of thirty-two characters"
STOP_SECONDS = 20
JOB = "subscription ($id: ID!, $after: Int) { jobProgress(id: $id, afterSequence: $after) { status } }"
DOCUMENTS = "{ documents { edges { node { title } } } }"


@dataclass(frozen=True)
class Server:
    """A running `resumepair-graphql`."""

    port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def graphql(self) -> str:
        return f"{self.url}/graphql"

    def post(self, body: object, token: str | None = None, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"content-type": "application/json", **bearer(token), **named}
        return httpx.post(self.graphql, content=content, headers=given, timeout=30)

    def is_well(self, token: str) -> bool:
        """Whether an ordinary query is answered."""
        return self.post({"query": DOCUMENTS}, token).json()["data"]["documents"] is not None

    def websocket(self, **options: Any) -> connect:  # noqa: ANN401 # those of websockets
        return connect(
            f"ws://127.0.0.1:{self.port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], **options
        )

    def metric(self, name: str) -> float:
        """The value of a line of /metrics."""
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        return next(float(line.removeprefix(f"{name} ")) for line in lines if line.startswith(f"{name} "))

    @property
    def watchers(self) -> int:
        return int(self.metric("resumepair_graphql_watchers"))

    def connections(self, transport: str) -> int:
        return int(self.metric(f'resumepair_graphql_connections{{transport="{transport}"}}'))


Start = Callable[..., Server]


@contextmanager
def running(database: Database, storage: Path, **settings: str) -> Iterator[Server]:
    """Start the API, wait until it says that it is ready; stop it at the end."""
    given = {
        "DATABASE_URL": database.api_url,
        "PORT": "0",
        "SUPABASE_JWT_SECRET": SECRET,
        "STORAGE_DIR": str(storage),
        "STORAGE_SIGNING_KEY": SECRET,
        "LOG_FORMAT": "json",
    }
    process = subprocess.Popen(
        [Path(sys.executable).with_name("resumepair-graphql")],
        env={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **given, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    assert process.stdout
    with process.stdout:
        for line in process.stdout:
            said.append(line)
            if '"graphql_ready"' in line:
                break
        else:
            process.wait(STOP_SECONDS)
            raise AssertionError("".join(said))
        server = Server(json.loads(said[-1])["port"], process)
        try:
            yield server
        finally:
            process.terminate()
            said.extend(process.stdout)
            assert process.wait(STOP_SECONDS) == 0, "".join(said)
            errors = [line for line in said if '"level": "error"' in line or "Traceback" in line]
            assert errors == []


@pytest.fixture(scope="package")
def database(postgres_server: PostgresServer, template_database: str) -> Iterator[Database]:
    """One for the whole folder: each test has users of its own."""
    with cloned(postgres_server, template_database) as database:
        yield database


@pytest.fixture(scope="package")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the files."""
    return tmp_path_factory.mktemp("storage")


@pytest.fixture(scope="package")
def server(database: Database, storage: Path) -> Iterator[Server]:
    """With the settings that it has by default."""
    with running(database, storage) as server:
        yield server


@pytest.fixture
def start(database: Database, tmp_path: Path) -> Generator[Start]:
    """Starts one with other settings."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(database, tmp_path, **settings))


def token_of(person: Person, lifetime: timedelta = timedelta(hours=1)) -> str:
    """Good for that long, up to a second more: whole seconds are written, and the clock skew is forgiven."""
    expires = datetime.now(UTC) + timedelta(seconds=1) + lifetime - CLOCK_SKEW
    claims = {"sub": str(person.id), "role": "authenticated", "aud": "authenticated", "exp": expires}
    return jwt.encode(claims, SECRET, "HS256")


def bearer(token: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


@pytest.fixture
def token(alice: Person) -> str:
    return token_of(alice)


def job_id(key: UUID) -> str:
    return to_base64("ExportJob", key)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for another process's state."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 # nothing of that process to wait on
            await asyncio.sleep(0.01)


async def greet(socket: ClientConnection, token: str | None) -> None:
    """Open the connection in GraphQL's sense."""
    await tell(socket, type="connection_init", payload=bearer(token))
    assert (await hear(socket))["type"] == "connection_ack"


async def tell(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))


async def hear(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def ask(socket: ClientConnection, id_: str, query: str, **variables: object) -> None:
    await tell(socket, type="subscribe", id=id_, payload={"query": query, "variables": variables})
