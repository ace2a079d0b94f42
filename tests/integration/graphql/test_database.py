import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from structlog.testing import capture_logs

from dev.chaos.relay import Relay
from dev.roles import API_ROLE
from resumepair_graphql.auth import ANONYMOUS, Identity
from resumepair_graphql.database import POOL_SIZE, QUERIES, Database, create_pool
from resumepair_graphql.errors import ErrorCode, Refusal, Unavailable
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


async def test_nobody_takes_no_connection(postgres_home: Path) -> None:
    pool = create_pool(f"host={postgres_home} dbname=nowhere")  # not even open
    for query in QUERIES:
        with pytest.raises(Refusal) as error:
            await Database(pool).rows(ANONYMOUS, query)
        assert error.value.code is ErrorCode.UNAUTHENTICATED


async def test_not_all_may_wait_for_a_connection(database: conftest.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resumepair_graphql.database.MAX_WAITING", 3)
    monkeypatch.setitem(QUERIES, "sleep", b"select pg_sleep(0.3)")
    async with create_pool(database.api_url) as pool:
        with capture_logs() as logs:
            asked = [Database(pool).rows(user(), "sleep") for _ in range(POOL_SIZE + 3 + 5)]
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]
    assert len(refused) >= 5
    assert all(isinstance(outcome, Unavailable | list) for outcome in outcomes)
    assert logs[0] == {"log_level": "warning", "event": "query_failed", "query": "sleep", "reason": "TooManyRequests"}


@pytest.mark.parametrize(
    ("failure", "level", "state"),
    [
        ("select pg_sleep(30)", "warning", "57014"),
        ("select * from procrastinate.procrastinate_jobs", "warning", "42501"),
        ("do $$ begin raise exception using errcode = 'disk_full'; end $$", "warning", "53100"),
        ("select 2147483647 + 1", "info", "22003"),
    ],
)
async def test_the_operator_is_told_what_the_client_is_not(
    api: Database, monkeypatch: pytest.MonkeyPatch, failure: str, level: str, state: str
) -> None:
    monkeypatch.setattr("resumepair_graphql.database.STATEMENT_TIMEOUT", "20ms")
    monkeypatch.setitem(QUERIES, "fails", failure.encode())
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(Refusal):
                await api.rows(user(), "fails")
    assert logs == [{"log_level": level, "event": "query_failed", "query": "fails", "sqlstate": state}]  # once a second


async def test_what_the_schema_itself_refuses_is_nobodys_fault(api: Database) -> None:
    with capture_logs() as logs, pytest.raises(Refusal):
        await api.rows(user(), "cancel_export", id=uuid4())
    assert logs == []


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
