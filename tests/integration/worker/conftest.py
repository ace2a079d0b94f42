"""The worker's parts on a real database; the queue runs in the test's own loop."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import psycopg
import pytest
from procrastinate import App
from psycopg.rows import DictRow

from resumepair_renderer import Renderer, RendererSettings
from resumepair_worker.alarm import Alarm
from resumepair_worker.app import work
from resumepair_worker.bundle import Bundler
from resumepair_worker.bundles import Bundles
from resumepair_worker.clean_up import Ages, CleanUp
from resumepair_worker.connections import Pool, create_pool
from resumepair_worker.export import Exporter
from resumepair_worker.files import Files
from resumepair_worker.folder_store import FolderStore
from resumepair_worker.jobs import Jobs
from resumepair_worker.queue import build_queue
from resumepair_worker.storage import Store
from tests.conftest import Database
from tests.integration.conftest import Connection, job_row

WAIT_SECONDS = 20
RESUME = {
    "profile": {"fullName": "Ada Lovelace", "email": "ada@example.org"},
    "work": [
        {"company": "Analytical Engines", "role": "Programmer", "startDate": "1842", "descriptionBullets": ["Note G"]}
    ],
    "education": [],
    "skills": [],
}


@dataclass(frozen=True)
class Parts:
    """What an exporter is made of, and the queue that runs it."""

    pool: Pool
    exporter: Exporter
    bundler: Bundler
    clean_up: CleanUp
    alarm: Alarm

    @property
    def queue(self) -> App:
        return build_queue(self.exporter, self.bundler, self.clean_up, self.alarm.expect)

    def with_store(self, store: Store) -> "Parts":
        return replace(self, exporter=replace(self.exporter, store=store), bundler=replace(self.bundler, store=store))

    @asynccontextmanager
    async def working(self, *, listen: bool = True, poll_seconds: float = 1.0) -> AsyncGenerator[App, None]:
        """A queue worker that works while the context is open, then stops as on SIGTERM."""
        queue = self.queue
        async with queue.open_async(self.pool):
            task = asyncio.create_task(work(queue, 2, listen=listen, poll_seconds=poll_seconds))
            try:
                yield queue
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


@pytest.fixture
def store_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    return folder


@pytest.fixture
async def renderer(chromium_path: Path) -> AsyncGenerator[Renderer, None]:
    async with Renderer(RendererSettings(chromium_path=chromium_path, pages=2, timeout_seconds=30)) as renderer:
        yield renderer


@dataclass
class Counts:
    """What the clean-up counted, by kind."""

    by_kind: Counter[str] = field(default_factory=Counter[str])

    def __call__(self, kind: str, number: int) -> None:
        self.by_kind[kind] += number


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
async def parts(
    database: Database, renderer: Renderer, store_folder: Path, counts: Counts
) -> AsyncGenerator[Parts, None]:
    async with create_pool(database.worker_url, 6) as pool:
        yield parts_of(pool, renderer, FolderStore(store_folder), counts)


@pytest.fixture
async def browserless(database: Database, store_folder: Path, counts: Counts) -> AsyncGenerator[Parts, None]:
    """For bundles and clean-up alone: exports that are on the queue are left to the test."""
    async with create_pool(database.worker_url, 6) as pool:
        parts = parts_of(pool, cast("Renderer", None), FolderStore(store_folder), counts)
        yield replace(parts, exporter=HandsOff(**vars(parts.exporter)))


class HandsOff(Exporter):
    """Makes no attempt at anything."""

    async def run(self, job_id: UUID, queue_job_id: int) -> None:
        pass


def parts_of(pool: Pool, renderer: Renderer, store: Store, counts: Counts) -> Parts:
    lifetime, retry_base = timedelta(days=7), timedelta(milliseconds=50)
    return Parts(
        pool,
        Exporter(jobs=Jobs(pool), renderer=renderer, store=store, lifetime=lifetime, retry_base=retry_base),
        Bundler(bundles=Bundles(pool), store=store, lifetime=lifetime, retry_base=retry_base),
        CleanUp(Files(pool), store, Ages(), counts),
        Alarm(Jobs(pool)),
    )


@dataclass(frozen=True)
class Watch:
    """Waits until the database announces what a test is waiting for."""

    url: str
    admin: Connection

    async def until(self, job_id: UUID, wanted: Callable[[DictRow], bool]) -> DictRow:
        """The job row as soon as `wanted` holds; looks at it again on every announced change."""
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            await connection.execute("listen resumepair_jobs")
            async with asyncio.timeout(WAIT_SECONDS):
                while not wanted(row := job_row(self.admin, job_id)):
                    async for _ in connection.notifies(stop_after=1):
                        pass
                return row

    async def until_status(self, job_id: UUID, status: str) -> DictRow:
        return await self.until(job_id, lambda row: row["status"] == status)


@pytest.fixture
def watch(database: Database, admin: Connection) -> Watch:
    return Watch(database.admin_url, admin)
