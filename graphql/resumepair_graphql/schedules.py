"""Schedules: exports at a time to come, or again and again by a cron expression."""

from datetime import UTC, datetime
from uuid import UUID

import strawberry
from psycopg.types.json import Jsonb
from strawberry import relay

from resumepair_graphql.context import Context, Info
from resumepair_graphql.cron import first_run
from resumepair_graphql.database import Row
from resumepair_graphql.documents import Document, load_document
from resumepair_graphql.errors import REFUSED_STATES, ErrorCode, Refusal, UserError
from resumepair_graphql.exports import ExportRequest
from resumepair_graphql.ids import require_uuid
from resumepair_graphql.inputs import Input
from resumepair_graphql.jobs import ExportJob, load_job
from resumepair_graphql.options import ExportOptions, RequestedOptions
from resumepair_graphql.pages import After, First, fetch_page


@strawberry.type(description="Why the last run of a schedule made no export.")
class ScheduleRefusal:
    """Refusal of a schedule's last run."""

    code: ErrorCode = strawberry.field(description="Why, for programs.")
    message: str = strawberry.field(description="Why, for people.")


@strawberry.type(description="Exports of a document to come.")
class ExportSchedule(relay.Node):
    """A row of `export_schedules`."""

    key: relay.NodeID[UUID]
    document_key: strawberry.Private[UUID]
    last_job_key: strawberry.Private[UUID | None]
    at: datetime | None = strawberry.field(description="When to export once; null when there is a cron expression.")
    cron: str | None = strawberry.field(description="When to export again and again; null when there is a time.")
    time_zone: str = strawberry.field(description="The IANA time zone that the cron expression is read in.")
    next_run_at: datetime | None = strawberry.field(
        description="When it runs next, or tries again after RATE_LIMITED or UNAVAILABLE; null with nothing to come."
    )
    last_run_at: datetime | None = strawberry.field(description="When it last ran, whether or not it made an export.")
    last_refusal: ScheduleRefusal | None = strawberry.field(
        description="Why the last run made no export; null when it made one."
    )
    created_at: datetime = strawberry.field(description="When it was asked for.")
    options: RequestedOptions = strawberry.field(description="How its exports are rendered, as asked for.")
    fresh: bool = strawberry.field(
        description="Whether each is rendered anew, also when an export of the same is still there."
    )

    @strawberry.field(description="The document, which is exported as it is when the time comes.")
    async def document(self, info: Info) -> Document | None:
        """Read with the other documents of the operation."""
        return await load_document(info.context, self.document_key)

    @strawberry.field(description="The last export that it made; null before the first.")
    async def last_job(self, info: Info) -> ExportJob | None:
        """Read with the other jobs of the operation."""
        return await load_job(info.context, self.last_job_key) if self.last_job_key else None

    @classmethod
    def from_row(cls, row: Row) -> "ExportSchedule":
        """From a row of the `schedules_*` queries."""
        return cls(
            key=row["id"],
            document_key=row["document_id"],
            last_job_key=row["last_job_id"],
            at=row["run_at"],
            cron=row["cron"],
            time_zone=row["time_zone"],
            next_run_at=row["next_run_at"],
            last_run_at=row["last_run_at"],
            last_refusal=_refusal_of(row) if row["last_refusal_state"] else None,
            created_at=row["created_at"],
            options=RequestedOptions.from_json(row["options"]),
            fresh=row["fresh"],
        )


def _refusal_of(row: Row) -> ScheduleRefusal:
    return ScheduleRefusal(
        code=REFUSED_STATES.get(row["last_refusal_state"], ErrorCode.UNAVAILABLE), message=row["last_refusal_message"]
    )


@strawberry.input(description="A document to export later; give either `at` or `cron`.")
class ScheduleExportInput(ExportRequest):
    """What `scheduleExport` takes."""

    document_id: strawberry.ID = strawberry.field(description="The document's global id.")
    at: datetime | None = strawberry.field(
        default=None, description="When to export once: with an offset, to come, and within a year."
    )
    cron: str | None = strawberry.field(
        default=None,
        description="When to export again and again: minute, hour, day of month, month, day of week, as in "
        "`0 8 * * MON`; at most every 15 minutes.",
    )
    time_zone: str | None = strawberry.field(
        default=None, description="The IANA time zone that `cron` is read in, as in `Europe/Berlin`; UTC if left out."
    )


