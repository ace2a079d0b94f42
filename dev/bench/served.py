"""API processes for measuring: the product's own, and one that answers the same in other ways."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psutil

from dev.errors import SetupError
from dev.throwaway import Throwaway
from dev.tokens import DemoUser, issue_token

SECRET = "only-for-this-run" * 2
START_SECONDS = 30
# Nobody is to be shed for asking as much as a benchmark does.
FREE = {
    "RATE_LIMIT_COST_PER_MINUTE": "0",
    "MAX_CONNECTIONS_PER_USER": "100000",
    "MAX_CONNECTIONS_PER_ADDRESS": "100000",
}


@dataclass(frozen=True)
class Served:
    """A running process and where it listens."""

    port: int
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """What it has used since it began."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def resident_bytes(self) -> int:
        """What it holds in memory."""
        return int(self.process.memory_info().rss)


@contextmanager
def serve(place: Throwaway, module: str, **settings: str) -> Generator[Served]:
    """Run a module as a server on the throwaway database, until the end of the block.

    Raises:
        SetupError: It does not start.
    """
    port = _free_port()
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            env={**_environment(place, port), **settings},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(port, process, place.log)
        yield Served(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def token_of(user: UUID) -> str:
    """A token that these processes accept."""
    return issue_token(DemoUser("bench", user), secret=SECRET)


def _environment(place: Throwaway, port: int) -> Mapping[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ},
        **FREE,
        "DATABASE_URL": place.api_url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "STORAGE_DIR": str(place.storage),
        "SUPABASE_JWT_SECRET": SECRET,
        "STORAGE_SIGNING_KEY": SECRET,
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it answers."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            if b" 200 " in connection.recv(64):
                return
        time.sleep(0.1)
    raise SetupError(f"an API process did not start: {log.read_text()[-2000:]}")
