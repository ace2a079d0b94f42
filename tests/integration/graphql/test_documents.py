"""`saveDocument` and `deleteDocument`, as a client meets them."""

from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb
from strawberry.relay import to_base64

from resumepair_graphql.answer_room import MAX_ANSWER_BYTES
from resumepair_graphql.auth import Identity
from resumepair_graphql.context import Services
from tests.integration.conftest import Connection, Person, WorkerVoice
from tests.integration.graphql.conftest import SCHEMA, Ask, Execute, context_of

SAVE = """mutation ($input: SaveDocumentInput!) { saveDocument(input: $input) {
    document { id title version data } replayed errors { code path message } } }"""
SAVE_LIMITED = """mutation ($input: SaveDocumentInput!) { saveDocument(input: $input) {
    errors { code message ... on RateLimited { active limit } } } }"""
DELETE = (
    """mutation ($id: ID!) { deleteDocument(input: {documentId: $id}) { deletedId errors { code path message } } }"""
)
NEW = {"title": "CV", "data": {"profile": {}}}
NOT_FOUND = [{"code": "NOT_FOUND", "path": ["input", "documentId"], "message": "There is no such document."}]


async def test_the_same_key_gives_the_first_document_again(ask: Ask, alice: Person, admin: Connection) -> None:
    first = await ask(alice, SAVE, input={**NEW, "idempotencyKey": "k"})
    again = await ask(alice, SAVE, input={**NEW, "idempotencyKey": "k"})
    other = await ask(alice, SAVE, input={**NEW, "title": "Another", "idempotencyKey": "k"})
    assert (first["replayed"], again["replayed"], other["replayed"]) == (False, True, False)
    assert again["document"] == first["document"]
    assert (other["document"], other["errors"][0]["code"]) == (None, "IDEMPOTENCY_KEY_REUSED")
    assert other["errors"][0]["path"] == ["input", "idempotencyKey"]
    assert len(admin.execute("select from resumepair.documents").fetchall()) == 1


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({**NEW, "idempotencyKey": ""}, "idempotencyKey"),
        ({**NEW, "idempotencyKey": "x" * 201}, "idempotencyKey"),
        ({"data": {}, "idempotencyKey": "k"}, "title"),
        ({"title": " ", "data": {}, "idempotencyKey": "k"}, "title"),
        ({"title": "CV", "data": [], "idempotencyKey": "k"}, "data"),
    ],
)
async def test_a_bad_document_or_key_is_refused_with_its_field(
    ask: Ask, alice: Person, given: dict[str, Any], path: str
) -> None:
    payload = await ask(alice, SAVE, input=given)
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [("INVALID_INPUT", ["input", path])]
    assert payload["document"] is None


async def test_a_key_goes_with_a_new_document_only(ask: Ask, alice: Person) -> None:
    id_ = to_base64("Document", alice.save_document())
    payload = await ask(alice, SAVE, input={"id": id_, "title": "New", "idempotencyKey": "k"})
    assert [error["path"] for error in payload["errors"]] == [["input", "idempotencyKey"]]
    changed = await ask(alice, SAVE, input={"id": id_, "title": "New"})
    assert (changed["document"]["title"], changed["document"]["version"], changed["replayed"]) == ("New", 2, False)


async def test_more_documents_than_allowed_are_refused_with_the_numbers(
    ask: Ask, alice: Person, admin: Connection
) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_documents) values (%s, 1)", [alice.id])
    alice.save_document()
    (error,) = (await ask(alice, SAVE_LIMITED, input=NEW))["errors"]
    assert error == {
        "code": "RATE_LIMITED", "message": "You have 1 of 1 documents; delete one.", "active": 1, "limit": 1
    }  # fmt: skip


def save_large(person: Person, size: int) -> str:
    (row,) = person.run(
        "insert into resumepair.documents (title, data) values ('large', %s) returning id", Jsonb({"x": "y" * size})
    )
    return to_base64("Document", row["id"])