@strawberry.type(description="What became of `scheduleExport`.")
class ScheduleExportPayload:
    """The schedule, or why there is none."""

    schedule: ExportSchedule | None = strawberry.field(default=None, description="The schedule.")
    replayed: bool = strawberry.field(default=False, description="Whether an earlier request with this key made it.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why there is no schedule.")


@strawberry.input(description="A schedule to delete.")
class DeleteScheduleInput:
    """What `deleteSchedule` takes."""

    schedule_id: strawberry.ID = strawberry.field(description="The schedule's global id.")


@strawberry.type(description="What became of `deleteSchedule`.")
class DeleteSchedulePayload:
    """The id that is no more, or why it still is."""

    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="The deleted schedule's global id.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why it was not deleted.")


@strawberry.type
class ScheduleQueries:
    """Query fields about schedules."""

    @strawberry.field(description="The caller's schedules, latest first; also those with nothing to come.")
    async def schedules(
        self, info: Info, first: First = 20, after: After = None
    ) -> relay.Connection[ExportSchedule] | None:
        """One page."""
        return await fetch_page(info, "schedules_page", "created_at", ExportSchedule.from_row, first=first, after=after)


@strawberry.type
class ScheduleMutations:
    """Mutation fields about schedules."""

    @strawberry.mutation(description="Export a document at a time to come, or again and again by a cron expression.")
    async def schedule_export(self, info: Info, input: Input[ScheduleExportInput]) -> ScheduleExportPayload | None:
        """Each time it runs, it asks for an export as `exportPdf` does, under the same limits."""
        try:
            row = await _schedule(info.context, input)
        except Refusal as refusal:
            return ScheduleExportPayload(errors=[refusal.as_user_error()])
        schedule = await load_schedule(info.context, row["schedule_id"])
        return ScheduleExportPayload(schedule=schedule, replayed=row["replayed"])

    @strawberry.mutation(description="Delete a schedule; the exports that it made stay.")
    async def delete_schedule(self, info: Info, input: Input[DeleteScheduleInput]) -> DeleteSchedulePayload | None:
        """Nothing comes of it from then on."""
        try:
            key = require_uuid(input.schedule_id, "ExportSchedule", "scheduleId")
            await info.context.row("delete_schedule", id=key)
        except Refusal as refusal:
            return DeleteSchedulePayload(errors=[refusal.as_user_error()])
        return DeleteSchedulePayload(deleted_id=input.schedule_id)


async def load_schedule(context: Context, key: UUID) -> ExportSchedule | None:
    """The schedule as the caller may see it now."""
    row = await context.schedules.load(key)
    return ExportSchedule.from_row(row) if row else None


async def _schedule(context: Context, request: ScheduleExportInput) -> Row:
    """The row that tells of the new schedule.

    Raises:
        Refusal: There is a reason against it, and none was made.
    """
    if request.at and request.at.tzinfo is None:
        raise Refusal(ErrorCode.INVALID_INPUT, "Give the time with an offset, as in `2030-01-31T08:00:00Z`.", "at")
    if request.at and request.time_zone is not None:
        raise Refusal(ErrorCode.INVALID_INPUT, "A time zone goes with `cron`; the time has its own offset.", "timeZone")
    time_zone = "UTC" if request.time_zone is None else request.time_zone
    (row,) = await context.rows(
        "schedule_export",
        document_id=require_uuid(request.document_id, "Document", "documentId"),
        options=Jsonb((request.options or ExportOptions()).checked()),
        run_at=request.at,
        cron=request.cron,
        time_zone=time_zone,
        next_run_at=None if request.cron is None else first_run(request.cron, time_zone, datetime.now(UTC)),
        idempotency_key=request.idempotency_key,
        fresh=request.fresh,
    )
    return row
