"""Cron expressions: whether one can be kept, and when it first fires. The worker finds the later times by itself."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from resumepair_graphql.errors import ErrorCode, Refusal

LENGTH_MAX = 100
FIELDS = ("minute", "hour", "day of month", "month", "day of week")
LEAST_MINUTES = 15
# As many as fires in a day at the densest, and a year of those that fire rarely.
LOOK_AT = 24 * 60 // LEAST_MINUTES + 1
LOOK_AHEAD = timedelta(days=366)


def first_run(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """When the expression first fires after this moment, read in the time zone; None for never.

    At a change of the clocks it does as Debian's cron: what would be skipped comes when the gap is over, and what is
    there twice comes once, unless its minute or hour begins with a star.

    Raises:
        Refusal: INVALID_INPUT; it is no cron expression, it fires too often, or there is no such time zone.
    """
    if len(cron) > LENGTH_MAX or len(cron.split()) != len(FIELDS):
        fields = ", ".join(FIELDS)
        raise _refusal(f"A cron expression has five fields ({fields}), as in `0 8 * * MON`.")
    if time_zone not in _time_zones():
        raise Refusal(
            ErrorCode.INVALID_INPUT, "There is no such time zone; name one as in `Europe/Berlin`.", "timeZone"
        )
    try:
        _require_pauses(CronSim(cron, after.astimezone(UTC)), after)
        times = CronSim(cron, after.astimezone(ZoneInfo(time_zone)))
    except CronSimError as error:
        raise _refusal(f"This is no cron expression: {str(error).lower()}.") from None
    return next((time for time in (at.astimezone(UTC) for at in times) if time > after), None)


def _require_pauses(times: CronSim, after: datetime) -> None:
    """In UTC, so that the change of the clocks, which may bring two times together, does not decide it."""
    looked_at = islice(takewhile(lambda at: at < after + LOOK_AHEAD, times), LOOK_AT)
    if any(later - earlier < timedelta(minutes=LEAST_MINUTES) for earlier, later in pairwise(looked_at)):
        raise _refusal(f"It fires too often: between two exports there have to be {LEAST_MINUTES} minutes.")


def _refusal(message: str) -> Refusal:
    return Refusal(ErrorCode.INVALID_INPUT, message, "cron")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
