"""Schedules: the exports that users have asked for in advance are enqueued when their time comes.

A loop beside the queue, not tasks on it: rows that wait there for their time would be in the way of each fetch, and
would have to be rescued. The schedule itself says when it is due; the transaction that runs it moves it on.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from cronsim import CronSim, CronSimError
from psycopg.rows import class_row, dict_row

from resumepair_worker.connections import Pool

# Waking a moment before the time would find nothing due.
LATE_SECONDS = 0.002
BITE = 100
# How soon a refusal that may pass (too many active requests) is tried again.
REFUSED_PAUSE = timedelta(seconds=30)

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class DueSchedule:
    """A schedule whose time has come, or comes in a moment."""

    schedule_id: UUID
    cron: str | None
    time_zone: str
    due_at: datetime
    due_in: float
    looked_at: datetime


class Schedules:
    """The schedule functions of the database, called as the role `resumepair_worker`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run_due(self, look_every: float) -> float:
        """Run what is due; the seconds until there is more to do, at most as many as it shall `look_every`."""
        soon = await self._due(timedelta(seconds=look_every))
        ran = [await self._run(schedule) for schedule in soon if schedule.due_in <= 0]
        if any(ran):
            return 0
        to_come = [schedule.due_in + LATE_SECONDS for schedule in soon if schedule.due_in > 0]
        return min(to_come, default=look_every)

    async def _due(self, within: timedelta) -> list[DueSchedule]:
        query = "select * from resumepair.due_schedules(%s, %s)"
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(DueSchedule)) as cursor,
        ):
            await cursor.execute(query, (within, BITE))
            return await cursor.fetchall()

    async def _run(self, schedule: DueSchedule) -> bool:
        """Enqueue its export and move it on; False when another worker was first, or it is gone."""
        query = "select * from resumepair.run_schedule(%s, %s, %s, %s)"
        values = (schedule.schedule_id, schedule.due_at, _following(schedule), REFUSED_PAUSE)
        async with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, values)
            outcome = await cursor.fetchone()
        if outcome is None:
            return False
        bound = log.bind(schedule_id=str(schedule.schedule_id))
        if outcome["job_id"]:
            bound.info("schedule_ran", job_id=str(outcome["job_id"]))
        else:
            bound.warning("schedule_refused", state=outcome["refusal_state"], message=outcome["refusal_message"])
        return True


async def run_schedules_forever(schedules: Schedules, look_every: float) -> None:
    """Run each schedule when its time comes, until cancelled.

    What is due within the next `look_every` seconds is known, so only a schedule that is made meanwhile may be late.
    """
    while True:
        pause = look_every
        try:
            pause = await schedules.run_due(look_every)
        except Exception as error:  # noqa: BLE001 # whatever it is, the loop has to outlive it
            log.warning("schedules_failed", error=repr(error))
        await asyncio.sleep(pause)


def next_run(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """The first time after this moment at which the expression, read in the time zone, fires; None for never.

    Compared in UTC: when the clocks go back, an hour is there twice, and the one that is past must not come again.
    """
    times = CronSim(cron, after.astimezone(ZoneInfo(time_zone)))
    return next((time for time in (at.astimezone(UTC) for at in times) if time > after), None)


def _following(schedule: DueSchedule) -> datetime | None:
    """After the present moment, not after the time that was due: times that were missed come once, not each.

    By the database's clock, by which it was due: an earlier one would find the same time again.
    """
    if schedule.cron is None:
        return None
    try:
        return next_run(schedule.cron, schedule.time_zone, schedule.looked_at)
    except (CronSimError, ZoneInfoNotFoundError) as error:  # not as the API makes them; the others must not wait for it
        log.warning("schedule_unreadable", schedule_id=str(schedule.schedule_id), error=repr(error))
        return None
