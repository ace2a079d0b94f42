"""A short run of `make chaos`: three real workers share the work, are hurt, and nothing is lost or doubled."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.chaos.faults import FAULTS, Fault, Scene
from dev.chaos.fleet import Fleet
from dev.chaos.ledger import Ledger
from dev.chaos.run import run
from tests.conftest import Database

WORKERS = 3


@pytest.fixture
def scene(database: Database, chromium_path: Path, tmp_path: Path) -> Iterator[Scene]:
    storage = tmp_path / "storage"
    storage.mkdir()
    with (
        Ledger.open(database.admin_url, storage) as ledger,
        Fleet(database.worker_url, storage, chromium_path, tmp_path / "workers.log", WORKERS) as fleet,
    ):
        yield Scene(fleet, ledger)


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if not fault.needs_own_server], ids=lambda fault: fault.name
)
def test_nothing_is_lost_or_doubled(scene: Scene, fault: Fault) -> None:
    for name, _, balance in run(scene, [fault], rounds=2):
        assert (balance.lost, balance.doubled) == (0, 0), name
        assert balance.completed_once + balance.cancelled == balance.accepted > 0


def test_three_workers_share_the_work_and_do_nothing_twice(scene: Scene) -> None:
    user = scene.ledger.new_user()
    ready = "select count(*) as n from procrastinate.procrastinate_workers"
    while scene.ledger.query(ready)[0]["n"] < WORKERS:
        assert all(worker.poll() is None for worker in scene.fleet.workers)
    jobs = scene.ledger.enqueue(user, 60)
    while scene.ledger.open_jobs(jobs):
        assert all(worker.poll() is None for worker in scene.fleet.workers)
    balance = scene.ledger.balance(jobs, [])
    assert (balance.completed_once, balance.lost, balance.doubled) == (60, 0, 0)
    shares = scene.ledger.query(
        "select q.worker_id, count(*) as jobs, sum(j.attempt) as attempts from resumepair.export_jobs as j "
        "join procrastinate.procrastinate_jobs as q on q.id = j.queue_job_id group by q.worker_id"
    )
    assert len(shares) == WORKERS
    assert [sum(row[name] for row in shares) for name in ("jobs", "attempts")] == [60, 60]
