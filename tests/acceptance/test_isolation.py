"""Nobody sees or does what is not theirs, and nothing that is sent breaks the API."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import jwt
import pytest
from gql.transport.exceptions import TransportError
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.acceptance.conftest import DOWNLOAD, EXPORT, HISTORY, JOB, RESUME, SAVE, Person, Product

CANCEL = "mutation ($id: ID!) { cancel(input: {jobId: $id}) { job { id status } errors { code } } }"
RETRY = "mutation ($id: ID!) { retry(input: {jobId: $id}) { job { id status } errors { code } } }"


async def test_another_users_job_is_null_and_not_found(alice: Person, bob: Person) -> None:
    document = alice.save()
    job_id = alice.export(document)
    states = await alice.follow(job_id)

    assert bob.ask(JOB, id=job_id) is None
    assert await bob.follow(job_id) == [None]
    assert bob.ask(CANCEL, id=job_id)["errors"] == [{"code": "NOT_FOUND"}]
    assert bob.ask(RETRY, id=job_id)["errors"] == [{"code": "NOT_FOUND"}]
    assert bob.ask(EXPORT, input={"documentId": document})["errors"][0]["code"] == "NOT_FOUND"
    assert bob.ask(SAVE, input={"id": document, "title": "mine"})["errors"][0]["code"] == "NOT_FOUND"
    assert bob.ask(DOWNLOAD, id=states[-1]["artifact"]["exportId"])["errors"][0]["code"] == "NOT_FOUND"
    assert job_id not in [edge["node"]["job"]["id"] for edge in bob.ask(HISTORY)["edges"]]


@pytest.mark.parametrize(
    "id_", ["", "x", "RXhwb3J0Sm9iOng=", "RG9jdW1lbnQ6YTExY2UwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAx"]
)
async def test_an_id_of_nothing_is_null_and_not_found(alice: Person, id_: str) -> None:
    assert alice.ask(JOB, id=id_) is None
    assert await alice.follow(id_) == [None]
    assert alice.ask(CANCEL, id=id_)["errors"] == [{"code": "NOT_FOUND"}]


async def test_without_a_token_there_is_nothing(nobody: Person, alice: Person) -> None:
    job_id = alice.export(alice.save())
    await alice.follow(job_id)
    for query in (JOB, HISTORY, "{ documents { edges { node { id } } } }"):
        body = nobody.post(query, **({"id": job_id} if query is JOB else {})).json()
        assert list(body["data"].values()) == [None]
        assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    for query, variables in ((SAVE, {"input": {"title": "CV", "data": RESUME}}), (CANCEL, {"id": job_id})):
        assert nobody.ask(query, **variables)["errors"][0]["code"] == "UNAUTHENTICATED"
    with pytest.raises(TransportError):
        await nobody.follow(job_id)


async def test_a_bad_token_is_401_and_closes_with_4403(product: Product, alice: Person) -> None:
    claims = jwt.decode(alice.token or "", options={"verify_signature": False})
    forged = jwt.encode(claims, "another-secret-that-is-long-enough-too", "HS256")
    person = Person(product.url, forged)
    response = person.post("{ __typename }")
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert await close_code_of(person) == 4403


def test_nothing_that_is_sent_is_answered_with_a_traceback(product: Product, alice: Person) -> None:
    url, headers = f"{product.url}/graphql", {**alice.headers, "Content-Type": "application/json"}
    answers = [
        httpx.post(url, content=content, headers=headers)
        for content in (
            b"",
            b"{",
            b"[]",
            b"null",
            b"1",
            b'"x"',
            b"\xff\xfe",
            b'{"query": 1}',
            b'{"query": "{"}',
            b'{"query": "{ nothing }"}',
            b'{"query": "{ __typename }", "variables": []}',
            b'{"query": "subscription { jobProgress(id: 1) { id } }"}',
            b'{"query": "{ documents(first: 0) { edges { cursor } } }"}',
            b'{"query": "{ documents(after: \\"x\\") { edges { cursor } } }"}',
            b'{"variables": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        )
    ]
    answers.append(httpx.get(url, headers=alice.headers))
    answers.append(httpx.delete(url, headers=alice.headers))
    answers.append(httpx.post(url, json={"query": "{ __typename }"}, headers=[(b"Authorization", "Bearer ü".encode())]))
    for answer in answers:
        assert answer.status_code < 500, answer.text
        assert "Traceback" not in answer.text
    assert alice.ask("{ __typename }") == "Query"


def test_a_document_that_cannot_be_stored_is_refused_with_its_reason(alice: Person) -> None:
    cases = [
        ({"title": "", "data": RESUME}, "1 to 200 characters"),
        ({"title": "  ", "data": RESUME}, "1 to 200 characters"),
        ({"title": "x" * 201, "data": RESUME}, "1 to 200 characters"),
        ({"title": "CV", "data": [1]}, "JSON object"),
        ({"title": "CV", "data": {"a": "x" * 1_100_000}}, "1 MiB"),
        ({"title": "CV", "data": {"a": "\0"}}, "characters that cannot be stored"),
        ({"title": "C\0V", "data": RESUME}, "characters that cannot be stored"),
        ({"title": "CV"}, "needs `data`"),
        ({"data": RESUME}, "needs `title`"),
    ]
    for input_, reason in cases:
        (error,) = alice.ask(SAVE, input=input_)["errors"]
        assert error["code"] == "INVALID_INPUT"
        assert reason in error["message"]


def test_a_request_of_megabytes_is_refused_unread(product: Product, alice: Person) -> None:
    answer = httpx.post(f"{product.url}/graphql", content=b"x" * 3_000_000, headers=alice.headers)
    assert answer.status_code == 413


def test_an_expired_token_is_refused(product: Product, alice: Person) -> None:
    claims = jwt.decode(alice.token or "", options={"verify_signature": False})
    claims["exp"] = int(time.time()) - 3600
    expired = Person(product.url, jwt.encode(claims, secret_of(product), "HS256"))
    assert expired.post("{ __typename }").status_code == 401


async def test_a_connection_ends_with_its_token(product: Product, alice: Person) -> None:
    claims = jwt.decode(alice.token or "", options={"verify_signature": False})
    claims["exp"] = int(time.time()) - 8  # within the tolerance for clocks: good, but over soon
    short = Person(product.url, jwt.encode(claims, secret_of(product), "HS256"))
    assert await close_code_of(short) == 4403


async def close_code_of(person: Person, then: str = "") -> int | None:
    """Connect, send one frame more if any, and wait until the server ends it."""
    async with connected(person, acknowledged=bool(then)) as connection:
        if then:
            await connection.send(then)
        await connection.wait_closed()
        return connection.close_code


@asynccontextmanager
async def connected(person: Person, *, acknowledged: bool = True) -> AsyncGenerator[ClientConnection, None]:
    """A bare graphql-transport-ws connection that has presented the token."""
    url = f"{person.url.replace('http', 'ws')}/graphql"
    protocol = Subprotocol("graphql-transport-ws")
    async with asyncio.timeout(20), connect(url, subprotocols=[protocol]) as connection:
        payload = {"authorization": f"Bearer {person.token}"}
        await connection.send(json.dumps({"type": "connection_init", "payload": payload}))
        if acknowledged:
            await connection.recv()
        yield connection


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", 4400),
        ("[]", 4400),
        ("null", 4400),
        ("{}", 4400),
        ('{"type": "nonsense"}', 4400),
        ('{"type": "connection_init"}', 4429),
        ('{"type": "subscribe", "id": "1"}', 4400),
        ('{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": []}', 4400),
    ],
)
async def test_a_frame_against_the_protocol_closes_the_connection_and_nothing_else(
    alice: Person, frame: str, code: int
) -> None:
    assert await close_code_of(alice, then=frame) == code
    assert alice.ask("{ __typename }") == "Query"


async def test_a_syntax_error_ends_its_operation_and_not_the_connection(alice: Person) -> None:
    async with connected(alice) as connection:
        answers: list[str] = []
        for id_, query in (("1", "{"), ("2", "{ __typename }")):
            await connection.send(json.dumps({"type": "subscribe", "id": id_, "payload": {"query": query}}))
            answers.append(json.loads(await connection.recv())["type"])
    assert answers == ["error", "next"]


def secret_of(product: Product) -> str:
    """The key of this stack, from where the stack keeps it."""
    return str(json.loads((product.state / "secrets.json").read_text())["jwt_secret"])


def test_health_and_metrics(product: Product) -> None:
    assert httpx.get(f"{product.url}/health/live").status_code == 200
    assert httpx.get(f"{product.url}/health/ready").json() == {"status": "ready", "database": True, "feed": True}
    assert "resumepair_graphql_feed_listening 1.0" in httpx.get(f"{product.url}/metrics").text
