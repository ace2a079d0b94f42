"""Operations by their hash, over every transport: those of the operator's list, and those that clients register."""

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from resumepair_graphql.trusted import hash_of
from tests.conftest import Database
from tests.integration.conftest import Person
from tests.integration.transports.conftest import (
    DOCUMENTS,
    JOB,
    Server,
    Start,
    bearer,
    greet,
    hear,
    job_id,
    running,
    tell,
)

TRUSTED = {"documents-of-the-page": DOCUMENTS, "follow": JOB}
RESPONSE, EVENTS = "application/graphql-response+json", "text/event-stream"


@pytest.fixture(scope="module")
def strict(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A process that answers trusted documents only."""
    folder = tmp_path_factory.mktemp("trusted")
    (folder / "manifest.json").write_text(json.dumps(TRUSTED))
    settings = {"TRUSTED_DOCUMENTS": str(folder / "manifest.json"), "TRUSTED_DOCUMENTS_ONLY": "true"}
    with running(database, folder, **settings) as server:
        yield server


async def over_post(server: Server, token: str, operation: dict[str, Any]) -> dict[str, Any]:
    return server.post(operation, token, accept=RESPONSE).json()  # type: ignore[no-any-return]


async def over_get(server: Server, token: str, operation: dict[str, Any]) -> dict[str, Any]:
    parts = {name: part if isinstance(part, str) else json.dumps(part) for name, part in operation.items()}
    return httpx.get(server.graphql, params=parts, headers=bearer(token)).json()  # type: ignore[no-any-return]


async def over_websocket(server: Server, token: str, operation: dict[str, Any]) -> dict[str, Any]:
    async with server.websocket() as socket:
        await greet(socket, token)
        await tell(socket, type="subscribe", id="1", payload=operation)
        heard = await hear(socket)
        return {"errors": heard["payload"]} if heard["type"] == "error" else heard["payload"]


async def over_sse(server: Server, token: str, operation: dict[str, Any]) -> dict[str, Any]:
    """The first event; the stream is left then."""
    headers = {"accept": EVENTS, **bearer(token)}
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("POST", server.graphql, json=operation, headers=headers) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                return json.loads(line.removeprefix("data: "))  # type: ignore[no-any-return]
    raise AssertionError("the stream ended without an event")


Way = Callable[[Server, str, dict[str, Any]], Awaitable[dict[str, Any]]]
WAYS = {"POST": over_post, "GET": over_get, "WebSocket": over_websocket, "SSE": over_sse}
each_way = pytest.mark.parametrize("way", list(WAYS.values()), ids=list(WAYS))


def hashed(key: str, **more: object) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": key}}, **more}


def code_of(answer: dict[str, Any]) -> str:
    assert "data" not in answer
    (error,) = answer["errors"]
    return str(error["extensions"]["code"])


@each_way
async def test_trusted_documents_are_answered_by_key_by_hash_and_by_text(strict: Server, token: str, way: Way) -> None:
    for operation in (hashed("documents-of-the-page"), hashed(hash_of(DOCUMENTS)), {"query": DOCUMENTS}):
        answer = await way(strict, token, operation)
        assert answer["data"] == {"documents": {"edges": []}}


@each_way
async def test_where_only_trusted_documents_are_answered_others_are_refused(
    strict: Server, token: str, way: Way
) -> None:
    other = "{ __typename }"
    for operation in ({"query": other}, hashed(hash_of(other)), hashed(hash_of(other), query=other)):
        assert code_of(await way(strict, token, operation)) == "QUERY_NOT_TRUSTED"


@pytest.mark.parametrize("way", [over_websocket, over_sse])
async def test_a_trusted_subscription_is_followed_by_its_hash(
    strict: Server, alice: Person, token: str, way: Way
) -> None:
    operation = hashed("follow", variables={"id": job_id(alice.export())})
    assert (await way(strict, token, operation))["data"] == {"jobProgress": {"status": "PENDING"}}


@each_way
async def test_a_document_is_asked_for_by_its_hash_once_it_was_sent(
    server: Server, token: str, way: Way, request: pytest.FixtureRequest
) -> None:
    query = f"{{ documents {{ edges {{ cursor }} }} }} # {request.node.name}"
    unknown = await way(server, token, hashed(hash_of(query)))
    assert code_of(unknown) == "PERSISTED_QUERY_NOT_FOUND"
    assert unknown["errors"][0]["message"] == "PersistedQueryNotFound"
    assert code_of(await way(server, token, hashed(hash_of("another"), query=query))) == "BAD_REQUEST"
    for operation in (hashed(hash_of(query), query=query), hashed(hash_of(query))):
        assert (await way(server, token, operation))["data"] == {"documents": {"edges": []}}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("query Page { nothing }", "Cannot query field 'nothing' on type 'Query'."),
        ("query Page {", "Syntax Error"),
        ("{" + " __typename" * 600 + "}", "fields"),
        ("query Page { __schema { types { name } } }", "introspection"),
    ],
    ids=["validation", "syntax", "limits", "introspection, in production"],
)
def test_a_bad_document_in_the_list_stops_the_process_and_is_named(
    start: Start, tmp_path: Path, document: str, reason: str
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"good": DOCUMENTS, "page-of-yesterday": document}))
    with pytest.raises(AssertionError) as stopped:
        start(TRUSTED_DOCUMENTS=str(manifest))
    said = str(stopped.value)
    assert said.startswith("resumepair-graphql: TRUSTED_DOCUMENTS: document page-of-yesterday: ")
    assert reason in said
    assert said.count("\n") == 1
