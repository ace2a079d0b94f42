import threading
from uuid import uuid4

import psycopg
import pytest

from tests.conftest import Database
from tests.integration.conftest import Connection, Person, WorkerVoice, connect, job_row, refused


def test_job_and_queue_row_are_one_transaction(alice: Person, admin: Connection) -> None:
    document = alice.save_document("My CV")

    (row,) = alice.enqueue(document, options={"template": "classic"})

    job = job_row(admin, row["job_id"])
    assert (job["status"], job["document_title"], job["options"]) == ("pending", "My CV", {"template": "classic"})
    queued = admin.execute("select * from procrastinate.procrastinate_jobs").fetchall()
    assert [(q["id"], q["task_name"], q["args"]) for q in queued] == [
        (job["queue_job_id"], "render_export", {"job_id": str(job["id"])})
    ]


def test_export_is_of_what_the_user_saw(alice: Person, worker: WorkerVoice) -> None:
    document = alice.save_document("before")
    (row,) = alice.enqueue(document)
    alice.run("""update resumepair.documents set data = '{"title": "after"}' where id = %s""", document)

    claim = worker.claim(row["job_id"])

    assert claim
    assert claim["document_data"] == {"title": "before"}


@pytest.mark.parametrize("document", ["unknown", "foreign"])
def test_document_of_nobody_and_of_another_are_the_same_not_found(alice: Person, bob: Person, document: str) -> None:
    id_ = uuid4() if document == "unknown" else bob.save_document()
    with refused("RP404") as error:
        alice.enqueue(id_)
    assert error.value.diag.message_primary == "There is no such document."
    assert error.value.diag.column_name == "documentId"


def test_batch_is_all_or_nothing_on_ownership(alice: Person, bob: Person, admin: Connection) -> None:
    with refused("RP404") as error:
        alice.enqueue(alice.save_document(), bob.save_document(), batch=True)
    assert error.value.diag.column_name == "documentIds[1]"
    assert admin.execute("select from resumepair.export_jobs").fetchall() == []
    assert admin.execute("select from resumepair.export_batches").fetchall() == []


def test_batch_is_one_active_request_and_keeps_its_order(alice: Person, admin: Connection) -> None:
    documents = [alice.save_document(f"CV {n}") for n in range(10)]

    rows = alice.enqueue(*documents, batch=True)
    alice.export()
    alice.export()

    jobs = [job_row(admin, row["job_id"]) for row in rows]
    assert [job["document_id"] for job in jobs] == documents
    assert [job["batch_position"] for job in jobs] == list(range(10))
    with refused("RP429"):
        alice.export()


def test_batch_of_more_than_ten_is_refused(alice: Person) -> None:
    documents = [alice.save_document() for _ in range(11)]
    with refused("RP400") as error:
        alice.enqueue(*documents, batch=True)
    assert error.value.diag.message_primary == "A batch holds at most 10 documents, not 11."


@pytest.mark.parametrize(("count", "batch"), [(0, False), (2, False), (0, True)])
def test_wrong_number_of_documents_is_refused(alice: Person, count: int, batch: bool) -> None:
    with refused("RP400"):
        alice.enqueue(*(alice.save_document() for _ in range(count)), batch=batch)


def test_document_named_twice_is_refused(alice: Person) -> None:
    document = alice.save_document()
    with refused("RP400"):
        alice.enqueue(document, document, batch=True)


@pytest.mark.parametrize("options", ["[]", '"x"', "5", "null", None])
def test_options_that_are_no_object_are_refused(alice: Person, options: str | None) -> None:
    document = alice.save_document()
    with refused("RP400") as error:
        alice.run("select resumepair.enqueue_export(array[%s]::uuid[], %s::jsonb)", document, options)
    assert error.value.diag.column_name == "options"


def test_nobody_enqueues(alice: Person, api: Connection) -> None:
    document = alice.save_document()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        Person(api, alice.id, "anon").enqueue(document)


def test_fourth_active_request_waits_for_one_to_end(alice: Person, bob: Person, worker: WorkerVoice) -> None:
    jobs = [alice.export() for _ in range(3)]
    with refused("RP429") as error:
        alice.export()
    assert error.value.diag.message_detail == '{"limit": 3, "active": 3}'
    bob.export()  # nobody else is concerned

    worker.finish(jobs[1])

    alice.export()


