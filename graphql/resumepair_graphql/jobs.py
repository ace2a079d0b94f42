"""Export jobs: their state, and what a user can do to them. Following one is `progress`."""

from dataclasses import field, replace
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from strawberry import relay

from resumepair_graphql.context import Context, Info
from resumepair_graphql.database import Row
from resumepair_graphql.documents import Document, load_document
from resumepair_graphql.enums import described
from resumepair_graphql.errors import Refusal, UserError
from resumepair_graphql.executor import Results
from resumepair_graphql.feed import JobChange
from resumepair_graphql.ids import Id, require_uuid, uuid_of
from resumepair_graphql.inputs import Input
from resumepair_graphql.links import Wanted
from resumepair_graphql.options import ExportFormat, RequestedOptions
from resumepair_graphql.prices import price
from resumepair_graphql.proofs import Judged, judgement_of
from resumepair_graphql.states import ExportStage, ExportStatus

if TYPE_CHECKING:
    from resumepair_graphql.batches import ExportBatch


@strawberry.enum(description="Why an attempt failed.")
class FailureCode(Enum):
    """The closed list of failure codes; `docs/reference/errors.md` explains each."""

    INVALID_DOCUMENT = described("INVALID_DOCUMENT", "The document is not a résumé; `message` names the paths.")
    INVALID_OPTIONS = described("INVALID_OPTIONS", "The options name something unknown.")
    DOCUMENT_TOO_LARGE = described("DOCUMENT_TOO_LARGE", "The result has too many pages or bytes.")
    RENDER_TIMEOUT = described("RENDER_TIMEOUT", "Printing took too long.")
    BROWSER_UNAVAILABLE = described("BROWSER_UNAVAILABLE", "The browser broke down.")
    INVALID_PDF = described("INVALID_PDF", "What was printed is not a good PDF.")
    STORAGE_UNAVAILABLE = described("STORAGE_UNAVAILABLE", "The storage did not answer.")
    STORAGE_REFUSED = described("STORAGE_REFUSED", "The storage does not take the file.")
    QUOTA_EXCEEDED = described("QUOTA_EXCEEDED", "The file does not fit into the storage quota.")
    WORKER_LOST = described("WORKER_LOST", "The last attempt did not come to an end.")
    INTERNAL_ERROR = described("INTERNAL_ERROR", "Something went wrong on our side.")


@strawberry.type(description="How far the present attempt is.")
class Progress:
    """Progress of a job."""

    percent: int = strawberry.field(description="0, 10, 30, 60, 80, 90 or 100.")
    stage: ExportStage = strawberry.field(description="What is being done.")
    sequence: int = strawberry.field(description="Counts the job's changes; strictly increasing.")


@strawberry.type(description="Why the last attempt failed.")
class Failure:
    """Failure of a job's last attempt."""

    code: FailureCode = strawberry.field(description="Why, for programs.")
    message: str = strawberry.field(description="Why, for people.")
    retryable: bool = strawberry.field(description="Whether it may pass by itself.")


@strawberry.type(description="The file of a completed job.")
class Artifact(Judged):
    """File of a completed job."""

    storage_path: strawberry.Private[str]
    export_key: strawberry.Private[UUID]
    file_name: str = strawberry.field(description="Name for downloads.")
    byte_size: int = strawberry.field(description="Size in bytes.")
    page_count: int = strawberry.field(description="Number of pages.")
    sha256: str = strawberry.field(description="SHA-256 of the file, hexadecimal.")
    cached: bool = strawberry.field(
        description="Whether it is the file of an earlier export of the same, and nothing was rendered."
    )
    expires_at: datetime = strawberry.field(description="From when on it cannot be downloaded any more.")

    @strawberry.field(
        description="A link for immediate use (minutes); null once the file has expired.", metadata=price(asks=False)
    )
    async def url(self, info: Info) -> str | None:
        """Signed anew each time, with the operation's other links; use `createDownloadUrl` for downloads that count."""
        if self.expires_at <= datetime.now(self.expires_at.tzinfo):
            return None
        return (await info.context.links.load(Wanted(self.storage_path, self.file_name, self.expires_at))).url

    @strawberry.field(description="The global id of the export in the history, for `createDownloadUrl`.")
    def export_id(self) -> strawberry.ID:
        """Global id of the history entry."""
        return strawberry.ID(relay.to_base64("Export", str(self.export_key)))


