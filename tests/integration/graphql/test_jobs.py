"""What a job tells of itself, and the list of jobs."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from strawberry.relay import to_base64

from resumepair_graphql.context import Services
from tests.integration.conftest import Connection, Person, WorkerVoice, in_state
from tests.integration.graphql.conftest import Ask, Execute, count_queries

OPTIONS = "options { template pageSize fit }"
JOB = f"""query ($id: ID!) {{ job(id: $id) {{
    status queuePosition batch {{ id total }} format documentTitle {OPTIONS} }} }}"""
JOBS = f"""query ($filter: JobsFilter) {{ jobs(filter: $filter, first: 100) {{
    edges {{ node {{ id status queuePosition batch {{ id }} document {{ id }} {OPTIONS} }} }} }} }}"""


def job_id(key: UUID) -> str:
    return to_base64("ExportJob", key)


async def listed(ask: Ask, person: Person, **conditions: object) -> list[dict[str, Any]]:
    return [edge["node"] for edge in (await ask(person, JOBS, filter=conditions or None))["edges"]]


async def test_a_job_tells_what_was_asked_for(ask: Ask, alice: Person) -> None:
    options = {"template": "modern", "pageSize": "Letter", "fit": "ONE_PAGE"}
    (row,) = alice.enqueue(alice.save_document("My CV"), options=options)
    job = await ask(alice, JOB, id=job_id(row["job_id"]))
    assert job == {
        "status": "PENDING", "queuePosition": 0, "batch": None, "format": "PDF", "documentTitle": "My CV",
        "options": {"template": "modern", "pageSize": "LETTER", "fit": "ONE_PAGE"},
    }  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"template": 1, "pageSize": "B5", "fit": ["x"], "more": True}])
async def test_options_that_nobody_asked_for_or_knows_are_null(
    ask: Ask, alice: Person, options: dict[str, str]
) -> None:
    (row,) = alice.enqueue(alice.save_document(), options=options)
    job = await ask(alice, JOB, id=job_id(row["job_id"]))
    assert job["options"] == {"template": None, "pageSize": None, "fit": None}


async def test_a_schedule_tells_what_its_exports_will_be(ask: Ask, alice: Person) -> None:
    alice.schedule(options={"template": "modern", "pageSize": "a4"})
    page = await ask(alice, f"{{ schedules {{ edges {{ node {{ {OPTIONS} }} }} }} }}")
    assert page["edges"][0]["node"]["options"] == {"template": "modern", "pageSize": "A4", "fit": None}


async def test_a_job_of_a_batch_leads_to_it(ask: Ask, alice: Person) -> None:
    rows = alice.enqueue(alice.save_document(), alice.save_document(), batch=True)
    job = await ask(alice, JOB, id=job_id(rows[1]["job_id"]))
    assert job["batch"] == {"id": to_base64("ExportBatch", rows[0]["batch_id"]), "total": 2}
    assert job["queuePosition"] == 1


async def test_only_a_job_that_waits_for_its_turn_has_a_place(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    key = alice.export()
    worker.connection.execute("select procrastinate_fetch_job_v2(array['exports'], null)")
    worker.claim(key)
    assert (await ask(alice, JOB, id=job_id(key)))["queuePosition"] is None
    worker.fail(key, 1, retry_in="1 hour")
    job = await ask(alice, JOB, id=job_id(key))
    assert (job["status"], job["queuePosition"]) == ("PENDING", None)


@pytest.mark.parametrize("state", ["processing", "completed", "failed", "cancelled"])
async def test_jobs_are_listed_by_their_state(ask: Ask, alice: Person, worker: WorkerVoice, state: str) -> None:
    key, waiting = in_state(state, alice, worker), alice.export()
    assert [job["id"] for job in await listed(ask, alice)] == [job_id(waiting), job_id(key)]
    (found,) = await listed(ask, alice, status=state.upper())
    assert (found["id"], found["status"]) == (job_id(key), state.upper())
    both = await listed(ask, alice, status=["PENDING", state.upper()])
    assert [job["id"] for job in both] == [job_id(waiting), job_id(key)]
    assert await listed(ask, alice, status=[]) == []


async def test_jobs_are_listed_by_their_document(ask: Ask, alice: Person, bob: Person) -> None:
    document = alice.save_document()
    (row,) = alice.enqueue(document)
    alice.export()
    bob.export()
    (found,) = await listed(ask, alice, documentId=to_base64("Document", document))
    assert found["id"] == job_id(row["job_id"])
    for other in ("x", to_base64("Document", uuid4()), to_base64("ExportJob", row["job_id"])):
        assert await listed(ask, alice, documentId=other) == []


async def test_a_page_of_jobs_takes_a_query_of_each_kind(
    services: Services, ask: Ask, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.enqueue(alice.save_document(), alice.save_document(), batch=True)
    alice.export()
    asked = count_queries(services, monkeypatch)
    jobs = await listed(ask, alice)
    assert sorted(job["queuePosition"] for job in jobs) == [0, 1, 2]
    assert sorted(asked) == ["batches_by_id", "documents_by_id", "jobs_by_id", "jobs_page", "queue_positions"]


async def test_without_a_token_there_are_no_jobs(execute: Execute, alice: Person) -> None:
    alice.export()
    value, (error,) = await execute(None, JOBS)
    assert (value, error.extensions) == (None, {"code": "UNAUTHENTICATED"})


HISTORY = """query ($filter: HistoryFilter) { history(filter: $filter) {
    edges { node { id status format template document { id } } } } }"""


async def exports(ask: Ask, person: Person, **conditions: object) -> list[str]:
    return [edge["node"]["id"] for edge in (await ask(person, HISTORY, filter=conditions or None))["edges"]]


async def test_the_history_is_filtered_by_what_an_export_is(
    ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    document = alice.save_document()
    old, new = (to_base64("Export", worker.finish(alice.enqueue(document)[0]["job_id"])) for _ in range(2))
    admin.execute(
        "update resumepair.export_history set template = 'modern', created_at = '2026-01-01T00:00:00Z',"
        " expires_at = '2026-01-08T00:00:00Z' where id = (select id from resumepair.export_history order by created_at"
        " limit 1)"
    )
    conditions: list[tuple[dict[str, object], list[str]]] = [
        ({}, [new, old]),
        ({"status": "AVAILABLE"}, [new]),
        ({"status": "EXPIRED"}, [old]),
        ({"format": "PDF"}, [new, old]),
        ({"template": "modern"}, [old]),
        ({"template": "classic"}, [new]),
        ({"template": "baroque"}, []),
        ({"documentId": to_base64("Document", document)}, [new, old]),
        ({"documentId": to_base64("Document", uuid4())}, []),
        ({"until": "2026-01-01T00:00:01Z"}, [old]),
        ({"since": "2026-01-01T01:00:00+01:00", "until": "2026-01-01T00:00:00Z"}, []),
        ({"since": "2026-01-01T00:00:01Z"}, [new]),
        ({"status": "EXPIRED", "template": "modern", "documentId": to_base64("Document", document)}, [old]),
        ({"status": "EXPIRED", "template": "classic"}, []),
    ]
    for wanted, found in conditions:
        assert await exports(ask, alice, **wanted) == found, wanted


@pytest.mark.parametrize("name", ["since", "until"])
async def test_a_moment_without_an_offset_is_refused(execute: Execute, alice: Person, name: str) -> None:
    value, (error,) = await execute(alice, HISTORY, filter={name: "2026-01-01T00:00:00"})
    assert (value, error.extensions) == (None, {"code": "INVALID_INPUT"})
    assert f"`{name}` needs an offset" in error.message
