"""Finished exports: the same again, a fresh one, and deleting one."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from strawberry.relay import to_base64

from tests.integration.conftest import Connection, Person, WorkerVoice, job_row
from tests.integration.graphql.conftest import Ask

KEY = "k" * 64
EXPORT = """mutation ($id: ID!, $fresh: Boolean!, $key: String) {
  exportPdf(input: {documentId: $id, fresh: $fresh, idempotencyKey: $key}) { job { id } replayed errors { code } } }"""
DELETE = "mutation ($id: ID!) { deleteExport(input: {exportId: $id}) { deletedId errors { code path } } }"
JOB = "query ($id: ID!) { job(id: $id) { status cached artifact { cached exportId } } }"
HISTORY = "{ history { edges { node { id cached status } } } }"
URLS = "query ($id: ID!) { batch(id: $id) { bundle { id url } jobs { edges { node { artifact { url } } } } } }"
DOWNLOAD = "mutation ($id: ID!) { createDownloadUrl(input: {exportId: $id}) { url expiresAt } }"
USAGE = "{ me { usage { bytesUsed } } }"


async def export(ask: Ask, person: Person, document: UUID, **more: object) -> dict[str, Any]:
    given = {"id": to_base64("Document", document), "fresh": False, "key": None, **more}
    return await ask(person, EXPORT, **given)  # type: ignore[no-any-return]


def key_of(payload: dict[str, Any], admin: Connection) -> UUID:
    """The key of the latest job, which the payload is about."""
    assert payload["job"]
    row = admin.execute("select id from resumepair.export_jobs order by created_at desc, id limit 1").fetchone()
    assert row
    return row["id"]  # type: ignore[no-any-return]


async def test_what_was_answered_from_storage_says_so(
    ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    document = alice.save_document()
    first = key_of(await export(ask, alice, document), admin)
    worker.claim(first)
    worker.publish(first, 1, content_key=KEY)
    second = key_of(await export(ask, alice, document), admin)
    worker.claim(second)
    worker.reuse(second, 1, KEY)

    jobs = [await ask(alice, JOB, id=to_base64("ExportJob", key)) for key in (first, second)]
    assert [(job["status"], job["cached"], job["artifact"]["cached"]) for job in jobs] == [
        ("COMPLETED", False, False),
        ("COMPLETED", True, True),
    ]
    edges = (await ask(alice, HISTORY))["edges"]
    assert [edge["node"]["cached"] for edge in edges] == [True, False]
    assert (await ask(alice, USAGE))["usage"] == {"bytesUsed": 1000}


async def test_no_link_outlives_its_export(ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    (job,) = alice.enqueue(alice.save_document(), batch=True)
    export_id = worker.finish(job["job_id"])
    worker.finish_bundle(job["batch_id"])
    ends = datetime.now(UTC) + timedelta(seconds=20)
    admin.execute("update resumepair.export_history set expires_at = %s", [ends])
    admin.execute("update resumepair.export_bundles set expires_at = %s", [ends])
    found = await ask(alice, URLS, id=to_base64("ExportBatch", job["batch_id"]))
    urls = [found["bundle"]["url"], found["jobs"]["edges"][0]["node"]["artifact"]["url"]]
    for id_ in (to_base64("Export", export_id), found["bundle"]["id"]):
        link = await ask(alice, DOWNLOAD, id=id_)
        assert datetime.fromisoformat(link["expiresAt"]) <= ends
        urls.append(link["url"])
    assert {int(parse_qs(urlsplit(url).query)["expires"][0]) for url in urls} == {int(ends.timestamp())}


async def test_a_fresh_one_can_be_asked_for(ask: Ask, alice: Person, admin: Connection) -> None:
    job = key_of(await export(ask, alice, alice.save_document(), fresh=True), admin)
    assert job_row(admin, job)["fresh"] is True


async def test_one_key_is_not_for_both_a_fresh_one_and_any(ask: Ask, alice: Person) -> None:
    document = alice.save_document()
    await export(ask, alice, document, key="k")
    assert (await export(ask, alice, document, key="k"))["replayed"] is True
    refused = await export(ask, alice, document, key="k", fresh=True)
    assert refused["errors"] == [{"code": "IDEMPOTENCY_KEY_REUSED"}]


async def test_a_deleted_export_is_gone_from_everywhere(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    job = alice.export()
    id_ = to_base64("Export", worker.finish(job))
    assert await ask(alice, DELETE, id=id_) == {"deletedId": id_, "errors": []}
    assert await ask(alice, HISTORY) == {"edges": []}
    assert await ask(alice, JOB, id=to_base64("ExportJob", job)) == {
        "status": "COMPLETED", "cached": False, "artifact": None,
    }  # fmt: skip
    assert (await ask(alice, USAGE))["usage"] == {"bytesUsed": 0}
    again = await ask(alice, DELETE, id=id_)
    assert again == {"deletedId": None, "errors": [{"code": "NOT_FOUND", "path": ["input", "exportId"]}]}


async def test_somebody_else_s_export_is_not_there_to_be_deleted(
    ask: Ask, alice: Person, bob: Person, worker: WorkerVoice
) -> None:
    id_ = to_base64("Export", worker.finish(alice.export()))
    assert (await ask(bob, DELETE, id=id_))["errors"][0]["code"] == "NOT_FOUND"
    assert len((await ask(alice, HISTORY))["edges"]) == 1


async def test_an_expired_export_stays_in_the_history_without_its_file(
    ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    worker.finish(alice.export())
    admin.execute("update resumepair.export_history set created_at = now() - interval '8 days', expires_at = now()")
    worker.call("select resumepair.expire_exports(50)")
    (edge,) = (await ask(alice, HISTORY))["edges"]
    assert edge["node"]["status"] == "EXPIRED"
    assert (await ask(alice, USAGE))["usage"] == {"bytesUsed": 0}
