"""A worker in this process, as the worker process has it, with a stub in place of the browser.

What is measured with it is the queue's share of an export: claim, progress, file, publication, and who comes next.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import structlog
from procrastinate import App

from dev.chaos.ledger import RESUME
from dev.throwaway import Throwaway
from resumepair_renderer import Rendered, Renderer, RendererSettings, RenderOptions, RenderStage
from resumepair_worker.alarm import Alarm
from resumepair_worker.app import work
from resumepair_worker.bundle import Bundler
from resumepair_worker.bundles import Bundles
from resumepair_worker.clean_up import Ages, CleanUp
from resumepair_worker.connections import create_pool
from resumepair_worker.errors import StorageUnavailable
from resumepair_worker.export import Exporter
from resumepair_worker.files import Files
from resumepair_worker.folder_store import FolderStore
from resumepair_worker.jobs import Jobs
from resumepair_worker.queue import build_queue

PAGES = 2
IN_FLIGHT = 2 * PAGES
RETRY_BASE = timedelta(seconds=0.1)
POLL_SECONDS = 0.005


@dataclass
class Stub:
    """Takes `seconds` on one of two pages and hands out what was printed before.

    A document whose summary begins with "fails once" fails at first. `begun`: when each render was, by summary.
    """

    rendered: Rendered
    seconds: float = 0.0
    version: str = "stub"
    begun: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    _pages: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PAGES))

    async def render(
        self,
        data: Mapping[str, Any],
        options: RenderOptions | None = None,  # noqa: ARG002 # as the renderer
        on_stage: Callable[[RenderStage], Awaitable[None]] | None = None,
    ) -> Rendered:
        """As the renderer does it."""
        times = self.begun.setdefault(data["summary"], [])
        times.append(time.time())
        if data["summary"].startswith("fails once") and len(times) == 1:
            raise StorageUnavailable("as asked")
        for stage in RenderStage:
            if on_stage:
                await on_stage(stage)
        async with self._pages:
            await asyncio.sleep(self.seconds)
        return self.rendered


@dataclass(frozen=True)
class Workshop:
    """The queue's app, to which tasks can be added, and the stub; `working` works."""

    app: App
    stub: Stub
    alarm: Alarm

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """With the settings of the worker process."""
        async with asyncio.TaskGroup() as group:
            companions = [group.create_task(work(self.app, IN_FLIGHT)), group.create_task(self.alarm.ring_forever())]
            try:
                yield
            finally:
                for companion in companions:
                    companion.cancel()


@asynccontextmanager
async def workshop(place: Throwaway, rendered: Rendered) -> AsyncGenerator[Workshop]:
    """On this server; what the worker has to say about attempts that fail as asked is not printed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    async with create_pool(place.worker_url, IN_FLIGHT + 2) as pool:
        jobs, stub = Jobs(pool), Stub(rendered)
        store = FolderStore(place.storage)
        exporter = Exporter(jobs, cast("Renderer", stub), store, timedelta(days=7), RETRY_BASE)
        bundler = Bundler(Bundles(pool), store, timedelta(days=7), RETRY_BASE)
        clean_up = CleanUp(Files(pool), store, Ages(), lambda _, __: None)
        alarm = Alarm(jobs)
        app = build_queue(exporter, bundler, clean_up, alarm.expect)
        async with app.open_async(pool):
            yield Workshop(app, stub, alarm)


async def until(is_so: Callable[[], bool]) -> None:
    """Ask again and again, on a thread: the worker works in this loop."""
    while not await asyncio.to_thread(is_so):  # noqa: ASYNC110 # it is the database that knows
        await asyncio.sleep(POLL_SECONDS)


async def one_rendered(chromium: Path) -> Rendered:
    """A real PDF for the stub."""
    async with Renderer(RendererSettings(chromium, pages=1)) as renderer:
        return await renderer.render(RESUME)
