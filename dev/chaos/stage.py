"""Everything that a fault is done to, set up and taken down: relay, ledger, workers, API, subscribers."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dev.chaos.api import Api
from dev.chaos.audience import Audience
from dev.chaos.faults import Scene
from dev.chaos.fleet import Fleet
from dev.chaos.ledger import Ledger
from dev.chaos.relay import Relay
from dev.roles import API_ROLE, WORKER_ROLE


@contextmanager
def stage(
    admin_url: str,
    passwords: Mapping[str, str],
    home: Path,
    chromium: Path,
    *,
    workers: int,
    retry_base: float = 1,
    restart_postgres: Callable[[], None] | None = None,
) -> Generator[Scene]:
    """A scene on this database, whose login roles have these passwords; files and logs go into the folder `home`.

    Raises:
        SetupError: the API does not start.
    """
    storage, log = home / "storage", home / "processes.log"
    storage.mkdir(exist_ok=True)
    with (
        Relay(admin_url) as relay,
        Ledger.open(admin_url) as ledger,
        Fleet(relay.url(WORKER_ROLE, passwords[WORKER_ROLE]), storage, chromium, log, workers, retry_base) as fleet,
        Api(relay.url(API_ROLE, passwords[API_ROLE]), storage, log) as api,
        Audience(api) as audience,
    ):
        yield Scene(fleet, ledger, relay, audience, restart_postgres)
