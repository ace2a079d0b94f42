"""The history: finished exports, and the links to download them."""

from datetime import datetime
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import relay

from resumepair_graphql.context import Context, Info
from resumepair_graphql.database import Row
from resumepair_graphql.documents import Document, load_document
from resumepair_graphql.download_path import download_path
from resumepair_graphql.enums import described
from resumepair_graphql.errors import ErrorCode, Refusal, UserError
from resumepair_graphql.ids import document_filter, require_uuid, uuid_of
from resumepair_graphql.inputs import Input
from resumepair_graphql.jobs import ExportJob, load_job
from resumepair_graphql.links import Link, Wanted
from resumepair_graphql.options import ExportFormat
from resumepair_graphql.pages import After, First, fetch_page
from resumepair_graphql.proofs import Judged, judgement_of


@strawberry.enum(description="Whether a finished export can be downloaded. How a job went is its own `status`.")
class HistoryStatus(Enum):
    """What is left of a finished export; unfinished ones are jobs and not in the history."""

    AVAILABLE = described("AVAILABLE", "Its file can be downloaded.")
    EXPIRED = described("EXPIRED", "Its lifetime is over.")


@strawberry.type(description="A finished export.")
class Export(relay.Node, Judged):
    """A row of `export_history`."""

    key: relay.NodeID[UUID]
    job_key: strawberry.Private[UUID]
    document_key: strawberry.Private[UUID]
    document_title: str = strawberry.field(description="The document's name when it was exported.")
    document_version: int = strawberry.field(description="The exported version of the document.")
    template: str = strawberry.field(description="The template it was rendered with.")
    format: ExportFormat = strawberry.field(description="What kind of file it is.")
    file_name: str = strawberry.field(description="Name for downloads.")
    byte_size: int = strawberry.field(description="Size in bytes.")
    page_count: int = strawberry.field(description="Number of pages.")
    sha256: str = strawberry.field(description="SHA-256 of the file, hexadecimal.")
    cached: bool = strawberry.field(
        description="Whether it is the file of an earlier export of the same, and nothing was rendered."
    )
    download_count: int = strawberry.field(description="How many download links were made.")
    last_downloaded_at: datetime | None = strawberry.field(description="When the last one was made.")
    created_at: datetime = strawberry.field(description="When the file was finished.")
    expires_at: datetime = strawberry.field(description="From when on it cannot be downloaded any more.")

    @strawberry.field(description="The job that made it.")
    async def job(self, info: Info) -> ExportJob | None:
        """Read with the other jobs of the operation."""
        return await load_job(info.context, self.job_key)

    @strawberry.field(description="The document as it is now; null when it was deleted.")
    async def document(self, info: Info) -> Document | None:
        """Read with the other documents of the operation."""
        return await load_document(info.context, self.document_key)

    @strawberry.field(
        description="Its lasting address, which needs the token (`Authorization`): redirects to a link and counts the "
        "download, as long as the export has not expired."
    )
    def download_url(self, info: Info) -> str:
        """The endpoint is `downloads`."""
        return f"{info.context.base_url}{download_path(relay.to_base64('Export', str(self.key)))}"

    @strawberry.field(description="Whether it can be downloaded.")
    def status(self) -> HistoryStatus:
        """By the clock of this process; downloads are decided by the database's."""
        expired = self.expires_at <= datetime.now(self.expires_at.tzinfo)
        return HistoryStatus.EXPIRED if expired else HistoryStatus.AVAILABLE

    @classmethod
    def from_row(cls, row: Row) -> "Export":
        """From a row of `history_page` or `exports_by_id`."""
        return cls(
            key=row["id"],
            job_key=row["job_id"],
            document_key=row["document_id"],
            document_title=row["document_title"],
            document_version=row["document_version"],
            template=row["template"],
            format=ExportFormat(row["format"]),
            file_name=row["file_name"],
            byte_size=row["byte_size"],
            page_count=row["page_count"],
            sha256=row["sha256"],
            cached=row["cached"],
            download_count=row["download_count"],
            last_downloaded_at=row["last_downloaded_at"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            **judgement_of(row),
        )


@strawberry.input(description="Which exports to list; all conditions hold together.")
class HistoryFilter:
    """Conditions on the history."""

    document_id: strawberry.ID | None = strawberry.field(default=None, description="Exports of this document.")
    status: HistoryStatus | None = strawberry.field(default=None, description="Those that can be downloaded, or not.")
    format: ExportFormat | None = strawberry.field(default=None, description="Files of this kind.")
    template: str | None = strawberry.field(default=None, description="Rendered with the template of this name.")
    since: datetime | None = strawberry.field(default=None, description="Finished at or after this moment.")
    until: datetime | None = strawberry.field(default=None, description="Finished before this moment.")


@strawberry.input(description="An export or a bundle to download.")
class CreateDownloadUrlInput:
    """What `createDownloadUrl` takes."""

    export_id: strawberry.ID = strawberry.field(
        description="The export's global id, from the history, or that of a batch's bundle."
    )


@strawberry.type(description="What became of `createDownloadUrl`.")
class CreateDownloadUrlPayload:
    """The link, or why there is none."""

    url: str | None = strawberry.field(default=None, description="A link that needs no token.")
    expires_at: datetime | None = strawberry.field(default=None, description="When the link stops working.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why there is no link.")


@strawberry.input(description="An export or a bundle to delete.")
class DeleteExportInput:
    """What `deleteExport` takes."""

    export_id: strawberry.ID = strawberry.field(
        description="The export's global id, from the history, or that of a batch's bundle."
    )


@strawberry.type(description="What became of `deleteExport`.")
class DeleteExportPayload:
    """The id that is no more, or why it still is."""

    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="The global id of what was deleted.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why it was not deleted.")


