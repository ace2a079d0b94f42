"""How long a failed attempt waits for the next: the original system's 1, 2, 4, 8, 16, 32, 60 minutes, with jitter."""

import random
from collections.abc import Callable
from datetime import timedelta

CAP_FACTOR = 60
JITTER = 0.1


def delay_after(attempt: int, base: timedelta, jitter: Callable[[], float] = random.random) -> timedelta:
    """The pause after a failed attempt.

    Args:
        attempt: Number of the attempt that failed, from 1.
        base: Pause after the first attempt; doubled each time, at most sixty times as long.
        jitter: Gives numbers from 0 to 1; up to a tenth is added, so that what failed together comes back apart.
    """
    factor: int = min(2 ** (attempt - 1), CAP_FACTOR)
    return base * factor * (1 + JITTER * jitter())
