"""The database's schema: procrastinate's own first, then `schema.sql`; both can be repeated."""

from pathlib import Path

import psycopg
from procrastinate.schema import SchemaManager

SCHEMA_SQL = Path(__file__).resolve().parent.parent / "schema.sql"


def prepare(admin_url: str) -> None:
    """Bring the database up to date.

    Args:
        admin_url: Connection string of a superuser, or of the database's owner with CREATEROLE.

    Raises:
        psycopg.Error: The server cannot be reached, or the role may not do it.
    """
    with psycopg.connect(admin_url, autocommit=True, options="-c client_min_messages=warning") as connection:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtextextended('resumepair.queue', 0))")
            _install_queue(connection)
        connection.execute(SCHEMA_SQL.read_bytes())


def _install_queue(connection: psycopg.Connection) -> None:
    """Install procrastinate in a schema of its own, where default grants on `public` do not reach it."""
    connection.execute("create schema if not exists procrastinate")
    row = connection.execute("select to_regclass('procrastinate.procrastinate_jobs') is null").fetchone()
    if row == (True,):
        connection.execute("set local search_path = procrastinate")
        connection.execute(SchemaManager.get_schema().encode())