async def test_an_answer_has_room_for_so_many_bytes_of_documents(execute: Execute, alice: Person) -> None:
    ids = [save_large(alice, 1_000_000) for _ in range(5)]
    nodes, errors = await execute(
        alice, "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Document { title data } } }", ids=ids
    )
    assert [node["title"] for node in nodes] == ["large"] * 5
    assert sorted(bool(node["data"]) for node in nodes) == [False, True, True, True, True]
    (error,) = errors
    assert error.extensions == {"code": "RESPONSE_TOO_LARGE", "limit": MAX_ANSWER_BYTES}
    assert nodes[error.path[1]]["data"] is None


async def test_each_alias_takes_its_room(execute: Execute, alice: Person) -> None:
    id_ = save_large(alice, 1_000_000)
    aliases = " ".join(f"a{n}: data" for n in range(40))
    document, errors = await execute(alice, f"query ($id: ID!) {{ document(id: $id) {{ {aliases} }} }}", id=id_)
    assert sum(value is not None for value in document.values()) == 4
    assert [error.extensions["code"] for error in errors] == ["RESPONSE_TOO_LARGE"] * 36


async def test_documents_are_read_without_their_data_and_data_only_as_far_as_there_is_room(
    services: Services, execute: Execute, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        save_large(alice, 1_000_000)
    read: list[int] = []
    rows = services.database.rows

    async def weighed(identity: Identity, query: str, **values: object) -> list[Any]:
        found = await rows(identity, query, **values)
        read.append(sum(len(str(row)) for row in found))
        return found

    monkeypatch.setattr(services.database, "rows", weighed)
    await execute(alice, "{ jobs { edges { node { document { title } } } } }")
    page = "documents { edges { node { data } } }"
    result = await SCHEMA.execute(
        "{ " + " ".join(f"p{n}: {page}" for n in range(4)) + " }", context_value=context_of(services, alice)
    )
    assert len(result.errors or []) == 4 * 6 - 4
    assert sum(read) < 2 * MAX_ANSWER_BYTES


async def test_a_deleted_document_is_gone_and_its_exports_are_not(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    document = alice.save_document("My CV")
    worker.finish(alice.enqueue(document)[0]["job_id"])
    alice.enqueue(document)
    alice.schedule(document)
    id_ = to_base64("Document", document)

    assert await ask(alice, DELETE, id=id_) == {"deletedId": id_, "errors": []}

    assert await ask(alice, "query ($id: ID!) { document(id: $id) { id } }", id=id_) is None
    history = await ask(alice, "{ history { edges { node { documentTitle document { id } status } } } }")
    assert [edge["node"] for edge in history["edges"]] == [
        {"documentTitle": "My CV", "document": None, "status": "AVAILABLE"}
    ]
    jobs = await ask(alice, "{ jobs { edges { node { status documentTitle document { id } } } } }")
    assert [edge["node"] for edge in jobs["edges"]] == [
        {"status": status, "documentTitle": "My CV", "document": None} for status in ("PENDING", "COMPLETED")
    ]
    assert (await ask(alice, "{ schedules { edges { node { id } } } }"))["edges"] == []


async def test_what_is_not_there_or_not_one_s_own_is_not_deleted(ask: Ask, alice: Person, bob: Person) -> None:
    gone = to_base64("Document", alice.save_document())
    await ask(alice, DELETE, id=gone)
    his = to_base64("Document", bob.save_document())
    for id_ in (gone, his, to_base64("Document", uuid4()), to_base64("ExportJob", uuid4()), "x"):
        assert await ask(alice, DELETE, id=id_) == {"deletedId": None, "errors": NOT_FOUND}
    assert await ask(bob, "query ($id: ID!) { document(id: $id) { id } }", id=his) == {"id": his}


async def test_without_a_token_nothing_is_deleted(execute: Execute, alice: Person) -> None:
    payload, _ = await execute(None, DELETE, id=to_base64("Document", alice.save_document()))
    assert [error["code"] for error in payload["errors"]] == ["UNAUTHENTICATED"]
