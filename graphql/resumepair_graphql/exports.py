"""Asking for exports."""

from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from psycopg.types.json import Jsonb

from resumepair_graphql.context import Context, Info
from resumepair_graphql.database import Row
from resumepair_graphql.enums import described
from resumepair_graphql.errors import ErrorCode, Refusal, UserError
from resumepair_graphql.ids import require_uuid
from resumepair_graphql.jobs import ExportJob, load_job
from resumepair_graphql.proofs import Fit

# The renderer's templates; a test holds the two lists together.
TEMPLATES = ("classic", "modern", "compact", "executive", "technical", "academic", "sidebar")


@strawberry.enum(description="The size of a page.")
class PageSize(Enum):
    """The sizes that the renderer prints."""

    A4 = described("A4", "210 × 297 mm.")
    LETTER = described("Letter", "8.5 × 11 inches.")


@strawberry.input(description="How the document is rendered; what is left out follows the document's own settings.")
class ExportOptions:
    """Render options."""

    template: str | None = strawberry.field(default=None, description=f"One of: {', '.join(TEMPLATES)}.")
    page_size: PageSize | None = strawberry.field(default=None, description="The size of a page.")
    fit: Fit | None = strawberry.field(default=None, description="Whether it has to end on its first page.")

    def checked(self) -> dict[str, Any]:
        """The options as the job keeps them.

        Raises:
            Refusal: INVALID_INPUT; there is no such template.
        """
        if self.template is not None and self.template not in TEMPLATES:
            known = ", ".join(TEMPLATES)
            raise Refusal(ErrorCode.INVALID_INPUT, f"There is no such template; there is: {known}.", "options.template")
        chosen = {
            "template": self.template,
            "pageSize": self.page_size and self.page_size.value,
            "fit": self.fit and self.fit.value,
        }
        return {name: value for name, value in chosen.items() if value is not None}


@strawberry.input(description="What every request for exports takes.")
class ExportRequest:
    """What `exportPdf` and `exportBatch` have in common."""

    options: ExportOptions | None = strawberry.field(default=None, description="How it is rendered.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 200 characters of your choice; the same key and input give the first answer again.",
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
    async def export_pdf(self, info: Info, input: ExportPdfInput) -> ExportPdfPayload | None:
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
    )
