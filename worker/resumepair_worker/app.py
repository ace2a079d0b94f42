"""The worker process put together: settings, pool, browser, storage, queue; kept running until told to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

import psycopg
import structlog
from procrastinate import App

from resumepair_renderer import BrowserUnavailable, Renderer, RendererSettings
from resumepair_worker.alarm import Alarm
from resumepair_worker.bundle import Bundler
from resumepair_worker.bundles import Bundles
from resumepair_worker.clean_up import CleanUp
from resumepair_worker.connections import Pool, create_pool
from resumepair_worker.deliveries import Deliveries
from resumepair_worker.export import Exporter
from resumepair_worker.files import Files
from resumepair_worker.folder_store import FolderStore
from resumepair_worker.jobs import Jobs
from resumepair_worker.logs import configure_logs
from resumepair_worker.metrics import Metrics, MetricsPortTaken
from resumepair_worker.queue import QUEUES, build_queue, settle_cancellation
from resumepair_worker.rescue import HEARTBEAT_SECONDS, STALLED_AFTER_SECONDS, sweep_forever
from resumepair_worker.schedules import Schedules, run_schedules_forever
from resumepair_worker.settings import Settings, SettingsError
from resumepair_worker.stores import open_store
from resumepair_worker.webhook_queue import DELIVERIES_IN_FLIGHT, WEBHOOK_QUEUES, build_webhook_queue
from resumepair_worker.webhooks import Deliverer, queue_deliveries_forever, webhook_client

CONNECT_SECONDS = 10.0
# Statements take milliseconds; more exports than this at work share the connections.
POOL_SIZE = 10
# Heartbeats stop while a worker drains. With what a cancelled attempt may still take (`export.py`) and a
# heartbeat's age, this stays below the threshold at which the worker would be taken for dead.
GRACE_SECONDS = 2.0
LOOK_FOR_SCHEDULES_SECONDS = 1.0
# Deliveries have less of a hurry: what their worker was not woken for, and what is due again, may wait a moment.
LOOK_FOR_DELIVERIES_SECONDS = 2.0
POLL_FOR_DELIVERIES_SECONDS = 5.0
RESTART_PAUSE_SECONDS = (0.2, 1.0)

log = structlog.stdlib.get_logger(__name__)


class SchemaMissing(Exception):
    """The database answers, but it has not been set up."""


def main() -> None:
    """Console script `resumepair-worker`."""
    try:
        settings = Settings.load()
        settings.require_browser()
    except SettingsError as error:
        sys.exit(_refuse(str(error), 2))
    configure_logs(settings.log_format)
    try:
        asyncio.run(run(settings))
    except psycopg.Error as error:
        sys.exit(_refuse(f"DATABASE_URL: no connection: {error}", 1))
    except SchemaMissing:
        sys.exit(_refuse("DATABASE_URL: this database has no queue; set it up with `make db`", 1))
    except MetricsPortTaken as error:
        sys.exit(_refuse(f"METRICS_PORT: {error}", 1))
    except BrowserUnavailable as error:
        sys.exit(_refuse(f"CHROMIUM_PATH: {error}", 1))


def _refuse(message: str, status: int) -> int:
    """Say on one line of stderr why the process does not start."""
    sys.stderr.write(f"resumepair-worker: {' '.join(message.split())}\n")
    return status


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; then finish or hand back what runs.

    Raises:
        psycopg.Error: The database cannot be reached at start.
        SchemaMissing: The database has not been set up.
        BrowserUnavailable: The browser does not start.
        MetricsPortTaken: The metrics cannot be served where they should be.
    """
    stop = _stop_on_signals()
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        stack.enter_context(metrics.served(settings.metrics_host, settings.metrics_port))
        pool = await stack.enter_async_context(await _open_pool(settings))
        renderer = await stack.enter_async_context(
            Renderer(
                RendererSettings(
                    chromium_path=settings.chromium_path,
                    pages=settings.worker_concurrency,
                    timeout_seconds=settings.render_timeout_seconds,
                )
            )
        )
        jobs = Jobs(pool)
        alarm = Alarm(jobs)
        store = await stack.enter_async_context(open_store(settings.storage))
        queue = build_queue(
            Exporter(
                jobs=jobs,
                renderer=renderer,
                store=store,
                lifetime=settings.export_lifetime,
                retry_base=settings.retry_base,
                deadline=settings.attempt_deadline,
                stopping=stop,
                attempted=metrics.attempted,
            ),
            Bundler(
                bundles=Bundles(pool),
                store=store,
                lifetime=settings.export_lifetime,
                retry_base=settings.retry_base,
                deadline=settings.attempt_deadline,
                stopping=stop,
                attempted=metrics.bundled,
            ),
            CleanUp(Files(pool), store, settings.ages, metrics.cleaned),
            alarm.expect,
        )
        await stack.enter_async_context(queue.open_async(pool))
        deliveries = Deliveries(pool)
        client = await stack.enter_async_context(webhook_client(allow_insecure=settings.webhook_allow_insecure))
        deliverer = Deliverer(deliveries, client, settings.webhook_retry_base, attempted=metrics.delivered)
        webhook_queue = build_webhook_queue(deliverer, alarm.expect)
        await stack.enter_async_context(webhook_queue.open_async(pool))
        if not await jobs.are_set_up():
            raise SchemaMissing
        log.info("worker_ready", concurrency=settings.worker_concurrency)
        polling, interval = settings.polling_mode, settings.polling_interval_seconds
        poll_for_deliveries = interval if polling else POLL_FOR_DELIVERIES_SECONDS
        workers = [
            partial(work, queue, settings.exports_in_flight, listen=not polling, poll_seconds=interval),
            partial(
                work,
                webhook_queue,
                DELIVERIES_IN_FLIGHT,
                queues=WEBHOOK_QUEUES,
                listen=not polling,
                poll_seconds=poll_for_deliveries,
            ),
        ]
        beside = [
            sweep_forever(jobs, settings.step_deadline),
            run_schedules_forever(Schedules(pool), interval if polling else LOOK_FOR_SCHEDULES_SECONDS),
            queue_deliveries_forever(deliveries, interval if polling else LOOK_FOR_DELIVERIES_SECONDS),
        ]
        if not settings.polling_mode:
            beside.append(alarm.ring_forever())
        await _work_until(stop, workers, beside)
    hangs = isinstance(store, FolderStore) and store.hangs
    log.info("worker_stopped", storage_hangs=hangs)
    if hangs:
        os._exit(0)  # a normal end would wait for its threads


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _open_pool(settings: Settings) -> Pool:
    """A pool that has proved that the database answers; one direct attempt first, for its exact error."""
    async with await psycopg.AsyncConnection.connect(settings.database_url, connect_timeout=int(CONNECT_SECONDS)):
        pass
    size = min(settings.exports_in_flight + 2, POOL_SIZE)
    return create_pool(settings.database_url, size, pooler=settings.polling_mode)


