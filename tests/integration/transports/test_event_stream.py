"""Subscriptions as Server-Sent Events, byte by byte as clients parse them."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from starlette.types import Message
from strawberry.types import ExecutionResult

from resumepair_graphql.event_stream import EventStream, Results
from tests.integration.conftest import Person, WorkerVoice
from tests.integration.transports.conftest import DOCUMENTS, JOB, Server, Start, bearer, job_id, token_of, until

EVENTS = "text/event-stream"


@asynccontextmanager
async def stream(
    server: Server, token: str | None, query: str, accept: str = EVENTS, **variables: object
) -> AsyncIterator[httpx.Response]:
    body = {"query": query, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("POST", server.graphql, json=body, headers={"accept": accept, **bearer(token)}) as answer,
    ):
        yield answer


def event(data: object) -> str:
    return f"event: next\ndata: {json.dumps(data, separators=(',', ':'))}"


def told(status: str) -> str:
    return event({"data": {"jobProgress": {"status": status}}})


COMPLETE = "event: complete\ndata:"
COST = re.compile(r',"extensions":\{"cost":.*\}(?=\}$)')


async def events(answer: httpx.Response) -> AsyncIterator[str]:
    """What stands between empty lines; without what keeps the connection alive, and without what the first one cost."""
    rest = ""
    async for text in answer.aiter_text():
        assert "\r" not in text
        *whole, rest = (rest + text).split("\n\n")
        for part in whole:
            if part != ":":
                yield COST.sub("", part)
    assert rest == ""


async def test_a_job_is_followed_to_its_end(server: Server, alice: Person, token: str, worker: WorkerVoice) -> None:
    key = alice.export()
    async with stream(server, token, JOB, id=job_id(key)) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        heard = events(answer)
        assert await anext(heard) == told("PENDING")
        worker.claim(key)
        assert await anext(heard) == told("PROCESSING")
        worker.publish(key, 1)
        assert [event async for event in heard] == [told("COMPLETED"), COMPLETE]


@pytest.mark.parametrize(
    "accept",
    [f"{EVENTS}, multipart/mixed", f"application/json, {EVENTS}", f"application/graphql-response+json, {EVENTS};q=0.1"],
)
async def test_a_subscription_is_streamed_wherever_events_are_accepted(
    server: Server, alice: Person, token: str, accept: str
) -> None:
    key = alice.export()
    alice.cancel(key)
    async with stream(server, token, JOB, accept, id=job_id(key)) as answer:
        assert [event async for event in events(answer)] == [told("CANCELLED"), COMPLETE]


async def test_a_query_is_one_event(server: Server, token: str) -> None:
    async with stream(server, token, DOCUMENTS) as answer:
        assert [event async for event in events(answer)] == [event({"data": {"documents": {"edges": []}}}), COMPLETE]


@pytest.mark.parametrize("query", ["{", "{ nothing }", "subscription { nothing }"])
async def test_what_is_not_executed_is_an_event_with_errors_alone(server: Server, token: str, query: str) -> None:
    async with stream(server, token, query) as answer:
        first, last = [event async for event in events(answer)]
    assert last == COMPLETE
    assert list(json.loads(first.partition("data: ")[2])) == ["errors"]


async def test_without_a_good_token_nothing_is_streamed(server: Server) -> None:
    async with stream(server, "x", DOCUMENTS) as answer:
        await answer.aread()
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/json; charset=utf-8")


async def test_a_client_that_goes_away_frees_its_watcher(server: Server, alice: Person, token: str) -> None:
    async with stream(server, token, JOB, id=job_id(alice.export())) as answer:
        await anext(events(answer))
        assert (server.watchers, server.connections("sse")) == (1, 1)
    await until(lambda: (server.watchers, server.connections("sse")) == (0, 0))


async def test_the_stream_ends_with_the_token_and_is_not_complete(server: Server, alice: Person) -> None:
    token = token_of(alice, timedelta(seconds=0.5))
    async with stream(server, token, JOB, id=job_id(alice.export())) as answer:
        first, last = [event async for event in events(answer)]
    assert first == told("PENDING")
    (error,) = json.loads(last.partition("data: ")[2])["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_streams_of_one_user_are_limited(start: Start, alice: Person, bob: Person) -> None:
    server = start(MAX_CONNECTIONS_PER_USER="1")
    id_ = job_id(alice.export())
    async with stream(server, token_of(alice), JOB, id=id_) as answer:
        await anext(events(answer))
        refused = server.post({"query": DOCUMENTS}, token_of(alice), accept=EVENTS)
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]) == (
            429,
            {"code": "TOO_MANY_CONNECTIONS"},
        )
        assert server.post({"query": DOCUMENTS}, token_of(bob), accept=EVENTS).status_code == 200
        assert server.is_well(token_of(alice))
    await until(lambda: server.connections("sse") == 0)
    assert server.post({"query": DOCUMENTS}, token_of(alice), accept=EVENTS).status_code == 200


async def test_an_open_stream_does_not_hold_up_the_end_of_the_process(start: Start, alice: Person) -> None:
    server = start()
    async with stream(server, token_of(alice), JOB, id=job_id(alice.export())) as answer:
        heard = events(answer)
        await anext(heard)
        server.process.terminate()
        assert [event async for event in heard] == []  # not complete: the client comes again


async def sent_by(results: Results, **options: float | None) -> list[bytes]:
    """What a stream sends to a client that stays, until the stream ends."""
    sent: list[bytes] = []

    async def receive() -> Message:
        return await asyncio.Event().wait()  # type: ignore[return-value]

    async def send(message: Message) -> None:
        if "body" in message:
            sent.append(message["body"])

    settings = {"expires_in": None, "send_seconds": 5.0, "keep_alive_seconds": 5.0, **options}
    response = EventStream(results, stopping=asyncio.Event(), leases=ExitStack(), **settings)  # type: ignore[arg-type]
    await response({}, receive, send)
    return sent


async def test_a_silent_stream_is_kept_alive_by_comments() -> None:
    gate = asyncio.Event()

    async def results() -> Results:
        await gate.wait()
        yield ExecutionResult(data={}, errors=None)

    task = asyncio.ensure_future(sent_by(results(), keep_alive_seconds=0.001))
    asyncio.get_running_loop().call_later(0.1, gate.set)
    *comments, result, end = await task
    assert set(comments) == {b":\n\n"}
    assert len(comments) > 2
    assert (result, end) == (b'event: next\ndata: {"data":{}}\n\n', b"event: complete\ndata:\n\n")


async def test_an_unforeseen_error_is_an_event_that_gives_nothing_away() -> None:
    async def results() -> Results:
        yield ExecutionResult(data={}, errors=None)
        raise RuntimeError("a secret")

    *_, error, end = await sent_by(results())
    assert b'"code":"INTERNAL_ERROR"' in error
    assert b"secret" not in error
    assert end == b"event: complete\ndata:\n\n"


async def test_a_client_that_reads_nothing_ends_its_operation() -> None:
    closed = asyncio.Event()

    async def results() -> Results:
        try:
            yield ExecutionResult(data={}, errors=None)
        finally:
            closed.set()

    async def blocked(*_: object) -> None:
        await asyncio.Event().wait()

    response = EventStream(results(), expires_in=None, send_seconds=0.01, stopping=asyncio.Event(), leases=ExitStack())
    await response({}, blocked, blocked)  # type: ignore[arg-type]
    assert not closed.is_set()  # it was never begun: nothing is executed for somebody who does not read
