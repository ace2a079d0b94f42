"""Stored files: what is reserved, stored, shared and let go of, and that the quota always counts just that."""

import threading
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from psycopg.rows import DictRow

from tests.conftest import Database
from tests.integration.conftest import Connection, Person, WorkerVoice, connect, job_row, refused

KEY = "k" * 64


def state_of(admin: Connection, job_id: UUID) -> list[str]:
    rows = admin.execute("select state from resumepair.stored_files where job_id = %s order by attempt", [job_id])
    return [row["state"] for row in rows]


def used_by(person: Person) -> int:
    (row,) = person.run("select resumepair.bytes_used(%s) as bytes", person.id)
    return int(row["bytes"])


def history_of(person: Person) -> list[DictRow]:
    return person.run("select * from resumepair.export_history order by created_at, id")


def removals(admin: Connection) -> int:
    """How many times workers have been told that there is something to remove, and have not begun."""
    query = "select from procrastinate.procrastinate_jobs where task_name = 'remove_files' and status = 'todo'"
    return len(admin.execute(query.encode()).fetchall())


def let_time_pass(admin: Connection, days: int = 8) -> None:
    admin.execute(
        "update resumepair.export_history"
        " set created_at = created_at - %s::interval, expires_at = expires_at - %s::interval",
        [f"{days} days"] * 2,
    )
    admin.execute("update resumepair.stored_files set created_at = created_at - %s::interval", [f"{days} days"])


def shared(alice: Person, worker: WorkerVoice) -> tuple[UUID, UUID]:
    """Two exports of one file."""
    document = alice.save_document()
    exports = []
    for number in range(2):
        job = alice.enqueue(document)[0]["job_id"]
        assert worker.claim(job)
        exports.append(worker.reuse(job, 1, KEY) if number else worker.publish(job, 1, content_key=KEY))
    first, second = exports
    assert first
    assert second
    return first, second


def test_room_is_taken_before_the_upload_and_kept_by_the_publication(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job = alice.export()
    worker.claim(job)
    assert worker.reserve(job, 1, byte_size=700)
    assert (state_of(admin, job), used_by(alice)) == (["uploading"], 700)
    assert worker.publish(job, 1, byte_size=700)
    assert (state_of(admin, job), used_by(alice)) == (["stored"], 700)


def test_a_file_that_does_not_fit_is_refused_with_the_figures(
    alice: Person, bob: Person, worker: WorkerVoice, admin: Connection
) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, quota_bytes) values (%s, 1000)", [alice.id])
    worker.finish(alice.export(), byte_size=600)
    job = alice.export()
    worker.claim(job)
    with refused("RP413") as refusal:
        worker.reserve(job, 1, byte_size=401)
    assert refusal.value.diag.message_detail == '{"used": 600, "quota": 1000}'
    assert worker.reserve(job, 1, byte_size=400)
    worker.finish(bob.export(), byte_size=5000)
    assert used_by(alice) == 1000


