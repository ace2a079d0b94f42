"""Statistics: what became of exports, how long they took, what they take up; a user's own, or the whole system's."""

from datetime import datetime
from typing import Annotated

import strawberry

from resumepair_graphql.context import Info
from resumepair_graphql.database import Row
from resumepair_graphql.prices import price
from resumepair_graphql.scalars import BigInt
from resumepair_graphql.templates import TEMPLATES

SYSTEM_ROLE = "service_role"
WHOLE_HISTORY = 100  # the price of looking through all exports of a user


@strawberry.type(description="Milliseconds that half, and that 95 of 100, did not exceed.")
class Percentiles:
    """Percentiles of a duration."""

    p50: BigInt = strawberry.field(description="The median, in milliseconds.")
    p95: BigInt = strawberry.field(description="The 95th percentile, in milliseconds.")


@strawberry.type(description="Figures of the exports with one template.")
class TemplateStats:
    """A row of the `templates_of_*` queries."""

    template: str = strawberry.field(description="The template.")
    completed: int = strawberry.field(description="Exports that were made.")
    byte_size: BigInt = strawberry.field(description="Their bytes.")
    page_count: BigInt = strawberry.field(description="Their pages.")
    downloads: BigInt = strawberry.field(description="Download links that were made for them.")


@strawberry.type(description="Figures of the caller's exports; with a `service_role` token, of the whole system's.")
class ExportStats:
    """A row of the `stats_of_*` queries. What was counted stays, also when an export is deleted or expires."""

    since: strawberry.Private[datetime | None]
    pending: int = strawberry.field(description="Jobs that wait for their turn, or for their next attempt.")
    processing: int = strawberry.field(description="Jobs that a worker is at.")
    completed: int = strawberry.field(description="Jobs that completed.")
    failed: int = strawberry.field(description="Jobs that failed.")
    cancelled: int = strawberry.field(description="Jobs that were cancelled.")
    success_rate: float | None = strawberry.field(
        description="Completed jobs among those that completed or failed, from 0 to 1; null when there are none."
    )
    duration_ms: Percentiles | None = strawberry.field(
        description="How long completed jobs took, from their first attempt on; null when there are none. "
        "For the system without `since`: today's and yesterday's."
    )
    wait_ms: Percentiles | None = strawberry.field(
        description="How long completed jobs waited for their first attempt; null when there are none. "
        "For the system without `since`: today's and yesterday's."
    )
    bytes_used: BigInt = strawberry.field(description="Bytes of the files that there are.")
    quota_bytes: BigInt | None = strawberry.field(description="Bytes that they may take up; null for the system.")
    downloads: BigInt = strawberry.field(description="Download links that were made, to exports and to bundles.")
    queue_depth: int = strawberry.field(description="Jobs of all users that are due and wait for a worker now.")
    queue_wait_ms: BigInt = strawberry.field(
        description="For how long the first of these has been waiting, milliseconds."
    )

    @strawberry.field(
        description="By template, the most used first.", metadata=price(WHOLE_HISTORY, entries=len(TEMPLATES))
    )
    async def templates(self, info: Info) -> list[TemplateStats]:
        """For the same time and the same exports."""
        query = "templates_of_system" if _asks_for_all(info) else "templates_of_user"
        rows = await info.context.rows(query, since=self.since)
        return [TemplateStats(**row) for row in rows]

    @classmethod
    def from_row(cls, row: Row, since: datetime | None) -> "ExportStats":
        """From a row of `stats_of_*`."""
        tried = row["completed"] + row["failed"]
        return cls(
            since=since,
            pending=row["pending"],
            processing=row["processing"],
            completed=row["completed"],
            failed=row["failed"],
            cancelled=row["cancelled"],
            success_rate=row["completed"] / tried if tried else None,
            duration_ms=_percentiles_of(row["durations"]),
            wait_ms=_percentiles_of(row["waits"]),
            bytes_used=row["bytes_used"],
            quota_bytes=row["quota_bytes"],
            downloads=row["downloads"],
            queue_depth=row["waiting"],
            queue_wait_ms=BigInt(round(row["longest_wait"].total_seconds() * 1000)),
        )


def _percentiles_of(milliseconds: list[float] | None) -> Percentiles | None:
    if not milliseconds:
        return None
    p50, p95 = milliseconds
    return Percentiles(p50=BigInt(round(p50)), p95=BigInt(round(p95)))


def _asks_for_all(info: Info) -> bool:
    return info.context.identity.role == SYSTEM_ROLE


@strawberry.type
class StatsQueries:
    """Query fields about statistics."""

    @strawberry.field(
        description="Figures of the caller's exports; with a `service_role` token, of the whole system's.",
        metadata=price(WHOLE_HISTORY),
    )
    async def stats(
        self,
        info: Info,
        since: Annotated[
            datetime | None,
            strawberry.argument(
                description="Count what was asked for from then on; for the system, what ended from that UTC day on."
            ),
        ] = None,
    ) -> ExportStats | None:
        """Bytes and the queue are those of this moment."""
        row = await info.context.row("stats_of_system" if _asks_for_all(info) else "stats_of_user", since=since)
        return ExportStats.from_row(row, since) if row else None
