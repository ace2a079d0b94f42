"""The bundle of a batch over GraphQL: when it is there, how it is followed, downloaded, deleted and made anew."""

from typing import Any
from uuid import UUID

import pytest
from strawberry.relay import to_base64

from resumepair_graphql.context import Services
from tests.integration.conftest import Connection, Person, WorkerVoice, bundle_row
from tests.integration.graphql.conftest import Ask, Subscribe, count_queries

FIELDS = """id status fileName byteSize sha256 entryCount expiresAt finishedAt url downloadUrl downloadCount
    failure { code message retryable }"""
BATCH = f"query ($id: ID!) {{ batch(id: $id) {{ finishedAt bundle {{ {FIELDS} }} }} }}"
NODE = "query ($id: ID!) { node(id: $id) { id ... on ExportBundle { status } } }"
PROGRESS = """subscription ($id: ID!, $after: Int) { batchProgress(id: $id, afterSequence: $after) {
    sequence percent finishedAt bundle { status entryCount } } }"""
LINK = """mutation ($id: ID!) {
    createDownloadUrl(input: {exportId: $id}) { url errors { code path ... on InvalidState { status } } } }"""
DELETE = "mutation ($id: ID!) { deleteExport(input: {exportId: $id}) { deletedId errors { code path } } }"
BUNDLE = """mutation ($id: ID!) { bundleBatch(input: {batchId: $id}) {
    batch { bundle { id status } } errors { code message path } } }"""


def batch_of(person: Person, size: int) -> tuple[UUID, list[UUID]]:
    rows = person.enqueue(*(person.save_document() for _ in range(size)), batch=True)
    return rows[0]["batch_id"], [row["job_id"] for row in rows]


def finished(person: Person, worker: WorkerVoice) -> UUID:
    """A batch whose only job has completed."""
    batch, (job,) = batch_of(person, 1)
    worker.finish(job)
    return batch


def global_id(batch: UUID) -> str:
    return to_base64("ExportBatch", batch)


def told(batch: dict[str, Any]) -> tuple[int, str | None]:
    """Its sequence, and the state of its bundle."""
    return batch["sequence"], batch["bundle"] and batch["bundle"]["status"]