def test_two_uploads_at_once_do_not_both_take_the_last_room(
    alice: Person, worker: WorkerVoice, database: Database, admin: Connection
) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, quota_bytes) values (%s, 1000)", [alice.id])
    jobs = [alice.export() for _ in range(3)]
    for job in jobs:
        worker.claim(job)
    taken: list[bool] = []

    def reserve(job: UUID) -> None:
        with connect(database.worker_url) as connection:
            try:
                taken.append(WorkerVoice(connection, admin).reserve(job, 1, byte_size=600))
            except Exception as error:  # noqa: BLE001 # looked at below
                taken.append("RP413" not in str(getattr(error, "sqlstate", "")))

    threads = [threading.Thread(target=reserve, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False, False, True]
    assert used_by(alice) == 600


def test_room_for_expired_exports_is_given_to_new_ones_without_waiting_for_the_sweep(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, quota_bytes) values (%s, 1000)", [alice.id])
    job = alice.export()
    worker.finish(job, byte_size=1000)
    let_time_pass(admin)
    worker.finish(alice.export(), byte_size=900)
    assert (state_of(admin, job), used_by(alice)) == (["removing"], 900)


@pytest.mark.parametrize(
    "end",
    [
        lambda _, worker, job: worker.fail(job, 1),
        lambda _, worker, job: worker.fail(job, 1, "1 minute"),
        lambda _, worker, job: worker.release(job, 1),
        lambda _, worker, job: worker.claim(job),
        lambda alice, _, job: alice.cancel(job),
    ],
    ids=["failed", "to be tried again", "handed back", "claimed again", "cancelled"],
)
def test_an_upload_is_given_up_with_its_attempt(
    alice: Person, worker: WorkerVoice, admin: Connection, end: Callable[[Person, WorkerVoice, UUID], object]
) -> None:
    job = alice.export()
    worker.claim(job)
    worker.reserve(job, 1)
    end(alice, worker, job)
    assert (state_of(admin, job), used_by(alice), removals(admin)) == (["removing"], 0, 1)
    assert worker.publish(job, 1) is None
    assert not worker.reserve(job, 1)


def test_only_the_upload_of_the_attempt_that_is_over_is_given_up(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job = alice.export()
    worker.claim(job)
    worker.reserve(job, 1)
    worker.claim(job)
    worker.reserve(job, 2)
    worker.publish(job, 2)
    assert state_of(admin, job) == ["removing", "stored"]


def test_a_deleted_export_is_gone_and_its_file_to_be_removed(
    alice: Person, bob: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job = alice.export()
    export = worker.finish(job)
    with refused("RP404"):
        bob.run("select resumepair.delete_export(%s)", export)
    alice.run("select resumepair.delete_export(%s)", export)
    assert (history_of(alice), state_of(admin, job), used_by(alice), removals(admin)) == ([], ["removing"], 0, 1)
    assert job_row(admin, job)["status"] == "completed"
    with refused("RP404"):
        alice.run("select resumepair.delete_export(%s)", export)


def test_the_same_again_is_the_same_file_for_nothing(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    shared(alice, worker)
    first, second = history_of(alice)
    assert (first["cached"], second["cached"]) == (False, True)
    assert (first["file_id"], first["sha256"], first["storage_path"]) == (
        second["file_id"], second["sha256"], second["storage_path"],
    )  # fmt: skip
    assert used_by(alice) == 1000
    assert job_row(admin, second["job_id"])["status"] == "completed"


def test_what_is_asked_for_fresh_is_not_answered_from_storage(alice: Person, worker: WorkerVoice) -> None:
    document = alice.save_document()
    job = alice.enqueue(document)[0]["job_id"]
    worker.claim(job)
    worker.publish(job, 1, content_key=KEY)
    (row,) = alice.run("select * from resumepair.enqueue_export(%s, '{}', null, false, true)", [document])
    worker.claim(row["job_id"])
    assert worker.reuse(row["job_id"], 1, KEY) is None


def test_fresh_or_not_is_another_request_for_one_idempotency_key(alice: Person) -> None:
    document = alice.save_document()
    alice.enqueue(document, key="k")
    with refused("RP409"):
        alice.run("select * from resumepair.enqueue_export(%s, '{}', 'k', false, true)", [document])


@pytest.mark.parametrize("why", ["another's", "expired", "deleted", "too old", "other content", "superseded"])
def test_nothing_else_is_reused(alice: Person, bob: Person, worker: WorkerVoice, admin: Connection, why: str) -> None:
    first = (bob if why == "another's" else alice).export()
    worker.claim(first)
    export = worker.publish(first, 1, content_key=KEY)
    job = alice.export()
    worker.claim(job)
    if why == "expired":
        let_time_pass(admin)
    if why == "deleted":
        alice.run("select resumepair.delete_export(%s)", export)
    if why == "too old":
        admin.execute("update resumepair.stored_files set created_at = now() - interval '7 days'")
    if why == "superseded":
        worker.claim(job)
    assert worker.reuse(job, 1, "x" * 64 if why == "other content" else KEY) is None


def test_a_shared_file_goes_with_the_last_export_that_has_it(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    for left, export in zip((["stored"], ["removing"]), shared(alice, worker), strict=True):
        alice.run("select resumepair.delete_export(%s)", export)
        states = admin.execute("select state from resumepair.stored_files").fetchall()
        assert [row["state"] for row in states] == left


def test_the_last_two_exports_of_a_file_deleted_at_once_do_not_both_leave_it_to_the_other(
    alice: Person, worker: WorkerVoice, database: Database, admin: Connection
) -> None:
    for _ in range(5):
        barrier = threading.Barrier(2)

        def delete(export: UUID, barrier: threading.Barrier = barrier) -> None:
            with connect(database.api_url) as connection:
                barrier.wait()
                Person(connection, alice.id).run("select resumepair.delete_export(%s)", export)

        threads = [threading.Thread(target=delete, args=[export]) for export in shared(alice, worker)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert admin.execute("select from resumepair.stored_files where state = 'stored'").fetchall() == []
    assert used_by(alice) == 0


def test_expired_exports_go_in_bites_and_stay_in_the_history(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    for _ in range(3):
        worker.finish(alice.export())
    let_time_pass(admin)
    fresh = worker.finish(alice.export())
    assert [worker.call("select resumepair.expire_exports(2)") for _ in range(3)] == [2, 1, 0]
    *expired, last = history_of(alice)
    assert [row["file_id"] for row in expired] == [None] * 3
    assert (last["id"], used_by(alice)) == (fresh, 1000)


def test_a_cached_export_outlives_the_first_one_with_the_file(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    first, _ = shared(alice, worker)
    admin.execute(
        "update resumepair.export_history set created_at = now() - interval '8 days', expires_at = now() where id = %s",
        [first],
    )
    assert worker.call("select resumepair.expire_exports(50)") == 1
    assert (used_by(alice), [row["file_id"] is None for row in history_of(alice)]) == (1000, [True, False])


def test_old_files_go_with_whoever_has_them(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    shared(alice, worker)
    assert worker.call("select resumepair.expire_old_files('90 days', 50)") == 0
    admin.execute("update resumepair.stored_files set created_at = now() - interval '91 days'")
    assert worker.call("select resumepair.expire_old_files('90 days', 50)") == 1
    assert used_by(alice) == 0
    (row,) = alice.run("select count(*) as available from resumepair.export_history where expires_at > now()")
    assert row["available"] == 0


def test_a_removal_is_taken_once_and_again_after_a_while(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    alice.run("select resumepair.delete_export(%s)", worker.finish(alice.export()))

    def take(again_after: str) -> list[UUID]:
        rows = worker.connection.execute("select id from resumepair.take_removals(%s, 50)", [again_after]).fetchall()
        return [row["id"] for row in rows]

    (file,) = take("1 minute")
    assert take("1 minute") == []
    assert take("0 seconds") == [file]
    assert worker.call("select resumepair.forget_files(%s)", [file]) == 1
    assert worker.call("select resumepair.forget_files(%s)", [file]) == 0
    assert admin.execute("select from resumepair.stored_files").fetchall() == []


def test_what_is_stored_is_not_forgotten(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    worker.finish(alice.export())
    (row,) = admin.execute("select id, storage_path from resumepair.stored_files").fetchall()
    assert worker.call("select resumepair.forget_files(%s)", [row["id"]]) == 0
    found = worker.connection.execute(
        "select * from resumepair.unknown_files(%s) as path", [[row["storage_path"], "a/b"]]
    ).fetchall()
    assert [one["path"] for one in found] == ["a/b"]


def test_the_history_forgets_what_expired_long_ago(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    worker.finish(alice.export())
    let_time_pass(admin, days=100)
    prune = "select resumepair.prune_history('90 days', 50)"
    assert worker.call(prune) == 0  # it still has its file
    worker.call("select resumepair.expire_exports(50)")
    assert worker.call(prune) == 1
    assert history_of(alice) == []


def test_a_worker_of_before_that_reserves_nothing_can_still_publish(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    job = alice.export()
    assert worker.finish(job)
    assert (state_of(admin, job), used_by(alice)) == (["stored"], 1000)


def test_a_user_without_files_uses_nothing(api: Connection) -> None:
    assert used_by(Person(api, uuid4())) == 0
