"""The alarm: jobs that wait for their time (retries) start when it has come, not at the worker's next poll.

PostgreSQL tells of what happens, not of what has become due. So every worker looks when the next job is due, at least
once a second and whenever it has put one off itself, and wakes all workers then; whoever is first takes the job.
"""

import asyncio
import heapq
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from resumepair_worker.jobs import Jobs

LONGEST_SLEEP_SECONDS = 1.0
# Waking a moment before the time would find nothing due; and what is due one after the other is rung for together.
LATE_SECONDS = 0.02

log = structlog.stdlib.get_logger(__name__)


class Alarm:
    """Rings while `ring_forever` runs."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._expected: list[datetime] = []
        self._told = asyncio.Event()

    def expect(self, due: datetime) -> None:
        """Look at this time, too: a job is being put off until then, and may be due before the next look."""
        self._forget_past()  # in polling mode nobody else does
        heapq.heappush(self._expected, due)
        self._told.set()

    async def ring_forever(self) -> None:
        """Wake workers whenever jobs become due, until cancelled."""
        while True:
            pauses = [LONGEST_SLEEP_SECONDS]
            try:
                if (due_in := await self._jobs.ring_due()) is not None:
                    pauses.append(due_in + LATE_SECONDS)
            except Exception as error:  # noqa: BLE001 # whatever it is, the alarm has to outlive it
                log.warning("alarm_failed", error=repr(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pauses + self._expected_in())):
                    await self._told.wait()
            self._told.clear()

    def _expected_in(self) -> list[float]:
        """The seconds until the next expected time, if there is one."""
        now = self._forget_past()
        return [(due - now).total_seconds() + LATE_SECONDS for due in self._expected[:1]]

    def _forget_past(self) -> datetime:
        now = datetime.now(UTC)
        while self._expected and self._expected[0] <= now:
            heapq.heappop(self._expected)
        return now
