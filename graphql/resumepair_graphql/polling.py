"""Polling: the source of the job feed that asks for changes, where a transaction pooler does not let LISTEN through."""

import asyncio
from uuid import UUID

from resumepair_graphql.auth import Identity
from resumepair_graphql.database import Database, Row
from resumepair_graphql.feed import JobChange, JobFeed
from resumepair_graphql.states import ExportStage, ExportStatus

# What the source asks for is what a notification would tell to every role of the database.
ASKING = Identity("service_role", '{"role": "service_role"}')

# A user's job that ended is told as long as this: some rounds, should one be late, and its transaction before that.
ENDED_INTERVALS = 3
LONGEST_TRANSACTION_SECONDS = 10


class Polling:
    """A source of the feed; one query at an interval for all that is being watched, none while nothing is."""

    def __init__(self, database: Database, interval_seconds: float) -> None:
        self._database = database
        self._interval_seconds = interval_seconds
        self._ended_within = ENDED_INTERVALS * interval_seconds + LONGEST_TRANSACTION_SECONDS

    async def __call__(self, feed: JobFeed) -> None:
        """Pass on what has changed since the last time, until the database does not answer."""
        if not await self._database.answers():
            raise ConnectionError("the database does not answer")
        feed.began()
        told: dict[UUID, int] = {}
        while True:
            await asyncio.sleep(self._interval_seconds)
            keys = list(feed.watched)
            changes, bundles = await self._changes_of(keys) if keys else ([], {})
            for change in changes:
                if change.sequence > told.get(change.job_id, 0):
                    feed.pass_on(change)
            for batch_id, sequence in bundles.items():
                if sequence > told.get(batch_id, 0):
                    feed.look_again(batch_id)
            told = {change.job_id: change.sequence for change in changes} | bundles

    async def _changes_of(self, keys: list[UUID]) -> tuple[list[JobChange], dict[UUID, int]]:
        """The last change of each of these jobs, of the jobs of these batches, and of these users' recent ones.

        Also the sequence of each bundle, by its batch.
        """
        rows = await self._database.rows(ASKING, "job_changes", keys=keys, ended_within=self._ended_within)
        changes = [_change_of(row) for row in rows if row["job_id"]]
        return changes, {row["batch_id"]: row["sequence"] for row in rows if not row["job_id"]}


def _change_of(row: Row) -> JobChange:
    return JobChange(
        job_id=row["job_id"],
        batch_id=row["batch_id"],
        sequence=row["sequence"],
        status=ExportStatus(row["status"]),
        stage=ExportStage(row["stage"]),
        percent=row["percent"],
        attempt=row["attempt"],
        started_at=row["started_at"],
        user_id=row["user_id"],
    )
