"""Stored files as the clean-up sees them: functions of `schema.sql`, each one transaction that can be repeated."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import args_row, scalar_row

from resumepair_worker.connections import Pool


class KeptFile(NamedTuple):
    """A file that has a row: its id, and its key in storage."""

    id: UUID
    storage_path: str


class Files:
    """The clean-up functions of the database, called as the role `resumepair_worker`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def expire(self, limit: int) -> int:
        """Let the files of expired exports go; how many exports there were."""
        return await self._count("select resumepair.expire_exports(%s)", limit)

    async def expire_old(self, older_than: timedelta, limit: int) -> int:
        """Have files removed that are older than this, whoever has them; how many there were."""
        return await self._count("select resumepair.expire_old_files(%s, %s)", older_than, limit)

    async def expire_lost(self, ids: Sequence[UUID]) -> int:
        """Make exports expired whose files are not in storage any more; how many files there were."""
        return await self._count("select resumepair.expire_lost_files(%s)", list(ids))

    async def after(self, last: UUID | None, limit: int) -> list[KeptFile]:
        """A page of the files that should be in storage."""
        return await self._files("select id, storage_path from resumepair.files_after(%s, %s)", last, limit)

    async def take_removals(self, again_after: timedelta, limit: int) -> list[KeptFile]:
        """Files to remove from storage and then to forget; others get them only after this time."""
        return await self._files("select id, storage_path from resumepair.take_removals(%s, %s)", again_after, limit)

    async def forget(self, ids: Sequence[UUID]) -> int:
        """Forget files that have been removed from storage; how many there were."""
        return await self._count("select resumepair.forget_files(%s)", list(ids))

    async def unknown(self, paths: Sequence[str]) -> list[str]:
        """Which of these keys, found in storage, no row knows."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute("select resumepair.unknown_files(%s)", (list(paths),))
            return await cursor.fetchall()

    async def prune_history(self, older_than: timedelta, limit: int) -> int:
        """Delete exports that expired longer ago than this; how many there were."""
        return await self._count("select resumepair.prune_history(%s, %s)", older_than, limit)

    async def _files(self, query: LiteralString, *values: object) -> list[KeptFile]:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=args_row(KeptFile)) as cursor,
        ):
            await cursor.execute(query, values)
            return await cursor.fetchall()

    async def _count(self, query: LiteralString, *values: Any) -> int:  # noqa: ANN401 # what psycopg takes
        async with self._pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(query, values)
            return int(await cursor.fetchone() or 0)
