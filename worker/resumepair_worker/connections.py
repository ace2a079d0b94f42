"""Connections to the database that notice when nobody is at the other end any more.

A server that closes a connection is noticed at once. One that is cut off (a firewall that forgot the connection, a
pooler that froze, a machine that vanished) says nothing, and who waits for its answer would wait for ever. The kernel
notices when packets are lost (`NETWORK`). What stands between may take them and not pass them on, hence time limits
here.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import psycopg
from psycopg import AsyncConnection, Notify
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

T = TypeVar("T")

# The worker's statements take milliseconds. One that is not answered by now is on a dead connection.
ANSWER_SECONDS: Final = 3.0
PROBE_SECONDS: Final = 1.0
PROBE_EVERY_SECONDS: Final = 1.0
RECONNECT_SECONDS: Final = 0.5
WAIT_SECONDS: Final = 10.0
PREPARE_AFTER: Final = 5
# What DATABASE_URL says itself goes before.
NETWORK: Final = {
    "application_name": "resumepair-worker",
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 3000,
}


class Connection(AsyncConnection[TupleRow]):
    """Hangs up when an answer does not come; the statement then fails as on any lost connection."""

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109 # psycopg's
        """Wait for the server, for as long as a statement may take."""
        with self._hanging_up_after(ANSWER_SECONDS):
            return await super().wait(gen, interval=interval, timeout=timeout)

    async def notifies(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 # psycopg's
        stop_after: int | None = None,
    ) -> AsyncGenerator[Notify, None]:
        """Listen; in silence, ask again and again whether the server is there."""
        if timeout is not None or stop_after is not None:
            async for notification in super().notifies(timeout=timeout, stop_after=stop_after):
                yield notification
            return
        while True:
            async for notification in super().notifies(timeout=PROBE_EVERY_SECONDS):
                yield notification
            await self.probe()

    async def probe(self) -> None:
        """Make sure that the server answers.

        Raises:
            psycopg.OperationalError: It does not, and the connection is closed.
        """
        with self._hanging_up_after(PROBE_SECONDS):
            await self.execute("select 1")

    @contextmanager
    def _hanging_up_after(self, seconds: float) -> Generator[None, None, None]:
        timer = asyncio.get_running_loop().call_later(seconds, self._hang_up)
        try:
            yield
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        """End the connection under the one who waits on it, who then sees it as closed by the server."""
        if not self.closed:
            # A cancel would wait for an answer, too, and closing would take the number away under the event loop.
            with suppress(OSError), socket.socket(fileno=socket.dup(self.fileno())) as wire:
                wire.shutdown(socket.SHUT_RDWR)


Pool = AsyncConnectionPool[Connection]


def create_pool(url: str, size: int, *, pooler: bool = False) -> Pool:
    """A pool, not yet open, that loses a network and finds it again within seconds, however long it was away.

    Behind a transaction `pooler` nothing is prepared: the next transaction may be another server session's.
    """

    async def check(connection: Connection) -> None:
        """When one of the idle connections is dead, so are the others: they are not tried one after the other."""
        try:
            await connection.probe()
        except psycopg.OperationalError:
            await pool.drain()
            raise

    async def configure(connection: Connection) -> None:
        # Every call is one statement. In a transaction of three, a network that goes after the second leaves the rows
        # locked until the server takes the session for idle.
        await connection.set_autocommit(True)

    given: dict[str, Any] = conninfo_to_dict(url)
    pool: Pool = AsyncConnectionPool(
        connection_class=Connection,
        kwargs={**NETWORK, **given, "prepare_threshold": None if pooler else PREPARE_AFTER},
        min_size=1,
        max_size=size,
        timeout=WAIT_SECONDS,
        check=check,
        configure=configure,
        # Not with growing pauses: after an hour's outage the next attempt would be in half an hour.
        reconnect_timeout=RECONNECT_SECONDS,
        reconnect_failed=AsyncConnectionPool[Connection].check,
        open=False,
    )
    return pool
