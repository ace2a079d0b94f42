"""The processes' URLs: the administrator's place, the role's own login, nothing personal."""

import psycopg
import pytest

from dev.roles import role_url, set_passwords
from tests.conftest import Database


@pytest.mark.parametrize(
    ("admin_url", "expected"),
    [
        (
            "postgresql://postgres:secret@db.example:6543/app?sslmode=require",
            "postgresql://reader:p%2Fw@db.example:6543/app?sslmode=require",
        ),
        ("postgres://postgres@db.example/app", "postgresql://reader:p%2Fw@db.example/app"),
        (
            "postgresql://postgres:secret@/app?host=/run/my%20socket&port=5433",
            "postgresql://reader:p%2Fw@/app?host=%2Frun%2Fmy+socket&port=5433",
        ),
        (
            "host=/run/postgresql dbname=app user=postgres password=secret",
            "postgresql://reader:p%2Fw@/app?host=%2Frun%2Fpostgresql",
        ),
        ("postgresql://a:b@[::1]:5432/app", "postgresql://reader:p%2Fw@[::1]:5432/app"),
        (
            "postgresql://a:b@one:1,two:2/app?options=-csearch_path%3Dx",
            "postgresql://reader:p%2Fw@/app?host=one%2Ctwo&port=1%2C2",
        ),
    ],
)
def test_role_url_keeps_the_place_and_changes_the_login(admin_url: str, expected: str) -> None:
    assert role_url(admin_url, "reader", "p/w") == expected


def test_role_logs_in_with_the_password_it_was_given(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute('create role "a reader" login')
        try:
            set_passwords(empty_database, {"a reader": "p/w %@'\""})
            url = role_url(empty_database, "a reader", "p/w %@'\"")
            with psycopg.connect(url) as login:
                assert login.execute("select current_user").fetchone() == ("a reader",)
        finally:
            connection.execute('drop role "a reader"')


def test_each_test_has_a_database_that_both_processes_can_log_in_to(database: Database) -> None:
    for url, role in ((database.api_url, "resumepair_api"), (database.worker_url, "resumepair_worker")):
        with psycopg.connect(url) as connection:
            row = connection.execute("select current_user, current_database()").fetchone()
            assert row == (role, database.name)
