"""A batch's bundle as the database keeps it: when there is one, whose attempt counts, and what becomes of its file."""

from collections.abc import Callable
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import DictRow

from tests.integration.conftest import Connection, Person, WorkerVoice, bundle_row, refused

QUEUED = """select q.status, q.queue_name, q.priority from procrastinate.procrastinate_jobs as q
    where q.task_name = 'bundle_batch' order by q.id"""


def batch_of(person: Person, size: int) -> tuple[UUID, list[UUID]]:
    rows = person.enqueue(*(person.save_document() for _ in range(size)), batch=True)
    return rows[0]["batch_id"], [row["job_id"] for row in rows]


def finished(person: Person, worker: WorkerVoice, size: int = 1) -> UUID:
    """A batch whose jobs have all completed."""
    batch, jobs = batch_of(person, size)
    for job in jobs:
        worker.finish(job)
    return batch


def exports_of(person: Person) -> list[UUID]:
    return [row["id"] for row in person.run("select id from resumepair.export_history order by created_at")]


def files_of(admin: Connection, bundle: UUID) -> list[str]:
    rows = admin.execute(
        "select state from resumepair.stored_files where bundle_id = %s order by attempt", [bundle]
    ).fetchall()
    return [row["state"] for row in rows]


def used_by(person: Person) -> int:
    return int(person.run("select resumepair.bytes_used(%s) as used", person.id)[0]["used"])


@pytest.fixture
def bundle(alice: Person, worker: WorkerVoice, admin: Connection) -> DictRow:
    """A completed bundle of two exports."""
    batch = finished(alice, worker, 2)
    worker.finish_bundle(batch)
    return bundle_row(admin, batch)


