"""An export job as the worker sees it: functions of `schema.sql`, each one transaction, each fenced by the attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import args_row, class_row, scalar_row
from psycopg.types.json import Jsonb

from resumepair_renderer import Rendered
from resumepair_worker.attempt import Ended
from resumepair_worker.connections import Pool
from resumepair_worker.errors import Failure, QuotaExceeded

NO_ROOM = "RP413"


@dataclass(frozen=True)
class Claim:
    """One attempt at one export, and all that it needs; `document_json` is not yet known to be readable."""

    job_id: UUID
    user_id: UUID
    attempt: int
    document_json: str
    options: dict[str, Any]
    queue_priority: int

    @property
    def names(self) -> Mapping[str, str]:
        """What the log calls it by."""
        return {"job_id": str(self.job_id)}


@dataclass(frozen=True)
class Artifact:
    """A stored PDF, as the export history describes it; proof, fit and warnings as JSON."""

    template: str
    file_name: str
    storage_path: str
    byte_size: int
    page_count: int
    sha256: str
    proof: dict[str, Any]
    fit: dict[str, Any] | None
    warnings: list[dict[str, str]]
    content_key: str

    @classmethod
    def of(cls, rendered: Rendered, storage_path: str, content_key: str) -> "Artifact":
        """The artifact that a rendered PDF becomes when it is stored under this path."""
        assert rendered.proof is not None  # noqa: S101 # every PDF is read back
        return cls(
            template=rendered.template,
            file_name=rendered.file_name,
            storage_path=storage_path,
            byte_size=rendered.byte_size,
            page_count=rendered.proof.page_count,
            sha256=rendered.sha256,
            proof=rendered.proof.to_json(),
            fit=rendered.fit.to_json() if rendered.fit else None,
            warnings=[{"path": warning.path, "message": warning.message} for warning in rendered.warnings],
            content_key=content_key,
        )


class Jobs:
    """The job functions of the database, called as the role `resumepair_worker`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def are_set_up(self) -> bool:
        """Whether the database has the queue and our functions."""
        query = """
            select to_regclass('procrastinate.procrastinate_jobs') is not null
                and to_regprocedure('resumepair.claim_export(uuid, bigint)') is not null
        """
        async with self._pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(query)
            return bool(await cursor.fetchone())

    async def claim(self, job_id: UUID, queue_job_id: int) -> Claim | None:
        """Begin the next attempt; None when there is nothing to do (ended, cancelled, superseded, attempts used up)."""
        query = """
            select %s::uuid as job_id, c.user_id, c.attempt, c.document_data::text as document_json, c.options,
                   c.queue_priority
            from resumepair.claim_export(%s, %s) as c
        """
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(Claim)) as cursor,
        ):
            await cursor.execute(query, (job_id, job_id, queue_job_id))
            return await cursor.fetchone()

    async def report(self, claim: Claim, stage: str) -> bool:
        """Move the attempt to a stage; False when it is no longer the present one."""
        return bool(await self._call("select resumepair.report_progress(%s, %s, %s)", claim, [stage]))

    async def reusable(self, claim: Claim, content_key: str, lifetime: timedelta) -> str | None:
        """The key of a file that the job could be completed with; None when there is none, or it shall not be used."""
        path: str | None = await self._call(
            "select storage_path from resumepair.reusable_file(%s, %s, %s, %s)", claim, [content_key, lifetime]
        )
        return path

    async def reuse(self, claim: Claim, content_key: str, lifetime: timedelta) -> UUID | None:
        """Complete the job with a file that is there already; None when there is none, or it shall not be used."""
        query = "select resumepair.reuse_export(%s, %s, %s, %s)"
        export_id: UUID | None = await self._call(query, claim, [content_key, lifetime])
        return export_id

    async def reserve(self, claim: Claim, artifact: Artifact) -> bool:
        """Take room for the file before it is uploaded; False when the attempt is no longer the present one.

        Raises:
            QuotaExceeded: There is not enough.
        """
        query = "select resumepair.reserve_upload(%s, %s, %s, %s)"
        try:
            return bool(await self._call(query, claim, [artifact.storage_path, artifact.byte_size]))
        except psycopg.Error as error:
            if error.sqlstate == NO_ROOM:
                raise QuotaExceeded(error.diag.message_primary) from None
            raise

    async def publish(self, claim: Claim, artifact: Artifact, lifetime: timedelta) -> UUID | None:
        """Complete the job with its file; None when the attempt is no longer the present one."""
        query = "select resumepair.publish_export(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        export_id: UUID | None = await self._call(query, claim, [
            artifact.template, artifact.file_name, artifact.storage_path,
            artifact.byte_size, artifact.page_count, artifact.sha256,
            Jsonb(artifact.proof), artifact.fit and Jsonb(artifact.fit), Jsonb(artifact.warnings), lifetime,
            artifact.content_key,
        ])  # fmt: skip
        return export_id

    async def fail(self, claim: Claim, failure: Failure, retry_in: timedelta | None) -> Ended | None:
        """End the attempt with an error, to be tried again after this pause; None when it is not the present one."""
        query = "select status, next_attempt_at from resumepair.fail_export(%s, %s, %s, %s, %s)"
        values = (claim.job_id, claim.attempt, failure.code, failure.message, retry_in)
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=args_row(Ended)) as cursor,
        ):
            await cursor.execute(query, values)
            return await cursor.fetchone()

    async def release(self, claim: Claim) -> bool:
        """Hand the attempt back, uncounted; False when it is no longer the present one."""
        return bool(await self._call("select resumepair.release_export(%s, %s)", claim, []))

    async def rescue(self, silent_for: timedelta, deadline: timedelta) -> list[UUID]:
        """Queue anew what a worker, silent for this long, will not finish, or has not moved within the deadline.

        Exports and bundles alike; their ids.
        """
        query = "select resumepair.rescue_exports(%s, %s)"
        async with self._pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(query, (silent_for, deadline))
            return await cursor.fetchall()

    async def requeue(self) -> list[UUID]:
        """Queue anew what the queue has lost, exports and bundles alike; their ids."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute("select resumepair.requeue_exports()")
            return await cursor.fetchall()

    async def ring_due(self) -> float | None:
        """Wake the workers for jobs whose time has come; the seconds until the next one's, None if none waits."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute("select resumepair.ring_due_jobs()")
            return await cursor.fetchone()

    async def prune(self, older_than: timedelta, limit: int) -> int:
        """Delete rows of the queue that ended longer ago than this, at most so many; how many there were."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute("select resumepair.prune_queue(%s, %s)", (older_than, limit))
            deleted: int | None = await cursor.fetchone()
            return deleted or 0

    async def _call(self, query: LiteralString, claim: Claim, values: Sequence[object]) -> Any:  # noqa: ANN401
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=scalar_row) as cursor,
        ):
            await cursor.execute(query, (claim.job_id, claim.attempt, *values))
            return await cursor.fetchone()
