"""A set-up server for one run: a database, a login for workers, a folder for their files; gone afterwards."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.database import prepare
from dev.postgres import PostgresServer
from dev.postgres_binaries import PostgresBinaries
from dev.roles import WORKER_ROLE, role_url, set_passwords

PASSWORD = "only-for-this-run"  # noqa: S105 # the server listens on a socket in a private folder


@dataclass(frozen=True)
class Throwaway:
    """The server with what workers need; `log` is where they write."""

    server: PostgresServer
    worker_url: str
    storage: Path
    log: Path


@contextmanager
def throwaway() -> Generator[Throwaway]:
    """Start it; stop and remove it at the end.

    Raises:
        SetupError: PostgreSQL does not start.
    """
    home = Path(tempfile.mkdtemp(prefix="resumepair-run-", dir="/tmp"))  # a socket needs a short path
    home.chmod(0o755)
    storage = home / "storage"
    storage.mkdir()
    binaries = PostgresBinaries.embedded()
    try:
        with PostgresServer(
            home / "postgres", password=PASSWORD, binaries=binaries, log=home / "postgres.log"
        ) as server:
            prepare(server.url())
            set_passwords(server.url(), {WORKER_ROLE: PASSWORD})
            yield Throwaway(server, role_url(server.url(), WORKER_ROLE, PASSWORD), storage, home / "workers.log")
    finally:
        shutil.rmtree(home, ignore_errors=True)
