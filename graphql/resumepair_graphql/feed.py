"""The job feed: one source of changes for the whole process, and any number of watchers within it.

A watcher that falls behind, whose bounded slot is full, is told to look again for itself instead. So is every watcher
after the source was lost, since changes may have been missed. The sources are `listening` and `polling`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

import structlog

from resumepair_graphql.states import ExportStage, ExportStatus

SLOT_SIZE = 16
RESTART_SECONDS = (0.1, 1.0)

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class JobChange:
    """A visible change of a job: ids and progress, no content."""

    job_id: UUID
    batch_id: UUID | None
    sequence: int
    status: ExportStatus
    stage: ExportStage
    percent: int
    attempt: int
    started_at: datetime | None


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
    """Hears its source for as long as its context is open, and starts it again by itself.

    A source is called with the feed. It calls `began` when it hears, then `pass_on` for every change, and raises when
    it is lost.
    """

    def __init__(self, source: "Source") -> None:
        self._source = source
        self._watchers: dict[UUID, set[Watcher]] = {}  # by the id of a job or of a batch
        self._listening = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._hear_forever(), name="job feed")
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

    @property
    def watched(self) -> Iterable[UUID]:
        """The jobs and batches that somebody watches."""
        return self._watchers.keys()

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

    def began(self) -> None:
        """Changes are heard from now on; what came before may have been missed."""
        self._listening.set()
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.put(None)

    def pass_on(self, change: JobChange) -> None:
        """Tell a change to those who watch its job or its batch."""
        for key in filter(None, (change.job_id, change.batch_id)):
            for watcher in self._watchers.get(key, ()):
                watcher.put(change)

    async def _hear_forever(self) -> None:
        pause, longest = RESTART_SECONDS
        while True:
            try:
                await self._source(self)
            except Exception as error:  # noqa: BLE001 # whatever it is, subscriptions depend on going on
                pause = RESTART_SECONDS[0] if self.listening else pause
                log.warning("feed_lost", error=repr(error), pause_seconds=pause)
            finally:
                self._listening.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)


Source = Callable[[JobFeed], Awaitable[None]]
