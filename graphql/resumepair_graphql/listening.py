"""Listening: the source of the job feed that PostgreSQL itself tells of every change, over one LISTEN connection."""

from datetime import datetime
from uuid import UUID

import orjson
import structlog

from resumepair_graphql.connections import Connection, parameters
from resumepair_graphql.feed import JobChange, JobFeed
from resumepair_graphql.states import ExportStage, ExportStatus

CHANNEL = "resumepair_jobs"
CHECK_SECONDS = 1.0

log = structlog.stdlib.get_logger(__name__)


class Listening:
    """A source of the feed; needs a connection of its own that no transaction pooler is in the way of."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    async def __call__(self, feed: JobFeed) -> None:
        """Pass on notifications until the connection is lost."""
        async with await Connection.connect(**parameters(self._database_url, "resumepair-graphql feed")) as connection:
            await connection.execute(f"listen {CHANNEL}".encode())
            feed.began()
            while True:
                async for notification in connection.notifies(timeout=CHECK_SECONDS):
                    if change := parse(notification.payload):
                        feed.pass_on(change)
                await connection.probe()  # silence may be that of a half-open connection, which would last for ever


def parse(payload: str) -> JobChange | None:
    """The change that a notification tells (see `announce_job` in schema.sql).

    None when it is no such one: any role of the database can send a notification.
    """
    try:
        fields = orjson.loads(payload)
        batch_id, started_at, user_id = fields["batch"], fields["started_at"], fields.get("user")
        return JobChange(
            job_id=UUID(fields["id"]),
            batch_id=batch_id and UUID(batch_id),
            sequence=int(fields["sequence"]),
            status=ExportStatus(fields["status"]),
            stage=ExportStage(fields["stage"]),
            percent=int(fields["percent"]),
            attempt=int(fields["attempt"]),
            started_at=started_at and datetime.fromisoformat(started_at),
            user_id=user_id and UUID(user_id),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        log.warning("notification_ignored", channel=CHANNEL)
        return None
