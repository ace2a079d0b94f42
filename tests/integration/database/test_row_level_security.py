"""Who may do what to which table, as data: each role tries everything, directly against the policies."""

from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.integration.conftest import Connection, Person, WorkerVoice

TABLES = ("documents", "export_jobs", "export_history", "export_batches", "export_schedules", "user_limits")
# A write that, where it is allowed, touches the row of its owner.
WRITES = {
    "documents": "update resumepair.documents set title = 'x' where user_id = %s",
    "export_jobs": "update resumepair.export_jobs set options = '{}' where user_id = %s",
    "export_history": "update resumepair.export_history set download_count = 9 where user_id = %s",
    "export_batches": "update resumepair.export_batches set remaining = 0 where user_id = %s",
    "export_schedules": "update resumepair.export_schedules set next_run_at = now() where user_id = %s",
    "user_limits": "update resumepair.user_limits set quota_bytes = 1 where user_id = %s",
}
ALL = set(TABLES)

# role of the caller -> tables of which it sees the owner's row, tables it may change it in
MATRIX = {
    "owner": (ALL, {"documents"}),
    "other user": (set(), set()),
    "anon": (set(), set()),
    "service_role": (ALL, {"user_limits"}),
    "resumepair_worker": (set(), set()),
    "resumepair_api": (set(), set()),
}


@pytest.fixture
def owner(alice: Person, worker: WorkerVoice, admin: Connection) -> Person:
    """A user with a row in every table."""
    worker.finish(alice.export())
    alice.enqueue(alice.save_document(), batch=True)
    alice.schedule()
    admin.execute("insert into resumepair.user_limits (user_id) values (%s)", [alice.id])
    return alice


@pytest.fixture
def caller(request: pytest.FixtureRequest, owner: Person, bob: Person, worker: WorkerVoice) -> Person:
    match request.param:
        case "owner":
            return owner
        case "other user":
            return bob
        case "resumepair_worker":
            return Person(worker.connection, owner.id, "none")
        case "resumepair_api":
            return Person(owner.connection, owner.id, "none")
        case role:
            return Person(owner.connection, owner.id, role)


def attempt(caller: Person, query: str, owner_id: UUID) -> int:
    """How many rows it reached; a refusal is none."""
    try:
        return len(caller.run(query, owner_id))
    except psycopg.errors.InsufficientPrivilege:
        return 0


@pytest.mark.parametrize("caller", MATRIX, indirect=True)
def test_matrix(request: pytest.FixtureRequest, caller: Person, owner: Person) -> None:
    role = request.node.callspec.params["caller"]
    seen = {t for t in TABLES if attempt(caller, f"select 1 from resumepair.{t} where user_id = %s", owner.id)}
    changed = {t for t in TABLES if attempt(caller, f"{WRITES[t]} returning 1", owner.id)}
    assert (seen, changed) == MATRIX[role]


@pytest.mark.parametrize("caller", MATRIX, indirect=True)
def test_nobody_empties_a_table(caller: Person) -> None:
    for table in TABLES:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            caller.run(f"truncate resumepair.{table} cascade")


@pytest.mark.parametrize("caller", ["owner", "anon", "service_role", "resumepair_api"], indirect=True)
def test_only_the_worker_reaches_the_queue(caller: Person) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        caller.run("select from procrastinate.procrastinate_jobs")


@pytest.mark.parametrize("caller", ["owner", "anon", "service_role", "resumepair_api"], indirect=True)
@pytest.mark.parametrize(
    "call",
    [
        "claim_export(gen_random_uuid(), 1)",
        "report_progress(gen_random_uuid(), 1, 'done')",
        "publish_export(gen_random_uuid(), 1, '', '', '', 1, 1, '', '{}', '{}', '[]', '1 day')",
        "fail_export(gen_random_uuid(), 1, '', '')",
        "release_export(gen_random_uuid(), 1)",
        "rescue_exports('5 seconds', '2 minutes')",
        "requeue_exports()",
        "lost_queue_rows('5 seconds', '2 minutes')",
        "ring_due_jobs()",
        "prune_queue('1 day', 10)",
        "queue_job(gen_random_uuid(), 1)",
        "due_schedules('1 second', 10)",
        "run_schedule(gen_random_uuid(), now(), now(), '30 seconds')",
    ],
)
def test_only_the_worker_calls_the_workers_functions(caller: Person, call: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        caller.run(f"select resumepair.{call}")


@pytest.mark.parametrize("caller", ["anon", "service_role", "resumepair_worker", "resumepair_api"], indirect=True)
@pytest.mark.parametrize(
    "call",
    [
        "save_document('CV', '{}')",
        "enqueue_export(array[gen_random_uuid()])",
        "cancel_export(gen_random_uuid())",
        "cancel_batch(gen_random_uuid())",
        "retry_export(gen_random_uuid())",
        "record_download(gen_random_uuid())",
        "schedule_export(gen_random_uuid(), '{}', now(), null, 'UTC', null)",
        "delete_schedule(gen_random_uuid())",
    ],
)
def test_only_signed_in_users_call_the_users_functions(caller: Person, call: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        caller.run(f"select resumepair.{call}")


@pytest.mark.parametrize("caller", ["anon", "resumepair_worker", "resumepair_api"], indirect=True)
@pytest.mark.parametrize("call", ["limits_of(gen_random_uuid())", "queue_positions(array[gen_random_uuid()])"])
def test_only_those_who_see_anything_may_ask_for_limits_and_places(caller: Person, call: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        caller.run(f"select resumepair.{call}")


def test_another_user_s_limits_look_like_the_defaults(alice: Person, bob: Person, admin: Connection) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_attempts) values (%s, 9)", [alice.id])
    asked = "select (resumepair.limits_of(%s)).max_attempts"
    assert [person.run(asked, alice.id)[0]["max_attempts"] for person in (alice, bob)] == [9, 5]


def test_the_default_limits_stay(alice: Person, api: Connection) -> None:
    service = Person(api, alice.id, "service_role")
    assert service.run("delete from resumepair.user_limits returning 1") == []
    with pytest.raises(psycopg.errors.CheckViolation):
        service.run("update resumepair.user_limits set quota_bytes = null")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        service.run("update resumepair.user_limits set user_id = gen_random_uuid()")


def test_a_document_is_not_given_to_somebody_else(alice: Person, bob: Person) -> None:
    document = alice.save_document()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        alice.run("update resumepair.documents set user_id = %s where id = %s", bob.id, document)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        alice.run("insert into resumepair.documents (user_id, title, data) values (%s, 'CV', %s)", bob.id, Jsonb({}))


def test_a_change_of_a_document_is_a_new_version_and_a_repetition_is_not(alice: Person) -> None:
    document = alice.save_document()
    save = "update resumepair.documents set title = %s where id = %s returning version"
    assert [alice.run(save, title, document)[0]["version"] for title in ("new", "new", "newer")] == [2, 2, 3]
