"""Bundles: the one ZIP of a finished batch. Downloading and deleting one is `history`, as for any export."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry import relay

from resumepair_graphql.context import Context, Info
from resumepair_graphql.database import Row
from resumepair_graphql.download_path import download_path
from resumepair_graphql.jobs import Failure, failure_of
from resumepair_graphql.links import Wanted
from resumepair_graphql.prices import price
from resumepair_graphql.scalars import BigInt
from resumepair_graphql.states import ExportStatus


@strawberry.type(
    description="The finished files of a batch as one ZIP, with `manifest.json` and `SHA256SUMS`. It expires with the "
    "first of its exports."
)
class ExportBundle(relay.Node):
    """A row of `export_bundles`."""

    key: relay.NodeID[UUID]
    storage_path: strawberry.Private[str | None]
    status: ExportStatus = strawberry.field(description="The state; a bundle is never cancelled.")
    file_name: str | None = strawberry.field(description="Name for downloads, once completed.")
    byte_size: BigInt | None = strawberry.field(description="Size in bytes, once completed.")
    sha256: str | None = strawberry.field(description="SHA-256 of the ZIP, hexadecimal, once completed.")
    entry_count: int | None = strawberry.field(description="Number of exports in it, once completed.")
    failure: Failure | None = strawberry.field(description="Why the last attempt failed, until the next begins.")
    next_attempt_at: datetime | None = strawberry.field(description="When a failed attempt is followed by the next.")
    download_count: int = strawberry.field(description="How many download links were made.")
    last_downloaded_at: datetime | None = strawberry.field(description="When the last one was made.")
    created_at: datetime = strawberry.field(description="When it was to be made, the last time.")
    finished_at: datetime | None = strawberry.field(description="When it became completed or failed.")
    expires_at: datetime | None = strawberry.field(
        description="From when on it cannot be downloaded any more; null until completed."
    )

    @strawberry.field(
        description="A link for immediate use (minutes); null until completed, and once it has expired.",
        metadata=price(asks=False),
    )
    async def url(self, info: Info) -> str | None:
        """Signed anew each time, with the operation's other links; use `createDownloadUrl` for downloads that count."""
        if not self.storage_path or not self.file_name or not self.expires_at:
            return None
        if self.expires_at <= datetime.now(self.expires_at.tzinfo):
            return None
        return (await info.context.links.load(Wanted(self.storage_path, self.file_name, self.expires_at))).url

    @strawberry.field(
        description="Its lasting address, which needs the token (`Authorization`): redirects to a link and counts the "
        "download, as long as the bundle is completed and has not expired."
    )
    def download_url(self, info: Info) -> str:
        """The endpoint is `downloads`."""
        return f"{info.context.base_url}{download_path(relay.to_base64('ExportBundle', str(self.key)))}"

    @classmethod
    def from_row(cls, row: Row) -> "ExportBundle":
        """From a row of `bundles_by_id`."""
        return cls(
            key=row["id"],
            storage_path=row["storage_path"],
            status=ExportStatus(row["status"]),
            file_name=row["file_name"],
            byte_size=row["byte_size"],
            sha256=row["sha256"],
            entry_count=row["entry_count"],
            failure=failure_of(row) if row["failure_code"] else None,
            next_attempt_at=row["next_attempt_at"],
            download_count=row["download_count"],
            last_downloaded_at=row["last_downloaded_at"],
            created_at=row["created_at"],
            finished_at=row["finished_at"],
            expires_at=row["expires_at"],
        )


async def load_bundle(context: Context, key: UUID) -> ExportBundle | None:
    """The bundle as the caller may see it now."""
    row = await context.bundles.load(key)
    return ExportBundle.from_row(row) if row else None
