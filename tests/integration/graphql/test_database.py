import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from dev.chaos.relay import Relay
from dev.roles import API_ROLE
from resumepair_graphql.auth import ANONYMOUS, Identity
from resumepair_graphql.database import QUERIES, Database, create_pool
from resumepair_graphql.errors import ErrorCode, Refusal
from tests import conftest


def user(key: UUID | None = None) -> Identity:
    return Identity("authenticated", f'{{"sub": "{key or uuid4()}", "role": "authenticated"}}')


@pytest.fixture
async def api(database: conftest.Database) -> AsyncGenerator[Database, None]:
    async with create_pool(database.api_url) as pool:
        yield Database(pool)


async def test_a_users_place_is_left_with_the_transaction(api: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        QUERIES,
        "whoami",
        b"select current_user as role, auth.uid() as id, current_setting('statement_timeout') as timeout",
    )
    key = uuid4()
    row = await api.row(user(key), "whoami")
    assert row == {"role": "authenticated", "id": key, "timeout": "3s"}
    async with api.pool.connection() as connection:
        cursor = await connection.execute(
            "select current_user as role, nullif(current_setting('request.jwt.claims', true), '') as claims"
        )
        assert await cursor.fetchone() == {"role": "resumepair_api", "claims": None}


async def test_nobody_is_told_to_sign_in(api: Database) -> None:
    with pytest.raises(Refusal) as error:
        await api.rows(ANONYMOUS, "documents_by_id", ids=[uuid4()])
    assert error.value.code is ErrorCode.UNAUTHENTICATED


async def test_terminated_connections_are_replaced_without_an_error(api: Database, database: conftest.Database) -> None:
    assert await api.rows(user(), "documents_by_id", ids=[]) == []
    async with await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as admin:
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where pid <> pg_backend_pid() and datname = current_database()"
        )
    rows = await asyncio.gather(*(api.rows(user(), "documents_by_id", ids=[]) for _ in range(20)))
    assert rows == [[]] * 20


async def test_connections_that_went_silent_are_replaced_without_an_error(database: conftest.Database) -> None:
    with Relay(database.admin_url) as relay:
        async with create_pool(relay.url(API_ROLE, conftest.PASSWORDS[API_ROLE])) as pool, asyncio.timeout(30):
            api = Database(pool)
            await asyncio.gather(*(api.rows(user(), "documents_by_id", ids=[]) for _ in range(20)))
            relay.silence()
            rows = await asyncio.gather(*(api.rows(user(), "documents_by_id", ids=[]) for _ in range(20)))
            assert rows == [[]] * 20


async def test_a_database_that_is_away_is_unavailable(postgres_home: object) -> None:
    pool = create_pool(f"host={postgres_home} dbname=nowhere connect_timeout=1")
    pool.timeout = 0.2
    await pool.open()
    try:
        with pytest.raises(Refusal) as error:
            await Database(pool).rows(user(), "documents_by_id", ids=[])
        assert error.value.code is ErrorCode.UNAVAILABLE
    finally:
        await pool.close()


def test_every_query_is_used() -> None:
    package = Path(__file__).parents[3] / "graphql" / "resumepair_graphql"
    code = "".join(path.read_text() for path in package.glob("*.py"))
    assert [name for name in QUERIES if f'"{name}"' not in code] == []
