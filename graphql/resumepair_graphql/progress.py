"""Following a job: the subscription that tells every change until it is final."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import strawberry

from resumepair_graphql.context import Context, Info
from resumepair_graphql.errors import Unavailable
from resumepair_graphql.ids import Id, uuid_of
from resumepair_graphql.jobs import ExportJob, ExportStatus, load_job

LOOK_AGAIN_SECONDS = (0.1, 2.0)


@strawberry.type
class JobSubscriptions:
    """Subscription fields about jobs."""

    @strawberry.subscription(
        description="A job as it is now, then every change, until it is final; null when there is none."
    )
    async def job_progress(
        self,
        info: Info,
        id: Id,
        after_sequence: Annotated[
            int | None, strawberry.argument(description="The last `progress.sequence` seen, to resume after it.")
        ] = None,
    ) -> AsyncIterator[ExportJob | None]:
        """Completes by itself."""
        key = uuid_of(id, "ExportJob")
        if key is None:
            yield None
            return
        async for job in watch_job(info.context, key, after_sequence or 0):
            yield job


async def watch_job(context: Context, key: UUID, seen: int) -> AsyncIterator[ExportJob | None]:
    """The states of a job from the present one on, each newer than `seen`, until it is final.

    The watcher is registered before the first look, and every look replaces what was heard before it: no gap. What the
    client claims to have seen decides only what it is told, never when it ends.
    """
    async with context.services.feed.watch(key) as watcher:
        job = await _look(context, key)
        if job is None:
            yield None
            return
        while True:
            if job.progress.sequence > seen:
                seen = job.progress.sequence
                yield job
            if job.finished_at is not None:
                return
            change = await watcher.next()
            if change and change.sequence <= job.progress.sequence:
                continue
            if change and change.status == ExportStatus.PROCESSING.value:
                job = job.advanced(change)
            else:  # ended, or to be tried again, or changes were missed: there is more to know than was announced
                job = await _look(context, key)
                if job is None:
                    return


async def _look(context: Context, key: UUID) -> ExportJob | None:
    """The job as it is now; a database that is away is waited for: the client would take an error for the end."""
    pause, longest = LOOK_AGAIN_SECONDS
    while True:
        try:
            return await load_job(context, key)
        except Unavailable:
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
