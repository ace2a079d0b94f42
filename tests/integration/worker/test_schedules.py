"""Schedules through the worker: real queue, real browser, real folder."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from resumepair_worker.schedules import Schedules, run_schedules_forever
from tests.conftest import Database
from tests.integration.conftest import Connection, Person, WorkerVoice
from tests.integration.worker.conftest import RESUME, WAIT_SECONDS, Parts, Watch


@asynccontextmanager
async def keeping_time(parts: Parts, look_every: float = 1) -> AsyncGenerator[None, None]:
    """The worker's loop over schedules, while the context is open."""
    task = asyncio.create_task(run_schedules_forever(Schedules(parts.pool), look_every))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def document(person: Person) -> UUID:
    (row,) = person.run("insert into resumepair.documents (title, data) values ('CV', %s) returning id", Jsonb(RESUME))
    return row["id"]  # type: ignore[no-any-return]


def schedule_row(admin: Connection) -> DictRow:
    row = admin.execute("select * from resumepair.export_schedules").fetchone()
    assert row
    return row


async def first_job(database: Database, person: Person) -> UUID:
    """The id of the user's first job, as soon as there is one."""
    async with await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as connection:
        await connection.execute("listen resumepair_jobs")
        async with asyncio.timeout(WAIT_SECONDS):
            while not (rows := person.run("select id from resumepair.export_jobs")):
                async for _ in connection.notifies(stop_after=1):
                    pass
            return rows[0]["id"]  # type: ignore[no-any-return]


async def test_a_schedule_whose_time_comes_gets_its_pdf(
    parts: Parts, alice: Person, admin: Connection, database: Database, watch: Watch
) -> None:
    alice.schedule(document(alice), at="0.3 seconds", options={"template": "modern"})
    async with parts.working(), keeping_time(parts):
        job_id = await first_job(database, alice)
        job = await watch.until_status(job_id, "completed")
    (export,) = alice.run("select template from resumepair.export_history")
    schedule = schedule_row(admin)
    assert export["template"] == "modern"
    assert job["created_at"] >= schedule["run_at"]
    assert (schedule["next_run_at"], schedule["last_job_id"]) == (None, job_id)


async def test_times_that_were_missed_come_once_and_then_the_next_of_the_clock(
    parts: Parts, alice: Person, admin: Connection
) -> None:
    alice.schedule(cron="*/15 * * * *", at="-5 hours")
    schedules = Schedules(parts.pool)

    assert await schedules.run_due(1) == 0
    await schedules.run_due(1)

    (job,) = admin.execute("select created_at from resumepair.export_jobs").fetchall()
    next_run = schedule_row(admin)["next_run_at"].astimezone(UTC)
    assert next_run > job["created_at"]
    assert (next_run.minute % 15, next_run.second) == (0, 0)
    assert (next_run - job["created_at"]).total_seconds() <= 15 * 60


async def test_many_workers_at_once_run_each_schedule_once(parts: Parts, alice: Person, admin: Connection) -> None:
    admin.execute("update resumepair.user_limits set max_active_requests = 100")
    for _ in range(10):
        alice.schedule(at="0 seconds")
    await asyncio.gather(*(Schedules(parts.pool).run_due(1) for _ in range(5)))
    assert len(alice.run("select id from resumepair.export_jobs")) == 10


async def test_a_restarted_worker_runs_what_came_due_meanwhile(
    parts: Parts, alice: Person, admin: Connection, database: Database, watch: Watch
) -> None:
    async with keeping_time(parts):
        alice.schedule(document(alice), cron="0 8 * * *", at="1 hour")
    admin.execute("update resumepair.export_schedules set next_run_at = next_run_at - interval '2 hours'")
    async with parts.working(), keeping_time(parts):
        await watch.until_status(await first_job(database, alice), "completed")


async def test_what_the_active_requests_refuse_runs_when_there_is_room(
    parts: Parts, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    active = [alice.export() for _ in range(3)]
    schedules = Schedules(parts.pool)
    alice.schedule(document(alice), at="0 seconds")
    await schedules.run_due(1)
    assert schedule_row(admin)["last_refusal_state"] == "RP429"

    worker.finish(active[0])
    admin.execute("update resumepair.export_schedules set next_run_at = now()")  # the pause is over
    await schedules.run_due(1)

    schedule = schedule_row(admin)
    assert (schedule["last_refusal_state"], schedule["next_run_at"]) == (None, None)
    assert schedule["last_job_id"] not in [None, *active]


async def test_a_schedule_that_cannot_be_read_holds_nobody_up(
    parts: Parts, alice: Person, bob: Person, admin: Connection
) -> None:
    alice.schedule(cron="when the cows come home", at="-1 minute")
    bob.schedule(at="0 seconds")
    await Schedules(parts.pool).run_due(1)
    assert len(bob.run("select id from resumepair.export_jobs")) == 1
    assert admin.execute("select from resumepair.export_schedules where next_run_at is not null").fetchall() == []


async def test_it_sleeps_until_the_next_time_and_no_longer_than_it_is_told(parts: Parts, alice: Person) -> None:
    schedules = Schedules(parts.pool)
    assert await schedules.run_due(60) == 60
    alice.schedule(at="1 hour")
    assert await schedules.run_due(60) == 60
    alice.schedule(at="50 seconds")
    assert 0 < await schedules.run_due(60) < 51


async def test_the_loop_outlives_a_database_that_is_away(
    parts: Parts, alice: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_due = Schedules.run_due
    failures = iter([psycopg.OperationalError("away"), psycopg.OperationalError("away")])

    async def failing(schedules: Schedules, look_every: float) -> float:
        for error in failures:
            raise error
        return await run_due(schedules, look_every)

    monkeypatch.setattr(Schedules, "run_due", failing)
    alice.schedule(at="0 seconds")
    async with keeping_time(parts, 0.01):
        assert await first_job(database, alice)


async def test_a_schedule_in_a_frozen_workers_hands_is_not_asked_for_all_the_time(
    parts: Parts, alice: Person, worker: WorkerVoice
) -> None:
    alice.schedule(at="0 seconds")
    (due,) = worker.due_schedules()
    with worker.connection.transaction():
        assert worker.run_schedule(due)
        assert await Schedules(parts.pool).run_due(1) == 1
