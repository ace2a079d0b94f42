"""graphql-transport-ws: what ends an operation, what ends a connection, and with which code."""

from contextlib import suppress
from datetime import timedelta

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from resumepair_graphql.websocket import shortened
from tests.integration.conftest import Person
from tests.integration.transports.conftest import (
    DOCUMENTS,
    JOB,
    Server,
    Start,
    ask,
    bearer,
    greet,
    hear,
    job_id,
    tell,
    token_of,
    until,
)


async def close_code(socket: ClientConnection) -> int | None:
    """The code with which the server closes; whatever it says before is of no interest."""
    with suppress(ConnectionClosed):
        async for _ in socket:
            pass
    return socket.close_code


async def test_each_operation_sees_what_is_so_when_it_runs(server: Server, alice: Person, token: str) -> None:
    """A connection's context must not keep what its first operation loaded."""
    document = alice.save_document("before")
    async with server.websocket() as socket:
        await greet(socket, token)
        for title in ("before", "after"):
            alice.run("update resumepair.documents set title = %s where id = %s", title, document)
            await ask(socket, title, DOCUMENTS)
            heard = await hear(socket)
            assert heard["payload"]["data"]["documents"]["edges"] == [{"node": {"title": title}}]
            assert (await hear(socket))["type"] == "complete"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{", {}),
        ("{ nothing }", {}),
        ("query ($n: Int!) { documents(first: $n) { edges { cursor } } }", {"n": "x"}),
        ("fragment F on Query { __typename }", {}),
    ],
    ids=["syntax", "validation", "coercion", "no operation"],
)
async def test_what_is_wrong_with_an_operation_ends_it_alone(
    server: Server, token: str, query: str, variables: dict[str, object]
) -> None:
    async with server.websocket() as socket:
        await greet(socket, token)
        for id_ in ("1", "2"):  # the second time from a cache, perhaps
            await ask(socket, id_, query, **variables)
            heard = await hear(socket)
            assert (heard["type"], heard["id"]) == ("error", id_)
            assert heard["payload"][0]["message"]
        await ask(socket, "3", DOCUMENTS)
        assert (await hear(socket))["type"] == "next"


def nested(levels: int) -> str:
    return '{"x":' * levels + "0" + "}" * levels


@pytest.mark.parametrize(
    "payload",
    [
        "{}",
        '{"query": ""}',
        '{"query": 5}',
        '{"query": "{ __typename }", "variables": []}',
        '{"query": "{ __typename }", "operationName": 5}',
        '{"query": "{ __typename }", "extensions": "x"}',
        f'{{"query": "{{ __typename }}", "variables": {nested(300)}}}',
    ],
    ids=["nothing", "empty", "query", "variables", "name", "extensions", "deep"],
)
async def test_an_operation_with_a_faulty_part_ends_alone(server: Server, token: str, payload: str) -> None:
    async with server.websocket() as socket:
        await greet(socket, token)
        await socket.send(f'{{"type": "subscribe", "id": "1", "payload": {payload}}}')
        heard = await hear(socket)
        assert (heard["type"], heard["id"]) == ("error", "1")
        assert [error["extensions"]["code"] for error in heard["payload"]] == ["BAD_REQUEST"]
        await ask(socket, "1", DOCUMENTS)
        assert (await hear(socket))["type"] == "next"


@pytest.mark.parametrize("part", [{"id": 5, "payload": {"query": DOCUMENTS}}, {"id": "1", "payload": [DOCUMENTS]}])
async def test_an_id_or_a_payload_of_the_wrong_type_closes_the_connection(
    server: Server, token: str, part: dict[str, object]
) -> None:
    async with server.websocket() as socket:
        await greet(socket, token)
        await tell(socket, type="subscribe", **part)
        assert await close_code(socket) == 4400


async def test_a_subscription_that_is_completed_frees_its_watcher(server: Server, alice: Person, token: str) -> None:
    key = alice.export()
    async with server.websocket() as socket:
        await greet(socket, token)
        await ask(socket, "1", JOB, id=job_id(key))
        assert (await hear(socket))["payload"]["data"]["jobProgress"]["status"] == "PENDING"
        await tell(socket, type="complete", id="1")
        await tell(socket, type="ping")
        assert (await hear(socket))["type"] == "pong"
        await until(lambda: server.watchers == 0)


