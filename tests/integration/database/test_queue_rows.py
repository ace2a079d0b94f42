"""Rows on procrastinate's queue: who is woken when they come back or become due, and how they go."""

from collections.abc import Generator

import psycopg
import pytest

from tests.conftest import Database
from tests.integration.conftest import Connection, Person, WorkerVoice

WAKE = "procrastinate_queue_v1#exports"


@pytest.fixture
def ear(database: Database) -> Generator[psycopg.Connection, None, None]:
    """A worker's LISTEN session."""
    with psycopg.connect(database.worker_url, autocommit=True) as connection:
        connection.execute(f'listen "{WAKE}"'.encode())
        yield connection


def heard(ear: psycopg.Connection) -> int:
    """How many messages have come; those of committed transactions are there before the answer to a query."""
    ear.execute("select 1")
    return len(list(ear.notifies(timeout=0)))


def take(worker: WorkerVoice) -> int:
    (row,) = worker.connection.execute(
        "select (procrastinate_fetch_job_v2(null, (select worker_id from procrastinate_register_worker_v1()))).id"
    ).fetchall()
    return int(row["id"])


def give_back(worker: WorkerVoice, row: int, due: str) -> None:
    worker.connection.execute(
        "select procrastinate_retry_job_v2(%s, now() + %s::interval, 0, 'exports', null)", [row, due]
    )


@pytest.mark.parametrize(("due", "messages"), [("0 seconds", 1), ("-1 second", 1), ("1 minute", 0)])
def test_a_row_that_comes_back_and_is_due_wakes_the_workers(
    alice: Person, worker: WorkerVoice, ear: psycopg.Connection, due: str, messages: int
) -> None:
    alice.export()
    row = take(worker)
    heard(ear)
    give_back(worker, row, due)
    assert heard(ear) == messages


def test_a_lock_given_back_wakes_the_workers(alice: Person, worker: WorkerVoice, ear: psycopg.Connection) -> None:
    alice.export()
    row = take(worker)
    worker.connection.execute("update procrastinate_jobs set lock = 'door'")
    heard(ear)
    worker.connection.execute("select procrastinate_finish_job_v1(%s, 'succeeded', false)", [row])
    assert heard(ear) == 1


def test_what_just_ends_wakes_nobody(alice: Person, worker: WorkerVoice, ear: psycopg.Connection) -> None:
    alice.export()
    row = take(worker)
    heard(ear)
    worker.connection.execute("select procrastinate_finish_job_v1(%s, 'succeeded', false)", [row])
    assert heard(ear) == 0


def test_the_alarm_rings_for_what_is_due_and_says_when_the_next_is(
    alice: Person, worker: WorkerVoice, ear: psycopg.Connection
) -> None:
    def ring() -> float | None:
        (row,) = worker.connection.execute("select resumepair.ring_due_jobs() as pause").fetchall()
        pause: float | None = row["pause"]
        return pause

    assert ring() is None
    alice.export()
    assert ring() is None, "what has no time does not wait for one"
    row = take(worker)
    give_back(worker, row, "1 minute")
    heard(ear)
    pause = ring()
    assert pause is not None
    assert 50 < pause <= 60
    assert heard(ear) == 0
    worker.connection.execute("update procrastinate_jobs set scheduled_at = now()")
    assert ring() is None
    assert heard(ear) == 1
    worker.connection.execute("update procrastinate_jobs set scheduled_at = now() - interval '1 minute'")
    ring()
    assert heard(ear) == 0, "what waits for a free worker is not rung for again and again"


def test_old_rows_are_deleted_in_bites_and_young_ones_stay(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_active_requests) values (%s, 100)", [alice.id])
    for _ in range(5):
        worker.finish(alice.export())
    waiting = alice.export()
    worker.connection.execute(
        "update procrastinate_jobs set status = 'succeeded' "
        "where id in (select id from procrastinate_jobs order by id limit 5)"
    )
    admin.execute("update procrastinate.procrastinate_events set at = now() - interval '2 days'")
    admin.execute(
        "update procrastinate.procrastinate_events set at = now() where job_id = "
        "(select max(id) from procrastinate.procrastinate_jobs where status = 'succeeded')"
    )

    def prune() -> int:
        (row,) = worker.connection.execute("select resumepair.prune_queue('1 day', 3) as deleted").fetchall()
        deleted: int = row["deleted"]
        return deleted

    assert [prune(), prune(), prune()] == [3, 1, 0]
    left = admin.execute("select id, status from procrastinate.procrastinate_jobs order by id").fetchall()
    assert [row["status"] for row in left] == ["succeeded", "todo"]
    assert left[1]["id"] == worker.queue_row_of(waiting)