async def _work_until(
    stop: asyncio.Event,
    workers: Iterable[Callable[[], Coroutine[None, None, None]]],
    beside: Iterable[Coroutine[None, None, None]],
) -> None:
    """Keep queue workers running with what works `beside` them."""
    companions = [asyncio.create_task(companion) for companion in beside]
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.gather(*(_keep_working(stop, stopped, work_once) for work_once in workers))
    finally:
        stopped.cancel()
        for companion in companions:
            companion.cancel()
        await asyncio.wait([stopped, *companions])


async def _keep_working(
    stop: asyncio.Event, stopped: asyncio.Task[Any], work_once: Callable[[], Coroutine[None, None, None]]
) -> None:
    """Keep a queue worker running: one that ends before `stop` is started again."""
    pause, longest = RESTART_PAUSE_SECONDS
    while not stop.is_set():
        started = asyncio.get_running_loop().time()
        working = asyncio.create_task(work_once(), name="queue worker")
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        if asyncio.get_running_loop().time() - started > longest:
            pause = RESTART_PAUSE_SECONDS[0]
        if not stop.is_set():
            log.warning("queue_worker_restarts", pause_seconds=pause)
            await asyncio.wait({stopped}, timeout=pause)
            pause = min(pause * 2, longest)


async def work(
    queue: App,
    concurrency: int,
    *,
    queues: Sequence[str] = QUEUES,
    listen: bool = True,
    poll_seconds: float = 1.0,
) -> None:
    """Run procrastinate's worker; it also returns, without an error, when it has lost its LISTEN session."""
    try:
        await queue.run_worker_async(
            queues=queues,
            concurrency=concurrency,
            listen_notify=listen,
            fetch_job_polling_interval=poll_seconds,
            abort_job_polling_interval=poll_seconds,
            shutdown_graceful_timeout=GRACE_SECONDS,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_AFTER_SECONDS,
            install_signal_handlers=False,
            task_middleware=[settle_cancellation],
        )
    except Exception as error:  # noqa: BLE001 # whatever it is, the work is taken up again
        log.warning("queue_worker_failed", error=repr(error.__cause__ or error))


if __name__ == "__main__":
    main()
