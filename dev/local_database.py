"""The database under the local stack: DATABASE_URL's when it is set, else an embedded one.

`python -m dev.local_database` brings its schema up to date (`make db`).
"""

import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dev.database import prepare
from dev.environment import read_environment
from dev.errors import SetupError
from dev.postgres import MIN_MAJOR, PostgresServer, socket_url
from dev.postgres_binaries import PostgresBinaries
from dev.postmaster import Postmaster
from dev.roles import API_ROLE, WORKER_ROLE, set_passwords
from dev.state import Secrets, State

CONNECT_SECONDS: Final = 10
URL_SHAPE: Final = "postgresql://user:password@host:port/database"


@dataclass(frozen=True)
class LocalDatabase:
    """A database that takes connections.

    `name` is for people; `is_running` tells whether a server of ours is still there, and is always
    true for another's; `restart` starts ours again.
    """

    admin_url: str
    name: str
    is_running: Callable[[], bool] = lambda: True
    restart: Callable[[], None] = lambda: None


@contextmanager
def local_database(environment: Mapping[str, str], state: State, secrets: Secrets) -> Generator[LocalDatabase]:
    """Provide the database while the context lasts; an embedded server stops with it.

    Raises:
        SetupError: DATABASE_URL cannot be used, or the embedded server does not start.
    """
    if url := environment.get("DATABASE_URL"):
        yield LocalDatabase(url, _check(url))
        return
    binaries = PostgresBinaries.embedded()
    server = PostgresServer(
        state.postgres_home,
        password=secrets.postgres_password,
        binaries=binaries,
        log=state.logs / "postgres.log",
    )
    with server:
        name = f"PostgreSQL {binaries.major}, embedded"
        yield LocalDatabase(server.url(), name, lambda: server.is_running, server.restart)


def prepare_schema(admin_url: str, bucket: str) -> list[str]:
    """Bring the schema up to date; repeatable, and no password is touched. Returns what is left to do by hand.

    Raises:
        SetupError: the database refuses.
    """
    try:
        return prepare(admin_url, bucket)
    except psycopg.Error as error:
        reason = error.diag.message_primary or error
        rights = " (a superuser is needed, or the database's owner with CREATEROLE)"
        hint = rights if isinstance(error, psycopg.errors.InsufficientPrivilege) else ""
        raise SetupError(f"the database cannot be prepared: {reason}{hint}") from error


def prepare_database(admin_url: str, secrets: Secrets, bucket: str) -> list[str]:
    """Bring the schema up to date and let the two processes log in; repeatable. Returns what is left to do by hand.

    Raises:
        SetupError: the database refuses.
    """
    left = prepare_schema(admin_url, bucket)
    try:
        set_passwords(admin_url, {API_ROLE: secrets.api_password, WORKER_ROLE: secrets.worker_password})
    except psycopg.Error as error:
        raise SetupError(f"the roles' passwords cannot be set: {error}") from error
    return left


def _check(url: str) -> str:
    try:
        place = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # Its own message would print the URL, and with it the password.
        raise SetupError(f"DATABASE_URL: not a connection URL ({URL_SHAPE})") from None
    try:
        patient = make_conninfo(url, connect_timeout=CONNECT_SECONDS)
        with psycopg.connect(patient) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.Error as error:
        raise SetupError(f"DATABASE_URL: cannot connect: {error}") from error
    if version < MIN_MAJOR:
        raise SetupError(f"DATABASE_URL: PostgreSQL {version} is too old; {MIN_MAJOR} is needed")
    return f"PostgreSQL {version} of DATABASE_URL ({place.get('host', 'local')})"


@contextmanager
def running_or_started(environment: Mapping[str, str], state: State, secrets: Secrets) -> Generator[str]:
    """Provide the admin URL, of the running stack's server where there is one."""
    if environment.get("DATABASE_URL"):  # another's database: nothing of the local stack is touched
        with local_database(environment, state, secrets) as database:
            yield database.admin_url
        return
    running = Postmaster.of(state.postgres_home / "data")
    if running and running.is_alive and running.is_ready:
        yield socket_url(running.socket_folder, secrets.postgres_password)
        return
    with state.locked("make db"), local_database(environment, state, secrets) as database:
        yield database.admin_url


def main() -> int:
    """Bring the schema of DATABASE_URL's or the local stack's database up to date."""
    environment = read_environment(os.environ)
    state = State.of(environment)
    try:
        state.create()
        secrets = state.secrets()
        with running_or_started(environment, state, secrets) as admin_url:
            left = prepare_schema(admin_url, environment.get("STORAGE_BUCKET", ""))
    except SetupError as error:
        print(f"make db: {error}", file=sys.stderr)
        return 1
    for line in left:
        print(f"make db: {line}", file=sys.stderr)
    print("the database's schema is up to date")
    return 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
