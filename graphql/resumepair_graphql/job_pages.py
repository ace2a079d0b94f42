"""Lists of jobs, of whatever state: a user's, and the pages of any; finished exports are `history`."""

from collections.abc import Callable
from typing import Annotated

import strawberry
from strawberry import relay

from resumepair_graphql.context import Context, Info
from resumepair_graphql.database import Row
from resumepair_graphql.ids import Cursor, PositionCursor, document_filter
from resumepair_graphql.jobs import ExportJob
from resumepair_graphql.pages import After, First, page_of, require_first
from resumepair_graphql.states import ExportStatus


@strawberry.input(description="Which jobs to list; all conditions hold together.")
class JobsFilter:
    """Conditions on the list of jobs."""

    status: list[ExportStatus] | None = strawberry.field(
        default=None, description="Jobs in one of these states: PENDING and PROCESSING are those under way."
    )
    document_id: strawberry.ID | None = strawberry.field(default=None, description="Jobs for this document.")


@strawberry.type
class JobPageQueries:
    """Query fields that list jobs."""

    @strawberry.field(description="The caller's jobs, latest first.")
    async def jobs(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        filter: Annotated[JobsFilter | None, strawberry.argument(description="Which ones.")] = None,
    ) -> relay.Connection[ExportJob] | None:
        """One page; the jobs are read with the other jobs of the operation."""
        require_first(first)
        wanted = filter or JobsFilter()
        place = Cursor.decode(after) if after is not None else None
        rows = await info.context.rows(
            "jobs_page",
            statuses=None if wanted.status is None else [status.value for status in wanted.status],
            document_id=document_filter(wanted.document_id),
            after_at=place and place.at,
            after_id=place and place.id,
            limit=first + 1,
        )
        return await page_of_jobs(
            info.context, rows, lambda row: Cursor(row["created_at"], row["id"]), first=first, after=after
        )


async def page_of_jobs(
    context: Context,
    rows: list[Row],
    cursor_of: Callable[[Row], Cursor | PositionCursor],
    *,
    first: int,
    after: str | None,
) -> relay.Connection[ExportJob]:
    """A page of the jobs whose ids these rows have, one row more than the page where there are more."""
    jobs = await context.jobs.load_many([row["id"] for row in rows[:first]])
    edges = [
        relay.Edge(cursor=cursor_of(row).encode(), node=ExportJob.from_row(job))
        for row, job in zip(rows, jobs, strict=False)
        if job
    ]
    return page_of(edges, more=len(rows) > first, after=after)
