"""Rescue: exports that nobody will finish any more are queued anew.

A loop beside the worker, not only a task on the queue: a queued sweep could itself be stuck. It looks for workers that
fell silent, and for what makes no step although its worker's heart beats (procrastinate could not save the end of a
task). What the queue itself has lost is rarer, and looked for more rarely.
"""

import asyncio
from datetime import timedelta
from itertools import count

import structlog

from resumepair_worker.jobs import Jobs

HEARTBEAT_SECONDS = 1.0
STALLED_AFTER_SECONDS = 5.0
SWEEP_SECONDS = 2.0
AFTER_FAILURE_SECONDS = 0.5
SWEEPS_PER_REQUEUE = 5

log = structlog.stdlib.get_logger(__name__)


async def sweep_forever(jobs: Jobs, deadline: timedelta) -> None:
    """Rescue every two seconds until cancelled; `deadline` is the longest that a step of an export may take."""
    for number in count():
        pause = SWEEP_SECONDS
        try:
            rescued = await jobs.rescue(timedelta(seconds=STALLED_AFTER_SECONDS), deadline)
            if number % SWEEPS_PER_REQUEUE == 0:
                rescued += await jobs.requeue()
            for job_id in rescued:
                log.warning("rescued", job_id=str(job_id))
        except Exception as error:  # noqa: BLE001 # whatever it is, the sweep has to outlive it
            log.warning("rescue_failed", error=repr(error))
            pause = AFTER_FAILURE_SECONDS  # after an outage there is more to rescue than ever
        await asyncio.sleep(pause)
