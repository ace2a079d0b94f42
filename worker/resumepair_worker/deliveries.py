"""Deliveries as the worker sees them: functions of `schema.sql`, each one transaction, fenced by the attempt."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import args_row, class_row, scalar_row

from resumepair_worker.connections import Pool


@dataclass(frozen=True)
class DeliveryClaim:
    """One attempt at one delivery, and all that it needs; `claimed_at` is the database's time."""

    delivery_id: UUID
    queue_job_id: int
    webhook_id: UUID
    url: str
    secrets: list[str]
    payload: str
    attempt: int
    attempts_left: int
    claimed_at: datetime

    def __repr__(self) -> str:
        """Without address and secrets, which may not stand in a log."""
        return f"DeliveryClaim({self.delivery_id}, attempt={self.attempt})"


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: the answer's HTTP status if there was one, and for the user why it is no good.

    After one that is final there is none to come, whatever is left.
    """

    error: str | None
    response_status: int | None = None
    retry_after: timedelta | None = None
    is_final: bool = False


class EndedDelivery(NamedTuple):
    """What became of a delivery and, if that disabled it, why its webhook is."""

    status: str
    next_attempt_at: datetime | None
    disabled_reason: str | None


class Deliveries:
    """The delivery functions of the database, called as the role `resumepair_worker`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(self, delivery_id: UUID, queue_job_id: int) -> DeliveryClaim | None:
        """Begin the next attempt; None when there is nothing to send now."""
        query = """
            select %s::uuid as delivery_id, %s::bigint as queue_job_id, c.*
            from resumepair.claim_delivery(%s, %s) as c
        """
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(DeliveryClaim)) as cursor,
        ):
            await cursor.execute(query, (delivery_id, queue_job_id, delivery_id, queue_job_id))
            return await cursor.fetchone()

    async def finish(
        self, claim: DeliveryClaim, outcome: Outcome, took: timedelta, retry_in: timedelta | None, rest: timedelta
    ) -> EndedDelivery | None:
        """Say how the attempt ended; None when it is no longer the present one."""
        query = "select * from resumepair.finish_delivery(%s, %s, %s, %s, %s, %s, %s, %s)"
        values = (
            claim.delivery_id, claim.queue_job_id, claim.attempt, outcome.response_status, outcome.error,
            round(took / timedelta(milliseconds=1)), retry_in, rest,
        )  # fmt: skip
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=args_row(EndedDelivery)) as cursor,
        ):
            await cursor.execute(query, values)
            return await cursor.fetchone()

    async def release(self, claim: DeliveryClaim) -> bool:
        """Do not count the attempt; False when it is no longer the present one."""
        query = "select resumepair.release_delivery(%s, %s, %s)"
        return bool(await self._value(query, claim.delivery_id, claim.queue_job_id, claim.attempt))

    async def queue_due(self, limit: int) -> float | None:
        """Queue what is due, at most so many; the seconds until the next one is, None if none waits."""
        seconds: float | None = await self._value("select resumepair.queue_due_deliveries(%s)", limit)
        return seconds

    async def requeue(self, deadline: timedelta) -> list[UUID]:
        """Queue anew what the queue has lost, or has had at work for longer than this."""
        async with self._pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute("select resumepair.requeue_deliveries(%s)", (deadline,))
            return await cursor.fetchall()

    async def prune(self, older_than: timedelta, limit: int) -> int:
        """Delete what has ended and is older than this, at most so many; how many there were."""
        return int(await self._value("select resumepair.prune_deliveries(%s, %s)", older_than, limit))

    async def _value(self, query: LiteralString, *values: object) -> Any:  # noqa: ANN401
        async with self._pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(query, values)
            return await cursor.fetchone()
