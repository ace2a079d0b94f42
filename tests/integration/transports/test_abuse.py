"""What attackers send: each is answered or shed, and the others are served meanwhile."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.exceptions import ConnectionClosed

from tests.integration.conftest import Person
from tests.integration.transports.conftest import JOB, Server, Start, ask, bearer, greet, job_id, token_of, until

BOMB = "{ ...A0 } " + " ".join(f"fragment A{n} on Query {{ ...A{n + 1} ...A{n + 1} }}" for n in range(200))
BOMB += " fragment A200 on Query { __typename }"
ALIASES = "{" + " ".join(f"a{n}: __typename" for n in range(3000)) + "}"
DUPLICATES = "{" + " __typename" * 3000 + "}"
DEEP_LIST = "{ documents(first: " + "[" * 1900 + "]" * 90 + ") { edges { cursor } } }"
DEEP_FIELDS = "{" + "a{" * 1900

# What is sent, and the status under application/graphql-response+json.
ABUSE = {
    "nested fragments": ({"query": BOMB}, 400),
    "aliases": ({"query": ALIASES}, 400),
    "the same field": ({"query": DUPLICATES}, 400),
    "deep list": ({"query": DEEP_LIST}, 400),
    "deep fields": ({"query": DEEP_FIELDS}, 400),
    "huge variables": ({"query": "query ($x: JSON) { __typename }", "variables": {"x": ["y" * 1000] * 1000}}, 413),
    "many variables": ({"query": "{ __typename }", "variables": {f"v{n}": n for n in range(10_000)}}, 200),
    "deep variables": (b'{"query": "{ __typename }", "variables": {"x": ' + b"[" * 100_000, 400),
    "bad JSON": (b"{" * 200_000, 400),
    "bad UTF-8": (b"\xff" * 200_000, 400),
    "nothing but zeros": (b"\0" * 200_000, 400),
    "a long body": (b" " * 2_000_000, 413),
}


@pytest.mark.parametrize(("body", "status"), list(ABUSE.values()), ids=list(ABUSE))
async def test_a_hostile_request_is_refused_and_others_are_served(
    server: Server, token: str, body: object, status: int
) -> None:
    def attack() -> int:
        return server.post(body, token, accept="application/graphql-response+json").status_code

    hostile = [asyncio.ensure_future(asyncio.to_thread(attack)) for _ in range(4)]
    assert await asyncio.to_thread(server.is_well, token)
    assert await asyncio.gather(*hostile) == [status] * 4


async def test_ten_thousand_garbage_frames_close_their_connection_alone(server: Server, token: str) -> None:
    async with server.websocket() as victim:
        await greet(victim, token)
        async with server.websocket(close_timeout=1) as attacker:
            with suppress(ConnectionClosed):
                for _ in range(10_000):
                    await attacker.send("garbage")
            with suppress(ConnectionClosed):
                await attacker.recv()
            assert attacker.close_code == 4400
        await ask(victim, "1", "{ __typename }")
        assert json.loads(await victim.recv())["payload"] == {"data": {"__typename": "Query"}}
    assert server.is_well(token)


async def test_who_never_reads_is_shed_and_his_subscriptions_end(start: Start, alice: Person, bob: Person) -> None:
    server = start(CLIENT_TIMEOUT_SECONDS="0.5")
    types = "{ __schema { types { description fields { description name args { name description } } } } }"
    async with server.websocket(max_queue=1, ping_interval=None, close_timeout=0.1) as attacker:
        await greet(attacker, token_of(alice))
        await ask(attacker, "watch", JOB, id=job_id(alice.export()))
        await until(lambda: server.watchers == 1)
        attacker.transport.pause_reading()
        with suppress(ConnectionClosed):
            for number in range(190):
                await ask(attacker, str(number), types)
        await until(lambda: (server.watchers, server.connections("websocket")) == (0, 0))
        assert server.is_well(token_of(bob))
        attacker.transport.abort()


@asynccontextmanager
async def half_sent(server: Server, *parts: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A connection on which a request was begun, as attackers do it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        yield reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


HEADERS = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n"


async def test_a_body_that_never_ends_is_given_up(start: Start, token: str) -> None:
    server = start(CLIENT_TIMEOUT_SECONDS="0.5")
    async with half_sent(server, HEADERS + b"\r\n", b'{"query": ') as answer:
        assert server.is_well(token)
        assert (await answer.readline()).startswith(b"HTTP/1.1 408")
        assert b"REQUEST_TIMEOUT" in await answer.read()


async def test_headers_that_never_end_are_given_up(start: Start, token: str) -> None:
    server = start(CLIENT_TIMEOUT_SECONDS="0.5")
    async with half_sent(server, HEADERS) as answer:
        assert server.is_well(token)
        assert await answer.read() == b""


async def test_headers_without_limit_are_given_up(server: Server, token: str) -> None:
    with suppress(OSError):
        async with half_sent(server, HEADERS, *[b"x-filler: " + b"x" * 10_000 + b"\r\n"] * 20) as answer:
            assert await answer.read() == b""
    assert server.is_well(token)


async def test_connections_that_say_nothing_are_given_up(start: Start, token: str) -> None:
    server = start(CLIENT_TIMEOUT_SECONDS="0.5")
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    assert server.is_well(token)
    for one in silent:
        assert await asyncio.to_thread(one.recv, 1) == b""
        one.close()


def test_a_bad_token_is_not_repeated(server: Server) -> None:
    answer = server.post({"query": "{ __typename }"}, **bearer("<script>x</script>"))
    assert answer.status_code == 401
    assert "script" not in answer.text
