"""Schedules in the database: who may make how many, and that each time comes to one export at most."""

import threading
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import DictRow

from tests.conftest import Database
from tests.integration.conftest import Connection, Person, WorkerVoice, connect, job_row, refused


def schedule_row(admin: Connection, schedule_id: UUID) -> DictRow:
    row = admin.execute(
        "select *, next_run_at - now() as next_run_in from resumepair.export_schedules where id = %s", [schedule_id]
    ).fetchone()
    assert row
    return row


def due(worker: WorkerVoice) -> DictRow:
    """The only schedule whose time has come."""
    (row,) = worker.due_schedules()
    return row


def ran(worker: WorkerVoice, following: str | None = None) -> DictRow:
    """What became of the only schedule whose time has come."""
    outcome = worker.run_schedule(due(worker), following)
    assert outcome
    return outcome


def jobs(admin: Connection) -> list[DictRow]:
    return admin.execute("select * from resumepair.export_jobs").fetchall()


def test_a_time_that_has_come_makes_an_export_as_its_owner_would(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    document = alice.save_document("before")
    schedule_id = alice.schedule(document, at="0 seconds", options={"template": "modern"})["schedule_id"]
    alice.run("""update resumepair.documents set data = '{"title": "after"}' where id = %s""", document)

    outcome = ran(worker)

    assert (outcome["refusal_state"], outcome["refusal_message"]) == (None, None)
    job = job_row(admin, outcome["job_id"])
    assert (job["user_id"], job["document_id"], job["options"]) == (alice.id, document, {"template": "modern"})
    assert job["document_data"] == {"title": "after"}, "as it is when the time comes"
    assert job["queue_job_id"]
    schedule = schedule_row(admin, schedule_id)
    assert (schedule["next_run_at"], schedule["last_job_id"]) == (None, job["id"])
    assert schedule["last_run_at"]
    assert worker.due_schedules() == []


@pytest.mark.parametrize("fresh", [True, False])
def test_what_is_scheduled_fresh_is_exported_fresh(
    fresh: bool,
    alice: Person,
    worker: WorkerVoice,
    admin: Connection,
) -> None:
    alice.schedule(cron="0 * * * *", at="0 seconds", fresh=fresh)
    for _ in range(2):
        assert job_row(admin, ran(worker, following="0 seconds")["job_id"])["fresh"] is fresh


def test_a_time_to_come_does_nothing_yet(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    schedule_id = alice.schedule(at="1 minute")["schedule_id"]
    assert worker.due_schedules() == []
    early = {"schedule_id": schedule_id, "due_at": schedule_row(admin, schedule_id)["next_run_at"]}
    assert worker.run_schedule(early) is None
    (soon,) = worker.connection.execute("select * from resumepair.due_schedules('2 minutes', 10)").fetchall()
    assert soon["schedule_id"] == schedule_id
    assert 0 < soon["due_in"] <= 60
    assert jobs(admin) == []


def test_a_cron_schedule_goes_on_with_the_following_time(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    schedule_id = alice.schedule(cron="0 * * * *", at="0 seconds")["schedule_id"]
    ran(worker, following="1 hour")
    assert timedelta() < schedule_row(admin, schedule_id)["next_run_in"] <= timedelta(hours=1)
    assert worker.due_schedules() == []


def test_twenty_workers_at_once_make_one_export(
    alice: Person, worker: WorkerVoice, admin: Connection, database: Database
) -> None:
    alice.schedule(cron="0 * * * *", at="0 seconds")
    seen = due(worker)
    outcomes: list[DictRow | None] = []

    def run() -> None:
        with connect(database.worker_url) as connection:
            outcomes.append(WorkerVoice(connection, admin).run_schedule(seen, following="0 seconds"))

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(outcome is not None for outcome in outcomes) == 1
    assert len(jobs(admin)) == 1


def test_a_worker_that_dies_while_it_runs_one_leaves_it_to_the_next(
    alice: Person, worker: WorkerVoice, admin: Connection, database: Database
) -> None:
    alice.schedule(at="0 seconds")
    seen = due(worker)
    dying = connect(database.worker_url)
    dying.execute("begin")
    assert WorkerVoice(dying, admin).run_schedule(seen)
    assert worker.run_schedule(seen) is None, "it is in the other's hands, and nobody waits for it"
    admin.execute("select pg_terminate_backend(%s, 10000)", [dying.info.backend_pid])
    dying.close()
    assert worker.run_schedule(seen)
    assert len(jobs(admin)) == 1


def test_a_worker_that_wakes_up_late_finds_the_time_gone(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    alice.schedule(cron="0 * * * *", at="0 seconds")
    seen = due(worker)
    assert worker.run_schedule(seen, following="0 seconds")
    assert worker.run_schedule(seen, following="0 seconds") is None
    assert worker.due_schedules()[0]["due_at"] > seen["due_at"]
    assert len(jobs(admin)) == 1


def test_too_many_active_requests_let_it_try_again_and_then_it_goes_through(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    active = [alice.export() for _ in range(3)]
    schedule_id = alice.schedule(at="0 seconds")["schedule_id"]

    assert ran(worker)["refusal_state"] == "RP429"

    schedule = schedule_row(admin, schedule_id)
    assert timedelta() < schedule["next_run_in"] <= timedelta(seconds=30)
    assert (schedule["last_refusal_state"], schedule["last_job_id"]) == ("RP429", None)
    assert schedule["last_refusal_message"].startswith("3 of 3 export requests are active")

    worker.finish(active[0])
    admin.execute("update resumepair.export_schedules set next_run_at = now()")
    outcome = ran(worker)
    schedule = schedule_row(admin, schedule_id)
    assert schedule["last_job_id"] == outcome["job_id"]
    assert (schedule["next_run_at"], schedule["last_refusal_state"], schedule["last_refusal_message"]) == (None,) * 3


def test_the_following_time_comes_before_the_pause_is_over(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_active_requests) values (%s, 0)", [alice.id])
    schedule_id = alice.schedule(cron="0 * * * *", at="0 seconds")["schedule_id"]
    assert ran(worker, following="10 seconds")["refusal_state"] == "RP429"
    assert schedule_row(admin, schedule_id)["next_run_in"] <= timedelta(seconds=10)


@pytest.mark.parametrize("following", ["1 hour", None])
def test_a_used_up_quota_is_told_and_the_following_time_stays_planned(
    alice: Person, worker: WorkerVoice, admin: Connection, following: str | None
) -> None:
    worker.finish(alice.export(), byte_size=104_857_600)
    cron = following and "0 * * * *"
    schedule_id = alice.schedule(cron=cron, at="0 seconds")["schedule_id"]

    assert ran(worker, following)["refusal_state"] == "RP413"

    schedule = schedule_row(admin, schedule_id)
    assert (schedule["last_refusal_state"], schedule["last_job_id"]) == ("RP413", None)
    assert (schedule["next_run_at"] is None) is (following is None)
    assert following is None or schedule["next_run_in"] > timedelta(minutes=59)


def test_what_nobody_foresaw_is_tried_again_and_not_told_to_the_user(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    schedule_id = alice.schedule(at="0 seconds")["schedule_id"]
    admin.execute("alter table resumepair.export_jobs add constraint broken check (false) not valid")
    outcome = ran(worker)
    assert "broken" in outcome["refusal_message"], "the worker logs it"
    schedule = schedule_row(admin, schedule_id)
    assert schedule["last_refusal_message"] == "Something went wrong on our side; it is tried again."
    assert timedelta() < schedule["next_run_in"] <= timedelta(seconds=30)


def test_a_run_is_nobodys_when_it_is_over(alice: Person, worker: WorkerVoice) -> None:
    alice.schedule(at="0 seconds")
    seen = due(worker)
    with worker.connection.transaction():
        assert worker.run_schedule(seen)
        claims = worker.connection.execute("select current_setting('request.jwt.claims', true) as text").fetchone()
    assert claims
    assert not claims["text"]


def test_deleting_a_schedule_or_its_document_leaves_nothing_to_run(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    document = alice.save_document()
    first = alice.schedule(at="0 seconds")
    alice.schedule(document, at="0 seconds")
    seen = worker.due_schedules()

    assert alice.run("select resumepair.delete_schedule(%s) as id", first["schedule_id"]) == [
        {"id": first["schedule_id"]}
    ]
    alice.run("delete from resumepair.documents where id = %s", document)

    assert admin.execute("select from resumepair.export_schedules").fetchall() == []
    assert [worker.run_schedule(row) for row in seen] == [None, None]
    assert jobs(admin) == []


def test_an_export_that_came_of_it_stays_when_the_schedule_goes(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    schedule_id = alice.schedule(at="0 seconds")["schedule_id"]
    job_id = ran(worker)["job_id"]
    alice.run("select resumepair.delete_schedule(%s)", schedule_id)
    assert job_row(admin, job_id)["status"] == "pending"


@pytest.mark.parametrize("whose", ["foreign", "unknown"])
def test_another_users_schedule_and_document_are_not_found(alice: Person, bob: Person, whose: str) -> None:
    foreign = whose == "foreign"
    with refused("RP404") as error:
        alice.run("select resumepair.delete_schedule(%s)", bob.schedule()["schedule_id"] if foreign else uuid4())
    assert error.value.diag.message_primary == "There is no such schedule."
    with refused("RP404") as error:
        alice.schedule(bob.save_document() if foreign else uuid4())
    assert (error.value.diag.message_primary, error.value.diag.column_name) == (
        "There is no such document.",
        "documentId",
    )


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("-2 minutes", "The time is past; give one that is to come."),
        ("367 days", "The time is more than a year ahead; give an earlier one."),
    ],
)
def test_a_time_out_of_range_is_refused(alice: Person, at: str, message: str) -> None:
    with refused("RP400") as error:
        alice.schedule(at=at)
    assert (error.value.diag.message_primary, error.value.diag.column_name) == (message, "at")


@pytest.mark.parametrize("at", ["-30 seconds", "364 days"])
def test_a_time_within_the_range_is_taken(alice: Person, at: str) -> None:
    assert alice.schedule(at=at)["schedule_id"]


def test_a_cron_expression_that_never_fires_is_refused(alice: Person) -> None:
    with refused("RP400") as error:
        alice.schedule(cron="0 0 31 2 *", at=None)
    assert error.value.diag.column_name == "cron"


@pytest.mark.parametrize(("run_at", "cron"), [(None, None), ("2030-01-01", "0 8 * * *")])
def test_a_time_or_a_cron_expression_and_not_both(alice: Person, run_at: str | None, cron: str | None) -> None:
    document = alice.save_document()
    with refused("RP400") as error:
        alice.run("select resumepair.schedule_export(%s, '{}', %s, %s, 'UTC', now())", document, run_at, cron)
    assert error.value.diag.message_primary == "Give either a time or a cron expression."


def test_same_key_and_input_give_the_first_schedule_again(alice: Person, admin: Connection) -> None:
    admin.execute("update resumepair.user_limits set max_schedules = 1")
    document = alice.save_document()
    (moment,) = admin.execute("select (now() + interval '1 hour')::text as at").fetchall()
    request = "select * from resumepair.schedule_export(%s, %s, %s, null, 'UTC', null, 'k')"
    (first,) = alice.run(request, document, "{}", moment["at"])
    (second,) = alice.run(request, document, "{}", moment["at"])
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["schedule_id"] == second["schedule_id"]
    for options, at in (('{"template": "modern"}', moment["at"]), ("{}", "2001-01-31T08:00:00Z")):
        with refused("RP409"):
            alice.run(request, document, options, at)


def test_fresh_or_not_is_another_request_for_one_idempotency_key(alice: Person) -> None:
    document = alice.save_document()
    request = "select * from resumepair.schedule_export(%s, '{}', null, '0 8 * * *', 'UTC', now(), 'k', %s)"
    assert [alice.run(request, document, True)[0]["replayed"] for _ in range(2)] == [False, True]
    for fresh in (False, None):
        with refused("RP409"):
            alice.run(request, document, fresh)


def test_twenty_are_enough_and_those_that_have_run_do_not_count(
    alice: Person, bob: Person, worker: WorkerVoice
) -> None:
    alice.schedule(at="0 seconds")
    for _ in range(19):
        alice.schedule()
    with refused("RP429") as error:
        alice.schedule()
    assert error.value.diag.message_primary == "20 of 20 schedules have something to come; delete one."
    assert error.value.diag.message_detail == '{"limit": 20, "active": 20}'
    bob.schedule()  # nobody else is concerned
    ran(worker)
    alice.schedule()


def test_twenty_at_once_with_room_for_three_give_exactly_three(
    alice: Person, admin: Connection, database: Database
) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_schedules) values (%s, 3)", [alice.id])
    document = alice.save_document()
    outcomes: list[str | None] = []

    def schedule() -> None:
        with connect(database.api_url) as connection:
            try:
                Person(connection, alice.id).schedule(document)
                outcomes.append("accepted")
            except psycopg.Error as error:
                outcomes.append(error.sqlstate)

    threads = [threading.Thread(target=schedule) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(str, outcomes)) == ["RP429"] * 17 + ["accepted"] * 3


def test_ten_at_once_with_one_key_give_one_schedule(alice: Person, admin: Connection, database: Database) -> None:
    document = alice.save_document()
    schedules: set[object] = set()

    def schedule() -> None:
        with connect(database.api_url) as connection:
            (row,) = Person(connection, alice.id).run(
                "select * from resumepair.schedule_export(%s, '{}', null, '0 8 * * *', 'UTC', now(), 'k')", document
            )
            schedules.add(row["schedule_id"])

    threads = [threading.Thread(target=schedule) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(schedules) == 1
    assert len(admin.execute("select from resumepair.export_schedules").fetchall()) == 1


def test_a_document_deleted_meanwhile_is_not_found(alice: Person, admin: Connection, database: Database) -> None:
    document = alice.save_document()
    outcomes: list[str | None] = []

    def schedule() -> None:
        with connect(database.api_url) as connection, refused("RP404") as error:
            Person(connection, alice.id).schedule(document)
        outcomes.append(error.value.diag.column_name)

    with connect(database.admin_url) as other:
        other.execute("begin")
        other.execute("delete from resumepair.documents where id = %s", [document])
        thread = threading.Thread(target=schedule)
        thread.start()
        while not admin.execute(
            "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        ).fetchall():
            pass
        other.execute("commit")
        thread.join()
    assert outcomes == ["documentId"]