async def test_the_connection_ends_with_the_token(server: Server, alice: Person) -> None:
    async with server.websocket() as socket:
        await greet(socket, token_of(alice, timedelta(seconds=0.5)))
        await ask(socket, "1", JOB, id=job_id(alice.export()))
        assert (await hear(socket))["payload"]["data"]["jobProgress"]["status"] == "PENDING"
        assert await close_code(socket) == 4403
    await until(lambda: server.watchers == 0)


@pytest.mark.parametrize("text", ["[]", "null", "5", '"x"', "{", '{"type": []}', '{"type": "subscribe"}'])
async def test_what_is_no_message_closes_the_connection(server: Server, token: str, text: str) -> None:
    async with server.websocket() as socket:
        await greet(socket, token)
        await socket.send(text)
        assert await close_code(socket) == 4400


async def test_who_does_not_introduce_himself_is_sent_away(start: Start) -> None:
    server = start(CLIENT_TIMEOUT_SECONDS="0.2")
    async with server.websocket() as socket:
        assert await close_code(socket) == 4408


@pytest.mark.parametrize(
    ("lifetime", "prefix"), [(timedelta(hours=-1), "Bearer "), (timedelta(hours=-1), ""), (None, "Bearer "), (None, "")]
)
async def test_a_refused_token_is_told_what_is_wrong_with_it(
    server: Server, alice: Person, lifetime: timedelta | None, prefix: str
) -> None:
    token = token_of(alice, lifetime) if lifetime else "x" * 9000
    refused = server.post({"query": DOCUMENTS}, token)
    async with server.websocket() as socket:
        await tell(socket, type="connection_init", payload={"authorization": f"{prefix}{token}"})
        assert await close_code(socket) == 4403
        assert socket.close_reason == refused.json()["errors"][0]["message"]


async def test_the_reason_of_a_close_fits_into_its_frame(server: Server) -> None:
    async with server.websocket() as socket:
        await tell(socket, type="connection_init", payload={"authorization": 5})
        assert await close_code(socket) == 4403
        assert socket.close_reason == "`authorization` has to be a string: Bearer <token>"
    assert shortened("ä" * 100) == "ä" * 61


async def test_a_token_needs_no_prefix(server: Server, token: str) -> None:
    async with server.websocket() as socket:
        await tell(socket, type="connection_init", payload={"authorization": token})
        assert (await hear(socket))["type"] == "connection_ack"
        await ask(socket, "1", DOCUMENTS)
        assert "errors" not in (await hear(socket))["payload"]


async def test_who_sends_too_fast_is_sent_away(server: Server, token: str) -> None:
    async with server.websocket() as socket:
        await greet(socket, token)
        with suppress(ConnectionClosed):
            for _ in range(2000):
                await tell(socket, type="ping")
        assert await close_code(socket) == 4429


async def test_one_connection_has_a_limit_of_operations(server: Server, alice: Person, token: str) -> None:
    id_ = job_id(alice.export())
    async with server.websocket() as socket:
        await greet(socket, token)
        for number in range(101):
            await ask(socket, str(number), JOB, id=id_)
        heard = [await hear(socket) for _ in range(101)]
        assert sorted(message["type"] for message in heard) == ["error"] + ["next"] * 100
        (refused,) = (message for message in heard if message["type"] == "error")
        assert [error["extensions"]["code"] for error in refused["payload"]] == ["TOO_MANY_OPERATIONS"]


async def test_connections_of_one_user_and_of_one_address_are_limited(start: Start, alice: Person, bob: Person) -> None:
    server = start(MAX_CONNECTIONS_PER_USER="1", MAX_CONNECTIONS_PER_ADDRESS="2")
    async with server.websocket() as first:
        await greet(first, token_of(alice))
        async with server.websocket() as second:
            await tell(second, type="connection_init", payload=bearer(token_of(alice)))
            assert await close_code(second) == 1013
        async with server.websocket() as third:
            await greet(third, token_of(bob))
            async with server.websocket() as fourth:
                assert await close_code(fourth) == 1013
    async with server.websocket() as again:
        await greet(again, token_of(alice))


async def test_only_pages_of_known_origins_may_connect(start: Start) -> None:
    server = start(ALLOWED_ORIGINS="https://app.example, https://admin.example")
    for origin in ("https://app.example", f"http://127.0.0.1:{server.port}", None):
        async with server.websocket(origin=origin) as socket:
            await greet(socket, None)
    with pytest.raises(InvalidStatus) as refused:
        await server.websocket(origin="https://elsewhere.example").__aenter__()
    assert refused.value.response.status_code == 403
