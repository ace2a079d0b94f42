"""A batch's bundle as the worker sees it: functions of `schema.sql`, one transaction each, fenced by the attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import args_row, dict_row, scalar_row
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from resumepair_worker.attempt import Ended
from resumepair_worker.connections import Pool
from resumepair_worker.errors import Failure, QuotaExceeded
from resumepair_worker.jobs import NO_ROOM

FROZEN = ConfigDict(frozen=True)


@checked(config=FROZEN)
class FinishedExport:
    """A finished export of the batch; not available when it has expired."""

    available: bool
    file_name: str
    storage_path: str
    template: str
    page_count: int
    byte_size: int
    sha256: str
    created_at: datetime


@checked(config=FROZEN)
class BatchJob:
    """A job of the batch that has ended; without an export when it did not complete, or that was deleted."""

    position: int
    status: str
    document_title: str
    document_version: int
    failure_code: str | None
    failure_message: str | None
    finished_export: Annotated[FinishedExport | None, Field(alias="export")]

    @property
    def file(self) -> FinishedExport | None:
        """What of it goes into the bundle."""
        return self.finished_export if self.finished_export and self.finished_export.available else None


@checked(config=FROZEN)
class BundleClaim:
    """One attempt at one bundle: the batch (its global id) and its jobs, in their order.

    `expires_at` is when the first of its exports expires.
    """

    bundle_id: UUID
    user_id: UUID
    batch_id: str
    attempt: int
    created_at: datetime
    expires_at: datetime
    queue_priority: int
    jobs: Sequence[BatchJob]

    @property
    def names(self) -> Mapping[str, str]:
        """What the log calls it by."""
        return {"bundle_id": str(self.bundle_id), "batch_id": self.batch_id}


CLAIM = TypeAdapter(BundleClaim)


@dataclass(frozen=True)
class BundleFile:
    """A stored ZIP, as the database describes it."""

    file_name: str
    storage_path: str
    byte_size: int
    sha256: str
    entry_count: int


class Bundles:
    """The bundle functions of the database, called as the role `resumepair_worker`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, bundle_id: UUID, queue_job_id: int) -> BundleClaim | None:
        """Begin the next attempt; None when there is nothing to do (ended, deleted, superseded, attempts used up)."""
        query = "select * from resumepair.claim_bundle(%s, %s)"
        async with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, (bundle_id, queue_job_id))
            row = await cursor.fetchone()
        return CLAIM.validate_python({**row, "bundle_id": bundle_id}) if row else None

    async def report(self, claim: BundleClaim) -> bool:
        """Say that the attempt has made a step; False when it is no longer the present one."""
        return bool(await self._call("select resumepair.report_bundle(%s, %s)", claim))

    async def reserve(self, claim: BundleClaim, file: BundleFile) -> bool:
        """Take room for the file before it is uploaded; False when the attempt is no longer the present one.

        Raises:
            QuotaExceeded: There is not enough.
        """
        query = "select resumepair.reserve_bundle(%s, %s, %s, %s)"
        try:
            return bool(await self._call(query, claim, file.storage_path, file.byte_size))
        except psycopg.Error as error:
            if error.sqlstate == NO_ROOM:
                raise QuotaExceeded(error.diag.message_primary) from None
            raise

    async def publish(self, claim: BundleClaim, file: BundleFile, lifetime: timedelta) -> bool:
        """Complete the bundle with its file; False when the attempt is no longer the present one."""
        query = "select resumepair.publish_bundle(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        return bool(await self._call(
            query, claim, file.file_name, file.storage_path, file.byte_size, file.sha256, file.entry_count,
            claim.expires_at, lifetime,
        ))  # fmt: skip

    async def fail(self, claim: BundleClaim, failure: Failure, retry_in: timedelta | None) -> Ended | None:
        """End the attempt with an error, to be tried again after this pause; None when it is not the present one."""
        query = "select status, next_attempt_at from resumepair.fail_bundle(%s, %s, %s, %s, %s)"
        values = (claim.bundle_id, claim.attempt, failure.code, failure.message, retry_in)
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=args_row(Ended)) as cursor,
        ):
            await cursor.execute(query, values)
            return await cursor.fetchone()

    async def release(self, claim: BundleClaim) -> bool:
        """Hand the attempt back, uncounted; False when it is no longer the present one."""
        return bool(await self._call("select resumepair.release_bundle(%s, %s)", claim))

    async def _call(self, query: LiteralString, claim: BundleClaim, *values: object) -> Any:  # noqa: ANN401
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=scalar_row) as cursor,
        ):
            await cursor.execute(query, (claim.bundle_id, claim.attempt, *values))
            return await cursor.fetchone()
