"""One fault after the other under load, each followed by an audit."""

import random
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from dev.chaos.audience import Watched
from dev.chaos.balance import audit
from dev.chaos.faults import Fault, Scene
from dev.chaos.report import Heard, Row
from dev.errors import SetupError

LOAD = 4
# Faults do not come faster than work is done, else no recovery could be seen: each would meet what the last one left.
BACKLOG = 16
# An outage is watched from its beginning: work has to be left when every subscriber is there.
WATCHED_LOAD = 24
PICKUPS = 10
DRAIN_SECONDS = 180.0
PUT_AWAY_SECONDS = 5.0
HEAR_SECONDS = 30.0
POLL_SECONDS = 0.02
BUSY_SECONDS = 20.0

Attempt = tuple[UUID, int]


def run(scene: Scene, faults: Iterable[Fault], rounds: int | None = None) -> Iterator[Row]:
    """A row for each fault; each is injected `rounds` times, or as often as it says itself."""
    for fault in faults:
        times = fault.rounds if rounds is None else rounds
        yield _watched(scene, fault, times) if fault.is_outage else _under_load(scene, fault, times)


def race_cancels(scene: Scene, times: int) -> Row:
    """So many exports, each cancelled at about the time at which it completes."""
    user = scene.ledger.new_user()
    jobs: list[UUID] = []
    for _ in range(times):
        (job,) = scene.ledger.enqueue(user, 1)
        jobs.append(job)
        time.sleep(random.uniform(0, 0.15))  # noqa: S311 # about as long as an export takes
        scene.ledger.cancel(user, job)
    drain(scene, jobs)
    return Row("cancel racing completion", times, audit(scene.ledger, scene.fleet.storage, jobs))


def drain(scene: Scene, jobs: list[UUID], left: int = 0) -> None:
    """Until no more than `left` are open, at the end have been put away too, or for three minutes.

    Workers that ended are started again.
    """
    end = time.monotonic() + DRAIN_SECONDS
    while scene.ledger.open_jobs(jobs) > left and time.monotonic() < end:
        scene.fleet.keep_up()
        time.sleep(POLL_SECONDS)
    if left:
        return
    end = time.monotonic() + PUT_AWAY_SECONDS
    while scene.ledger.being_put_away(jobs) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)


def _under_load(scene: Scene, fault: Fault, times: int) -> Row:
    user = scene.ledger.new_user()
    jobs: list[UUID] = []
    met: dict[Attempt, datetime] = {}
    for _ in range(times):
        jobs += scene.ledger.enqueue(user, LOAD)
        _inject(scene, fault, met)
        drain(scene, jobs, BACKLOG)
    drain(scene, jobs)
    return Row(fault.name, times, audit(scene.ledger, scene.fleet.storage, jobs, _by_job(met)))


def _watched(scene: Scene, fault: Fault, times: int) -> Row:
    """With a subscriber for each export; new exports are timed when it is over."""
    user = scene.ledger.new_user()
    jobs: list[UUID] = []
    met: dict[Attempt, datetime] = {}
    pickups: list[float] = []
    heard: list[Heard] = []
    for _ in range(times):
        load = scene.ledger.enqueue(user, WATCHED_LOAD)
        watched = scene.audience.watch(user, load)
        at = _inject(scene, fault, met)
        drain(scene, load)
        scene.audience.wait(HEAR_SECONDS)
        heard += _heard(scene, watched, at)
        probes = [_probe(scene, user) for _ in range(PICKUPS)]
        pickups += scene.ledger.waits(probes)
        jobs += load + probes
    return Row(
        fault.name, times, audit(scene.ledger, scene.fleet.storage, jobs, _by_job(met)), tuple(pickups), tuple(heard)
    )


def _inject(scene: Scene, fault: Fault, met: dict[Attempt, datetime]) -> datetime:
    """Inject it while exports are at work, and note whom it met; the moment since which recovery counts."""
    _until_busy(scene, met)
    victims = scene.ledger.at_work() - set(met)
    at = scene.ledger.now()
    fault.inject(scene)
    if fault.counts_from_end:
        at = scene.ledger.now()
    scene.fleet.keep_up()
    met |= dict.fromkeys(victims, at)
    return at


def _by_job(met: dict[Attempt, datetime]) -> list[tuple[datetime, UUID]]:
    return [(at, job) for (job, _), at in met.items()]


def _heard(scene: Scene, watched: Iterable[Watched], at: datetime) -> Iterator[Heard]:
    """How long after its job's end, or the outage's if that was later, each subscriber was told."""
    ended = scene.ledger.ends([one.job for one in watched])
    for one in watched:
        end = ended.get(one.job)
        if one.ended_at and end:
            since = end if one.ended_at < at else max(end, at)  # some are told before the outage is over
            yield Heard(one.error, (one.ended_at - since).total_seconds())
        else:
            yield Heard(one.error, None)


def _probe(scene: Scene, user: UUID) -> UUID:
    (job,) = scene.ledger.enqueue(user, 1)
    drain(scene, [job])
    return job


def _until_busy(scene: Scene, met: dict[Attempt, datetime]) -> None:
    """Until a worker is at something that no fault has met, so that the next one does."""
    end = time.monotonic() + BUSY_SECONDS
    while not scene.ledger.at_work() - set(met):
        if time.monotonic() > end:
            raise SetupError("no worker is at anything: the fault would meet nobody")
        time.sleep(POLL_SECONDS)