@strawberry.type(description="One export of one document.")
class ExportJob(relay.Node):
    """A row of `export_jobs`, with its file when it has one."""

    key: relay.NodeID[UUID]
    document_key: strawberry.Private[UUID]
    batch_key: strawberry.Private[UUID | None]
    status: ExportStatus = strawberry.field(description="The state.")
    progress: Progress = strawberry.field(description="How far the present attempt is.")
    attempt: int = strawberry.field(description="Number of the present attempt; 0 before the first.")
    max_attempts: int = strawberry.field(description="Attempts it gets.")
    next_attempt_at: datetime | None = strawberry.field(description="When a failed attempt is followed by the next.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When the first attempt began.")
    finished_at: datetime | None = strawberry.field(description="When it became completed, failed or cancelled.")
    document_title: str = strawberry.field(description="The document's name when the export was asked for.")
    document_version: int = strawberry.field(description="The exported version of the document.")
    format: ExportFormat = strawberry.field(description="What kind of file it makes.")
    options: RequestedOptions = strawberry.field(description="How the document is rendered, as asked for.")
    artifact: Artifact | None = strawberry.field(description="The file, once completed.")
    failure: Failure | None = strawberry.field(description="Why the last attempt failed, until the next begins.")
    results: strawberry.Private[Results | None] = field(default=None, init=False, compare=False, repr=False)

    @strawberry.field(description="The document as it is now; null when it was deleted.")
    async def document(self, info: Info) -> Document | None:
        """Read with the other documents of the operation."""
        return await load_document(info.context, self.document_key)

    @strawberry.field(description="The batch that it belongs to; null for a single export.")
    async def batch(self, info: Info) -> Annotated["ExportBatch", strawberry.lazy("resumepair_graphql.batches")] | None:
        """Read with the other batches of the operation."""
        from resumepair_graphql.batches import load_batch  # noqa: PLC0415 # a batch is made of jobs

        return await load_batch(info.context, self.batch_key) if self.batch_key else None

    @strawberry.field(description="Whether it was completed with the file of an earlier export of the same.")
    def cached(self) -> bool:
        """As its artifact says; nothing is rendered for such a job."""
        return self.artifact is not None and self.artifact.cached

    @strawberry.field(
        description="How many jobs of all users are to begin before it: 0 when it is the next, 1000 for that many or "
        "more; null unless it is pending and its time has come.",
        metadata=price(10),
    )
    async def queue_position(self, info: Info) -> int | None:
        """Counted anew, with the other jobs of the operation, in the order in which workers take them."""
        if self.status is not ExportStatus.PENDING:
            return None
        row = await info.context.queue_positions.load(self.key)
        return row["queue_position"] if row else None

    @classmethod
    def from_row(cls, row: Row) -> "ExportJob":
        """From a row of `jobs_by_id`."""
        return cls(
            key=row["id"],
            document_key=row["document_id"],
            batch_key=row["batch_id"],
            status=ExportStatus(row["status"]),
            progress=Progress(percent=row["percent"], stage=ExportStage(row["stage"]), sequence=row["sequence"]),
            attempt=row["attempt"],
            max_attempts=row["max_attempts"],
            next_attempt_at=row["next_attempt_at"],
            created_at=row["created_at"],
            started_at=row["started_at"],
            finished_at=row["finished_at"],
            document_title=row["document_title"],
            document_version=row["document_version"],
            format=ExportFormat(row["format"]),
            options=RequestedOptions.from_json(row["options"]),
            artifact=_artifact_of(row) if row["export_id"] else None,
            failure=failure_of(row) if row["failure_code"] else None,
        )

    @property
    def sequence(self) -> int:
        """As in `progress`."""
        return self.progress.sequence

    @property
    def is_final(self) -> bool:
        """Whether nothing more will come of it by itself."""
        return self.finished_at is not None

    def after(self, change: JobChange) -> "ExportJob | None":
        """The job after a change; None when the change does not tell all: it ended, or is to be tried again.

        Such a change is looked into whatever its number, as long as it says something else: the changes before it may
        have been told by somebody else.
        """
        if change.status is not ExportStatus.PROCESSING:
            return self if change.sequence == self.sequence and change.status is self.status else None
        if change.sequence <= self.sequence:
            return self
        return replace(
            self,
            status=ExportStatus.PROCESSING,
            progress=Progress(percent=change.percent, stage=change.stage, sequence=change.sequence),
            attempt=change.attempt,
            started_at=change.started_at,
            next_attempt_at=None,
            failure=None,
        )


def _artifact_of(row: Row) -> Artifact:
    return Artifact(
        storage_path=row["storage_path"],
        export_key=row["export_id"],
        file_name=row["file_name"],
        byte_size=row["byte_size"],
        page_count=row["page_count"],
        sha256=row["sha256"],
        cached=row["cached"],
        expires_at=row["expires_at"],
        **judgement_of(row),
    )


def failure_of(row: Row) -> Failure:
    """From the three columns that jobs and bundles have."""
    return Failure(
        code=FailureCode(row["failure_code"]),
        message=row["failure_message"] or "",
        retryable=row["failure_retryable"] or False,
    )


@strawberry.input(description="A job to cancel or to try again.")
class JobInput:
    """What `cancel` and `retry` take."""

    job_id: strawberry.ID = strawberry.field(description="The job's global id.")


@strawberry.type(description="What became of `cancel` or `retry`.")
class JobPayload:
    """The job as it is now, or why nothing was done."""

    job: ExportJob | None = strawberry.field(default=None, description="The job as it is now.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why nothing was done.")


@strawberry.type
class JobQueries:
    """Query fields about jobs."""

    @strawberry.field(description="A job of the caller's; null when there is no such one.")
    async def job(self, info: Info, id: Id) -> ExportJob | None:
        """By global id."""
        key = uuid_of(id, "ExportJob")
        return await load_job(info.context, key) if key else None


@strawberry.type
class JobMutations:
    """Mutation fields about jobs."""

    @strawberry.mutation(description="Cancel a pending or processing job; repeating it is harmless.")
    async def cancel(self, info: Info, input: Input[JobInput]) -> JobPayload | None:
        """Final at once: what a worker has begun is aborted and never published."""
        return await _change(info, "cancel_export", input)

    @strawberry.mutation(description="Try a failed job again, while attempts are left.")
    async def retry(self, info: Info, input: Input[JobInput]) -> JobPayload | None:
        """Starts another attempt at the same snapshot of the document."""
        return await _change(info, "retry_export", input)


async def load_job(context: Context, key: UUID) -> ExportJob | None:
    """The job as the caller may see it now."""
    row = await context.jobs.load(key)
    return ExportJob.from_row(row) if row else None


async def _change(info: Info, query: str, target: JobInput) -> JobPayload:
    try:
        key = require_uuid(target.job_id, "ExportJob", "jobId")
        await info.context.row(query, id=key)
        return JobPayload(job=await load_job(info.context, key))
    except Refusal as refusal:
        return JobPayload(errors=[refusal.as_user_error()])