async def test_a_bundle_is_there_from_the_end_of_the_last_job_on(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    batch, (first, last) = batch_of(alice, 2)
    worker.finish(first)
    assert await ask(alice, BATCH, id=global_id(batch)) == {"finishedAt": None, "bundle": None}

    worker.claim(last)
    worker.fail(last, 1)
    pending = (await ask(alice, BATCH, id=global_id(batch)))["bundle"]
    nothing_yet = ("fileName", "byteSize", "sha256", "entryCount", "expiresAt", "finishedAt", "url", "failure")
    assert (pending["status"], {pending[name] for name in nothing_yet}) == ("PENDING", {None})

    worker.finish_bundle(batch)
    bundle = (await ask(alice, BATCH, id=global_id(batch)))["bundle"]
    assert (bundle["id"], bundle["status"]) == (pending["id"], "COMPLETED")
    assert (bundle["fileName"], bundle["byteSize"], bundle["entryCount"]) == ("exports.zip", 500, 1)
    assert bundle["url"].startswith("http://api.example/files/")
    assert bundle["downloadUrl"].startswith("http://api.example/exports/")
    assert await ask(alice, NODE, id=bundle["id"]) == {"id": bundle["id"], "status": "COMPLETED"}


async def test_a_bundle_that_does_not_fit_says_so_and_can_be_asked_for_again(
    ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    batch = finished(alice, worker)
    key = bundle_row(admin, batch)["id"]
    worker.claim_bundle(key)
    worker.fail_bundle(key, 1)
    failed = (await ask(alice, BATCH, id=global_id(batch)))["bundle"]
    assert (failed["status"], failed["failure"]) == (
        "FAILED", {"code": "QUOTA_EXCEEDED", "message": "It does not fit.", "retryable": False},
    )  # fmt: skip
    for _ in range(2):
        payload = await ask(alice, BUNDLE, id=global_id(batch))
        assert payload == {"batch": {"bundle": {"id": failed["id"], "status": "PENDING"}}, "errors": []}


async def test_a_batch_that_has_not_finished_is_not_bundled(ask: Ask, alice: Person, bob: Person) -> None:
    batch, _ = batch_of(alice, 1)
    for person, code in ((alice, "INVALID_STATE"), (bob, "NOT_FOUND")):
        payload = await ask(person, BUNDLE, id=global_id(batch))
        (error,) = payload["errors"]
        assert (payload["batch"], error["code"], error["path"]) == (None, code, ["input", "batchId"])


async def test_a_batch_is_followed_until_its_bundle_is_there(
    subscribe: Subscribe, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    batch, (job,) = batch_of(alice, 1)
    events = subscribe(alice, PROGRESS, id=global_id(batch))
    assert told(await anext(events)) == (1, None)
    worker.claim(job)
    assert told(await anext(events)) == (2, None)
    worker.publish(job, 1)
    assert told(end := await anext(events)) == (4, "PENDING")
    assert (end["percent"], end["finishedAt"] is not None) == (100, True)
    key = bundle_row(admin, batch)["id"]
    worker.claim_bundle(key)
    assert told(await anext(events)) == (5, "PROCESSING")
    worker.reserve_bundle(key, 1)
    worker.publish_bundle(key, 1)
    last = await anext(events)
    assert (told(last), last["bundle"]["entryCount"]) == ((6, "COMPLETED"), 1)
    assert [event async for event in events] == []
    assert [event async for event in subscribe(alice, PROGRESS, id=global_id(batch), after=6)] == []


async def test_following_ends_when_the_bundle_fails_or_is_deleted(
    subscribe: Subscribe, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    for status in ("FAILED", None):
        batch = finished(alice, worker)
        events = subscribe(alice, PROGRESS, id=global_id(batch))
        await anext(events)
        key = bundle_row(admin, batch)["id"]
        if status:
            worker.claim_bundle(key)
            worker.fail_bundle(key, 1)
        else:
            alice.run("select resumepair.delete_export(%s)", key)
        assert told([event async for event in events][-1])[1] == status


async def test_a_job_that_is_tried_again_while_its_batch_is_followed_is_told(
    subscribe: Subscribe, alice: Person, worker: WorkerVoice
) -> None:
    batch, (good, bad) = batch_of(alice, 2)
    worker.finish(good)
    worker.claim(bad)
    worker.fail(bad, 1)
    events = subscribe(alice, PROGRESS, id=global_id(batch))
    first = await anext(events)
    alice.retry(bad)
    again = await anext(events)
    assert again["sequence"] > first["sequence"]
    assert (again["finishedAt"], again["bundle"], again["percent"]) == (None, None, 50)
    worker.finish(bad)
    worker.finish_bundle(batch)
    rest = [event async for event in events]
    assert told(rest[-1])[1] == "COMPLETED"
    sequences = [event["sequence"] for event in (first, again, *rest)]
    assert sequences == sorted(set(sequences))


async def test_a_bundle_is_read_only_where_it_is_asked_for_and_once_for_all(
    services: Services, ask: Ask, alice: Person, worker: WorkerVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [global_id(finished(alice, worker)) for _ in range(3)]
    asked = count_queries(services, monkeypatch)
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on ExportBatch { total bundle { status } } } }"
    assert [node["bundle"]["status"] for node in await ask(alice, query, ids=ids)] == ["PENDING"] * 3
    assert sorted(asked) == ["batches_by_id", "bundles_by_id"]


async def test_links_to_a_bundle_are_made_and_counted_as_those_to_an_export(
    ask: Ask, alice: Person, bob: Person, worker: WorkerVoice, admin: Connection
) -> None:
    batch = finished(alice, worker)
    id_ = to_base64("ExportBundle", bundle_row(admin, batch)["id"])
    payload = await ask(alice, LINK, id=id_)
    error = {"code": "INVALID_STATE", "path": ["input", "exportId"], "status": "PENDING"}
    assert payload == {"url": None, "errors": [error]}

    worker.finish_bundle(batch)
    assert "download=exports.zip" in (await ask(alice, LINK, id=id_))["url"]
    assert (await ask(alice, BATCH, id=global_id(batch)))["bundle"]["downloadCount"] == 1
    assert (await ask(bob, LINK, id=id_))["errors"][0]["code"] == "NOT_FOUND"

    admin.execute("update resumepair.export_bundles set expires_at = now()")
    assert (await ask(alice, LINK, id=id_))["errors"][0]["code"] == "EXPORT_EXPIRED"
    assert (await ask(alice, BATCH, id=global_id(batch)))["bundle"]["url"] is None


async def test_a_bundle_goes_alone_or_with_an_export_in_it(
    ask: Ask, alice: Person, bob: Person, worker: WorkerVoice
) -> None:
    for kind in ("ExportBundle", "Export"):
        batch = finished(alice, worker)
        bundle = to_base64("ExportBundle", worker.finish_bundle(batch))
        (export,) = alice.run("select id from resumepair.export_history order by created_at desc limit 1")
        id_ = bundle if kind == "ExportBundle" else to_base64("Export", export["id"])
        assert (await ask(bob, DELETE, id=id_))["errors"][0]["code"] == "NOT_FOUND"
        assert await ask(alice, DELETE, id=id_) == {"deletedId": id_, "errors": []}
        assert (await ask(alice, BATCH, id=global_id(batch)))["bundle"] is None
        assert await ask(alice, NODE, id=bundle) is None
