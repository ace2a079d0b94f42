"""How much each user may ask for in a minute, in the points of `cost`; counted by this process for itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from resumepair_graphql.auth import Identity
from resumepair_graphql.client_connections import network_of

MINUTE = 60.0
MAX_BUCKETS = 10_000


@dataclass(frozen=True)
class Allowance:
    """What is left; `reset_at` is when it is the whole again, `retry_at` when what was refused fits."""

    limit: int
    remaining: int
    reset_at: datetime
    retry_at: datetime | None = None

    def as_extension(self) -> dict[str, object]:
        """As answers carry it."""
        return {"limit": self.limit, "remaining": self.remaining, "resetAt": stamp(self.reset_at)}


class CostBudget:
    """A bucket of points for each who pays, which fills up again within a minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_minute
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # what was left, and when

    def take(self, payer: str, cost: int) -> Allowance:
        """Take the points out, or none of them if there are too few; more than all there can be needs all of them."""
        now = self._clock()
        left, then = self._buckets.get(payer, (float(self._limit), now))
        left = min(self._limit, left + (now - then) * self._limit / MINUTE)
        needed = min(cost, self._limit)
        retry_at = None
        if left < needed:
            retry_at = self._in(needed - left)
        else:
            left -= needed
            self._buckets[payer] = (left, now)
            if len(self._buckets) > MAX_BUCKETS:
                self._forget(now)
        return Allowance(self._limit, int(left), self._in(self._limit - left), retry_at)

    def _in(self, points: float) -> datetime:
        """When that many points will have come back."""
        return datetime.now(UTC) + timedelta(seconds=points * MINUTE / self._limit)

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full again, and if all are in use, the oldest half."""
        self._buckets = {payer: bucket for payer, bucket in self._buckets.items() if now - bucket[1] < MINUTE}
        if len(self._buckets) > MAX_BUCKETS:
            newest = sorted(self._buckets.items(), key=lambda item: item[1][1])[MAX_BUCKETS // 2 :]
            self._buckets = dict(newest)


def payer_of(identity: Identity, address: str | None) -> str | None:
    """Whose bucket it is: a user's, or that of the network that somebody without a user asks from.

    None where nobody is to be counted: the service's own token, or an address that is not known.
    """
    if identity.role == "authenticated":
        return f"user {identity.subject}"
    return f"address {network_of(address)}" if identity.role == "anon" and address is not None else None


def stamp(moment: datetime) -> str:
    """The moment as GraphQL's dates are written, to the second."""
    return moment.isoformat(timespec="seconds")
