"""The rescue of what a silent worker left behind, of what stands still, and of what the queue has lost.

The silent worker is a row in procrastinate's tables; what it does when it wakes up, we do for it.
"""

from uuid import UUID

import psycopg
import pytest

from tests.conftest import Database
from tests.integration.conftest import Connection, Person, WorkerVoice, connect, job_row

SILENT, BEATING = "now() - interval '1 minute'", "now() + interval '1 hour'"


def take(worker: WorkerVoice, heart: str = SILENT) -> int:
    """Fetch the next queue row as a worker whose heart last beat then; the row's id."""
    (row,) = worker.connection.execute(
        "select (procrastinate_fetch_job_v2(null, (select worker_id from procrastinate_register_worker_v1()))).id"
    ).fetchall()
    worker.connection.execute(f"update procrastinate_workers set last_heartbeat = {heart}".encode())
    return int(row["id"])


def rescue(worker: WorkerVoice) -> list[UUID]:
    rows = worker.connection.execute("select resumepair.rescue_exports('5 seconds', '2 minutes') as id").fetchall()
    return [row["id"] for row in rows]


def requeue(worker: WorkerVoice) -> list[UUID]:
    rows = worker.connection.execute("select resumepair.requeue_exports() as id").fetchall()
    return [row["id"] for row in rows]


def make_old(admin: Connection, *, taken: bool) -> None:
    """The export's last step, and with `taken` also that a worker took it, is three minutes ago."""
    admin.execute("alter table resumepair.export_jobs disable trigger user")
    admin.execute("update resumepair.export_jobs set updated_at = now() - interval '3 minutes'")
    admin.execute("alter table resumepair.export_jobs enable trigger user")
    if taken:
        admin.execute("update procrastinate.procrastinate_events set at = now() - interval '3 minutes'")


def queue_row(admin: Connection, job_id: UUID) -> dict[str, object]:
    row = admin.execute(
        "select q.* from procrastinate.procrastinate_jobs as q "
        "join resumepair.export_jobs as j on j.queue_job_id = q.id where j.id = %s",
        [job_id],
    ).fetchone()
    assert row
    return row


def test_a_silent_workers_export_gets_a_new_queue_row(alice: Person, worker: WorkerVoice) -> None:
    job_id = alice.export()
    old_row = take(worker)
    worker.claim(job_id)
    assert rescue(worker) == [job_id]
    assert worker.queue_row_of(job_id) != old_row
    assert rescue(worker) == [], "once is enough"
    claim = worker.claim(job_id)
    assert claim
    assert claim["attempt"] == 2


def test_what_a_woken_worker_does_to_its_old_row_touches_nothing(alice: Person, worker: WorkerVoice) -> None:
    job_id = alice.export()
    old_row = take(worker)
    worker.claim(job_id)
    rescue(worker)
    worker.claim(job_id)
    worker.fail(job_id, 2, retry_in="1 minute")

    for end in (
        "procrastinate_finish_job_v1(%s, 'succeeded', false)",
        "procrastinate_retry_job_v2(%s, now(), 1, 'exports', null)",
    ):
        with pytest.raises(psycopg.errors.RaiseException):
            worker.connection.execute(f"select {end}".encode(), [old_row])

    assert worker.claim(job_id, old_row) is None
    claim = worker.claim(job_id)
    assert claim
    assert claim["attempt"] == 3


def test_a_beating_heart_is_left_alone(alice: Person, worker: WorkerVoice) -> None:
    alice.export()
    take(worker, BEATING)
    assert rescue(worker) == []


def test_a_job_that_waited_for_long_and_was_just_taken_is_left_alone(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    alice.export()
    make_old(admin, taken=False)
    take(worker, BEATING)
    assert rescue(worker) == []


def test_a_cancelled_export_of_a_silent_worker_is_only_ended(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job_id = alice.export()
    take(worker)
    worker.claim(job_id)
    alice.cancel(job_id)
    assert rescue(worker) == []
    assert queue_row(admin, job_id)["status"] == "aborted"


def test_what_makes_no_step_within_the_deadline_is_queued_again(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job_id = alice.export()
    take(worker, BEATING)
    worker.claim(job_id)
    assert rescue(worker) == [], "it has just made a step"
    make_old(admin, taken=True)
    assert rescue(worker) == [job_id]
    claim = worker.claim(job_id)
    assert claim
    assert claim["attempt"] == 2
    assert not worker.report(job_id, 1, "rendering"), "the stuck attempt is fenced off"


def test_a_back_off_longer_than_the_deadline_is_no_standstill(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job_id = alice.export()
    take(worker, BEATING)
    worker.claim(job_id)
    worker.fail(job_id, 1, retry_in="1 hour")
    make_old(admin, taken=True)
    assert rescue(worker) == []


def test_a_rescue_keeps_the_back_off(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    job_id = alice.export()
    take(worker)
    worker.claim(job_id)
    worker.fail(job_id, 1, retry_in="1 hour")  # and then its worker dies before it can tell the queue
    assert rescue(worker) == [job_id]
    due = job_row(admin, job_id)["next_attempt_at"]
    assert due is not None
    assert queue_row(admin, job_id)["scheduled_at"] == due


def test_rescue_and_cancel_do_not_wait_for_each_other(
    alice: Person, worker: WorkerVoice, database: Database, admin: Connection
) -> None:
    job_id = alice.export()
    take(worker)
    worker.claim(job_id)
    with connect(database.admin_url) as cancelling, cancelling.transaction():
        cancelling.execute("select from resumepair.export_jobs where id = %s for update", [job_id])  # as cancel begins
        worker.connection.execute("set lock_timeout = '5s'")
        assert rescue(worker) == []
    alice.cancel(job_id)
    assert rescue(worker) == []
    assert queue_row(admin, job_id)["status"] == "aborted"


@pytest.mark.parametrize("loss", ["update procrastinate_jobs set status = 'failed'", "delete from procrastinate_jobs"])
def test_an_export_that_the_queue_has_lost_is_queued_again(alice: Person, worker: WorkerVoice, loss: str) -> None:
    job_id = alice.export()
    assert requeue(worker) == []
    worker.connection.execute(loss.encode())
    assert requeue(worker) == [job_id]
    assert requeue(worker) == []
    assert worker.claim(job_id)


def test_a_row_that_is_no_longer_worked_on_has_no_worker(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    job_id = alice.export()
    row = take(worker)
    assert queue_row(admin, job_id)["worker_id"] is not None
    worker.connection.execute("select procrastinate_finish_job_v1(%s, 'succeeded', false)", [row])
    assert queue_row(admin, job_id)["worker_id"] is None
