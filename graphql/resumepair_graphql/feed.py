"""The job feed: one source of changes for the whole process, and any number of watchers within it.

A watcher that falls behind, whose bounded slot is full, is told to look again for itself instead. So is every watcher
after the source was lost, since changes may have been missed. The sources are `listening` and `polling`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import structlog

from resumepair_graphql.states import ExportStage, ExportStatus

SLOT_SIZE = 16
LATEST_SIZE = 256
RESTART_SECONDS = (0.1, 1.0)

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class JobChange:
    """A visible change of a job: ids and progress, no content. `states` is what its followers made of it."""

    job_id: UUID
    batch_id: UUID | None
    sequence: int
    status: ExportStatus
    stage: ExportStage
    percent: int
    attempt: int
    started_at: datetime | None
    user_id: UUID | None = None
    states: dict[object, tuple[Any, Any]] = field(
        default_factory=dict[object, tuple[Any, Any]], compare=False, repr=False
    )


class Watcher:
    """The slot of a subscriber to a job or a batch: every change in its order."""

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


class LatestWatcher:
    """The slot of a subscriber to all jobs of a user: the latest change of each job."""

    def __init__(self) -> None:
        self._latest: dict[UUID, JobChange] = {}
        self._missed = False
        self._filled = asyncio.Event()

    def put(self, change: JobChange | None) -> None:
        """Keep a change in place of the one before; None means: changes may have been missed, look again."""
        if change is None or (len(self._latest) == LATEST_SIZE and change.job_id not in self._latest):
            self._latest.clear()
            self._missed = True
        if change:
            self._latest[change.job_id] = change
        self._filled.set()

    async def next(self) -> list[JobChange] | None:
        """Wait for changes, one a job; None when some may have been missed, these among them."""
        await self._filled.wait()
        self._filled.clear()
        changes, missed = list(self._latest.values()), self._missed
        self._latest.clear()
        self._missed = False
        return None if missed else changes


class JobFeed:
    """Hears its source for as long as its context is open, and starts it again by itself.

    A source is called with the feed. It calls `began` when it hears, then `pass_on` for every change, and raises when
    it is lost.
    """

    def __init__(self, source: "Source") -> None:
        self._source = source
        # By the id of a job, of a batch or of a user.
        self._watchers: dict[UUID, set[Watcher | LatestWatcher]] = {}
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
        """The jobs, batches and users that somebody watches."""
        return self._watchers.keys()

    @asynccontextmanager
    async def watch(self, key: UUID) -> AsyncGenerator[Watcher, None]:
        """Hear of every change of a job, or of all jobs of a batch, from now on.

        Enter before reading the present state, and nothing is missed.
        """
        watcher = Watcher()
        with self._registered(key, watcher):
            yield watcher

    @asynccontextmanager
    async def watch_user(self, user_id: UUID) -> AsyncGenerator[LatestWatcher, None]:
        """Hear of the latest change of every job of a user; enter it first, as `watch`."""
        watcher = LatestWatcher()
        with self._registered(user_id, watcher):
            yield watcher

    @contextmanager
    def _registered(self, key: UUID, watcher: Watcher | LatestWatcher) -> Generator[None, None, None]:
        self._watchers.setdefault(key, set()).add(watcher)
        try:
            yield
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
        """Tell a change to those who watch its job, its batch or its user."""
        for key in filter(None, (change.job_id, change.batch_id, change.user_id)):
            for watcher in self._watchers.get(key, ()):
                watcher.put(change)

    def look_again(self, key: UUID) -> None:
        """Tell those who watch this that it has changed in a way that no change tells."""
        for watcher in self._watchers.get(key, ()):
            watcher.put(None)

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
