"""Saving and deleting documents, in the database."""

import threading
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from dev.database import prepare
from tests.conftest import Database
from tests.integration.conftest import Connection, Person, WorkerVoice, connect, job_row, refused
from tests.integration.database.test_schema import HOST_VIEW

SAVE = "select * from resumepair.save_document(%s, %s, %s)"


def save(person: Person, title: str = "CV", data: dict[str, Any] | None = None, key: str | None = "k") -> Any:  # noqa: ANN401
    (row,) = person.run(SAVE, title, Jsonb(data or {}), key)
    return row


def count(admin: Connection, table: str = "documents") -> int:
    return len(admin.execute(f"select from resumepair.{table}".encode()).fetchall())


def test_the_same_key_and_document_are_saved_once(alice: Person, admin: Connection) -> None:
    first = save(alice, data={"a": 1, "b": [2]})
    again = save(alice, data={"b": [2], "a": 1})
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert {**again, "replayed": False} == first
    assert count(admin) == 1


def limit(admin: Connection, person: Person, number: int) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_documents) values (%s, %s)", [person.id, number])


def test_more_documents_than_allowed_are_refused_and_a_deleted_one_makes_room(
    alice: Person, bob: Person, admin: Connection
) -> None:
    limit(admin, alice, 2)
    first, _ = save(alice, key="a"), save(alice, key="b")
    for key in ("c", None):
        with refused("RP429") as error:
            save(alice, key=key)
        assert error.value.diag.message_primary == "You have 2 of 2 documents; delete one."
        assert error.value.diag.message_detail == '{"limit": 2, "active": 2}'
    with refused("RP429"):
        alice.save_document()  # past the function
    assert save(alice, key="a")["replayed"]
    alice.run("update resumepair.documents set title = 'new' where id = %s", first["id"])
    save(bob)  # nobody else is concerned
    alice.run("delete from resumepair.documents where id = %s", first["id"])
    save(alice, key="c")


def test_who_imports_documents_is_not_limited(alice: Person, admin: Connection) -> None:
    limit(admin, alice, 0)
    admin.execute("insert into resumepair.documents (user_id, title, data) values (%s, 'CV', '{}')", [alice.id])
    assert count(admin) == 1


def test_twenty_documents_at_once_with_room_for_three_are_exactly_three(
    alice: Person, admin: Connection, database: Database
) -> None:
    limit(admin, alice, 3)
    outcomes: list[str | None] = []

    def save_one() -> None:
        with connect(database.api_url) as connection:
            try:
                save(Person(connection, alice.id), key=None)
            except psycopg.Error as error:
                outcomes.append(error.sqlstate)

    threads = [threading.Thread(target=save_one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (count(admin), outcomes) == (3, ["RP429"] * 17)


def test_a_replay_gives_the_document_as_it_is_now(alice: Person) -> None:
    first = save(alice)
    alice.run("update resumepair.documents set title = 'new' where id = %s", first["id"])
    again = save(alice)
    assert (again["id"], again["title"], again["version"]) == (first["id"], "new", 2)


@pytest.mark.parametrize(("title", "data"), [("other", {}), ("CV", {"a": 1})])
def test_a_key_with_another_document_is_refused(alice: Person, title: str, data: dict[str, Any]) -> None:
    save(alice)
    with refused("RP409") as error:
        save(alice, title, data)
    assert error.value.diag.column_name == "idempotencyKey"


def test_another_user_s_key_is_another_key(alice: Person, bob: Person) -> None:
    assert save(alice)["id"] != save(bob)["id"]


def test_without_a_key_each_is_another_document(alice: Person) -> None:
    assert save(alice, key=None)["id"] != save(alice, key=None)["id"]


def test_a_deleted_document_gives_its_key_back(alice: Person) -> None:
    first = save(alice)
    alice.run("delete from resumepair.documents where id = %s", first["id"])
    assert save(alice)["replayed"] is False


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_has_1_to_200_characters(alice: Person, key: str) -> None:
    with refused("RP400") as error:
        save(alice, key=key)
    assert error.value.diag.column_name == "idempotencyKey"


def test_of_many_requests_with_one_key_at_once_one_saves(database: Database, admin: Connection) -> None:
    user_id, replayed = uuid4(), list[bool]()
    ready = threading.Barrier(8)

    def request() -> None:
        with connect(database.api_url) as connection:
            ready.wait()
            replayed.append(save(Person(connection, user_id))["replayed"])

    threads = [threading.Thread(target=request) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(replayed) == [False] + [True] * 7
    assert count(admin) == 1


def test_a_deleted_document_s_exports_stay_and_its_schedules_go(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    document = alice.save_document("My CV")
    finished, running = (alice.enqueue(document)[0]["job_id"] for _ in range(2))
    worker.finish(finished)
    alice.schedule(document)

    alice.run("delete from resumepair.documents where id = %s", document)

    claim = worker.claim(running)
    assert claim
    assert claim["document_data"] == {"title": "My CV"}, "what was asked for has its snapshot"
    assert worker.publish(running, 1)
    assert job_row(admin, running)["status"] == "completed"
    assert (count(admin, "export_history"), count(admin, "export_schedules")) == (2, 0)


def test_a_view_has_no_keys(empty_database: str) -> None:
    with connect(empty_database) as admin:
        admin.execute(HOST_VIEW.encode())
    prepare(empty_database)
    with connect(empty_database) as admin:
        with refused("RP400") as error:
            save(Person(admin, UUID(int=1)))
        assert error.value.diag.column_name == "idempotencyKey"
        with refused("42501"):
            save(Person(admin, UUID(int=1)), key=None)
