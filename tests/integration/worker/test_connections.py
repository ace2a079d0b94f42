"""Connections through a network that swallows what is sent and closes nothing."""

import asyncio
from collections.abc import AsyncGenerator, Iterator

import psycopg
import pytest

from dev.chaos.relay import Relay
from dev.roles import WORKER_ROLE
from resumepair_worker.connections import Connection, Pool, create_pool
from tests.conftest import PASSWORDS, Database

# Who waits for an answer that does not come waits for ever: that is what ends here.
FOR_EVER_SECONDS = 30


@pytest.fixture
def relay(database: Database) -> Iterator[Relay]:
    with Relay(database.admin_url) as relay:
        yield relay


@pytest.fixture
async def pool(relay: Relay) -> AsyncGenerator[Pool, None]:
    async with create_pool(relay.url(WORKER_ROLE, PASSWORDS[WORKER_ROLE]), 4) as pool:
        async with asyncio.timeout(FOR_EVER_SECONDS):
            yield pool


async def ask(connection: Connection) -> object:
    return await (await connection.execute("select 42")).fetchone()


async def fill(pool: Pool) -> None:
    """Have as many idle connections as it may hold."""
    together = asyncio.Barrier(pool.max_size)

    async def one() -> None:
        async with pool.connection() as connection:
            await ask(connection)
            await together.wait()

    await asyncio.gather(*(one() for _ in range(pool.max_size)))


async def test_idle_connections_that_went_silent_are_replaced(pool: Pool, relay: Relay) -> None:
    await fill(pool)
    relay.silence()
    async with pool.connection() as connection:
        assert await ask(connection) == (42,)


async def test_a_statement_without_an_answer_fails_as_on_a_lost_connection(pool: Pool, relay: Relay) -> None:
    async with pool.connection() as connection:
        await ask(connection)
        relay.silence()
        with pytest.raises(psycopg.OperationalError) as error:
            await ask(connection)
    assert error.value.sqlstate is None
    async with pool.connection() as connection:
        assert await ask(connection) == (42,)


async def test_a_listener_learns_that_nobody_is_there(pool: Pool, relay: Relay) -> None:
    async with pool.connection() as connection:
        await connection.execute("listen anything")
        await connection.execute("notify anything, 'before'")
        heard = connection.notifies()
        assert (await anext(heard)).payload == "before"
        relay.silence()
        with pytest.raises(psycopg.OperationalError):
            await anext(heard)


async def test_a_cancelled_statement_does_not_wait_for_its_answer(pool: Pool, relay: Relay) -> None:
    async with pool.connection() as connection:
        await ask(connection)
        relay.silence()
        asking = asyncio.create_task(ask(connection))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert connection.broken or connection.closed


async def test_a_network_that_was_away_is_found_again(pool: Pool, relay: Relay) -> None:
    await fill(pool)
    relay.go_down()
    with pytest.raises(psycopg.OperationalError):
        async with pool.connection(timeout=4):
            pass
    relay.come_back()
    async with pool.connection() as connection:
        assert await ask(connection) == (42,)
