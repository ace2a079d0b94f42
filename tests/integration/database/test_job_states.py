from itertools import product
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.integration.conftest import Connection, Person, WorkerVoice, job_row, refused

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


def in_state(state: str, alice: Person, worker: WorkerVoice) -> UUID:
    """A job that came to this state in the ordinary way."""
    job_id = alice.export()
    if state == "cancelled":
        alice.cancel(job_id)
    elif state != "pending":
        assert worker.claim(job_id)
        if state == "completed":
            worker.publish(job_id, 1)
        elif state == "failed":
            worker.fail(job_id, 1)
    return job_id


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


class TestFence:
    def test_a_later_claim_fences_off_the_earlier(self, alice: Person, worker: WorkerVoice, admin: Connection) -> None:
        job_id = alice.export()
        worker.claim(job_id)
        second = worker.claim(job_id)  # rescued: the first worker was silent too long
        assert second
        assert second["attempt"] == 2

        assert worker.report(job_id, 1, "rendering") is False
        assert worker.publish(job_id, 1) is None
        assert worker.fail(job_id, 1) is None
        assert worker.release(job_id, 1) is False
        assert worker.publish(job_id, 2)
        assert len(admin.execute("select from resumepair.export_history").fetchall()) == 1

    def test_a_claim_from_another_queue_row_is_refused(self, alice: Person, worker: WorkerVoice) -> None:
        job_id = alice.export()
        assert worker.claim(job_id, queue_job_id=987_654) is None

    @pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
    def test_an_ended_job_is_not_claimed(
        self, state: str, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        job_id = in_state(state, alice, worker)
        assert worker.claim(job_id) is None
        assert job_row(admin, job_id)["status"] == state

    def test_a_published_job_is_not_published_again(self, alice: Person, worker: WorkerVoice) -> None:
        job_id = in_state("completed", alice, worker)
        assert worker.publish(job_id, 1) is None


class TestFailure:
    def test_a_transient_error_makes_it_wait_for_its_next_attempt(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        job_id = in_state("processing", alice, worker)
        assert worker.fail(job_id, 1, retry_in="1 minute") == "pending"
        job = job_row(admin, job_id)
        assert job["next_attempt_at"] > job["updated_at"]
        assert (job["failure_code"], job["failure_retryable"], job["percent"]) == ("RENDER_TIMEOUT", True, 0)

    def test_the_next_attempt_starts_without_the_old_error(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        job_id = in_state("processing", alice, worker)
        worker.fail(job_id, 1, retry_in="1 minute")
        worker.claim(job_id)
        job = job_row(admin, job_id)
        assert (job["attempt"], job["failure_code"], job["next_attempt_at"]) == (2, None, None)

    def test_a_permanent_error_is_final(self, alice: Person, worker: WorkerVoice, admin: Connection) -> None:
        job_id = in_state("processing", alice, worker)
        assert worker.fail(job_id, 1) == "failed"
        job = job_row(admin, job_id)
        assert (job["attempt"], job["max_attempts"], job["failure_retryable"]) == (1, 5, False)

    def test_the_last_attempts_transient_error_is_final(self, alice: Person, worker: WorkerVoice) -> None:
        job_id = alice.export()
        outcomes = []
        for attempt in range(1, 6):
            worker.claim(job_id)
            outcomes.append(worker.fail(job_id, attempt, retry_in="1 minute"))
        assert outcomes == ["pending"] * 4 + ["failed"]

    def test_a_document_that_takes_every_worker_down_ends(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        job_id = alice.export()
        claims = [worker.claim(job_id) for _ in range(6)]
        assert [claim and claim["attempt"] for claim in claims] == [1, 2, 3, 4, 5, None]
        job = job_row(admin, job_id)
        assert (job["status"], job["failure_code"]) == ("failed", "WORKER_LOST")

    def test_a_handed_back_attempt_does_not_count(self, alice: Person, worker: WorkerVoice, admin: Connection) -> None:
        job_id = alice.export()
        for attempt in range(1, 4):
            worker.claim(job_id)
            assert worker.release(job_id, attempt)
        job = job_row(admin, job_id)
        assert (job["status"], job["attempt"], job["max_attempts"] - job["attempt"]) == ("pending", 3, 5)

    def test_the_snapshot_is_kept_while_attempts_are_left_and_no_longer(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        permanent, exhausted, lost = alice.export(), alice.export(), alice.export()
        admin.execute("update resumepair.export_jobs set max_attempts = 1 where id <> %s", [permanent])
        for job_id in (permanent, exhausted, lost):
            worker.claim(job_id)
        worker.fail(permanent, 1)
        worker.fail(exhausted, 1, retry_in="1 minute")
        worker.claim(lost)
        jobs = [job_row(admin, job_id) for job_id in (permanent, exhausted, lost)]
        assert [job["status"] for job in jobs] == ["failed"] * 3
        assert [job["document_data"] is None for job in jobs] == [False, True, True]


class TestRescue:
    """The silent worker is a row in procrastinate's tables; what it does when it wakes up, we do for it."""

    @staticmethod
    def take(worker: WorkerVoice) -> int:
        """Fetch the next queue row as a worker that then falls silent; the row's id."""
        (row,) = worker.connection.execute(
            "select (procrastinate_fetch_job_v2(null, (select worker_id from procrastinate_register_worker_v1()))).id"
        ).fetchall()
        worker.connection.execute("update procrastinate_workers set last_heartbeat = now() - interval '1 minute'")
        return int(row["id"])

    @staticmethod
    def rescue(worker: WorkerVoice) -> list[UUID]:
        rows = worker.connection.execute("select resumepair.rescue_exports('5 seconds') as id").fetchall()
        return [row["id"] for row in rows]

    def test_a_silent_workers_export_gets_a_new_queue_row(self, alice: Person, worker: WorkerVoice) -> None:
        job_id = alice.export()
        old_row = self.take(worker)
        worker.claim(job_id)
        assert self.rescue(worker) == [job_id]
        assert worker.queue_row_of(job_id) != old_row
        assert self.rescue(worker) == [], "once is enough"
        claim = worker.claim(job_id)
        assert claim
        assert claim["attempt"] == 2

    def test_what_a_woken_worker_does_to_its_old_row_touches_nothing(self, alice: Person, worker: WorkerVoice) -> None:
        job_id = alice.export()
        old_row = self.take(worker)
        worker.claim(job_id)
        self.rescue(worker)
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

    def test_a_beating_heart_is_left_alone(self, alice: Person, worker: WorkerVoice) -> None:
        alice.export()
        self.take(worker)
        worker.connection.execute("update procrastinate_workers set last_heartbeat = now()")
        assert self.rescue(worker) == []

    def test_an_export_whose_queue_row_ended_without_it_is_queued_again(
        self, alice: Person, worker: WorkerVoice
    ) -> None:
        job_id = alice.export()
        worker.connection.execute("update procrastinate_jobs set status = 'failed'")
        assert self.rescue(worker) == [job_id]
        assert worker.claim(job_id)

    def test_a_cancelled_export_of_a_silent_worker_is_only_ended(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        job_id = alice.export()
        self.take(worker)
        worker.claim(job_id)
        alice.cancel(job_id)
        assert self.rescue(worker) == []
        row = admin.execute("select status from procrastinate.procrastinate_jobs").fetchall()
        assert [r["status"] for r in row] == ["aborted"]


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
