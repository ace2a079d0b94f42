"""`node` and `nodes`: every object is fetched again by its global id."""

from base64 import b64encode
from typing import Any
from uuid import UUID, uuid4

import pytest
from strawberry.relay import to_base64

from resumepair_graphql.context import Services
from resumepair_graphql.nodes import LOADS, NODES_MAX
from tests.integration.conftest import Person, WorkerVoice
from tests.integration.graphql.conftest import SCHEMA, Ask, Execute, count_queries

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


@pytest.fixture
def ids(alice: Person, worker: WorkerVoice) -> dict[str, str]:
    """A global id of each type, all of them alice's."""
    document = alice.save_document()
    job = alice.enqueue(document)[0]["job_id"]
    (finished,) = alice.enqueue(document, batch=True)
    worker.finish(finished["job_id"])
    webhook = alice.register_webhook()["webhook_id"]
    keys: dict[str, UUID] = {
        "Document": document,
        "ExportJob": job,
        "ExportBatch": alice.enqueue(document, batch=True)[0]["batch_id"],
        "Export": worker.finish(job),
        "ExportBundle": worker.finish_bundle(finished["batch_id"]),
        "ExportSchedule": alice.schedule(document)["schedule_id"],
        "Webhook": webhook,
        "WebhookDelivery": alice.run("select resumepair.test_webhook(%s) as id", webhook)[0]["id"],
    }
    return {name: to_base64(name, key) for name, key in keys.items()}


async def test_every_type_of_node_is_fetched_again_by_its_id(ask: Ask, alice: Person, ids: dict[str, str]) -> None:
    for name, id_ in ids.items():
        assert await ask(alice, NODE, id=id_) == {"__typename": name, "id": id_}


def test_every_type_that_is_a_node_can_be_fetched() -> None:
    implementations = SCHEMA._schema.get_implementations(SCHEMA._schema.type_map["Node"])  # type: ignore[arg-type]
    assert {type_.name for type_ in implementations.objects} == set(LOADS)


async def test_a_node_has_the_fields_of_its_type(ask: Ask, alice: Person, ids: dict[str, str]) -> None:
    query = """query ($id: ID!) { node(id: $id) {
        ... on Export { fileName status format document { id } job { id } } } }"""
    assert await ask(alice, query, id=ids["Export"]) == {
        "fileName": "cv.pdf", "status": "AVAILABLE", "format": "PDF", "document": {"id": ids["Document"]},
        "job": {"id": ids["ExportJob"]},
    }  # fmt: skip


async def test_nodes_come_in_the_order_asked_for_with_gaps(ask: Ask, alice: Person, ids: dict[str, str]) -> None:
    wanted = [ids["Export"], "x", ids["Document"], to_base64("Document", uuid4()), ids["Export"]]
    nodes = await ask(alice, NODES, ids=wanted)
    assert [node and node["id"] for node in nodes] == [ids["Export"], None, ids["Document"], None, ids["Export"]]
    assert await ask(alice, NODES, ids=[]) == []


async def test_nodes_are_read_in_one_query_per_type(
    services: Services, ask: Ask, alice: Person, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = count_queries(services, monkeypatch)
    more = [to_base64("Document", alice.save_document()) for _ in range(3)]
    assert all(await ask(alice, NODES, ids=[*ids.values(), *more]))
    assert sorted(asked) == [
        "batches_by_id", "bundles_by_id", "documents_by_id", "exports_by_id", "jobs_by_id", "schedules_by_id",
        "webhook_deliveries_by_id", "webhooks_by_id",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "x",
        "é",
        "RG9jdW1lbnQ6",
        b64encode(b"\xff\xfe:1").decode(),
        to_base64("Document", "not a uuid"),
        to_base64("Query", UUID(int=7)),
        to_base64("Nobody", UUID(int=7)),
        to_base64("Document", UUID(int=7)),
    ],
)
async def test_unknown_and_malformed_ids_are_the_same_null(ask: Ask, alice: Person, bad: str) -> None:
    assert await ask(alice, NODE, id=bad) is None
    assert await ask(alice, NODES, ids=[bad]) == [None]


