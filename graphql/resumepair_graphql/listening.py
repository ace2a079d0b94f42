"""Listening: the source of the job feed that PostgreSQL itself tells of every change, over one LISTEN connection."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import orjson
import psycopg
import structlog
from psycopg.pq.abc import PGconn

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

        def hear(payload: str | bytes) -> None:
            match parse(payload):
                case JobChange() as change:
                    feed.pass_on(change)
                case UUID() as batch_id:
                    feed.look_again(batch_id)
                case None:
                    pass

        async with await Connection.connect(**parameters(self._database_url, "resumepair-graphql feed")) as connection:
            # What comes together with the answer to a statement.
            connection.add_notify_handler(lambda notification: hear(notification.payload))
            await connection.execute(f"listen {CHANNEL}".encode())
            feed.began()
            while True:
                await _hear_for(CHECK_SECONDS, connection.pgconn, hear)
                await connection.probe()  # silence may be that of a half-open connection, which would last for ever


async def _hear_for(seconds: float, session: PGconn, hear: Callable[[bytes], None]) -> None:
    """Take notifications straight from the wire: psycopg's own way to wait for one costs as much as telling ten.

    Raises:
        psycopg.OperationalError: The connection is lost.
    """
    loop, socket = asyncio.get_running_loop(), session.socket
    lost: asyncio.Future[None] = loop.create_future()

    def take_in() -> None:
        try:
            session.consume_input()
            while notification := session.notifies():
                hear(notification.extra)
        except psycopg.OperationalError as error:
            loop.remove_reader(socket)
            lost.set_exception(error)

    loop.add_reader(socket, take_in)
    try:
        await asyncio.wait({lost}, timeout=seconds)
        if lost.done():
            await lost
    finally:
        if not lost.done():  # else the number may be another's by now
            loop.remove_reader(socket)


def parse(payload: str | bytes) -> JobChange | UUID | None:
    """The change that a notification tells (see `announce_job` and `announce_bundle` in schema.sql).

    Of a bundle it tells only the batch, which is to be read again. None when it is no such notification: any role of
    the database can send one.
    """
    try:
        fields = orjson.loads(payload)
        if "bundle" in fields:
            return UUID(fields["batch"])
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
