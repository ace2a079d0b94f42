"""The faults, each as it is injected."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dev.chaos.audience import Audience
from dev.chaos.fleet import Fleet
from dev.chaos.ledger import Ledger
from dev.chaos.relay import Relay

# Longer than a heartbeat may be silent (five seconds), so that the stopped worker's jobs are given away.
FROZEN_SECONDS = 7.0
AWAY_SECONDS = 3.0
# Longer than any time limit of the processes, so that they meet it asleep, asking and connecting.
DOWN_SECONDS = 6.0


@dataclass(frozen=True)
class Scene:
    """What a fault is done to. The processes reach PostgreSQL through the relay, the ledger does not."""

    fleet: Fleet
    ledger: Ledger
    relay: Relay
    audience: Audience
    restart_postgres: Callable[[], None] | None = None


@dataclass(frozen=True)
class Fault:
    """`inject` does it once; `rounds` is how often in a full run.

    An outage takes the database from the processes: subscribers watch it, and afterwards it is measured how soon a new
    job is picked up. What is counted from its end takes a while itself.
    """

    name: str
    inject: Callable[[Scene], None]
    rounds: int
    needs_own_server: bool = False
    is_outage: bool = False
    counts_from_end: bool = False


def _kill_worker(scene: Scene) -> None:
    scene.fleet.kill()


def _terminate_worker(scene: Scene) -> None:
    scene.fleet.terminate()


def _freeze_worker(scene: Scene) -> None:
    worker = scene.fleet.any()
    worker.send_signal(signal.SIGSTOP)
    time.sleep(FROZEN_SECONDS)
    worker.send_signal(signal.SIGCONT)


def _kill_browser(scene: Scene) -> None:
    scene.fleet.kill_a_browser()


def _end_sessions(scene: Scene) -> None:
    scene.ledger.query(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )


def _restart_postgres(scene: Scene) -> None:
    assert scene.restart_postgres  # noqa: S101 # chosen by needs_own_server
    scene.restart_postgres()
    scene.ledger.query("select 1")  # on a new connection


def _silence_sessions(scene: Scene) -> None:
    scene.relay.silence()


def _take_network_down(scene: Scene) -> None:
    scene.relay.go_down()
    time.sleep(DOWN_SECONDS)
    scene.relay.come_back()


def _take_storage_away(scene: Scene) -> None:
    folder = scene.fleet.storage
    elsewhere = Path(f"{folder}.away")
    folder.rename(elsewhere)
    folder.write_text("no folder")
    time.sleep(AWAY_SECONDS)
    folder.unlink()
    elsewhere.rename(folder)


FAULTS = (
    Fault("kill -9 of a worker", _kill_worker, 100),
    Fault("SIGTERM to a worker", _terminate_worker, 10),
    Fault("SIGSTOP of a worker for 7 s, then SIGCONT", _freeze_worker, 5),
    Fault("kill -9 of a Chromium", _kill_browser, 20),
    Fault("pg_terminate_backend on every session", _end_sessions, 10, is_outage=True),
    Fault("PostgreSQL stopped and started", _restart_postgres, 5, needs_own_server=True, is_outage=True),
    Fault("every session half-open: open, and silent for good", _silence_sessions, 5, is_outage=True),
    Fault(
        "network swallows all for 6 s, old sessions for good",
        _take_network_down,
        5,
        is_outage=True,
        counts_from_end=True,
    ),
    Fault("storage away for 3 s", _take_storage_away, 5),
)