async def test_another_user_s_objects_are_null(ask: Ask, bob: Person, ids: dict[str, str]) -> None:
    assert await ask(bob, NODES, ids=list(ids.values())) == [None] * len(ids)


async def test_more_ids_than_allowed_are_refused(execute: Execute, alice: Person) -> None:
    value, (error,) = await execute(alice, NODES, ids=["x"] * (NODES_MAX + 1))
    assert (value, error.extensions["code"]) == (None, "INVALID_INPUT")
    assert "at most 100" in error.message


async def test_without_a_token_there_are_no_nodes(execute: Execute, ids: dict[str, str]) -> None:
    value, (error,) = await execute(None, NODE, id=ids["Document"])
    assert (value, error.extensions) == (None, {"code": "UNAUTHENTICATED"})


CONNECTIONS: dict[str, Any] = {
    "documents": "documents(first: $first, after: $after) { %s }",
    "jobs": "jobs(first: $first, after: $after) { %s }",
    "history": "history(first: $first, after: $after) { %s }",
    "schedules": "schedules(first: $first, after: $after) { %s }",
}
PAGE = "edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"


@pytest.fixture
def five(alice: Person, bob: Person, worker: WorkerVoice) -> None:
    """Five of everything that is listed, and one of somebody else's."""
    for _ in range(5):
        worker.finish(alice.export())
        alice.schedule(alice.run("select id from resumepair.documents limit 1")[0]["id"])
    worker.finish(bob.export())
    bob.schedule()


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize("name", CONNECTIONS)
async def test_every_connection_pages_through_all_of_it_once(ask: Ask, alice: Person, name: str) -> None:
    query = f"query ($first: Int, $after: String) {{ {CONNECTIONS[name] % PAGE} }}"
    pages: list[dict[str, Any]] = []
    after = None
    while not pages or pages[-1]["pageInfo"]["hasNextPage"]:
        pages.append(await ask(alice, query, first=2, after=after))
        after = pages[-1]["pageInfo"]["endCursor"]
    edges = [edge for page in pages for edge in page["edges"]]
    assert [len(page["edges"]) for page in pages] == [2, 2, 1]
    assert len({edge["node"]["id"] for edge in edges}) == len({edge["cursor"] for edge in edges}) == 5
    assert [page["pageInfo"]["hasPreviousPage"] for page in pages] == [False, True, True]
    for page in pages:
        cursors = [edge["cursor"] for edge in page["edges"]]
        assert (page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]) == (cursors[0], cursors[-1])
    whole = await ask(alice, query, first=100)
    assert [edge["node"]["id"] for edge in whole["edges"]] == [edge["node"]["id"] for edge in edges]
    exact = await ask(alice, query, first=5)
    assert exact["pageInfo"]["hasNextPage"] is False
    behind = await ask(alice, query, first=5, after=edges[-1]["cursor"])
    assert (behind["edges"], behind["pageInfo"]["endCursor"]) == ([], None)
    again = await ask(alice, NODES, ids=[edge["node"]["id"] for edge in edges])
    assert [node["id"] for node in again] == [edge["node"]["id"] for edge in edges]


@pytest.mark.parametrize("name", CONNECTIONS)
@pytest.mark.parametrize("asked", [{"first": 0}, {"first": 101}, {"first": -1}, {"after": "x"}])
async def test_every_connection_refuses_the_same(
    execute: Execute, alice: Person, name: str, asked: dict[str, object]
) -> None:
    query = f"query ($first: Int = 1, $after: String) {{ {CONNECTIONS[name] % PAGE} }}"
    value, (error,) = await execute(alice, query, **asked)
    assert (value, error.extensions) == (None, {"code": "INVALID_INPUT"})
    assert f"`{next(iter(asked))}`" in error.message
