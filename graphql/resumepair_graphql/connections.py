"""Connections to the database that notice when nobody is at the other end any more.

As the worker's of the same name, which this package does not share: a connection that is cut off says nothing, and who
waits for its answer would wait for ever. The kernel notices when packets are lost (`NETWORK`); what stands between may
take them and not pass them on, hence time limits here.
"""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

from psycopg import AsyncConnection
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row

T = TypeVar("T")

# More than the database itself gives a statement: what is not answered by now is on a dead connection.
ANSWER_SECONDS: Final = 4.0
PROBE_SECONDS: Final = 1.0
# What DATABASE_URL says itself goes before.
NETWORK: Final = {
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 3000,
}


def parameters(url: str, name: str = "resumepair-graphql") -> dict[str, Any]:
    """How to connect to this database, as a session of this name; transactions are begun where they are meant."""
    return {"application_name": name, **NETWORK, **conninfo_to_dict(url), "autocommit": True, "row_factory": dict_row}


class Connection(AsyncConnection[DictRow]):
    """Hangs up when an answer does not come; the statement then fails as on any lost connection."""

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109 # psycopg's
        """Wait for the server, for as long as a statement may take."""
        with self._hanging_up_after(ANSWER_SECONDS):
            return await super().wait(gen, interval=interval, timeout=timeout)

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
