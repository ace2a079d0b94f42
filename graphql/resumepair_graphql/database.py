"""The database as one user sees it: each operation in a transaction under the user's role."""

import math
import re
import time
from collections.abc import Mapping
from importlib.resources import files

import psycopg
import structlog
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from resumepair_graphql.auth import Identity
from resumepair_graphql.connections import Connection, parameters
from resumepair_graphql.errors import ErrorCode, Refusal, not_signed_in, refusal_of

POOL_SIZE = 10
WAIT_SECONDS = 5.0
MAX_WAITING = 500  # for a connection; who comes then would hardly get one in time
PREPARE_AFTER = 5
RECONNECT_SECONDS = 0.5
STATEMENT_TIMEOUT = "3s"
# A failure of one kind is logged once in this time: a database that is away fails everybody's queries at once.
LOG_SECONDS = 1.0

log = structlog.stdlib.get_logger(__name__)

Row = DictRow
Pool = AsyncConnectionPool[Connection]

# One statement puts the transaction into the user's place; `true` makes it end with the transaction.
IMPERSONATE = """
    select set_config('role', %s, true), set_config('request.jwt.claims', %s, true),
           set_config('statement_timeout', %s, true)
"""


def _read_queries(text: str) -> Mapping[str, bytes]:
    """The blocks of `queries.sql` by name; a block begins with a line `-- name --`."""
    parts = re.split(r"^-- (\w+) --$", text, flags=re.MULTILINE)
    return {name: body.strip().encode() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


QUERIES = _read_queries(files("resumepair_graphql").joinpath("queries.sql").read_text())


def create_pool(url: str, *, pooler: bool = False) -> Pool:
    """A pool, not yet open, that loses a server or a network and finds it again within seconds.

    Behind a transaction `pooler` nothing is prepared: the next transaction may be another server session's.
    """

    async def check(connection: Connection) -> None:
        """When one of the idle connections is dead, so are the others: they are not tried one after the other."""
        try:
            await connection.probe()
        except psycopg.OperationalError:
            await pool.drain()
            raise

    pool: Pool = AsyncConnectionPool(
        connection_class=Connection,
        kwargs={**parameters(url), "prepare_threshold": None if pooler else PREPARE_AFTER},
        min_size=1,
        max_size=POOL_SIZE,
        timeout=WAIT_SECONDS,
        max_waiting=MAX_WAITING,
        check=check,
        # Not with growing pauses: after an hour's outage the next attempt would be in half an hour.
        reconnect_timeout=RECONNECT_SECONDS,
        reconnect_failed=AsyncConnectionPool[Connection].check,
        open=False,
    )
    return pool


class Database:
    """Runs the named queries of `queries.sql`."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._logged: dict[tuple[str, ...], float] = {}

    async def rows(self, identity: Identity, query: str, **values: object) -> list[Row]:
        """All rows of a named query, read as this user.

        Both statements are sent at once; what is sent together is one transaction. `anon` may read nothing (see the
        grants of schema.sql): it is told so without a connection, for which others wait.

        Raises:
            Refusal: The database refused it, or does not answer now.
        """
        if identity.role == "anon":
            raise not_signed_in()
        try:
            async with self.pool.connection() as connection:
                async with connection.pipeline():
                    await connection.execute(IMPERSONATE, (identity.role, identity.claims, STATEMENT_TIMEOUT))
                    cursor = await connection.execute(QUERIES[query], values)
                return await cursor.fetchall()
        except psycopg.Error as error:
            if refusal := refusal_of(error, values):
                self._log_failure(query, error, refusal)
                raise refusal from error
            raise

    async def row(self, identity: Identity, query: str, **values: object) -> Row | None:
        """The first row of a named query, or None; as `rows`."""
        found = await self.rows(identity, query, **values)
        return found[0] if found else None

    def _log_failure(self, query: str, error: psycopg.Error, refusal: Refusal) -> None:
        """Tell the operator what a client is not told; what schema.sql refuses is the client's own affair."""
        ours = refusal.code in {ErrorCode.UNAVAILABLE, ErrorCode.FORBIDDEN}
        if not ours and not isinstance(error, psycopg.DataError):
            return
        what = {"sqlstate": error.sqlstate} if error.sqlstate else {"reason": type(error).__name__}
        kind, now = (query, *what.values()), time.monotonic()
        if now - self._logged.get(kind, -math.inf) >= LOG_SECONDS:
            self._logged[kind] = now
            (log.warning if ours else log.info)("query_failed", query=query, **what)

    async def answers(self) -> bool:
        """Whether the database answers at all."""
        try:
            async with self.pool.connection() as connection:
                await connection.execute("select 1")
        except (psycopg.Error, PoolTimeout):
            return False
        return True
