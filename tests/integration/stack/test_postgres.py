"""The server of `make run` and of the tests: it starts, stops, and recovers from a killed run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from dev.errors import SetupError
from dev.postgres import PostgresServer
from dev.postgres_binaries import PostgresBinaries
from dev.postmaster import Postmaster

PROJECT = Path(__file__).resolve().parents[3]
# Starts a server as a supervisor would, says its process id, and waits to be killed.
SUPERVISOR = """
import sys
from pathlib import Path
from dev.postgres import PostgresServer
from dev.postgres_binaries import PostgresBinaries
home, programs = map(Path, sys.argv[1:])
server = PostgresServer(
    home, password="secret", binaries=PostgresBinaries.at(programs), log=home / "log", durable=False
)
with server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""


def make_server(home: Path, binaries: PostgresBinaries) -> PostgresServer:
    return PostgresServer(home, password="secret", binaries=binaries, log=home / "log", durable=False)


def test_server_keeps_its_data_and_leaves_no_process(postgres_home: Path, postgres_binaries: PostgresBinaries) -> None:
    with make_server(postgres_home, postgres_binaries) as server:
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
        with psycopg.connect(server.url()) as connection:
            connection.execute("create table kept as select 42 as answer")
    assert not [process for process in family if process.is_running()]

    with (
        make_server(postgres_home, postgres_binaries) as server,
        psycopg.connect(server.url()) as connection,
    ):
        assert connection.execute("select answer from kept").fetchone() == (42,)


def test_server_is_reached_by_its_password_and_over_its_socket_only(
    postgres_home: Path, postgres_binaries: PostgresBinaries
) -> None:
    with make_server(postgres_home, postgres_binaries) as server:
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("show listen_addresses").fetchone() == ("",)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url().replace("secret", "wrong"))
    assert (postgres_home / "socket").stat().st_mode & 0o777 == 0o700


def test_server_ends_with_a_killed_supervisor_and_its_data_is_taken_over(
    postgres_home: Path, postgres_binaries: PostgresBinaries
) -> None:
    with supervisor(postgres_home, postgres_binaries) as (process, postmaster):
        process.kill()
        process.wait()
        postmaster.wait(timeout=30)

    with make_server(postgres_home, postgres_binaries) as server:
        assert server.is_running


def test_server_of_a_killed_run_that_still_runs_is_stopped_first(
    postgres_home: Path, postgres_binaries: PostgresBinaries
) -> None:
    with supervisor(postgres_home, postgres_binaries) as (_, postmaster):
        with make_server(postgres_home, postgres_binaries) as server:
            assert server.pid != postmaster.pid
        # Ended, and kept in the process table by the other supervisor alone.
        assert postmaster.status() == psutil.STATUS_ZOMBIE


def test_lock_file_of_a_number_that_is_another_program_now_is_no_obstacle(
    postgres_home: Path, postgres_binaries: PostgresBinaries
) -> None:
    with make_server(postgres_home, postgres_binaries):
        lines = (postgres_home / "data" / "postmaster.pid").read_text().splitlines()
    lock_file = postgres_home / "data" / "postmaster.pid"
    lock_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))

    with make_server(postgres_home, postgres_binaries) as server:
        found = Postmaster.of(postgres_home / "data")
        assert found is not None
        assert found.pid == server.pid


def test_first_start_that_was_cut_off_begins_anew(postgres_home: Path, postgres_binaries: PostgresBinaries) -> None:
    (postgres_home / "data.new").mkdir()
    (postgres_home / "data.new" / "PG_VERSION").write_text("half")
    with make_server(postgres_home, postgres_binaries) as server:
        assert server.is_running


def test_data_with_another_password_is_refused_in_one_line(
    postgres_home: Path, postgres_binaries: PostgresBinaries
) -> None:
    with make_server(postgres_home, postgres_binaries):
        pass
    other = PostgresServer(
        postgres_home, password="other", binaries=postgres_binaries, log=postgres_home / "log", durable=False
    )
    with pytest.raises(SetupError, match="another password"), other:
        pass


def test_data_of_another_major_version_is_refused_in_one_line(
    postgres_home: Path, postgres_binaries: PostgresBinaries
) -> None:
    (postgres_home / "data").mkdir()
    (postgres_home / "data" / "PG_VERSION").write_text("9\n")
    with (
        pytest.raises(SetupError, match="is of PostgreSQL 9"),
        make_server(postgres_home, postgres_binaries),
    ):
        pass


def test_server_that_cannot_start_shows_the_end_of_its_log(
    postgres_home: Path, postgres_binaries: PostgresBinaries
) -> None:
    with make_server(postgres_home, postgres_binaries):
        pass
    with (postgres_home / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("\nno_such_setting = 1\n")
    with (
        pytest.raises(SetupError, match="no_such_setting"),
        make_server(postgres_home, postgres_binaries),
    ):
        pass


def test_socket_moves_where_its_path_is_short_enough(postgres_home: Path, postgres_binaries: PostgresBinaries) -> None:
    home = postgres_home / ("long" * 30)
    with make_server(home, postgres_binaries) as server:
        found = Postmaster.of(home / "data")
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    assert found is not None
    assert not found.socket_folder.exists()


class supervisor:  # noqa: N801 # reads as a verb in `with`
    """Another process that runs the server; gives its Popen and the postmaster."""

    def __init__(self, home: Path, binaries: PostgresBinaries) -> None:
        self._arguments = [str(home), str(binaries.folder)]

    def __enter__(self) -> tuple[subprocess.Popen[str], psutil.Process]:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        assert self._process.stdout is not None
        return self._process, psutil.Process(int(self._process.stdout.readline()))

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
