"""Rescue: exports of a worker that fell silent, or whose queue row ended without them, are queued anew.

A loop beside the worker, not a task on the queue: a queued sweep could itself be stuck. A queue row that stays `doing`
under a worker whose heart still beats (procrastinate could not save the end of a task) is found by its deadline.
"""

import asyncio
from datetime import timedelta

import structlog

from resumepair_worker.jobs import Jobs

HEARTBEAT_SECONDS = 1.0
STALLED_AFTER_SECONDS = 5.0
SWEEP_SECONDS = 2.0
AFTER_FAILURE_SECONDS = 0.5

log = structlog.stdlib.get_logger(__name__)


async def sweep_forever(jobs: Jobs, deadline: timedelta) -> None:
    """Rescue every two seconds until cancelled; `deadline` is the longest that a step of an export may take."""
    while True:
        pause = SWEEP_SECONDS
        try:
            for job_id in await jobs.rescue(timedelta(seconds=STALLED_AFTER_SECONDS), deadline):
                log.warning("rescued", job_id=str(job_id))
        except Exception as error:  # noqa: BLE001 # whatever it is, the sweep has to outlive it
            log.warning("rescue_failed", error=repr(error))
            pause = AFTER_FAILURE_SECONDS  # after an outage there is more to rescue than ever
        await asyncio.sleep(pause)
