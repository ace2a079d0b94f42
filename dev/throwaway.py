"""A set-up server for one run: a database, logins for the processes, a folder for their files; gone afterwards."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.database import prepare
from dev.postgres import PostgresServer
from dev.postgres_binaries import PostgresBinaries
from dev.roles import API_ROLE, WORKER_ROLE, role_url, set_passwords

# The server listens on a socket in a private folder.
PASSWORDS: Final[dict[str, str]] = {API_ROLE: "only-for-this-run", WORKER_ROLE: "only-for-this-run"}


@dataclass(frozen=True)
class Throwaway:
    """The server with what the processes need; `log` is where they write."""

    server: PostgresServer
    api_url: str
    worker_url: str
    home: Path
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
            home / "postgres", password=PASSWORDS[WORKER_ROLE], binaries=binaries, log=home / "postgres.log"
        ) as server:
            prepare(server.url())
            set_passwords(server.url(), PASSWORDS)
            api_url, worker_url = (role_url(server.url(), role, password) for role, password in PASSWORDS.items())
            yield Throwaway(server, api_url, worker_url, home, storage, home / "processes.log")
    finally:
        shutil.rmtree(home, ignore_errors=True)
