"""Rescue: jobs of a worker that stopped without a word run again elsewhere.

A loop beside the worker, not a task on the queue: a queued sweep could itself be stuck. Running a job
twice is harmless, because its attempt is fenced.
"""

import asyncio
from datetime import UTC, datetime

import psycopg
import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout

HEARTBEAT_SECONDS = 1.0
STALLED_AFTER_SECONDS = 5.0
SWEEP_SECONDS = 2.0

log = structlog.stdlib.get_logger(__name__)


async def sweep_forever(app: App) -> None:
    """Rescue stalled jobs every two seconds until cancelled; a database that is away is waited for."""
    while True:
        try:
            await rescue_stalled(app)
        except (ConnectorException, psycopg.Error, PoolTimeout) as error:
            log.warning("rescue_failed", error=repr(error.__cause__ or error))
        await asyncio.sleep(SWEEP_SECONDS)


async def rescue_stalled(app: App) -> int:
    """Put the jobs of all workers whose heartbeat stopped back on the queue; how many there were."""
    rescued = 0
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
        try:
            await app.job_manager.retry_job(job, retry_at=datetime.now(UTC))
        except ConnectorException as error:  # another worker's sweep, or the job's own end, came first
            log.info("rescue_superseded", queue_job_id=job.id, error=repr(error.__cause__))
            continue
        rescued += 1
        log.warning("rescued", queue_job_id=job.id, task=job.task_name, **job.task_kwargs)
    return rescued