def test_own_limits_go_before_the_defaults(alice: Person, admin: Connection) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_active_requests) values (%s, 1)", [alice.id])
    job = job_row(admin, alice.export())
    assert job["max_attempts"] == 5  # not overridden
    with refused("RP429"):
        alice.export()


def test_used_up_quota_refuses(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    worker.finish(alice.export(), byte_size=104_857_599)
    worker.finish(alice.export(), byte_size=1)
    with refused("RP413") as error:
        alice.export()
    assert error.value.diag.message_detail == '{"used": 104857600, "quota": 104857600}'
    assert len(admin.execute("select from resumepair.export_jobs").fetchall()) == 2


def test_same_key_and_input_give_the_first_job_again(alice: Person, admin: Connection) -> None:
    document = alice.save_document()
    (first,) = alice.enqueue(document, key="k", options={"template": "classic"})
    (second,) = alice.enqueue(document, key="k", options={"template": "classic"})
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["job_id"] == second["job_id"]
    assert len(admin.execute("select from procrastinate.procrastinate_jobs").fetchall()) == 1


def test_replayed_batch_gives_all_its_jobs_in_order(alice: Person) -> None:
    documents = [alice.save_document() for _ in range(3)]
    first = alice.enqueue(*documents, key="k", batch=True)
    second = alice.enqueue(*documents, key="k", batch=True)
    assert [row["job_id"] for row in second] == [row["job_id"] for row in first]
    assert all(row["replayed"] for row in second)


@pytest.mark.parametrize("change", ["options", "document", "batch"])
def test_same_key_with_another_input_is_refused(alice: Person, change: str) -> None:
    document = alice.save_document()
    alice.enqueue(document, key="k", options={"template": "classic"})
    with refused("RP409"):
        match change:
            case "options":
                alice.enqueue(document, key="k", options={"template": "other"})
            case "document":
                alice.enqueue(alice.save_document(), key="k", options={"template": "classic"})
            case _:
                alice.enqueue(document, key="k", options={"template": "classic"}, batch=True)


def test_keys_of_two_users_do_not_meet(alice: Person, bob: Person) -> None:
    (first,) = alice.enqueue(alice.save_document(), key="k")
    (second,) = bob.enqueue(bob.save_document(), key="k")
    assert first["job_id"] != second["job_id"]


def test_twenty_at_once_with_room_for_three_give_exactly_three(alice: Person, database: Database) -> None:
    document = alice.save_document()
    outcomes: list[str | None] = []

    def enqueue() -> None:
        with connect(database.api_url) as connection:
            try:
                Person(connection, alice.id).enqueue(document)
                outcomes.append("accepted")
            except psycopg.Error as error:
                outcomes.append(error.sqlstate)

    threads = [threading.Thread(target=enqueue) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(str, outcomes)) == ["RP429"] * 17 + ["accepted"] * 3


def test_ten_at_once_with_one_key_give_one_job(alice: Person, database: Database, admin: Connection) -> None:
    document = alice.save_document()
    jobs: set[object] = set()

    def enqueue() -> None:
        with connect(database.api_url) as connection:
            jobs.add(Person(connection, alice.id).enqueue(document, key="k")[0]["job_id"])

    threads = [threading.Thread(target=enqueue) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(jobs) == 1
    assert len(admin.execute("select from resumepair.export_jobs").fetchall()) == 1


def test_a_snapshot_older_than_the_lock_is_refused(alice: Person, api: Connection) -> None:
    document = alice.save_document()
    api.execute("set session characteristics as transaction isolation level repeatable read")
    with refused("RP412"):
        alice.enqueue(document)


def test_an_unsaid_batch_is_none(alice: Person) -> None:
    documents = [alice.save_document() for _ in range(2)]
    with refused("RP400"):
        alice.run("select resumepair.enqueue_export(%s, '{}', null, null)", documents)


def test_a_batch_is_replayed_also_after_the_limit_was_lowered(alice: Person, admin: Connection) -> None:
    documents = [alice.save_document() for _ in range(3)]
    first = alice.enqueue(*documents, key="k", batch=True)
    admin.execute("insert into resumepair.user_limits (user_id, max_batch_documents) values (%s, 1)", [alice.id])
    again = alice.enqueue(*documents, key="k", batch=True)
    assert [row["job_id"] for row in again] == [row["job_id"] for row in first]
