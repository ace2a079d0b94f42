"""The queue: procrastinate's app with our tasks; what becomes of a task that was cancelled or has to come again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import JobAborted
from procrastinate.job_context import AbortReason
from procrastinate.jobs import Job
from procrastinate.middleware import AsyncCallNext
from procrastinate.worker import Worker

from resumepair_worker.attempt import RetryLater
from resumepair_worker.bundle import Bundler
from resumepair_worker.clean_up import CleanUp, StorageMismatch
from resumepair_worker.errors import ExportError
from resumepair_worker.export import Exporter

# A list, not a tuple: psycopg would send a tuple as a row.
QUEUES = ["exports", "maintenance"]
KEEP_FINISHED = timedelta(hours=24)
PRUNE_BITE = 500
# Due at once, whatever the clock of this machine says.
AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)
ERROR_PAUSE_SECONDS = 0.5
ERROR_PAUSE_CAP_SECONDS = 60

log = structlog.stdlib.get_logger(__name__)

Expect = Callable[[datetime], None]


class Again(BaseRetryStrategy):
    """When the queue runs a task again. How often is not decided here: the claim counts the attempts.

    Always with a decision: a task that is cancelled by a stopping worker and has none ends as aborted, that is, lost.
    """

    def __init__(self, expect: Expect) -> None:
        self._expect = expect

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """At the job row's own time and place; at once when handed back; soon when the database failed."""
        decision = self._decide(exception, job)
        if decision.retry_at:
            self._expect(decision.retry_at)
        return decision

    def _decide(self, exception: BaseException, job: Job) -> RetryDecision:
        if isinstance(exception, RetryLater):
            return RetryDecision(retry_at=exception.at or AT_ONCE, priority=exception.priority)
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_at=AT_ONCE)
        pause = min(ERROR_PAUSE_SECONDS * 2 ** min(job.attempts, 10), ERROR_PAUSE_CAP_SECONDS)
        return RetryDecision(retry_in={"seconds": pause})


async def settle_cancellation(call_next: AsyncCallNext, context: JobContext, worker: Worker) -> Any:  # noqa: ANN401, ARG001
    """Make a cancel by the user end the queue row as aborted; a retry strategy would make it a failed one."""
    try:
        return await call_next()
    except asyncio.CancelledError:
        if context.abort_reason() is AbortReason.USER_REQUEST:
            raise JobAborted from None
        raise


def build_queue(exporter: Exporter, bundler: Bundler, clean_up: CleanUp, expect: Expect) -> App:
    """The app with its tasks; it is opened with a pool by whoever runs it. `expect` hears when a task will come again.

    The periodic task is also what makes a worker stop, and so start anew, when it has lost its LISTEN session: without
    any, procrastinate goes on without being woken.
    """
    app = App(connector=PsycopgConnector())

    @app.task(name="render_export", queue="exports", pass_context=True, retry=Again(expect))
    async def render_export(context: JobContext, job_id: str) -> None:  # pyright: ignore[reportUnusedFunction]
        await exporter.run(UUID(job_id), _id_of(context.job))

    # On the exports' queue: it has a place in the fair order, too.
    @app.task(name="bundle_batch", queue="exports", pass_context=True, retry=Again(expect))
    async def bundle_batch(context: JobContext, bundle_id: str) -> None:  # pyright: ignore[reportUnusedFunction]
        await bundler.run(UUID(bundle_id), _id_of(context.job))

    @app.periodic(cron="* * * * *")
    @app.task(name="rescue_exports", queue="maintenance", queueing_lock="rescue_exports")
    async def rescue_exports(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # noqa: ARG001
        await exporter.jobs.requeue()

    @app.periodic(cron="*/10 * * * *")
    @app.task(name="prune_queue", queue="maintenance", queueing_lock="prune_queue")
    async def prune_queue(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # noqa: ARG001
        while await exporter.jobs.prune(KEEP_FINISHED, PRUNE_BITE) == PRUNE_BITE:
            pass

    # Also put on the queue by the database, as soon as there is something to remove.
    @app.task(name="remove_files", queue="maintenance", queueing_lock="remove_files")
    async def remove_files() -> None:  # pyright: ignore[reportUnusedFunction]
        await _or_later(clean_up.remove())

    @app.periodic(cron="* * * * *")
    @app.task(name="clean_up", queue="maintenance", queueing_lock="clean_up")
    async def expire_and_remove(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # noqa: ARG001
        await clean_up.expire()
        await _or_later(clean_up.remove())

    @app.periodic(cron="17 * * * *")
    @app.task(name="sweep_storage", queue="maintenance", queueing_lock="sweep_storage")
    async def sweep_storage(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # noqa: ARG001
        await _or_later(clean_up.sweep())

    return app


async def _or_later(sweep: Awaitable[object]) -> None:
    """Do it; what the storage does not do now is taken up again by the next one."""
    try:
        await sweep
    except StorageMismatch as error:
        log.critical("storage_mismatch", reason=str(error), mend="resumepair-clean-up --trust, if they are")
    except ExportError as error:
        log.warning("clean_up_waits", reason=str(error))


def _id_of(job: Job) -> int:
    """The queue row's id; a job that a worker runs always has one."""
    if job.id is None:
        raise ValueError("a queued job without id")
    return job.id
