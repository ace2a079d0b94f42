"""One bundle from claim to publication: the finished files of a batch as one ZIP."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog

from resumepair_worker.archive import MEDIA_TYPE, Archive, Written
from resumepair_worker.attempt import DELIVER_SECONDS, deliver, make_attempt, to_the_end
from resumepair_worker.bundles import BundleClaim, BundleFile, Bundles, FinishedExport
from resumepair_worker.errors import FileMissing, StorageUnavailable, Superseded
from resumepair_worker.manifest import CHECKSUMS, MANIFEST, checksums_of, file_name_of, files_of, manifest_of
from resumepair_worker.storage import Store

log = structlog.stdlib.get_logger(__name__)

KEY_NAME = "bundle.zip"
# It may be right the next time, or the export is known to be lost by then, and left out.
NOT_AS_STORED = "A file of the batch could not be read as it was stored."


@dataclass(frozen=True)
class Bundler:
    """Runs attempts; any number at once, each with one piece of one file in memory. The fields are as `Exporter`'s."""

    bundles: Bundles
    store: Store
    lifetime: timedelta
    retry_base: timedelta
    deadline: timedelta = timedelta(minutes=4)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    attempted: Callable[[str], None] = lambda _: None

    async def run(self, bundle_id: UUID, queue_job_id: int) -> None:
        """Make one attempt at the bundle, if there is one to make; raises as `make_attempt`."""
        claim = await self.bundles.claim(bundle_id, queue_job_id)
        if claim is None:
            log.info("nothing_to_do", bundle_id=str(bundle_id))
            return
        await make_attempt(self, self.bundles, claim, self._attempt)

    async def _attempt(self, claim: BundleClaim) -> None:
        archive = Archive()
        try:
            written = await self._pack(claim, archive)
            await to_the_end(self._deliver(claim, archive, written), DELIVER_SECONDS)
        finally:
            # Not waited for: a thread may be in the middle of a write, and we may be cancelled.
            asyncio.get_running_loop().run_in_executor(None, archive.close)

    async def _pack(self, claim: BundleClaim, archive: Archive) -> Written:
        files = files_of(claim)
        for name, file in files.items():
            if not await self.bundles.report(claim):
                raise Superseded
            await self._add(archive, name, file)
        manifest = manifest_of(claim)
        await asyncio.to_thread(archive.add, MANIFEST, manifest, claim.created_at)
        await asyncio.to_thread(archive.add, CHECKSUMS, checksums_of(files, manifest), claim.created_at)
        return await asyncio.to_thread(archive.finish)

    async def _add(self, archive: Archive, name: str, file: FinishedExport) -> None:
        """Copy a file from storage, piece by piece.

        Raises:
            StorageUnavailable: It is not there, or not what the history says; also in the middle.
        """
        await asyncio.to_thread(archive.begin, name, file.created_at)
        try:
            async with aclosing(self.store.read(file.storage_path)) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(archive.write, piece)
        except FileMissing:
            raise StorageUnavailable(NOT_AS_STORED) from None
        if await asyncio.to_thread(archive.end) != Written(file.byte_size, file.sha256):
            log.error("file_changed", path=file.storage_path)
            raise StorageUnavailable(NOT_AS_STORED)

    async def _deliver(self, claim: BundleClaim, archive: Archive, written: Written) -> None:
        """Upload and publish; runs to its end once begun, as that of an export."""
        path = f"{claim.user_id}/{claim.bundle_id}/{claim.attempt}/{KEY_NAME}"
        file = BundleFile(file_name_of(claim), path, written.byte_size, written.sha256, len(files_of(claim)))
        if not await self.bundles.reserve(claim, file):
            raise Superseded
        await deliver(self.store, path, archive.path, MEDIA_TYPE, partial(self._publish, claim, file))

    async def _publish(self, claim: BundleClaim, file: BundleFile) -> None:
        if not await self.bundles.publish(claim, file, self.lifetime):
            raise Superseded
