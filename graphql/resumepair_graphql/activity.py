"""Following all jobs of a user at once: the subscription that a page of exports keeps open."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import strawberry

from resumepair_graphql.context import Context, Info
from resumepair_graphql.errors import ErrorCode, Refusal
from resumepair_graphql.feed import JobChange
from resumepair_graphql.jobs import ExportJob
from resumepair_graphql.progress import patiently

JOBS_MAX = 1000
ENDED_MAX = 256
# A job bears the time at which its last transaction began; it is seen when that is committed.
OVERLAP = timedelta(seconds=30)


@strawberry.type
class ActivitySubscriptions:
    """Subscription fields that follow everything of the caller's."""

    @strawberry.subscription(
        description="The caller's jobs under way, each as it is now, then every change of every job of theirs; it "
        "never completes. A client that falls behind is told the latest state of each job."
    )
    async def activity(
        self,
        info: Info,
        since: Annotated[
            datetime | None,
            strawberry.argument(
                description="To resume: also jobs that ended from this moment on, which is when the client last "
                "heard anything, or earlier. Some may be told a second time."
            ),
        ] = None,
    ) -> AsyncIterator[ExportJob | None]:
        """Each event is a job; a cache updates it by its id."""
        identity = info.context.identity
        if identity.subject is None:
            raise Refusal(ErrorCode.FORBIDDEN, "This token is not a user's, who could have jobs.")
        if since and since.tzinfo is None:
            raise Refusal(ErrorCode.INVALID_INPUT, "`since` needs an offset, as in `2030-01-31T08:00:00Z`.")
        async for job in follow_all(info.context, identity.subject, since and since - OVERLAP):
            yield job


async def follow_all(context: Context, user_id: UUID, since: datetime | None) -> AsyncIterator[ExportJob]:
    """The states of all jobs of a user, from those under way on.

    The watcher is registered before the first look, and is asked again only when all of its last answer was told.
    Steps of an attempt are heard; a job is read, with the others that need it, when it comes, ends or comes back.
    """
    async with context.services.feed.watch_user(user_id) as watcher:
        told = Told()
        looked_at, keys = await _look(context, since)
        told.horizon = since or looked_at
        jobs = await _read(context, keys)
        while True:
            for job in jobs:
                if told.is_news(job):
                    yield await _latest(context, told, job)
            changes = await watcher.next()
            if changes is None:
                looked_at, keys = await _look(context, looked_at - OVERLAP)
                jobs = await _read(context, dict.fromkeys([*told.under_way, *keys]))
                continue
            for job in told.after(changes):
                yield await _latest(context, told, job)
            jobs = await _read(context, told.unclear(changes))


class Told:
    """What a subscriber has been told: the jobs under way, and the last numbers of some that have ended."""

    def __init__(self) -> None:
        self.under_way: dict[UUID, ExportJob] = {}
        self.horizon: datetime | None = None
        self._ended: dict[UUID, int] = {}

    def is_news(self, job: ExportJob) -> bool:
        """Whether this job, as it was read, is to be told; it then counts as told.

        What had ended before the horizon is not, unless it was known to be under way.
        """
        known = self.under_way.get(job.key)
        last = known.sequence if known else self._ended.get(job.key)
        if job.sequence == last:
            return False
        if last is None and job.finished_at and self.horizon and job.finished_at < self.horizon:
            return False
        self.under_way.pop(job.key, None)
        self._ended.pop(job.key, None)
        if job.finished_at is None:
            self.under_way[job.key] = job
        else:
            self._ended[job.key] = job.sequence
            if len(self._ended) > ENDED_MAX:
                del self._ended[next(iter(self._ended))]
        return True

    def after(self, changes: Iterable[JobChange]) -> list[ExportJob]:
        """The jobs of which these changes tell all, after them."""
        news: list[ExportJob] = []
        for change in changes:
            known = self.under_way.get(change.job_id)
            heard = known and known.after(change)
            if known and heard and heard.sequence > known.sequence:
                self.under_way[change.job_id] = heard
                news.append(heard)
        return news

    def unclear(self, changes: Iterable[JobChange]) -> list[UUID]:
        """The jobs that have to be read to know what these changes made of them."""
        keys: list[UUID] = []
        for change in changes:
            known = self.under_way.get(change.job_id)
            clear = known.after(change) if known else self._ended.get(change.job_id) == change.sequence
            if not clear:
                keys.append(change.job_id)
        return keys


async def _latest(context: Context, told: Told, job: ExportJob) -> ExportJob:
    """This job as it is when it can be told."""
    if await context.until_next_event():
        for now in await _read(context, [job.key]):
            told.is_news(now)
            return now
    return job


async def _look(context: Context, ended_since: datetime | None) -> tuple[datetime, list[UUID]]:
    """The database's time, and the user's jobs that have ended since then or are under way."""
    (row,) = await patiently(lambda: context.rows("activity", ended_since=ended_since, limit=JOBS_MAX))
    return row["looked_at"], [*reversed(row["ended"]), *row["active"]]


async def _read(context: Context, keys: Iterable[UUID]) -> list[ExportJob]:
    """These jobs, as the user may see them now."""
    rows = await patiently(lambda: context.jobs.load_many(keys))
    return [ExportJob.from_row(row) for row in rows if row]
