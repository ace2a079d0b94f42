"""How long a failed attempt waits for the next.

Of an export: the original system's 1, 2, 4, 8, 16, 32, 60 minutes. Of a webhook's delivery: what Standard Webhooks
recommends. Both with jitter.
"""

import random
from collections.abc import Callable
from datetime import timedelta

CAP_FACTOR = 60
JITTER = 0.1
# 5 seconds, 5 and 30 minutes, 2, 5, 10 and 10 hours, as multiples of the first.
DELIVERY_FACTORS = (1, 60, 360, 1440, 3600, 7200, 7200)
LONGEST_DELIVERY_PAUSE = timedelta(hours=10)


def delay_after(attempt: int, base: timedelta, jitter: Callable[[], float] = random.random) -> timedelta:
    """The pause after a failed attempt.

    Args:
        attempt: Number of the attempt that failed, from 1.
        base: Pause after the first attempt; doubled each time, at most sixty times as long.
        jitter: Gives numbers from 0 to 1; up to a tenth is added, so that what failed together comes back apart.
    """
    factor: int = min(2 ** (attempt - 1), CAP_FACTOR)
    return base * factor * (1 + JITTER * jitter())


def pause_before_delivery(
    attempts_left: int, base: timedelta, jitter: Callable[[], float] = random.random
) -> timedelta:
    """The pause after a failed attempt at a delivery.

    Args:
        attempts_left: How many are left, from 1; counted from the end, since not all that were made count.
        base: Pause after the first attempt.
        jitter: As above.
    """
    factor = DELIVERY_FACTORS[-min(attempts_left, len(DELIVERY_FACTORS))]
    return base * factor * (1 + JITTER * jitter())
