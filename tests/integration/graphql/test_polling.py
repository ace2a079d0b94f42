"""The API where LISTEN does not get through: subscriptions hear the same, one query at an interval for all of them."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from strawberry.relay import to_base64

from resumepair_graphql.auth import Identity
from resumepair_graphql.context import Services
from resumepair_graphql.database import Database, create_pool
from resumepair_graphql.feed import JobFeed
from resumepair_graphql.links import FolderLinks
from resumepair_graphql.polling import Polling
from tests import conftest
from tests.integration.conftest import Connection, Person, WorkerVoice
from tests.integration.graphql.conftest import Subscribe

INTERVAL_SECONDS = 0.05
JOB = "subscription ($id: ID!) { jobProgress(id: $id) { status progress { percent } } }"
BATCH = "subscription ($id: ID!) { batchProgress(id: $id) { percent completed bundle { status } } }"


@pytest.fixture
async def services(database: conftest.Database, tmp_path: Path) -> AsyncGenerator[Services, None]:
    links = FolderLinks(tmp_path, "a-signing-key", timedelta(minutes=5))
    async with create_pool(database.api_url, pooler=True) as pool:
        shared = Database(pool)
        async with JobFeed(Polling(shared, INTERVAL_SECONDS)) as feed:
            await feed.until_listening()
            yield Services(shared, feed, links)


def told(job: dict[str, Any]) -> tuple[str, int]:
    return job["status"], job["progress"]["percent"]


async def test_a_job_is_followed_to_its_end_without_a_listening_session(
    subscribe: Subscribe, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job_id = alice.export()
    events = subscribe(alice, JOB, id=to_base64("ExportJob", job_id))

    assert told(await anext(events)) == ("PENDING", 0)
    worker.claim(job_id)
    assert told(await anext(events)) == ("PROCESSING", 10)
    worker.report(job_id, 1, "rendering")
    assert told(await anext(events)) == ("PROCESSING", 30)
    worker.fail(job_id, 1, retry_in="0 seconds")
    assert told(await anext(events)) == ("PENDING", 0)
    worker.finish(job_id)
    assert told([event async for event in events][-1]) == ("COMPLETED", 100)
    sessions = admin.execute("select query from pg_stat_activity where datname = current_database()").fetchall()
    assert not any(session["query"].startswith("listen") for session in sessions)


async def test_a_batch_is_followed_to_its_end(subscribe: Subscribe, alice: Person, worker: WorkerVoice) -> None:
    rows = alice.enqueue(alice.save_document(), alice.save_document(), batch=True)
    events = subscribe(alice, BATCH, id=to_base64("ExportBatch", rows[0]["batch_id"]))
    await anext(events)
    for row in rows:
        worker.finish(row["job_id"])
    while not (event := await anext(events))["bundle"]:
        pass
    assert event == {"percent": 100, "completed": 2, "bundle": {"status": "PENDING"}}
    worker.finish_bundle(rows[0]["batch_id"])
    assert [event async for event in events][-1]["bundle"] == {"status": "COMPLETED"}


async def test_a_lost_database_is_a_pause(
    subscribe: Subscribe, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job_id = alice.export()
    events = subscribe(alice, JOB, id=to_base64("ExportJob", job_id))
    await anext(events)
    admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'resumepair-graphql'"
        " and datname = current_database()"
    )
    worker.finish(job_id)
    assert told([event async for event in events][-1]) == ("COMPLETED", 100)


async def test_one_query_asks_for_all_that_is_watched(
    subscribe: Subscribe, services: Services, alice: Person, worker: WorkerVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[object]] = []
    rows = services.database.rows

    async def counted(identity: Identity, query: str, **values: object) -> list[Any]:
        if query == "job_changes":
            asked.append(set(cast("list[UUID]", values["keys"])))
        return await rows(identity, query, **values)

    monkeypatch.setattr(services.database, "rows", counted)
    jobs = [alice.export(), alice.export()]
    followers = [subscribe(alice, JOB, id=to_base64("ExportJob", job_id)) for job_id in (*jobs, *jobs)]
    for events in followers:
        await anext(events)
    asked.clear()
    worker.claim(jobs[0])
    assert told(await anext(followers[0])) == ("PROCESSING", 10)
    assert asked
    assert all(keys == set(jobs) for keys in asked)
    for events in followers:
        await events.aclose()


async def test_all_jobs_of_a_user_are_followed(
    subscribe: Subscribe, alice: Person, bob: Person, worker: WorkerVoice
) -> None:
    worker.finish(alice.export())
    events = subscribe(alice, "subscription { activity { id status progress { percent } } }")
    running = alice.export()
    assert told(await anext(events)) == ("PENDING", 0)
    bob.export()
    worker.claim(running)
    assert told(await anext(events)) == ("PROCESSING", 10)
    new = alice.export()
    worker.finish(new)
    while (job := await anext(events))["status"] != "COMPLETED":
        pass
    assert job["id"] == to_base64("ExportJob", new)
    worker.publish(running, 1)
    while (job := await anext(events))["status"] != "COMPLETED":
        pass
    assert job["id"] == to_base64("ExportJob", running)
    await events.aclose()
