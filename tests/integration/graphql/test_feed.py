import asyncio
import json
from collections.abc import AsyncGenerator
from uuid import UUID

import pytest

from dev.chaos.relay import Relay
from dev.roles import API_ROLE
from resumepair_graphql.feed import SLOT_SIZE, JobChange, JobFeed, Watcher
from resumepair_graphql.listening import Listening
from resumepair_graphql.states import ExportStage, ExportStatus
from tests.conftest import PASSWORDS, Database
from tests.integration.conftest import Connection, Person, WorkerVoice

WAIT_SECONDS = 20


@pytest.fixture
async def feed(database: Database) -> AsyncGenerator[JobFeed, None]:
    async with JobFeed(Listening(database.api_url)) as feed, asyncio.timeout(WAIT_SECONDS):
        await feed.until_listening()
        yield feed


async def test_a_watcher_hears_its_own_job_and_no_other(feed: JobFeed, alice: Person, worker: WorkerVoice) -> None:
    watched, other = alice.export(), alice.export()
    async with feed.watch(watched) as watcher:
        worker.claim(other)
        worker.finish(watched)
        heard = [await watcher.next() for _ in range(3)]
    assert [change and (change.job_id, change.status, change.percent) for change in heard] == [
        (watched, ExportStatus.PENDING, 0),
        (watched, ExportStatus.PROCESSING, 10),
        (watched, ExportStatus.COMPLETED, 100),
    ]
    assert feed.watcher_count == 0


async def test_a_batch_s_watcher_hears_all_of_its_jobs(feed: JobFeed, alice: Person, worker: WorkerVoice) -> None:
    rows = alice.enqueue(alice.save_document(), alice.save_document(), batch=True)
    async with feed.watch(rows[0]["batch_id"]) as watcher:
        alice.export()
        for row in rows:
            worker.claim(row["job_id"])
        heard = [await watcher.next() for _ in range(4)]
    jobs = [row["job_id"] for row in rows]
    assert [change and change.job_id for change in heard] == [*jobs, *jobs]


async def test_after_a_lost_connection_watchers_look_again_and_hear_again(
    feed: JobFeed, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job_id = alice.export()
    async with feed.watch(job_id) as watcher:
        assert await watcher.next() is not None
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'resumepair-graphql feed'"
            " and datname = current_database()"
        )
        assert await watcher.next() is None
        worker.claim(job_id)
        change = await watcher.next()
    assert change
    assert change.percent == 10


async def test_after_a_connection_went_silent_watchers_look_again_and_hear_again(
    database: Database, alice: Person, worker: WorkerVoice
) -> None:
    job_id = alice.export()
    with Relay(database.admin_url) as relay:
        async with (
            JobFeed(Listening(relay.url(API_ROLE, PASSWORDS[API_ROLE]))) as feed,
            asyncio.timeout(WAIT_SECONDS),
            feed.watch(job_id) as watcher,
        ):
            assert await watcher.next() is None
            relay.silence()
            assert await watcher.next() is None
            worker.claim(job_id)
            change = await watcher.next()
    assert change
    assert change.percent == 10


async def test_a_notification_of_somebody_else_harms_nobody(
    feed: JobFeed, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job_id = alice.export()
    async with feed.watch(job_id) as watcher:
        assert await watcher.next() is not None
        known = {
            "id": str(job_id), "batch": None, "sequence": 9, "status": "processing", "stage": "rendering",
            "percent": 30, "attempt": 1, "started_at": None,
        }  # fmt: skip
        wrong = ({"status": "x"}, {"stage": "x"}, {"sequence": "x"}, {"batch": 1}, {"started_at": 1})
        forged = [json.dumps(known | part) for part in wrong]
        for payload in ("hello", "[]", "1", "null", '{"id": 1}', f'{{"id": "{job_id}"}}', *forged):
            admin.execute("select pg_notify('resumepair_jobs', %s)", [payload])
        worker.claim(job_id)
        heard = await watcher.next()
    assert heard
    assert heard.percent == 10
    assert feed.listening


def change(sequence: int) -> JobChange:
    return JobChange(UUID(int=0), None, sequence, ExportStatus.PROCESSING, ExportStage.RENDERING, 30, 1, None)


async def test_a_watcher_that_falls_behind_is_told_to_look_again() -> None:
    watcher = Watcher()
    for sequence in range(1, SLOT_SIZE + 4):
        watcher.put(change(sequence))
    heard = [await watcher.next() for _ in range(3)]
    assert [item and item.sequence for item in heard] == [None, SLOT_SIZE + 2, SLOT_SIZE + 3]
