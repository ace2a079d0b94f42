"""The job feed: one LISTEN connection for the whole process, and any number of watchers within it.

A watcher that falls behind, whose bounded slot is full, is told to look again for itself instead. So is every watcher
after the connection was lost, since changes may have been missed.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

import orjson
import psycopg
import structlog

CHANNEL = "resumepair_jobs"
SLOT_SIZE = 16
CHECK_SECONDS = 2.0
RECONNECT_SECONDS = (0.1, 2.0)
CONNECT_TIMEOUT_SECONDS = 5

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class JobChange:
    """A visible change of a job, as the database announces it; ids and progress, no content."""

    job_id: UUID
    batch_id: UUID | None
    sequence: int
    status: str
    stage: str
    percent: int
    attempt: int
    started_at: datetime | None

    @classmethod
    def parse(cls, payload: str) -> "JobChange":
        """Read the payload of a notification (see `announce_job` in schema.sql)."""
        fields = orjson.loads(payload)
        batch_id, started_at = fields["batch"], fields["started_at"]
        return cls(
            job_id=UUID(fields["id"]),
            batch_id=batch_id and UUID(batch_id),
            sequence=fields["sequence"],
            status=fields["status"],
            stage=fields["stage"],
            percent=fields["percent"],
            attempt=fields["attempt"],
            started_at=started_at and datetime.fromisoformat(started_at),
        )


class Watcher:
    """One subscriber's slot."""

    def __init__(self) -> None:
        self._slot: deque[JobChange | None] = deque()
        self._filled = asyncio.Event()

    def put(self, change: JobChange | None) -> None:
        """Add a change; None means: changes may have been missed, look again."""
        if change is None or len(self._slot) == SLOT_SIZE:
            self._slot.clear()
            change = None
        self._slot.append(change)
        self._filled.set()

    async def next(self) -> JobChange | None:
        """Wait for the next change; None as in `put`."""
        await self._filled.wait()
        change = self._slot.popleft()
        if not self._slot:
            self._filled.clear()
        return change


class JobFeed:
    """Listens for as long as its context is open, and reconnects by itself."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._watchers: dict[UUID, set[Watcher]] = {}  # by the id of a job or of a batch
        self._listening = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen_forever(), name="job feed")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def listening(self) -> bool:
        """Whether changes are being heard at this moment."""
        return self._listening.is_set()

    async def until_listening(self) -> None:
        """Wait until changes are being heard."""
        await self._listening.wait()

    @property
    def watcher_count(self) -> int:
        """How many watchers there are."""
        return sum(map(len, self._watchers.values()))

    @asynccontextmanager
    async def watch(self, key: UUID) -> AsyncGenerator[Watcher, None]:
        """Hear of every change of a job, or of all jobs of a batch, from now on.

        Enter before reading the present state, and nothing is missed.
        """
        watcher = Watcher()
        self._watchers.setdefault(key, set()).add(watcher)
        try:
            yield watcher
        finally:
            watchers = self._watchers[key]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[key]

    async def _listen_forever(self) -> None:
        pause, longest = RECONNECT_SECONDS
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 # whatever it is, subscriptions depend on going on
                pause = RECONNECT_SECONDS[0] if self.listening else pause
                log.warning("feed_lost", error=repr(error), pause_seconds=pause)
            finally:
                self._listening.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _listen(self) -> None:
        """Pass on notifications until the connection is lost."""
        async with await psycopg.AsyncConnection.connect(
            self._database_url,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            application_name="resumepair-graphql feed",
        ) as connection:
            await connection.execute(f"listen {CHANNEL}".encode())
            self._listening.set()
            self._tell_all_to_look_again()
            while True:
                async for notification in connection.notifies(timeout=CHECK_SECONDS):
                    self._pass_on(notification.payload)
                await self._check(connection)

    async def _check(self, connection: psycopg.AsyncConnection) -> None:
        """Make sure that silence is not that of a half-open connection, which would last for ever."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await connection.execute("select 1")
        except TimeoutError:
            connection.pgconn.finish()  # an orderly close would wait for the answer that does not come
            raise

    def _pass_on(self, payload: str) -> None:
        try:
            change = JobChange.parse(payload)
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("notification_ignored", channel=CHANNEL)  # any role of the database can send one
            return
        for key in filter(None, (change.job_id, change.batch_id)):
            for watcher in self._watchers.get(key, ()):
                watcher.put(change)

    def _tell_all_to_look_again(self) -> None:
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.put(None)