def test_the_last_job_to_end_puts_the_bundle_on_the_queue_in_the_same_transaction(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    batch, (first, last) = batch_of(alice, 2)
    worker.finish(first)
    assert admin.execute(QUEUED.encode()).fetchall() == []
    worker.claim(last)
    with worker.connection.transaction(force_rollback=True):
        worker.publish(last, 1)
    assert admin.execute(QUEUED.encode()).fetchall() == []

    worker.fail(last, 1)

    (row,) = admin.execute("select virtual_time from resumepair.export_jobs where id = %s", [last]).fetchall()
    (queued,) = admin.execute(QUEUED.encode()).fetchall()
    assert queued == {"status": "todo", "queue_name": "exports", "priority": -row["virtual_time"]}
    assert bundle_row(admin, batch)["status"] == "pending"


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_a_batch_of_which_nothing_completed_has_no_bundle(
    alice: Person, worker: WorkerVoice, admin: Connection, end: str
) -> None:
    batch, (job,) = batch_of(alice, 1)
    worker.claim(job)
    if end == "failed":
        worker.fail(job, 1)
    else:
        alice.cancel(job)
    assert admin.execute("select from resumepair.export_bundles").fetchall() == []
    with refused("RP412"):
        alice.run("select resumepair.bundle_batch(%s)", batch)


def test_an_export_alone_has_no_bundle(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    worker.finish(alice.export())
    assert admin.execute("select from resumepair.export_bundles").fetchall() == []


def test_only_the_present_attempt_publishes(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    bundle = bundle_row(admin, finished(alice, worker))
    for attempt in (1, 2):
        claim = worker.claim_bundle(bundle["id"])
        assert claim
        assert claim["attempt"] == attempt
        assert worker.reserve_bundle(bundle["id"], attempt)
    assert files_of(admin, bundle["id"]) == ["removing", "uploading"]
    assert not worker.publish_bundle(bundle["id"], 1)
    assert not worker.call("select resumepair.report_bundle(%s, 1)", bundle["id"])
    assert worker.publish_bundle(bundle["id"], 2)
    assert not worker.publish_bundle(bundle["id"], 2)
    assert worker.claim_bundle(bundle["id"]) is None
    assert files_of(admin, bundle["id"]) == ["removing", "stored"]


def test_a_claim_from_another_queue_row_is_refused(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    bundle = bundle_row(admin, finished(alice, worker))
    assert worker.claim_bundle(bundle["id"], bundle["queue_job_id"] + 1000) is None


def test_a_bundle_that_takes_its_workers_down_ends_with_its_attempts(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    admin.execute("update resumepair.user_limits set max_attempts = 2")
    batch = finished(alice, worker)
    bundle = bundle_row(admin, batch)
    claims = [worker.claim_bundle(bundle["id"]) for _ in range(3)]
    assert [claim and claim["attempt"] for claim in claims] == [1, 2, None]
    row = bundle_row(admin, batch)
    assert (row["status"], row["failure_code"], row["failure_retryable"]) == ("failed", "WORKER_LOST", False)


def test_an_upload_is_given_up_with_its_attempt(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    batch = finished(alice, worker)
    bundle = bundle_row(admin, batch)["id"]
    exports = used_by(alice)
    ends: tuple[Callable[[int], object], ...] = (
        lambda attempt: worker.fail_bundle(bundle, attempt, "1 second"),
        lambda attempt: worker.call("select resumepair.release_bundle(%s, %s)", bundle, attempt),
        lambda _: alice.run("select resumepair.delete_export(%s)", bundle),
    )
    for attempt, end in enumerate(ends, 1):
        worker.claim_bundle(bundle)
        worker.reserve_bundle(bundle, attempt)
        assert used_by(alice) == exports + 500
        end(attempt)
        assert (files_of(admin, bundle)[-1], used_by(alice)) == ("removing", exports)
        assert not worker.reserve_bundle(bundle, attempt)


def test_what_does_not_fit_is_refused_before_it_is_uploaded(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    bundle = bundle_row(admin, finished(alice, worker))["id"]
    admin.execute("update resumepair.user_limits set quota_bytes = 1400")
    worker.claim_bundle(bundle)
    with refused("RP413"):
        worker.reserve_bundle(bundle, 1, byte_size=500)
    assert worker.reserve_bundle(bundle, 1, byte_size=400)


def test_room_is_made_by_letting_expired_bundles_go(
    alice: Person, worker: WorkerVoice, admin: Connection, bundle: DictRow
) -> None:
    admin.execute("update resumepair.user_limits set quota_bytes = 3000")
    job = alice.export()
    worker.claim(job)
    with refused("RP413"):
        worker.reserve(job, 1, byte_size=1000)
    admin.execute("update resumepair.export_bundles set expires_at = now()")
    assert worker.reserve(job, 1, byte_size=1000)
    assert bundle_row(admin, bundle["batch_id"])["file_id"] is None


@pytest.mark.parametrize("what", ["the bundle", "an export in it"])
def test_a_bundle_is_deleted_by_itself_or_with_an_export_in_it(
    alice: Person, bob: Person, admin: Connection, bundle: DictRow, what: str
) -> None:
    id_ = bundle["id"] if what == "the bundle" else exports_of(alice)[0]
    with refused("RP404"):
        bob.run("select resumepair.delete_export(%s)", id_)
    alice.run("select resumepair.delete_export(%s)", id_)
    assert bundle_row(admin, bundle["batch_id"])["status"] == "deleted"
    assert files_of(admin, bundle["id"]) == ["removing"]
    assert used_by(alice) == (2000 if what == "the bundle" else 1000)
    with refused("RP404"):
        alice.run("select resumepair.delete_export(%s)", id_)
    with refused("RP404"):
        alice.run("select resumepair.record_download(%s)", id_)


def test_an_export_that_is_deleted_while_its_bundle_is_made_is_in_none(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    bundle = bundle_row(admin, finished(alice, worker, 2))["id"]
    worker.claim_bundle(bundle)
    worker.reserve_bundle(bundle, 1)
    alice.run("select resumepair.delete_export(%s)", exports_of(alice)[0])
    assert not worker.publish_bundle(bundle, 1)


def test_an_expired_export_can_be_deleted_without_its_bundle(
    alice: Person, worker: WorkerVoice, admin: Connection, bundle: DictRow
) -> None:
    first = exports_of(alice)[0]
    admin.execute(
        "update resumepair.export_history set created_at = now() - interval '8 days', expires_at = now() where id = %s",
        [first],
    )
    assert worker.call("select resumepair.expire_exports(50)") == 1
    alice.run("select resumepair.delete_export(%s)", first)
    assert bundle_row(admin, bundle["batch_id"])["status"] == "completed"


def test_bundles_expire_in_bites_with_the_exports(worker: WorkerVoice, admin: Connection, bundle: DictRow) -> None:
    admin.execute("update resumepair.export_history set created_at = now() - interval '8 days', expires_at = now()")
    admin.execute("update resumepair.export_bundles set expires_at = now()")
    assert [worker.call("select resumepair.expire_exports(1)") for _ in range(3)] == [2, 1, 0]
    assert files_of(admin, bundle["id"]) == ["removing"]


@pytest.mark.parametrize("how", ["old", "lost"])
def test_a_bundle_goes_with_its_old_or_lost_file(
    alice: Person, worker: WorkerVoice, admin: Connection, bundle: DictRow, how: str
) -> None:
    if how == "old":
        admin.execute("update resumepair.stored_files set created_at = now() - interval '91 days' where job_id is null")
        assert worker.call("select resumepair.expire_old_files('90 days', 50)") == 1
    else:
        assert worker.call("select resumepair.expire_lost_files(%s)", [bundle["file_id"]]) == 1
    assert files_of(admin, bundle["id"]) == ["removing"]
    with refused("RP410"):
        alice.run("select resumepair.record_download(%s)", bundle["id"])
    assert len(exports_of(alice)) == 2


def test_a_retried_job_takes_the_bundle_back_and_makes_it_anew(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    batch, (good, bad) = batch_of(alice, 2)
    worker.finish(good)
    worker.claim(bad)
    worker.fail(bad, 1)
    worker.finish_bundle(batch)
    before = bundle_row(admin, batch)
    alice.retry(bad)
    between = bundle_row(admin, batch)
    assert (between["status"], files_of(admin, before["id"])) == ("deleted", ["removing"])
    with refused("RP412"):
        alice.run("select resumepair.bundle_batch(%s)", batch)
    alice.cancel(bad)
    after = bundle_row(admin, batch)
    assert (after["status"], after["id"], after["attempt"], after["max_attempts"]) == ("pending", before["id"], 1, 6)
    assert after["queue_job_id"] != before["queue_job_id"]
    assert before["sequence"] < between["sequence"] < after["sequence"]


@pytest.mark.parametrize("why", ["failed", "deleted", "expired"])
def test_a_bundle_is_made_anew_when_it_is_asked_for(
    alice: Person, worker: WorkerVoice, admin: Connection, why: str
) -> None:
    batch = finished(alice, worker)
    bundle = bundle_row(admin, batch)["id"]
    if why == "failed":
        worker.claim_bundle(bundle)
        worker.fail_bundle(bundle, 1)
    else:
        worker.finish_bundle(batch)
    if why == "deleted":
        alice.run("select resumepair.delete_export(%s)", bundle)
    if why == "expired":
        admin.execute("update resumepair.export_bundles set expires_at = now()")

    alice.run("select resumepair.bundle_batch(%s)", batch)
    alice.run("select resumepair.bundle_batch(%s)", batch)

    row = bundle_row(admin, batch)
    assert (row["status"], row["failure_code"], row["storage_path"]) == ("pending", None, None)
    assert len(admin.execute(QUEUED.encode()).fetchall()) == 2
    assert worker.finish_bundle(batch) == bundle
    alice.run("select resumepair.bundle_batch(%s)", batch)
    assert bundle_row(admin, batch)["status"] == "completed"


def test_a_bundle_is_not_made_of_what_is_gone_or_another_s(
    alice: Person, bob: Person, worker: WorkerVoice, admin: Connection
) -> None:
    batch = finished(alice, worker)
    bundle = bundle_row(admin, batch)["id"]
    for caller, id_ in ((bob, batch), (alice, uuid4())):
        with refused("RP404"):
            caller.run("select resumepair.bundle_batch(%s)", id_)
    admin.execute("update resumepair.export_history set created_at = now() - interval '8 days', expires_at = now()")
    assert worker.claim_bundle(bundle) is None
    assert bundle_row(admin, batch)["status"] == "deleted"
    with refused("RP412"):
        alice.run("select resumepair.bundle_batch(%s)", batch)


def test_as_many_bundles_at_once_can_be_asked_for_as_requests(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    batches = [finished(alice, worker) for _ in range(4)]
    admin.execute(
        "update resumepair.export_bundles set status = 'failed', finished_at = now(), failure_code = 'INTERNAL_ERROR'"
    )
    for batch in batches[:3]:
        alice.run("select resumepair.bundle_batch(%s)", batch)
    with refused("RP429"):
        alice.run("select resumepair.bundle_batch(%s)", batches[3])


def test_downloads_of_a_bundle_are_counted_and_only_of_a_completed_one(
    alice: Person, bob: Person, worker: WorkerVoice, admin: Connection
) -> None:
    batch = finished(alice, worker)
    bundle = bundle_row(admin, batch)["id"]
    download = "select storage_path, file_name from resumepair.record_download(%s, %s)"
    with refused("RP412"):
        alice.run(download, bundle, True)
    worker.finish_bundle(batch)
    for count in (False, True):
        (row,) = alice.run(download, bundle, count)
        assert row == {"storage_path": f"{bundle}/1/bundle.zip", "file_name": "exports.zip"}
    assert bundle_row(admin, batch)["download_count"] == 1
    with refused("RP404"):
        bob.run(download, bundle, True)


@pytest.mark.parametrize("loss", ["update procrastinate_jobs set status = 'failed'", "delete from procrastinate_jobs"])
def test_a_bundle_that_the_queue_has_lost_is_queued_again(
    alice: Person, worker: WorkerVoice, admin: Connection, loss: str
) -> None:
    bundle = bundle_row(admin, finished(alice, worker))
    worker.connection.execute(loss.encode())
    requeue = "select resumepair.requeue_exports()"
    assert [worker.call(requeue) for _ in range(2)] == [bundle["id"], None]
    assert worker.claim_bundle(bundle["id"])


def test_a_file_is_either_an_export_s_or_a_bundle_s(admin: Connection, bundle: DictRow) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        admin.execute("update resumepair.stored_files set bundle_id = %s where job_id is not null", [bundle["id"]])
    with pytest.raises(psycopg.errors.CheckViolation):
        admin.execute("update resumepair.stored_files set bundle_id = null where job_id is null")
