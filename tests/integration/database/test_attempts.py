"""Attempts at a job: the fence between them, and their failures."""

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
