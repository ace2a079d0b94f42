"""The alarm: jobs that wait for their time (retries) start when it has come, not at the worker's next poll.

PostgreSQL tells of what happens, not of what has become due. So every worker looks when the next job is due, at least
once a second, and wakes all workers then; whoever is first takes the job.
"""

import asyncio

import structlog

from resumepair_worker.jobs import Jobs

LONGEST_SLEEP_SECONDS = 1.0
# Waking a moment before the time would find nothing due; and what is due one after the other is rung for together.
LATE_SECONDS = 0.02

log = structlog.stdlib.get_logger(__name__)


async def ring_forever(jobs: Jobs) -> None:
    """Wake workers whenever jobs become due, until cancelled."""
    while True:
        pause = None
        try:
            pause = await jobs.ring_due()
        except Exception as error:  # noqa: BLE001 # whatever it is, the alarm has to outlive it
            log.warning("alarm_failed", error=repr(error))
        await asyncio.sleep(
            LONGEST_SLEEP_SECONDS if pause is None else min(pause + LATE_SECONDS, LONGEST_SLEEP_SECONDS)
        )
