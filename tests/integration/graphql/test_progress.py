import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest
from graphql.execution import execute_subscription_event
from psycopg.types.json import Jsonb
from strawberry.relay import from_base64, to_base64
from strawberry.types import ExecutionResult

from resumepair_graphql.auth import Identity
from resumepair_graphql.context import Services
from resumepair_graphql.errors import TookTooLong, Unavailable
from resumepair_graphql.execution import Policy
from resumepair_graphql.progress import LOOKS_AT_MOST, patiently
from resumepair_graphql.schema import build_schema
from tests.integration.conftest import Connection, Person, WorkerVoice
from tests.integration.graphql.conftest import Subscribe, context_of

JOB = "subscription ($id: ID!) { jobProgress(id: $id) { status } }"
BATCH_FIELDS = "sequence percent pending processing completed failed cancelled finishedAt"
BATCH = f"subscription ($id: ID!, $after: Int) {{ batchProgress(id: $id, afterSequence: $after) {{ {BATCH_FIELDS} }} }}"


def batch_of(person: Person, size: int) -> tuple[str, list[UUID]]:
    """A new batch's global id and its jobs' keys in order."""
    rows = person.enqueue(*(person.save_document() for _ in range(size)), batch=True)
    return to_base64("ExportBatch", rows[0]["batch_id"]), [row["job_id"] for row in rows]


def finish_bundle(worker: WorkerVoice, id_: str) -> None:
    """The bundle of a batch whose jobs have ended: two changes."""
    worker.finish_bundle(UUID(from_base64(id_)[1]))


def told(batch: dict[str, Any]) -> tuple[int, int, bool]:
    """Its sequence, its percent, and whether it has finished."""
    return batch["sequence"], batch["percent"], batch["finishedAt"] is not None


async def test_a_batch_tells_every_change_of_its_jobs_and_completes(
    subscribe: Subscribe, alice: Person, worker: WorkerVoice
) -> None:
    id_, (first, second) = batch_of(alice, 2)
    events = subscribe(alice, BATCH, id=id_)

    assert told(await anext(events)) == (2, 0, False)
    worker.claim(first)
    assert told(await anext(events)) == (3, 5, False)
    worker.publish(first, 1)
    assert told(await anext(events)) == (4, 50, False)
    worker.claim(second)
    assert told(await anext(events)) == (5, 55, False)
    worker.fail(second, 1, retry_in="1 hour")
    back = await anext(events)
    assert (told(back), back["pending"], back["processing"]) == ((6, 50, False), 1, 0)
    alice.cancel(second)
    last = await anext(events)
    assert (told(last), last["completed"], last["cancelled"]) == ((8, 100, True), 1, 1)
    finish_bundle(worker, id_)
    assert told([event async for event in events][-1]) == (10, 100, True)


