"""One fault after the other under load, each followed by an audit."""

import random
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from statistics import median
from uuid import UUID

from rich.table import Table

from dev.chaos.faults import Fault, Scene
from dev.chaos.ledger import Balance

LOAD = 4
DRAIN_SECONDS = 180.0
POLL_SECONDS = 0.02
BUSY_SECONDS = 20.0


def run(scene: Scene, faults: Iterable[Fault], rounds: int | None = None) -> Iterator[tuple[str, int, Balance]]:
    """Name, number of injections and balance of each fault, and last of cancels that race completion.

    Each is injected `rounds` times, or as often as it says itself.
    """
    for fault in faults:
        times = fault.rounds if rounds is None else rounds
        yield fault.name, times, _under_load(scene, fault, times)
    yield "cancel racing completion", *_cancels(scene, 100 if rounds is None else 10 * rounds)


def _under_load(scene: Scene, fault: Fault, times: int) -> Balance:
    user = scene.ledger.new_user()
    jobs: list[UUID] = []
    met: list[tuple[datetime, UUID]] = []
    for _ in range(times):
        jobs += scene.ledger.enqueue(user, LOAD)
        _until_busy(scene)
        victims = scene.ledger.at_work()
        at = scene.ledger.now()
        fault.inject(scene)
        met += ((at, job) for job in victims)
        scene.fleet.keep_up()
    _drain(scene, jobs)
    return scene.ledger.balance(jobs, met)


def _cancels(scene: Scene, times: int) -> tuple[int, Balance]:
    user = scene.ledger.new_user()
    jobs: list[UUID] = []
    for _ in range(times):
        (job,) = scene.ledger.enqueue(user, 1)
        jobs.append(job)
        time.sleep(random.uniform(0, 0.15))  # noqa: S311 # about as long as an export takes
        scene.ledger.cancel(user, job)
    _drain(scene, jobs)
    return times, scene.ledger.balance(jobs, [])


def _until_busy(scene: Scene) -> None:
    """Until a worker is at something, so that the fault meets it; not for ever, workers may all be starting."""
    end = time.monotonic() + BUSY_SECONDS
    while not scene.ledger.at_work() and time.monotonic() < end:
        time.sleep(POLL_SECONDS)


def _drain(scene: Scene, jobs: list[UUID]) -> None:
    end = time.monotonic() + DRAIN_SECONDS
    while scene.ledger.open_jobs(jobs) and time.monotonic() < end:
        scene.fleet.keep_up()
        time.sleep(POLL_SECONDS)


def table(rows: Iterable[tuple[str, int, Balance]]) -> tuple[Table, bool]:
    """The rows as printed, and whether nothing was lost or doubled."""
    shown = Table(
        title="faults on real processes, under load",
        caption="once: completed exactly once, file stored, checksum right; recovery: from the fault to the end of "
        "an export that it met, median / longest",
    )
    for heading in ("fault", "times", "jobs", "once", "cancelled", "lost", "doubled", "recovery"):
        is_name = heading == "fault"
        shown.add_column(heading, justify="left" if is_name else "right", no_wrap=not is_name)
    is_clean = True
    for name, times, balance in rows:
        is_clean &= not balance.lost and not balance.doubled
        recovery = balance.recovery
        numbers = (times, balance.accepted, balance.completed_once, balance.cancelled, balance.lost, balance.doubled)
        shown.add_row(name, *map(str, numbers), f"{median(recovery):.1f} / {max(recovery):.1f} s" if recovery else "")
    return shown, is_clean
