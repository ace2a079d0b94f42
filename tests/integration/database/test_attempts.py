"""Attempts at a job: the fence between them, their failures, and the rescue of what a silent worker left behind."""

from uuid import UUID

import psycopg
import pytest

from tests.integration.conftest import Connection, Person, WorkerVoice, in_state, job_row


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
        rows = worker.connection.execute("select resumepair.rescue_exports('5 seconds', '2 minutes') as id").fetchall()
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

    def test_what_makes_no_step_within_the_deadline_is_queued_again(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        job_id = alice.export()
        self.take(worker)
        worker.claim(job_id)
        worker.connection.execute("update procrastinate_workers set last_heartbeat = now() + interval '1 hour'")
        assert self.rescue(worker) == [], "it has just made a step"
        admin.execute("alter table resumepair.export_jobs disable trigger user")
        admin.execute("update resumepair.export_jobs set updated_at = now() - interval '3 minutes'")
        admin.execute("alter table resumepair.export_jobs enable trigger user")
        assert self.rescue(worker) == [job_id]
        claim = worker.claim(job_id)
        assert claim
        assert claim["attempt"] == 2
        assert not worker.report(job_id, 1, "rendering"), "the stuck attempt is fenced off"

    def test_a_back_off_longer_than_the_deadline_is_no_standstill(
        self, alice: Person, worker: WorkerVoice, admin: Connection
    ) -> None:
        job_id = alice.export()
        self.take(worker)
        worker.claim(job_id)
        worker.fail(job_id, 1, retry_in="1 hour")
        worker.connection.execute("update procrastinate_workers set last_heartbeat = now() + interval '1 hour'")
        admin.execute("alter table resumepair.export_jobs disable trigger user")
        admin.execute("update resumepair.export_jobs set updated_at = now() - interval '3 minutes'")
        admin.execute("alter table resumepair.export_jobs enable trigger user")
        assert self.rescue(worker) == []
