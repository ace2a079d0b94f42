"""The database's schema: procrastinate's own first, then `schema.sql`; both can be repeated."""

from pathlib import Path

import psycopg
from procrastinate.schema import SchemaManager

SCHEMA_SQL = Path(__file__).resolve().parent.parent / "schema.sql"


def prepare(admin_url: str, bucket: str = "") -> list[str]:
    """Bring the database up to date.

    Args:
        admin_url: Connection string of a superuser, or of the database's owner with CREATEROLE.
        bucket: The bucket of Supabase Storage, where there is one; empty: the usual one.

    Returns:
        What the role may not do and somebody else has to; none of it keeps the rest from working.

    Raises:
        psycopg.Error: The server cannot be reached, or the role may not do it.
    """
    warnings: list[str] = []
    with psycopg.connect(admin_url, autocommit=True, options="-c client_min_messages=warning") as connection:
        connection.add_notice_handler(lambda notice: warnings.append(notice.message_primary or ""))
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtextextended('resumepair.queue', 0))")
            _install_queue(connection)
        connection.execute("select set_config('resumepair.bucket', %s, false)", [bucket])
        connection.execute(SCHEMA_SQL.read_bytes())
    return warnings


def _install_queue(connection: psycopg.Connection) -> None:
    """Install procrastinate in a schema of its own, where default grants on `public` do not reach it."""
    connection.execute("create schema if not exists procrastinate")
    row = connection.execute("select to_regclass('procrastinate.procrastinate_jobs') is null").fetchone()
    if row == (True,):
        connection.execute("set local search_path = procrastinate")
        connection.execute(SchemaManager.get_schema().encode())
