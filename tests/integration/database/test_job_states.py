from itertools import product
from uuid import uuid4

import psycopg
import pytest

from tests.integration.conftest import Connection, Person, WorkerVoice, in_state, job_row, refused

STATES = ("pending", "processing", "completed", "failed", "cancelled")
ALLOWED = {
    ("pending", "processing"),
    ("pending", "cancelled"),
    ("pending", "failed"),
    ("processing", "pending"),
    ("processing", "completed"),
    ("processing", "failed"),
    ("processing", "cancelled"),
    ("failed", "pending"),
}


@pytest.mark.parametrize(("before", "after"), [pair for pair in product(STATES, STATES) if pair[0] != pair[1]])
def test_only_the_drawn_transitions_are_possible(
    before: str, after: str, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job_id = in_state(before, alice, worker)
    change = """
        update resumepair.export_jobs set status = %(after)s,
            stage = case %(after)s when 'completed' then 'done' else 'queued' end,
            finished_at = case when %(after)s in ('completed', 'failed', 'cancelled') then now() end,
            attempt = greatest(attempt, 1), failure_code = 'INTERNAL_ERROR',
            document_data = coalesce(document_data, '{}')
        where id = %(id)s"""
    if (before, after) in ALLOWED:
        admin.execute(change, {"after": after, "id": job_id})
        assert job_row(admin, job_id)["status"] == after
    else:
        with refused("RP412"):
            admin.execute(change, {"after": after, "id": job_id})


def test_a_job_is_born_pending(admin: Connection) -> None:
    with refused("RP412"):
        admin.execute(
            """insert into resumepair.export_jobs (user_id, document_id, document_version, document_title,
                   document_data, status, attempt, max_attempts, virtual_time, request_hash)
               values (%s, %s, 1, 'CV', '{}', 'processing', 1, 5, 1, '')""",
            [uuid4(), uuid4()],
        )


def test_an_attempt_never_goes_back(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    job_id = in_state("processing", alice, worker)
    with refused("RP412"):
        admin.execute("update resumepair.export_jobs set attempt = 0 where id = %s", [job_id])


def test_progress_is_percent_of_stage_with_rising_sequence(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job_id = alice.export()
    seen = [job_row(admin, job_id)]
    worker.claim(job_id)
    seen.append(job_row(admin, job_id))
    for stage in ("rendering", "verifying", "uploading", "publishing"):
        assert worker.report(job_id, 1, stage)
        seen.append(job_row(admin, job_id))
    worker.publish(job_id, 1)
    seen.append(job_row(admin, job_id))

    assert [row["percent"] for row in seen] == [0, 10, 30, 60, 80, 90, 100]
    assert [row["sequence"] for row in seen] == [1, 2, 3, 4, 5, 6, 7]


def test_every_change_is_announced_when_committed_without_content(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    admin.execute("listen resumepair_jobs")
    job_id = alice.export()
    worker.finish(job_id)

    heard = [notification.payload for notification in admin.notifies(timeout=5, stop_after=3)]

    assert [payload.count(str(job_id)) for payload in heard] == [1, 1, 1]
    assert ['"status" : "pending"' in heard[0], '"status" : "processing"' in heard[1]] == [True, True]
    assert '"percent" : 100' in heard[2]
    assert not any("CV" in payload for payload in heard)


class TestRetry:
    def test_a_failed_job_runs_again_from_its_snapshot(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        job_id = in_state("failed", alice, worker)
        first_row = worker.queue_row_of(job_id)
        alice.retry(job_id)
        assert job_row(admin, job_id)["status"] == "pending"
        assert worker.claim(job_id, first_row) is None, "the old queue row has no right to it any more"
        claim = worker.claim(job_id)
        assert claim
        assert (claim["attempt"], claim["document_data"]) == (2, {"title": "CV"})

    @pytest.mark.parametrize("state", ["pending", "processing", "completed", "cancelled"])
    def test_only_a_failed_job_is_retried(self, state: str, alice: Person, worker: WorkerVoice) -> None:
        job_id = in_state(state, alice, worker)
        with refused("RP412"):
            alice.retry(job_id)

    def test_without_attempts_left_it_is_refused(self, alice: Person, worker: WorkerVoice, admin: Connection) -> None:
        admin.execute("insert into resumepair.user_limits (user_id, max_attempts) values (%s, 1)", [alice.id])
        job_id = in_state("failed", alice, worker)
        with refused("RP423"):
            alice.retry(job_id)

    def test_anothers_job_is_not_found(self, alice: Person, bob: Person, worker: WorkerVoice) -> None:
        job_id = in_state("failed", alice, worker)
        with refused("RP404"):
            bob.retry(job_id)

    def test_it_counts_as_an_active_request(self, alice: Person, worker: WorkerVoice) -> None:
        job_id = in_state("failed", alice, worker)
        for _ in range(3):
            alice.export()
        with refused("RP429"):
            alice.retry(job_id)


class TestCancel:
    @pytest.mark.parametrize("state", ["pending", "processing"])
    def test_it_is_final_at_once_and_never_published(
        self, state: str, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        job_id = in_state(state, alice, worker)
        alice.cancel(job_id)
        assert job_row(admin, job_id)["status"] == "cancelled"
        assert worker.publish(job_id, 1) is None
        assert worker.claim(job_id) is None

    def test_the_queue_row_of_a_pending_job_is_cancelled_too(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        job_id = in_state("pending", alice, worker)
        alice.cancel(job_id)
        row = admin.execute("select status from procrastinate.procrastinate_jobs").fetchone()
        assert row == {"status": "cancelled"}

    def test_a_running_queue_row_is_aborted(self, alice: Person, worker: WorkerVoice, admin: Connection) -> None:
        job_id = in_state("processing", alice, worker)
        worker.connection.execute("update procrastinate_jobs set status = 'doing'")
        alice.cancel(job_id)
        row = admin.execute("select status, abort_requested from procrastinate.procrastinate_jobs").fetchone()
        assert row == {"status": "doing", "abort_requested": True}

    def test_cancelling_twice_is_harmless(self, alice: Person, admin: Connection) -> None:
        job_id = alice.export()
        alice.cancel(job_id)
        alice.cancel(job_id)
        assert job_row(admin, job_id)["status"] == "cancelled"

    @pytest.mark.parametrize("state", ["completed", "failed"])
    def test_an_ended_job_is_not_cancelled(self, state: str, alice: Person, worker: WorkerVoice) -> None:
        job_id = in_state(state, alice, worker)
        with refused("RP412") as error:
            alice.cancel(job_id)
        assert error.value.diag.message_primary == f"The job is already {state}."

    def test_anothers_job_is_not_found(self, alice: Person, bob: Person, admin: Connection) -> None:
        job_id = alice.export()
        with refused("RP404"):
            bob.cancel(job_id)
        assert job_row(admin, job_id)["status"] == "pending"


class TestBatch:
    def test_it_is_counted_down_by_every_ending_and_up_by_a_retry(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        rows = alice.enqueue(*(alice.save_document() for _ in range(3)), batch=True)
        completed, failed, cancelled = (row["job_id"] for row in rows)

        def remaining() -> tuple[int, bool]:
            row = admin.execute("select * from resumepair.export_batches").fetchone()
            assert row
            return row["remaining"], row["finished_at"] is not None

        worker.finish(completed)
        worker.claim(failed)
        worker.fail(failed, 1)
        assert remaining() == (1, False)
        alice.cancel(cancelled)
        assert remaining() == (0, True)
        alice.retry(failed)
        assert remaining() == (1, False)


class TestDownload:
    def test_it_is_counted_and_says_where_the_file_is(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        export_id = worker.finish(alice.export())
        (row,) = alice.run("select * from resumepair.record_download(%s)", export_id)
        assert row["file_name"] == "cv.pdf"
        counted = admin.execute("select download_count, last_downloaded_at from resumepair.export_history").fetchone()
        assert counted
        assert counted["download_count"] == 1
        assert counted["last_downloaded_at"]

    def test_anothers_export_is_not_found(self, alice: Person, bob: Person, worker: WorkerVoice) -> None:
        export_id = worker.finish(alice.export())
        with refused("RP404"):
            bob.run("select * from resumepair.record_download(%s)", export_id)

    def test_an_expired_one_is_refused_and_not_counted(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        export_id = worker.finish(alice.export())
        admin.execute("update resumepair.export_history set created_at = now() - interval '8 days', expires_at = now()")
        with refused("RP410"):
            alice.run("select * from resumepair.record_download(%s)", export_id)
        row = admin.execute("select download_count from resumepair.export_history").fetchone()
        assert row == {"download_count": 0}


def test_history_lives_seven_days_and_comes_before_completion(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job_id = alice.export()
    worker.finish(job_id)
    row = admin.execute("select expires_at - created_at as lifetime from resumepair.export_history").fetchone()
    assert row
    assert row["lifetime"].days == 7
    assert job_row(admin, job_id)["document_data"] is None, "the snapshot is dropped"


def test_failing_publication_leaves_the_job_as_it_was(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    job_id = in_state("processing", alice, worker)
    with pytest.raises(psycopg.errors.CheckViolation):
        worker.publish(job_id, 1, byte_size=0)
    assert job_row(admin, job_id)["status"] == "processing"
    assert admin.execute("select from resumepair.export_history").fetchall() == []
