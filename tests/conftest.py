"""What every test may ask for: a PostgreSQL of its own, a database of its own, a browser."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from dev.browser import find_or_install
from dev.database import prepare
from dev.postgres import PostgresServer
from dev.postgres_binaries import PostgresBinaries
from dev.roles import API_ROLE, WORKER_ROLE, role_url, set_passwords

TEMPLATE = "template_resumepair"
PASSWORDS = {API_ROLE: "api-password", WORKER_ROLE: "worker-password"}
NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """A database of one test, with the schema applied: its URLs for the three who log in."""

    name: str
    admin_url: str
    api_url: str
    worker_url: str


@pytest.fixture(scope="session")
def postgres_binaries() -> PostgresBinaries:
    """The PostgreSQL under test: TEST_POSTGRES_BIN's, else the embedded one."""
    chosen = os.environ.get("TEST_POSTGRES_BIN")
    return PostgresBinaries.at(Path(chosen)) if chosen else PostgresBinaries.embedded()


@pytest.fixture
def postgres_home() -> Iterator[Path]:
    """An empty folder for a server; pytest's own are closed to the user it runs as under root."""
    home = _temporary_home()
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def postgres_server(postgres_binaries: PostgresBinaries) -> Iterator[PostgresServer]:
    """A throwaway server for the whole session."""
    home = _temporary_home()
    try:
        with PostgresServer(
            home,
            password="admin-password",
            binaries=postgres_binaries,
            log=home / "log",
            durable=False,
        ) as server:
            yield server
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def template_database(postgres_server: PostgresServer) -> str:
    """The database that is cloned for each test; nobody may connect to it meanwhile."""
    _execute(postgres_server, sql.SQL("create database {}").format(sql.Identifier(TEMPLATE)))
    prepare(postgres_server.url(TEMPLATE))
    set_passwords(postgres_server.url(TEMPLATE), PASSWORDS)
    return TEMPLATE


@pytest.fixture
def database(postgres_server: PostgresServer, template_database: str) -> Iterator[Database]:
    """A fresh database with the schema applied."""
    with cloned(postgres_server, template_database) as database:
        yield database


@contextmanager
def cloned(postgres_server: PostgresServer, template_database: str) -> Iterator[Database]:
    """A copy of the template, for as long as it is needed."""
    name = f"test_{next(NUMBERS)}"
    _execute(
        postgres_server,
        sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template_database)),
    )
    admin_url = postgres_server.url(name)
    yield Database(
        name,
        admin_url,
        *(role_url(admin_url, role, PASSWORDS[role]) for role in (API_ROLE, WORKER_ROLE)),
    )
    _execute(
        postgres_server,
        sql.SQL("drop database {} with (force)").format(sql.Identifier(name)),
    )


@pytest.fixture
def empty_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The administrator's URL of a database in which nothing was made yet."""
    name = sql.Identifier(f"empty_{next(NUMBERS)}")
    _execute(postgres_server, sql.SQL("create database {}").format(name))
    yield postgres_server.url(name.as_string().strip(chr(34)))
    _execute(postgres_server, sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The browser that the product would use on this machine, installed where it has to be."""
    return find_or_install(os.environ, print)


def _temporary_home() -> Path:
    # /tmp, not TMPDIR: whoever the server runs as can reach it, and its path is short.
    home = Path(tempfile.mkdtemp(prefix="resumepair-test-", dir="/tmp"))
    home.chmod(0o755)
    return home


def _execute(server: PostgresServer, statement: sql.Composed) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(statement)