async def test_a_batch_is_followed_without_a_query_per_change(
    subscribe: Subscribe, services: Services, alice: Person, worker: WorkerVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries: list[str] = []
    rows = services.database.rows

    async def counted(identity: Identity, query: str, **values: object) -> list[Any]:
        queries.append(query)
        return await rows(identity, query, **values)

    monkeypatch.setattr(services.database, "rows", counted)
    id_, jobs = batch_of(alice, 5)
    events = subscribe(alice, BATCH, id=id_)
    await anext(events)

    for job in jobs:
        worker.finish(job)
    finish_bundle(worker, id_)
    seen = [told(event) async for event in events]

    assert seen[-1] == (18, 100, True)
    assert set(queries) == {"batches_by_id"}
    assert len(queries) <= 4  # the first look, one at the end of the jobs, two for the bundle


async def test_a_batch_is_resumed_after_what_was_seen(subscribe: Subscribe, alice: Person, worker: WorkerVoice) -> None:
    id_, (first, second) = batch_of(alice, 2)
    worker.claim(first)
    events = subscribe(alice, BATCH, id=id_, after=3)

    next_one = asyncio.ensure_future(anext(events))
    worker.claim(second)

    assert told(await next_one) == (4, 10, False)
    await events.aclose()


@pytest.mark.parametrize(("failure", "looks"), [(TookTooLong, LOOKS_AT_MOST), (Unavailable, 10)])
async def test_a_database_that_is_away_is_waited_for_but_not_a_query_that_never_ends(
    monkeypatch: pytest.MonkeyPatch, failure: type[Unavailable], looks: int
) -> None:
    monkeypatch.setattr("resumepair_graphql.progress.LOOK_AGAIN_SECONDS", (0.0, 0.0))
    asked = 0

    async def look() -> str:
        nonlocal asked
        asked += 1
        if asked < 10:
            raise failure
        return "seen"

    try:
        assert await patiently(look) == "seen"
    except TookTooLong:
        assert failure is TookTooLong
    assert asked == looks


COST, COST_OF_PLAIN = 54, 18  # of the next two
SMALL = build_schema(Policy(cost_per_minute=COST * 60, preparation_cost=0))  # an event a second
WITH_JOBS = """subscription ($id: ID!) { batchProgress(id: $id) { sequence percent finishedAt
    jobs(first: 10) { edges { node { status } } } } }"""
WITH_DOCUMENT = "subscription { activity { status document { title } } }"


async def events_of(services: Services, person: Person, query: str, **variables: object) -> AsyncGenerator[Any, None]:
    async for result in await SMALL.stream(query, variables, context_value=context_of(services, person)):
        assert isinstance(result, ExecutionResult)
        assert result.errors is None
        assert result.data
        (value,) = result.data.values()
        yield value


def drain(person: Person) -> None:
    """Take all the points that this user has."""
    assert SMALL._budget
    left = SMALL._budget.take(f"user {person.id}", 0).remaining
    SMALL._budget.take(f"user {person.id}", left)


async def test_an_event_that_asks_the_database_costs_as_a_query_does_and_a_plain_one_nothing(
    services: Services, alice: Person, worker: WorkerVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking = Mock(wraps=SMALL._budget)
    monkeypatch.setattr(SMALL, "_budget", taking)
    for query, taken in ((WITH_JOBS, [COST] * 3), (BATCH, [COST_OF_PLAIN])):
        taking.take.reset_mock()
        id_, (first, second) = batch_of(alice, 2)
        events = events_of(services, alice, query, id=id_)
        await anext(events)
        for job in (first, second):
            worker.claim(job)
            await anext(events)
        await events.aclose()
        assert [call.args[1] for call in taking.take.call_args_list if call.args[1]] == taken
        for job in (first, second):
            alice.cancel(job)


async def test_without_points_events_wait_and_then_only_the_latest_state_is_told(
    services: Services, alice: Person, worker: WorkerVoice
) -> None:
    id_, jobs = batch_of(alice, 3)
    events = events_of(services, alice, WITH_JOBS, id=id_)
    assert told(await anext(events)) == (3, 0, False)
    drain(alice)
    for job in jobs:
        worker.finish(job)
    finish_bundle(worker, id_)
    (last,) = [event async for event in events]
    assert told(last) == (12, 100, True)
    assert [edge["node"]["status"] for edge in last["jobs"]["edges"]] == ["COMPLETED"] * 3


async def test_activity_waits_as_well(services: Services, alice: Person, worker: WorkerVoice) -> None:
    job = alice.export()
    events = events_of(services, alice, WITH_DOCUMENT)
    assert (await anext(events))["status"] == "PENDING"
    drain(alice)
    worker.finish(job)
    assert (await anext(events))["status"] == "COMPLETED"
    await events.aclose()


async def test_plain_events_cost_nothing_and_never_wait(services: Services, alice: Person, worker: WorkerVoice) -> None:
    job = alice.export()
    events = events_of(services, alice, JOB, id=to_base64("ExportJob", job))
    await anext(events)
    drain(alice)
    worker.claim(job)
    assert (await anext(events))["status"] == "PROCESSING"
    worker.publish(job, 1)
    assert [event["status"] async for event in events] == ["COMPLETED"]


async def test_each_event_has_the_room_of_an_answer(subscribe: Subscribe, alice: Person, worker: WorkerVoice) -> None:
    (row,) = alice.run(
        "insert into resumepair.documents (title, data) values ('large', %s) returning id",
        Jsonb({"x": "y" * 1_000_000}),
    )
    (job,) = alice.enqueue(row["id"])
    aliases = " ".join(f"a{n}: data" for n in range(3))
    query = f"subscription ($id: ID!) {{ jobProgress(id: $id) {{ status document {{ {aliases} }} }} }}"
    events = subscribe(alice, query, id=to_base64("ExportJob", job["job_id"]))
    seen = [await anext(events)]
    worker.finish(job["job_id"])
    seen += [event async for event in events]
    assert len(seen) >= 2
    assert all(None not in event["document"].values() for event in seen)


async def test_a_batch_that_has_finished_is_told_once(subscribe: Subscribe, alice: Person, worker: WorkerVoice) -> None:
    id_, jobs = batch_of(alice, 2)
    for job in jobs:
        worker.finish(job)
    finish_bundle(worker, id_)
    assert [told(event) async for event in subscribe(alice, BATCH, id=id_)] == [(9, 100, True)]
    assert [event async for event in subscribe(alice, BATCH, id=id_, after=9)] == []


async def test_another_user_s_batch_and_an_unknown_one_are_the_same_null(
    subscribe: Subscribe, alice: Person, bob: Person
) -> None:
    foreign, _ = batch_of(bob, 1)
    for id_ in (foreign, to_base64("ExportBatch", uuid4()), "x", to_base64("ExportJob", uuid4())):
        assert [event async for event in subscribe(alice, BATCH, id=id_)] == [None]


async def test_followers_that_missed_changes_see_the_present_state(
    subscribe: Subscribe, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    id_, (first, second) = batch_of(alice, 2)
    batch, job = subscribe(alice, BATCH, id=id_), subscribe(alice, JOB, id=to_base64("ExportJob", first))
    await anext(batch)
    await anext(job)

    admin.execute("alter table resumepair.export_jobs disable trigger export_jobs_announce_update")
    admin.execute("alter table resumepair.export_bundles disable trigger export_bundles_announce")
    for key in (first, second):
        worker.finish(key)
    finish_bundle(worker, id_)
    admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'resumepair-graphql feed'"
        " and datname = current_database()"
    )

    assert [told(event) async for event in batch] == [(9, 100, True)]
    assert [event async for event in job] == [{"status": "COMPLETED"}]


async def test_a_forged_announcement_does_not_keep_the_end_from_anybody(
    subscribe: Subscribe, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    rows = alice.enqueue(alice.save_document(), batch=True)
    job_id, batch_id = rows[0]["job_id"], rows[0]["batch_id"]
    batch = subscribe(alice, BATCH, id=to_base64("ExportBatch", batch_id))
    job = subscribe(alice, JOB, id=to_base64("ExportJob", job_id))
    await anext(batch)
    await anext(job)
    forged = {
        "id": str(job_id), "batch": str(batch_id), "sequence": 1_000_000, "status": "processing",
        "stage": "publishing", "percent": 90, "attempt": 1, "started_at": None,
    }  # fmt: skip
    admin.execute("select pg_notify('resumepair_jobs', %s)", [json.dumps(forged)])
    worker.finish(job_id)
    worker.finish_bundle(batch_id)

    assert [told(event) for event in [event async for event in batch]][-1] == (6, 100, True)
    assert [event async for event in job][-1] == {"status": "COMPLETED"}


FOLLOWED = """subscription ($id: ID!, $percent: Boolean!) {
  jobProgress(id: $id) { id progress { percent @include(if: $percent) } } }"""


async def test_an_event_is_executed_once_for_all_who_ask_the_same_about_it(
    services: Services, alice: Person, worker: WorkerVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema, key = build_schema(Policy()), alice.export()
    streams: list[Any] = [
        await schema.stream(FOLLOWED, {"id": to_base64("ExportJob", key), "percent": percent}, context)
        for percent, context in ((percent, context_of(services, alice)) for percent in (True, True, False))
    ]
    for stream in streams:
        await anext(stream)
    executed = Mock(side_effect=execute_subscription_event)
    monkeypatch.setattr("resumepair_graphql.event_execution.execute_subscription_event", executed)

    worker.claim(key)
    results = [await anext(stream) for stream in streams]

    assert [result.data["jobProgress"]["progress"] for result in results] == [{"percent": 10}, {"percent": 10}, {}]
    assert executed.call_count == 2
    for stream in streams:
        await stream.aclose()
