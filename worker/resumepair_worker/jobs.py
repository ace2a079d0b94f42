"""An export job as the worker sees it: functions of `schema.sql`, each one transaction, each fenced by the attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Jsonb

from resumepair_renderer import Rendered
from resumepair_worker.connections import Pool
from resumepair_worker.errors import Failure


@dataclass(frozen=True)
class Claim:
    """One attempt at one export, and all that it needs."""

    job_id: UUID
    user_id: UUID
    attempt: int
    document_data: dict[str, Any]
    options: dict[str, Any]
    queue_priority: int


@dataclass(frozen=True)
class Artifact:
    """A stored PDF, as the export history describes it; the last three as JSON."""

    template: str
    file_name: str
    storage_path: str
    byte_size: int
    page_count: int
    sha256: str
    proof: dict[str, Any]
    fit: dict[str, Any] | None
    warnings: list[dict[str, str]]

    @classmethod
    def of(cls, rendered: Rendered, storage_path: str) -> "Artifact":
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
        )


class Jobs:
    """The job functions of the database, called as the role `resumepair_worker`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, job_id: UUID, queue_job_id: int) -> Claim | None:
        """Begin the next attempt; None when there is nothing to do (ended, cancelled, superseded, attempts used up)."""
        query = "select %s::uuid as job_id, c.* from resumepair.claim_export(%s, %s) as c"
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(Claim)) as cursor,
        ):
            await cursor.execute(query, (job_id, job_id, queue_job_id))
            return await cursor.fetchone()

    async def report(self, claim: Claim, stage: str) -> bool:
        """Move the attempt to a stage; False when it is no longer the present one."""
        return bool(await self._call("select resumepair.report_progress(%s, %s, %s)", claim, [stage]))

    async def publish(self, claim: Claim, artifact: Artifact, lifetime: timedelta) -> UUID | None:
        """Complete the job with its file; None when the attempt is no longer the present one."""
        query = "select resumepair.publish_export(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        export_id: UUID | None = await self._call(query, claim, [
            artifact.template, artifact.file_name, artifact.storage_path,
            artifact.byte_size, artifact.page_count, artifact.sha256,
            Jsonb(artifact.proof), artifact.fit and Jsonb(artifact.fit), Jsonb(artifact.warnings), lifetime,
        ])  # fmt: skip
        return export_id

    async def fail(self, claim: Claim, failure: Failure, retry_at: datetime | None) -> str | None:
        """End the attempt with an error; the job's new status, or None when it is no longer the present one."""
        query = "select resumepair.fail_export(%s, %s, %s, %s, %s)"
        status: str | None = await self._call(query, claim, [failure.code, failure.message, retry_at])
        return status

    async def release(self, claim: Claim) -> bool:
        """Hand the attempt back, uncounted; False when it is no longer the present one."""
        return bool(await self._call("select resumepair.release_export(%s, %s)", claim, []))

    async def rescue(self, silent_for: timedelta, deadline: timedelta) -> list[UUID]:
        """Queue anew what a worker, silent for this long, will not finish, or has not moved within the deadline."""
        query = "select resumepair.rescue_exports(%s, %s)"
        async with self._pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(query, (silent_for, deadline))
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
