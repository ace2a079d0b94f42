"""Batches: exports of several documents that are asked for and cancelled as one. Following one is `progress`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import strawberry
from strawberry import relay

from resumepair_graphql.bundles import ExportBundle, load_bundle
from resumepair_graphql.context import Context, Info
from resumepair_graphql.database import Row
from resumepair_graphql.errors import ErrorCode, Refusal, UserError
from resumepair_graphql.executor import Results
from resumepair_graphql.exports import ExportRequest, enqueue
from resumepair_graphql.feed import JobChange
from resumepair_graphql.ids import Id, PositionCursor, require_uuid, uuid_of
from resumepair_graphql.inputs import Input
from resumepair_graphql.job_pages import page_of_jobs
from resumepair_graphql.jobs import ExportJob
from resumepair_graphql.pages import After, First, require_first
from resumepair_graphql.prices import price
from resumepair_graphql.states import FINAL, ExportStatus

# The state of a bundle that is only waiting to be made anew, if ever.
DELETED = "deleted"


class BundleState(NamedTuple):
    """How far the bundle of a batch is; one that was deleted has no status."""

    key: UUID
    sequence: int
    status: ExportStatus | None


class JobState(NamedTuple):
    """How far a job of a batch is."""

    sequence: int
    status: ExportStatus
    percent: int

    @property
    def share(self) -> int:
        """Percent of what it contributes to the batch: all of it once it has ended, whichever way."""
        return 100 if self.status in FINAL else self.percent


@strawberry.type(description="Exports of several documents that were asked for as one.")
class ExportBatch(relay.Node):
    """A row of `export_batches`, with its jobs counted."""

    key: relay.NodeID[UUID]
    states: strawberry.Private[Mapping[UUID, JobState]]
    bundle_state: strawberry.Private[BundleState | None]
    total: int = strawberry.field(description="Number of jobs.")
    pending: int = strawberry.field(description="Jobs that wait for their turn, or for their next attempt.")
    processing: int = strawberry.field(description="Jobs that a worker is at.")
    completed: int = strawberry.field(description="Jobs whose file is there.")
    failed: int = strawberry.field(description="Jobs that did not work out; the `failure` of each says why.")
    cancelled: int = strawberry.field(description="Jobs that the user cancelled.")
    percent: int = strawberry.field(
        description="The mean of its jobs' percent, rounded down; a job that has ended counts 100."
    )
    sequence: int = strawberry.field(
        description="Counts the changes of all its jobs and of its bundle; strictly increasing."
    )
    created_at: datetime = strawberry.field(description="When it was asked for.")
    finished_at: datetime | None = strawberry.field(
        description="When the last job ended; null while any is pending or processing."
    )
    results: strawberry.Private[Results | None] = field(default=None, init=False, compare=False, repr=False)

    @strawberry.field(description="Its jobs, in the order in which the documents were named.")
    async def jobs(self, info: Info, first: First = 20, after: After = None) -> relay.Connection[ExportJob] | None:
        """One page; the jobs are read with the other jobs of the operation."""
        require_first(first)
        _require_no_round(info)
        place = PositionCursor.decode(after) if after is not None else None
        rows = await info.context.rows(
            "batch_jobs_page", id=self.key, after_position=place and place.position, limit=first + 1
        )
        return await page_of_jobs(
            info.context, rows, lambda row: PositionCursor(row["batch_position"]), first=first, after=after
        )

    @strawberry.field(
        description="Its finished files as one ZIP. Null until all jobs have ended, when none has completed, and when "
        "it, or an export in it, was deleted: `bundleBatch` makes it anew.",
        metadata=price(asks=False),  # only once the jobs have ended, and then a few times at most
    )
    async def bundle(self, info: Info) -> ExportBundle | None:
        """Read with the other bundles of the operation."""
        if self.finished_at is None or self.bundle_state is None or self.bundle_state.status is None:
            return None
        return await load_bundle(info.context, self.bundle_state.key)

    @property
    def is_final(self) -> bool:
        """Whether all its jobs have ended, and its bundle has, if there is one."""
        bundle = self.bundle_state and self.bundle_state.status
        return self.finished_at is not None and (bundle is None or bundle in FINAL)

    @classmethod
    def from_row(cls, row: Row) -> "ExportBatch":
        """From a row of `batches_by_id`."""
        bundle = _bundle_state_of(row)
        states = {
            UUID(id_): JobState(sequence, ExportStatus(status), percent)
            for id_, (sequence, status, percent) in row["jobs"].items()
        }
        return cls(
            key=row["id"],
            total=row["total"],
            created_at=row["created_at"],
            finished_at=row["finished_at"],
            bundle_state=bundle,
            **_counts_of(states, bundle),
        )

    def after(self, change: JobChange) -> "ExportBatch | None":
        """The batch after a change of one of its jobs.

        None when the change does not tell all: its last job ended, or one that had ended is tried again.
        """
        known = self.states.get(change.job_id)
        if known and change.sequence <= known.sequence:
            return None if change.status in FINAL - {known.status} else self
        if self.finished_at is not None:
            return None
        state = JobState(change.sequence, change.status, change.percent)
        states = {**self.states, change.job_id: state}
        if FINAL.issuperset(s.status for s in states.values()):
            return None
        return replace(self, **_counts_of(states, self.bundle_state))


def _require_no_round(info: Info) -> None:
    """A job leads to its batch and this to its jobs again: each round would multiply the answer.

    Raises:
        Refusal: These jobs are already below a batch's jobs.
    """
    path = info.path.prev
    while path:
        if path.typename == "ExportBatch":
            raise Refusal(ErrorCode.INVALID_INPUT, "A batch's jobs cannot be asked for below a batch's jobs.")
        path = path.prev


def _bundle_state_of(row: Row) -> BundleState | None:
    if row["bundle_id"] is None:
        return None
    status = None if row["bundle_status"] == DELETED else ExportStatus(row["bundle_status"])
    return BundleState(row["bundle_id"], row["bundle_sequence"], status)


def _counts_of(states: Mapping[UUID, JobState], bundle: BundleState | None) -> dict[str, Any]:
    """The fields of a batch that follow from its jobs and its bundle."""
    counts = Counter(state.status for state in states.values())
    return {
        "states": states,
        **{status.value: counts[status] for status in ExportStatus},
        "percent": sum(state.share for state in states.values()) // max(len(states), 1),
        "sequence": sum(state.sequence for state in states.values()) + (bundle.sequence if bundle else 0),
    }


@strawberry.input(description="Documents to export as PDF, all or none of them.")
class ExportBatchInput(ExportRequest):
    """What `exportBatch` takes."""

    document_ids: list[strawberry.ID] = strawberry.field(
        description="The documents' global ids, each once; by default up to 10 of them."
    )


@strawberry.type(description="What became of `exportBatch`.")
class ExportBatchPayload:
    """The batch, or why there is none."""

    batch: ExportBatch | None = strawberry.field(default=None, description="The batch of jobs that make the PDFs.")
    replayed: bool = strawberry.field(default=False, description="Whether an earlier request with this key made it.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why there is no batch.")


@strawberry.input(description="A finished batch to bundle.")
class BundleBatchInput:
    """What `bundleBatch` takes."""

    batch_id: strawberry.ID = strawberry.field(description="The batch's global id.")


@strawberry.type(description="What became of `bundleBatch`.")
class BundleBatchPayload:
    """The batch as it is now, or why nothing was done."""

    batch: ExportBatch | None = strawberry.field(default=None, description="The batch as it is now, with its bundle.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why nothing was done.")


@strawberry.input(description="A batch to cancel.")
class CancelBatchInput:
    """What `cancelBatch` takes."""

    batch_id: strawberry.ID = strawberry.field(description="The batch's global id.")


@strawberry.type(description="What became of `cancelBatch`.")
class CancelBatchPayload:
    """The batch as it is now, or why nothing was done."""

    batch: ExportBatch | None = strawberry.field(default=None, description="The batch as it is now.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why nothing was done.")


@strawberry.type
class BatchQueries:
    """Query fields about batches."""

    @strawberry.field(description="A batch of the caller's; null when there is no such one.")
    async def batch(self, info: Info, id: Id) -> ExportBatch | None:
        """By global id."""
        key = uuid_of(id, "ExportBatch")
        return await load_batch(info.context, key) if key else None


@strawberry.type
class BatchMutations:
    """Mutation fields about batches."""

    @strawberry.mutation(description="Export several documents, as they are now, as PDF; all of them or none.")
    async def export_batch(self, info: Info, input: Input[ExportBatchInput]) -> ExportBatchPayload | None:
        """As `exportPdf`: the batch, its jobs and their places in the queue are one transaction."""
        try:
            documents = [require_uuid(id_, "Document", f"documentIds[{n}]") for n, id_ in enumerate(input.document_ids)]
            row = await enqueue(info.context, input, documents, batch=True)
            batch = await load_batch(info.context, row["batch_id"]) if row else None
        except Refusal as refusal:
            return ExportBatchPayload(errors=[refusal.as_user_error()])
        return ExportBatchPayload(batch=batch, replayed=bool(row and row["replayed"]))

    @strawberry.mutation(
        description="Cancel the pending and processing jobs of a batch; those that have ended stay as they are."
    )
    async def cancel_batch(self, info: Info, input: Input[CancelBatchInput]) -> CancelBatchPayload | None:
        """All of them or, when it is refused, none; repeating it is harmless."""
        try:
            key = require_uuid(input.batch_id, "ExportBatch", "batchId")
            await info.context.row("cancel_batch", id=key)
            batch = await load_batch(info.context, key)
        except Refusal as refusal:
            return CancelBatchPayload(errors=[refusal.as_user_error()])
        return CancelBatchPayload(batch=batch)

    @strawberry.mutation(
        description="Make the bundle of a finished batch anew, when it failed, expired or was deleted. Else there is "
        "one, or it is being made: repeating it is harmless."
    )
    async def bundle_batch(self, info: Info, input: Input[BundleBatchInput]) -> BundleBatchPayload | None:
        """What can be downloaded of the batch goes into it."""
        try:
            key = require_uuid(input.batch_id, "ExportBatch", "batchId")
            await info.context.row("bundle_batch", id=key)
            batch = await load_batch(info.context, key)
        except Refusal as refusal:
            return BundleBatchPayload(errors=[refusal.as_user_error()])
        return BundleBatchPayload(batch=batch)


async def load_batch(context: Context, key: UUID) -> ExportBatch | None:
    """The batch as the caller may see it now."""
    row = await context.batches.load(key)
    return ExportBatch.from_row(row) if row else None
