"""`activity`: everything that happens to a user's jobs, on one subscription."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from strawberry.relay import to_base64

from resumepair_graphql.auth import ANONYMOUS, Identity
from resumepair_graphql.context import Context, Services
from resumepair_graphql.feed import LATEST_SIZE, JobChange, LatestWatcher
from resumepair_graphql.states import ExportStage, ExportStatus
from tests.integration.conftest import Connection, Person, WorkerVoice
from tests.integration.graphql.conftest import SCHEMA, Subscribe, count_queries

ACTIVITY = "subscription ($since: DateTime) { activity(since: $since) { id status progress { percent } } }"
Told = tuple[str, str, int]


def as_told(key: UUID, status: str, percent: int) -> Told:
    return to_base64("ExportJob", key), status, percent


async def told(events: AsyncGenerator[Any, None], number: int = 1) -> list[Told]:
    """The next so many events."""
    jobs = [await anext(events) for _ in range(number)]
    return [(job["id"], job["status"], job["progress"]["percent"]) for job in jobs]


async def test_all_changes_of_all_jobs_come_after_those_under_way(
    subscribe: Subscribe, alice: Person, bob: Person, worker: WorkerVoice
) -> None:
    worker.finish(alice.export())
    running, waiting = alice.export(), alice.export()
    worker.claim(running)
    events = subscribe(alice, ACTIVITY)

    assert await told(events, 2) == [as_told(running, "PROCESSING", 10), as_told(waiting, "PENDING", 0)]
    bob.export()
    worker.report(running, 1, "rendering")
    assert await told(events) == [as_told(running, "PROCESSING", 30)]
    worker.publish(running, 1)
    assert await told(events) == [as_told(running, "COMPLETED", 100)]
    new = alice.export()
    assert await told(events) == [as_told(new, "PENDING", 0)]
    alice.cancel(waiting)
    assert await told(events) == [as_told(waiting, "CANCELLED", 0)]
    worker.claim(new)
    assert await told(events) == [as_told(new, "PROCESSING", 10)]
    worker.fail(new, 1)
    assert await told(events) == [as_told(new, "FAILED", 10)]
    alice.retry(new)
    assert await told(events) == [as_told(new, "PENDING", 0)]
    await events.aclose()


async def test_it_waits_when_nothing_is_under_way(subscribe: Subscribe, alice: Person) -> None:
    events = subscribe(alice, ACTIVITY)
    first = asyncio.ensure_future(anext(events))
    job = alice.export()
    assert (await first)["id"] == to_base64("ExportJob", job)
    await events.aclose()


async def test_steps_cost_no_query_and_ends_one_for_all(
    subscribe: Subscribe, services: Services, alice: Person, worker: WorkerVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [row["job_id"] for row in alice.enqueue(*(alice.save_document() for _ in range(5)), batch=True)]
    events = subscribe(alice, ACTIVITY)
    asked = count_queries(services, monkeypatch)
    await told(events, 5)
    assert asked == ["activity", "jobs_by_id"]
    asked.clear()

    for job in jobs:
        worker.claim(job)
        worker.report(job, 1, "rendering")
    steps = {job[0]: job for job in await told(events, 5)}
    while {percent for _, _, percent in steps.values()} != {30}:
        (step,) = await told(events)
        steps[step[0]] = step
    assert asked == []

    worker.connection.execute("begin")
    for job in jobs:
        worker.publish(job, 1)
    worker.connection.execute("commit")
    assert {status for _, status, _ in await told(events, 5)} == {"COMPLETED"}
    assert set(asked) == {"jobs_by_id"}
    assert len(asked) < 5
    await events.aclose()


async def test_a_slow_client_is_told_the_latest_of_each_job(
    subscribe: Subscribe, services: Services, alice: Person, worker: WorkerVoice
) -> None:
    first, second = alice.export(), alice.export()
    events = subscribe(alice, ACTIVITY)
    await told(events, 2)
    async with services.feed.watch(second) as end:
        for job in (first, second):
            worker.claim(job)
            for stage in ("rendering", "verifying", "uploading", "publishing"):
                worker.report(job, 1, stage)
        worker.publish(second, 1)
        while (change := await end.next()) is None or change.status is not ExportStatus.COMPLETED:
            pass
    assert await told(events, 2) == [as_told(first, "PROCESSING", 90), as_told(second, "COMPLETED", 100)]
    await events.aclose()


async def test_it_resumes_with_what_ended_meanwhile(
    subscribe: Subscribe, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    long_ago, ended, running = alice.export(), alice.export(), alice.export()
    for job in (long_ago, ended):
        worker.finish(job)
    admin.execute("update resumepair.export_jobs set finished_at = now() - interval '1 hour' where id = %s", [long_ago])
    since = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    events = subscribe(alice, ACTIVITY, since=since)
    assert await told(events, 2) == [as_told(ended, "COMPLETED", 100), as_told(running, "PENDING", 0)]
    await events.aclose()


async def test_what_was_missed_is_found_again(
    subscribe: Subscribe, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    ended, running = alice.export(), alice.export()
    events = subscribe(alice, ACTIVITY)
    await told(events, 2)

    admin.execute("alter table resumepair.export_jobs disable trigger user")
    admin.execute(
        "update resumepair.export_jobs set status = 'completed', stage = 'done', finished_at = now(), sequence = 9,"
        " attempt = 1 where id = %s",
        [ended],
    )
    new = alice.export()
    admin.execute("alter table resumepair.export_jobs enable trigger user")
    admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'resumepair-graphql feed'"
        " and datname = current_database()"
    )
    assert await told(events, 2) == [as_told(ended, "COMPLETED", 100), as_told(new, "PENDING", 0)]
    worker.claim(running)
    assert await told(events) == [as_told(running, "PROCESSING", 10)]
    await events.aclose()


async def test_a_forged_announcement_shows_nobody_s_job_and_keeps_no_end_back(
    subscribe: Subscribe, alice: Person, bob: Person, worker: WorkerVoice, admin: Connection
) -> None:
    own, his = alice.export(), bob.export()
    events = subscribe(alice, ACTIVITY)
    await told(events)
    forged = {
        "user": str(alice.id), "batch": None, "sequence": 1_000_000, "status": "processing", "stage": "publishing",
        "percent": 90, "attempt": 1, "started_at": None,
    }  # fmt: skip
    for key in (his, uuid4(), own):
        admin.execute("select pg_notify('resumepair_jobs', %s)", [json.dumps({**forged, "id": str(key)})])
    worker.finish(own)
    while (last := await told(events)) != [as_told(own, "COMPLETED", 100)]:
        assert last[0][0] == to_base64("ExportJob", own)
    await events.aclose()


@pytest.mark.parametrize(
    ("identity", "since", "code"),
    [
        (ANONYMOUS, None, "UNAUTHENTICATED"),
        (Identity("service_role", '{"role": "service_role"}'), None, "FORBIDDEN"),
        (Identity("authenticated", f'{{"sub": "{UUID(int=1)}"}}'), "2026-01-01T00:00:00", "INVALID_INPUT"),
    ],
)
async def test_who_has_no_jobs_is_refused(services: Services, identity: Identity, since: str | None, code: str) -> None:
    context = Context(services, "http://api.example", identity)
    results = await SCHEMA.subscribe(ACTIVITY, {"since": since}, context_value=context)
    assert isinstance(results, AsyncGenerator)
    (result,) = [result async for result in results]
    assert result.errors
    assert result.errors[0].extensions == {"code": code}
    assert services.feed.watcher_count == 0


def change(job: int, sequence: int) -> JobChange:
    key = UUID(int=job)
    return JobChange(key, None, sequence, ExportStatus.PROCESSING, ExportStage.RENDERING, 30, 1, None)


async def test_a_watcher_of_a_user_keeps_the_latest_of_each_job() -> None:
    watcher = LatestWatcher()
    for sequence in range(1000):
        watcher.put(change(1, sequence))
    watcher.put(change(2, 1))
    assert await watcher.next() == [change(1, 999), change(2, 1)]


async def test_a_watcher_of_a_user_with_too_many_jobs_is_told_to_look_again() -> None:
    watcher = LatestWatcher()
    for job in range(LATEST_SIZE + 1):
        watcher.put(change(job, 1))
    assert await watcher.next() is None
    watcher.put(change(1, 2))
    assert await watcher.next() == [change(1, 2)]
