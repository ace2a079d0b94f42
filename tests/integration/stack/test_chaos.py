"""A short run of `make chaos`: three real workers and an API are hurt, and nothing is lost, doubled or left untold."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.chaos.balance import audit
from dev.chaos.crowd import crowd
from dev.chaos.faults import FAULTS, Fault, Scene
from dev.chaos.poison import poison
from dev.chaos.report import Row
from dev.chaos.run import drain, race_cancels, run
from dev.chaos.stage import stage
from dev.postgres import PostgresServer
from tests.conftest import PASSWORDS, cloned

WORKERS = 3


@pytest.fixture(scope="module")
def scene(
    postgres_server: PostgresServer,
    template_database: str,
    chromium_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    """One for all: a fault has to leave the processes as good as it found them."""
    home = tmp_path_factory.mktemp("chaos")
    with (
        cloned(postgres_server, template_database) as database,
        stage(database.admin_url, PASSWORDS, home, chromium_path, workers=WORKERS, retry_base=0.2) as scene,
    ):
        yield scene


def check(row: Row) -> None:
    of = row.balance
    assert (of.lost, of.doubled) == (0, 0)
    assert of.completed_once + of.cancelled + of.failed == of.accepted > 0
    assert [one for one in row.heard if one.error or one.late is None] == []


def test_three_workers_share_the_work_and_do_nothing_twice(scene: Scene) -> None:
    ready = "select count(*) as n from procrastinate.procrastinate_workers"
    while scene.ledger.query(ready)[0]["n"] < WORKERS:
        assert all(worker.poll() is None for worker in scene.fleet.workers)
    jobs = scene.ledger.enqueue(scene.ledger.new_user(), 60)
    at_work: set[int] = set()
    while scene.ledger.open_jobs(jobs):
        doing = "select worker_id from procrastinate.procrastinate_jobs where status = 'doing'"
        at_work |= {row["worker_id"] for row in scene.ledger.query(doing)}
    drain(scene, jobs)
    balance = audit(scene.ledger, scene.fleet.storage, jobs)
    assert (balance.completed_once, balance.lost, balance.doubled, balance.orphans) == (60, 0, 0, 0)
    assert len(at_work) == WORKERS
    (row,) = scene.ledger.query("select sum(attempt) as attempts from resumepair.export_jobs where id = any(%s)", jobs)
    assert row["attempts"] == 60


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if not fault.needs_own_server], ids=lambda fault: fault.name
)
def test_nothing_is_lost_or_doubled_and_everybody_is_told(scene: Scene, fault: Fault) -> None:
    (row,) = run(scene, [fault], rounds=1)
    check(row)


def test_a_cancel_that_races_completion_has_one_winner(scene: Scene) -> None:
    check(race_cancels(scene, 10))


def test_a_document_that_kills_its_browser_fails_alone(scene: Scene) -> None:
    row = poison(scene)
    check(row)
    assert row.balance.failed == 1


def test_a_user_with_many_exports_and_many_users_with_one_all_get_theirs(scene: Scene) -> None:
    row, waits = crowd(scene, 15)
    check(row)
    assert [len(seconds) for _, seconds in waits] == [15, 15]
