"""Asking for exports."""

from uuid import UUID

import strawberry
from psycopg.types.json import Jsonb

from resumepair_graphql.context import Context, Info
from resumepair_graphql.database import Row
from resumepair_graphql.errors import Refusal, UserError
from resumepair_graphql.ids import require_uuid
from resumepair_graphql.inputs import Input
from resumepair_graphql.jobs import ExportJob, load_job
from resumepair_graphql.options import ExportOptions


@strawberry.input(description="What every request for exports takes.")
class ExportRequest:
    """What `exportPdf`, `exportBatch` and `scheduleExport` have in common."""

    options: ExportOptions | None = strawberry.field(default=None, description="How it is rendered.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 200 characters of your choice; the same key and input give the first answer again.",
    )
    fresh: bool = strawberry.field(
        default=False,
        description="Render it anew. Otherwise, an export of the same document with the same options that you still "
        "have is answered with its file (`cached`).",
    )


@strawberry.input(description="A document to export as PDF.")
class ExportPdfInput(ExportRequest):
    """What `exportPdf` takes."""

    document_id: strawberry.ID = strawberry.field(description="The document's global id.")


@strawberry.type(description="What became of `exportPdf`.")
class ExportPdfPayload:
    """The job, or why there is none."""

    job: ExportJob | None = strawberry.field(default=None, description="The job that makes the PDF.")
    replayed: bool = strawberry.field(default=False, description="Whether an earlier request with this key made it.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why there is no job.")


@strawberry.type
class ExportMutations:
    """Mutation fields that ask for exports."""

    @strawberry.mutation(description="Export a document, as it is now, as PDF. Follow the job with `jobProgress`.")
    async def export_pdf(self, info: Info, input: Input[ExportPdfInput]) -> ExportPdfPayload | None:
        """Accepted means kept: the job and its place in the queue are one transaction."""
        try:
            document = require_uuid(input.document_id, "Document", "documentId")
            row = await enqueue(info.context, input, [document], batch=False)
            job = await load_job(info.context, row["job_id"]) if row else None
        except Refusal as refusal:
            return ExportPdfPayload(errors=[refusal.as_user_error()])
        return ExportPdfPayload(job=job, replayed=bool(row and row["replayed"]))


async def enqueue(context: Context, request: ExportRequest, documents: list[UUID], *, batch: bool) -> Row | None:
    """Ask for exports of these documents; the row of the first job, which also names the batch.

    Raises:
        Refusal: There is a reason against it, and no job was made.
    """
    return await context.row(
        "enqueue_export",
        document_ids=documents,
        options=Jsonb((request.options or ExportOptions()).checked()),
        idempotency_key=request.idempotency_key,
        batch=batch,
        fresh=request.fresh,
    )
