"""A PostgreSQL server of our own: made, started, found again after a crash, stopped.

It listens on a Unix socket only. Logging in takes a password (SCRAM) although the socket's folder
is private: as root the server runs as `nobody`, a user that other services share.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from dev.errors import SetupError
from dev.lifeline import tied
from dev.postgres_binaries import PostgresBinaries, run_as, server_environment
from dev.postmaster import Postmaster, stop_leftover

DATABASE: Final = "resumepair"
ADMIN: Final = "postgres"
MIN_MAJOR: Final = 15
BUILTIN_LOCALE_SINCE: Final = 17
# sun_path holds 107 bytes; the server adds "/.s.PGSQL.5432" and a lock file's ".lock".
MAX_SOCKET_FOLDER: Final = 107 - len("/.s.PGSQL.5432.lock")
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.02
RESTARTS: Final = 10
RESTART_SECONDS: Final = 0.5
LOG_LINES_SHOWN: Final = 3
SETTINGS: Final = {
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
}
# A throwaway server may lose everything in a power cut.
THROWAWAY_SETTINGS: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


class PostgresServer:
    """One server; entering starts it, leaving stops it, its data stays in `home`.

    Args:
        home: Folder for the data and the socket; the server's user must be able to reach it.
        password: The superuser's password, kept from the first start on.
        binaries: The installation to run.
        log: The file that gets the server's log.
        durable: Survive a power cut; tests do without.
    """

    def __init__(
        self,
        home: Path,
        *,
        password: str,
        binaries: PostgresBinaries,
        log: Path,
        durable: bool = True,
    ) -> None:
        self._home = home
        self._password = password
        self._binaries = binaries
        self._log = log
        self._durable = durable
        self._socket_folder = home / "socket"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the server and wait until it takes connections.

        Raises:
            SetupError: it cannot start; the text holds the end of its log.
        """
        try:
            self._create()
            stop_leftover(self._data, self._binaries)
            self._start()
            self._create_database()
        except OSError as error:
            self.stop()
            raise SetupError(f"PostgreSQL cannot be set up in {self._home}: {error}") from error
        except psycopg.OperationalError as error:
            self.stop()
            raise SetupError(
                f"the data in {self._home} has another password than this folder knows, "
                "as after a clone into the place of an old one: `make clean` begins anew"
            ) from error
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The postmaster's process id; 0 when it was never started."""
        return self._process.pid if self._process else 0

    def url(self, database: str = DATABASE) -> str:
        """Return the superuser's connection URL."""
        return socket_url(self._socket_folder, self._password, database)

    def restart(self) -> None:
        """Start the server again after it ended by itself, on the same data and socket.

        Call it on a thread that lives as long as the server shall: the server ends with it.

        Raises:
            SetupError: it does not start.
        """
        for remaining in reversed(range(RESTARTS)):
            try:
                self._start()
            except SetupError:
                if not remaining:
                    raise
                time.sleep(RESTART_SECONDS)  # the old server's processes may still be ending
            else:
                return

    def stop(self) -> None:
        """Stop the server (fast: open transactions are rolled back); repeatable."""
        process, self._process = self._process, None
        if process is not None:
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                with suppress(subprocess.TimeoutExpired):
                    process.send_signal(number)
                    process.wait(STOP_SECONDS)
                    break
        if self._socket_folder.parent != self._home:
            shutil.rmtree(self._socket_folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _create(self) -> None:
        if self._binaries.major < MIN_MAJOR:
            raise SetupError(
                f"PostgreSQL {self._binaries.major} in {self._binaries.folder} is too old: "
                f"{MIN_MAJOR} or newer is needed"
            )
        _private_folder(self._home)
        if self._data.exists():
            self._check_version()
        else:
            self._initialise()
        if len(os.fsencode(self._socket_folder)) > MAX_SOCKET_FOLDER:
            self._socket_folder = Path(tempfile.mkdtemp(prefix="resumepair-"))
        _private_folder(self._socket_folder)

    def _check_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text().strip()
        if made_by != str(self._binaries.major):
            raise SetupError(
                f"the data in {self._data} is of PostgreSQL {made_by}, the server is "
                f"{self._binaries.major}: `make clean` begins anew"
            )

    def _initialise(self) -> None:
        # Under another name first: after a crash half-way the next start begins from nothing.
        unfinished = self._home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self._home / "password"
        password_file.touch(mode=0o600)
        _give_to_server(password_file)
        password_file.write_text(self._password)
        # The same order and case rules on every machine, whatever its own locale.
        locale = (
            ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            if self._binaries.major >= BUILTIN_LOCALE_SINCE
            else ["--locale=C.UTF-8", "--lc-messages=C"]
        )
        try:
            answer = self._run(
                "initdb",
                *("--pgdata", str(unfinished), "--username", ADMIN, "--encoding", "UTF8"),
                *("--auth", "scram-sha-256", "--pwfile", str(password_file)),
                *([] if self._durable else ["--no-sync"]),
                *locale,
            )
        finally:
            password_file.unlink()
        if answer.returncode != 0:
            raise SetupError(f"PostgreSQL's initdb failed: {answer.stderr}")
        unfinished.rename(self._data)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._binaries.program(program), *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self._home,
            env=server_environment(),
            **run_as(),
        )

    def _start(self) -> None:
        settings = {
            **SETTINGS,
            **({} if self._durable else THROWAWAY_SETTINGS),
            "unix_socket_directories": str(self._socket_folder),
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self._binaries.program("postgres"),
                    *("-D", str(self._data)),
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._home,
                env=server_environment(),
                start_new_session=True,  # Ctrl-C is ours to pass on, last of all
                preexec_fn=tied(signal.SIGINT),  # noqa: PLW1509 # one system call, see lifeline
                **run_as(),
            )
        self._wait_until_ready(self._process)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        # The server's own sign, the one pg_ctl looks for; meanwhile its end is noticed at once.
        for _ in range(int(START_SECONDS / POLL_SECONDS)):
            postmaster = Postmaster.of(self._data)
            if postmaster and postmaster.is_ready and postmaster.pid == process.pid:
                return
            with suppress(subprocess.TimeoutExpired):
                process.wait(POLL_SECONDS)
                break
        lines = self._log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        raise SetupError(f"PostgreSQL did not start: {' '.join(lines)} (log: {self._log})")

    def _create_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))


def socket_url(folder: Path, password: str, database: str = DATABASE) -> str:
    """Return the superuser's URL of a server that listens in `folder`."""
    query = urlencode({"host": str(folder)})
    return f"postgresql://{ADMIN}:{quote(password, safe='')}@/{database}?{query}"


def _private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    _give_to_server(folder)


def _give_to_server(path: Path) -> None:
    # -1 leaves the owner as it is.
    user = run_as()
    os.chown(path, user.get("user", -1), user.get("group", -1))
