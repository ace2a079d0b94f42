"""What a person reads when `make run` cannot go on: one line, and a non-zero exit."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.state import PROJECT, State


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_taken_port(tmp_path: Path, taken_port: int) -> None:
    line = failure(tmp_path, PORT=str(taken_port))
    assert line.startswith(f"make run: port {taken_port} on 127.0.0.1 is taken")
    assert f"make run PORT={taken_port + 1}" in line


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", "\uff18\uff10"])
def test_port_that_is_none(tmp_path: Path, port: str) -> None:
    assert failure(tmp_path, PORT=port).startswith("make run: PORT: not a port number")


def test_missing_browser(tmp_path: Path, free_port: int) -> None:
    line = failure(tmp_path, PORT=str(free_port), CHROMIUM_PATH="/nowhere/chromium")
    assert line == "make run: CHROMIUM_PATH: no browser that starts: /nowhere/chromium"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://u:s3cret@127.0.0.1:1/app", "cannot connect"),
        ("postgresql://u:s3cret@host.invalid/app", "cannot connect"),
        ("postgres//u:s3cret@127.0.0.1/app", "not a connection URL"),
    ],
)
def test_broken_database_url(tmp_path: Path, free_port: int, chromium_path: Path, url: str, reason: str) -> None:
    line = failure(tmp_path, PORT=str(free_port), CHROMIUM_PATH=str(chromium_path), DATABASE_URL=url)
    assert line.startswith(f"make run: DATABASE_URL: {reason}")
    assert "s3cret" not in line


def test_second_run_of_the_same_checkout(tmp_path: Path, free_port: int) -> None:
    with State(tmp_path / "state").locked("process 1, http://127.0.0.1:8000"):
        line = failure(tmp_path, PORT=str(free_port))
    assert "already in use (process 1, http://127.0.0.1:8000)" in line


def failure(tmp_path: Path, **variables: str) -> str:
    """Run it until it fails; return the one line that it says on stderr."""
    # No MAKELEVEL: that would be the `make test` around us.
    machine = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    answer = subprocess.run(
        [sys.executable, "-m", "dev.run"],
        check=False,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={**machine, "LOCAL_STATE_DIR": str(tmp_path / "state"), **variables},
        timeout=60,
    )
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    return line
