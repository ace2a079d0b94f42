import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from strawberry.relay import to_base64

from resumepair_graphql.auth import Identity
from resumepair_graphql.context import Services
from tests import conftest
from tests.integration.conftest import Connection, Person, WorkerVoice, connect, job_row
from tests.integration.graphql.conftest import Ask, Execute

COUNTS = ("pending", "processing", "completed", "failed", "cancelled")
BATCH_FIELDS = """id total pending processing completed failed cancelled percent createdAt finishedAt
    jobs { edges { node { id status document { id } artifact { fileName } failure { code message } } } }"""
ERRORS = "errors { code message path }"
EXPORT = (
    f"mutation ($input: ExportBatchInput!) {{ exportBatch(input: $input) {{ batch {{ {BATCH_FIELDS} }} replayed "
    f"{ERRORS} }} }}"
)
CANCEL = (
    f"mutation ($id: ID!) {{ cancelBatch(input: {{batchId: $id}}) {{ batch {{ {BATCH_FIELDS} }} errors {{ code path }} "
    "} }"
)
BATCH = f"query ($id: ID!) {{ batch(id: $id) {{ {BATCH_FIELDS} }} }}"
PAGE = """query ($id: ID!, $first: Int!, $after: String) { batch(id: $id) { total jobs(first: $first, after: $after) {
    edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""


def document_id(key: UUID) -> str:
    return to_base64("Document", key)


def batch_id(key: UUID) -> str:
    return to_base64("ExportBatch", key)


def made(person: Person, size: int) -> tuple[str, list[UUID]]:
    """A batch's global id and its jobs' keys in order."""
    rows = person.enqueue(*(person.save_document(f"CV {n}") for n in range(size)), batch=True)
    return batch_id(rows[0]["batch_id"]), [row["job_id"] for row in rows]


def counts(batch: dict[str, Any]) -> dict[str, int]:
    """The counts that are not 0."""
    return {name: batch[name] for name in COUNTS if batch[name]}


def nodes(batch: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in batch["jobs"]["edges"]]


async def test_a_batch_has_a_job_for_each_document_in_their_order(ask: Ask, alice: Person, admin: Connection) -> None:
    documents = [document_id(alice.save_document(f"CV {n}")) for n in range(3)]

    payload = await ask(alice, EXPORT, input={"documentIds": documents, "options": {"template": "modern"}})

    batch = payload["batch"]
    assert (payload["errors"], payload["replayed"], batch["total"], batch["percent"]) == ([], False, 3, 0)
    assert (counts(batch), batch["finishedAt"]) == ({"pending": 3}, None)
    assert [node["document"]["id"] for node in nodes(batch)] == documents
    assert await ask(alice, BATCH, id=batch["id"]) == batch
    options = admin.execute("select distinct options from resumepair.export_jobs").fetchall()
    assert [row["options"] for row in options] == [{"template": "modern"}]


async def test_the_same_key_gives_the_first_batch_again(ask: Ask, alice: Person, admin: Connection) -> None:
    documents = [document_id(alice.save_document()) for _ in range(2)]
    request = {"documentIds": documents, "idempotencyKey": "k"}

    first = await ask(alice, EXPORT, input=request)
    second = await ask(alice, EXPORT, input=request)
    other = await ask(alice, EXPORT, input={**request, "documentIds": documents[:1]})

    assert (first["replayed"], second["replayed"]) == (False, True)
    assert second["batch"] == first["batch"]
    assert (other["batch"], other["errors"][0]["code"]) == (None, "IDEMPOTENCY_KEY_REUSED")
    assert len(admin.execute("select from resumepair.export_jobs").fetchall()) == 2


@pytest.mark.parametrize("kind", ["foreign", "unknown", "malformed", "of another type"])
async def test_a_batch_is_all_or_nothing(ask: Ask, alice: Person, bob: Person, admin: Connection, kind: str) -> None:
    bad = {
        "foreign": document_id(bob.save_document()),
        "unknown": document_id(uuid4()),
        "malformed": "x",
        "of another type": to_base64("Export", uuid4()),
    }[kind]

    payload = await ask(alice, EXPORT, input={"documentIds": [document_id(alice.save_document()), bad]})

    assert payload["batch"] is None
    assert payload["errors"] == [
        {"code": "NOT_FOUND", "message": "There is no such document.", "path": ["input", "documentIds[1]"]}
    ]
    assert admin.execute("select from resumepair.export_batches").fetchall() == []
    assert admin.execute("select from resumepair.export_jobs").fetchall() == []


@pytest.mark.parametrize(
    ("size", "repeated", "reason"),
    [(0, False, "Name the document"), (11, False, "at most 10 documents, not 11"), (2, True, "may be named once")],
)
async def test_a_batch_of_the_wrong_documents_is_refused(
    ask: Ask, alice: Person, size: int, repeated: bool, reason: str
) -> None:
    documents = [document_id(alice.save_document())] * size if repeated else []
    documents = documents or [document_id(alice.save_document()) for _ in range(size)]

    payload = await ask(alice, EXPORT, input={"documentIds": documents})

    (error,) = payload["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", "documentIds"])
    assert reason in error["message"]
    assert payload["batch"] is None


async def test_an_unknown_template_is_refused_as_for_one_document(ask: Ask, alice: Person) -> None:
    request = {"documentIds": [document_id(alice.save_document())], "options": {"template": "x"}}
    (error,) = (await ask(alice, EXPORT, input=request))["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", "options", "template"])


async def test_a_batch_counts_as_one_active_request(ask: Ask, alice: Person) -> None:
    for _ in range(3):
        made(alice, 2)
    (error,) = (await ask(alice, EXPORT, input={"documentIds": [document_id(alice.save_document())]}))["errors"]
    assert error["code"] == "RATE_LIMITED"


async def test_counts_and_percent_follow_the_jobs(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    id_, (first, second, third) = made(alice, 3)

    async def state() -> tuple[dict[str, int], int, bool]:
        batch = await ask(alice, BATCH, id=id_)
        return counts(batch), batch["percent"], batch["finishedAt"] is not None

    worker.claim(first)
    assert await state() == ({"pending": 2, "processing": 1}, 3, False)
    worker.report(first, 1, "rendering")
    worker.claim(second)
    assert await state() == ({"pending": 1, "processing": 2}, 13, False)
    worker.publish(first, 1)
    assert await state() == ({"pending": 1, "processing": 1, "completed": 1}, 36, False)
    worker.fail(second, 1)
    assert await state() == ({"pending": 1, "completed": 1, "failed": 1}, 66, False)
    alice.cancel(third)
    assert await state() == ({"completed": 1, "failed": 1, "cancelled": 1}, 100, True)
    alice.retry(second)
    assert await state() == ({"pending": 1, "completed": 1, "cancelled": 1}, 66, False)


async def test_jobs_come_in_pages_that_later_changes_do_not_shift(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    id_, jobs = made(alice, 5)
    pages: list[list[str]] = []
    after, more = None, True
    while more:
        connection = (await ask(alice, PAGE, id=id_, first=2, after=after))["jobs"]
        info = connection["pageInfo"]
        cursors = [edge["cursor"] for edge in connection["edges"]]
        assert info["hasPreviousPage"] == (after is not None)
        assert (info["startCursor"], info["endCursor"]) == (cursors[0], cursors[-1])
        pages.append([edge["node"]["id"] for edge in connection["edges"]])
        after, more = info["endCursor"], info["hasNextPage"]
        worker.finish(jobs[len(pages)])
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [id_ for page in pages for id_ in page] == [to_base64("ExportJob", key) for key in jobs]
    behind = (await ask(alice, PAGE, id=id_, first=2, after=after))["jobs"]
    assert (behind["edges"], behind["pageInfo"]["hasNextPage"]) == ([], False)


@pytest.mark.parametrize(
    ("first", "after"),
    [(0, None), (101, None), (1, "x"), (1, "InggIg=="), (1, "dHJ1ZQ=="), (1, "OTk5OTk5OTk5OTk5OTk=")],
)
async def test_a_page_out_of_range_is_refused_and_the_batch_still_told(
    execute: Execute, alice: Person, first: int, after: str | None
) -> None:
    id_, _ = made(alice, 1)
    batch, errors = await execute(alice, PAGE, id=id_, first=first, after=after)
    assert batch == {"total": 1, "jobs": None}
    assert [error.extensions for error in errors] == [{"code": "INVALID_INPUT"}]


async def test_a_batch_with_its_jobs_and_their_documents_takes_four_queries(
    services: Services, ask: Ask, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    rows = services.database.rows

    async def counted(identity: Identity, query: str, **values: object) -> list[Any]:
        asked.append(query)
        return await rows(identity, query, **values)

    monkeypatch.setattr(services.database, "rows", counted)
    id_, _ = made(alice, 10)
    await ask(alice, BATCH, id=id_)
    assert sorted(asked) == ["batch_jobs_page", "batches_by_id", "documents_by_id", "jobs_by_id"]


async def test_a_finished_batch_shows_what_failed_and_why(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    id_, (good, bad, invalid) = made(alice, 3)
    worker.finish(good)
    for job, code in ((bad, "RENDER_TIMEOUT"), (invalid, "INVALID_DOCUMENT")):
        worker.claim(job)
        worker.fail(job, 1, code=code)

    batch = await ask(alice, BATCH, id=id_)

    assert (counts(batch), batch["percent"]) == ({"completed": 1, "failed": 2}, 100)
    assert batch["finishedAt"]
    assert [(node["status"], node["failure"] and node["failure"]["code"]) for node in nodes(batch)] == [
        ("COMPLETED", None),
        ("FAILED", "RENDER_TIMEOUT"),
        ("FAILED", "INVALID_DOCUMENT"),
    ]
    assert nodes(batch)[0]["artifact"] == {"fileName": "cv.pdf"}
    assert nodes(batch)[1]["failure"]["message"] == "It took too long."


async def test_cancelling_ends_the_rest_and_leaves_what_has_ended(
    ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    id_, (done, failed, running, waiting) = made(alice, 4)
    single = alice.export()
    worker.finish(done)
    worker.claim(failed)
    worker.fail(failed, 1)
    worker.claim(running)

    payload = await ask(alice, CANCEL, id=id_)
    again = await ask(alice, CANCEL, id=id_)

    batch = payload["batch"]
    assert payload["errors"] == []
    assert (counts(batch), batch["percent"]) == ({"completed": 1, "failed": 1, "cancelled": 2}, 100)
    assert [node["status"] for node in nodes(batch)] == ["COMPLETED", "FAILED", "CANCELLED", "CANCELLED"]
    assert batch["finishedAt"]
    assert again == payload
    assert worker.publish(running, 1) is None
    assert worker.claim(waiting) is None
    assert job_row(admin, single)["status"] == "pending"


async def waits_for_a_lock(admin: Connection) -> None:
    """Until the API's transaction waits for somebody else's."""
    async with asyncio.timeout(10):
        while not admin.execute(  # noqa: ASYNC110 # no event tells of a lock
            "select from pg_stat_activity where application_name = 'resumepair-graphql' and wait_event_type = 'Lock'"
            " and datname = current_database()"
        ).fetchall():
            await asyncio.sleep(0.01)


async def test_a_job_that_completes_while_its_batch_is_cancelled_stays_completed(
    ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    id_, jobs = made(alice, 3)
    first = min(jobs)
    worker.claim(first)
    with worker.connection.transaction():
        assert worker.publish(first, 1)
        cancelling = asyncio.create_task(ask(alice, CANCEL, id=id_))
        await waits_for_a_lock(admin)

    payload = await cancelling

    assert payload["errors"] == []
    assert counts(payload["batch"]) == {"completed": 1, "cancelled": 2}


async def test_a_job_that_ends_meanwhile_stays_as_it_is(
    ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection, database: conftest.Database
) -> None:
    id_, jobs = made(alice, 2)
    last = max(jobs)
    worker.claim(last)
    with connect(database.admin_url) as other, other.transaction():
        other.execute("select from resumepair.export_jobs where id = %s for update", [last])
        cancelling = asyncio.create_task(ask(alice, CANCEL, id=id_))
        await waits_for_a_lock(admin)
        # It wants the batch now, and must not find it held by the cancelling.
        await asyncio.to_thread(WorkerVoice(other, admin).publish, last, 1)

    payload = await cancelling

    assert payload["errors"] == []
    assert counts(payload["batch"]) == {"completed": 1, "cancelled": 1}


async def test_another_users_batch_is_null_and_not_found(ask: Ask, alice: Person, bob: Person) -> None:
    id_, jobs = made(alice, 2)
    for unknown in (id_, batch_id(uuid4()), to_base64("ExportJob", jobs[0]), "x", ""):
        assert await ask(bob, BATCH, id=unknown) is None
        payload = await ask(bob, CANCEL, id=unknown)
        assert payload == {"batch": None, "errors": [{"code": "NOT_FOUND", "path": ["input", "batchId"]}]}
    assert counts(await ask(alice, BATCH, id=id_)) == {"pending": 2}


async def test_without_a_token_there_is_no_batch(execute: Execute, alice: Person) -> None:
    id_, _ = made(alice, 1)
    batch, errors = await execute(None, BATCH, id=id_)
    assert (batch, [error.extensions for error in errors]) == (None, [{"code": "UNAUTHENTICATED"}])
    for query, variables in ((CANCEL, {"id": id_}), (EXPORT, {"input": {"documentIds": [document_id(uuid4())]}})):
        payload, _ = await execute(None, query, **variables)
        assert [error["code"] for error in payload["errors"]] == ["UNAUTHENTICATED"]


async def test_a_batch_s_jobs_do_not_lead_round_to_a_batch_s_jobs(execute: Execute, alice: Person) -> None:
    id_, _ = made(alice, 2)
    once = "query ($id: ID!) { batch(id: $id) { jobs { edges { node { batch { total } } } } } }"
    round_ = "query ($id: ID!) { batch(id: $id) { jobs { edges { node { batch { jobs { edges { cursor } } } } } } } }"
    value, errors = await execute(alice, once, id=id_)
    assert ([edge["node"]["batch"]["total"] for edge in value["jobs"]["edges"]], errors) == ([2, 2], [])
    _, errors = await execute(alice, round_, id=id_)
    assert {error.extensions["code"] for error in errors} == {"INVALID_INPUT"}