@strawberry.type
class HistoryQueries:
    """Query fields about finished exports."""

    @strawberry.field(description="The caller's finished exports, latest first.")
    async def history(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        filter: Annotated[HistoryFilter | None, strawberry.argument(description="Which ones.")] = None,
    ) -> relay.Connection[Export] | None:
        """One page."""
        wanted = filter or HistoryFilter()
        for name, moment in (("since", wanted.since), ("until", wanted.until)):
            if moment and moment.tzinfo is None:
                raise Refusal(ErrorCode.INVALID_INPUT, f"`{name}` needs an offset, as in `2030-01-31T08:00:00Z`.")
        return await fetch_page(
            info, "history_page", "created_at", Export.from_row, first=first, after=after,
            document_id=document_filter(wanted.document_id), since=wanted.since, until=wanted.until,
            template=wanted.template, format=wanted.format and wanted.format.value,
            available=wanted.status and wanted.status is HistoryStatus.AVAILABLE,
        )  # fmt: skip


@strawberry.type
class HistoryMutations:
    """Mutation fields about finished exports."""

    @strawberry.mutation(description="Make a link to download an export or a bundle, and count the download.")
    async def create_download_url(
        self,
        info: Info,
        input: Input[CreateDownloadUrlInput],
    ) -> CreateDownloadUrlPayload | None:
        """The link is good for minutes and needs no token: hand it to the browser."""
        context = info.context
        try:
            link = await link_to(context, key_to_download(input.export_id), count=True)
        except Refusal as refusal:
            return CreateDownloadUrlPayload(errors=[refusal.as_user_error()])
        return CreateDownloadUrlPayload(url=link.url, expires_at=link.expires_at)

    @strawberry.mutation(
        description="Delete a finished export: its entry at once, its file within moments. Links to it stop working; "
        "its job stays. The bundle that it is in goes with it. Or delete a bundle: its exports stay."
    )
    async def delete_export(self, info: Info, input: Input[DeleteExportInput]) -> DeleteExportPayload | None:
        """The file goes with the last export that has it; the quota is free at once."""
        try:
            await info.context.row("delete_export", id=key_to_download(input.export_id))
        except Refusal as refusal:
            return DeleteExportPayload(errors=[refusal.as_user_error()])
        return DeleteExportPayload(deleted_id=input.export_id)


def key_to_download(global_id: str) -> UUID:
    """The key of the export, or of the bundle, with this id.

    Raises:
        Refusal: NOT_FOUND; it is no such id.
    """
    return uuid_of(global_id, "ExportBundle") or require_uuid(global_id, "Export", "exportId")


async def link_to(context: Context, key: UUID, *, count: bool) -> Link:
    """A link to the file of an export or a bundle; the download is counted once there is one.

    Raises:
        Refusal: NOT_FOUND, EXPORT_EXPIRED, INVALID_STATE (a bundle that is not completed), or UNAVAILABLE.
    """
    (row,) = await context.rows("record_download", id=key, count=False)
    link = await context.links.load(Wanted(row["storage_path"], row["file_name"], row["expires_at"]))
    if count:
        await context.rows("record_download", id=key, count=True)
    return link


async def load_export(context: Context, key: UUID) -> Export | None:
    """The export as the caller may see it now."""
    row = await context.exports.load(key)
    return Export.from_row(row) if row else None
