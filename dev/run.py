"""The whole product on this machine: `make run`.

Sets up what is missing, starts the worker and the API, shows what they say, stops them. Whatever
cannot be set up ends the run with one line.
"""

import asyncio
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from rich.console import Console
from rich.text import Text

from dev.browser import find_or_install
from dev.environment import (
    JWT_AUDIENCE,
    JWT_ISSUER,
    Address,
    address,
    api_environment,
    read_environment,
    worker_environment,
)
from dev.errors import SetupError
from dev.lifeline import tie_to_parent
from dev.local_database import LocalDatabase, local_database, prepare_database
from dev.processes import ChildProcess, Program
from dev.seed import first_document, seed
from dev.state import Secrets, State
from dev.supervisor import Supervisor
from dev.tokens import DEMO_USERS, issue_token
from dev.welcome import welcome

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COLOURS: Final = {"worker": "cyan", "API": "magenta"}
WATCH_SECONDS: Final = 0.5
# Before the first line of a process: the longest of their names.
NAME_WIDTH: Final = 6


@dataclass(frozen=True)
class Stack:
    """What one run is made of."""

    environment: Mapping[str, str]
    state: State
    secrets: Secrets
    address: Address
    chromium: Path
    database: LocalDatabase
    scripts: Path

    def programs(self) -> list[Program]:
        """Return the two processes, each with its own environment."""
        return [
            Program(
                "worker",
                (str(self.scripts / "resumepair-worker"),),
                worker_environment(
                    self.environment,
                    admin_url=self.database.admin_url,
                    secrets=self.secrets,
                    storage=self.state.storage,
                    chromium=self.chromium,
                ),
                ready_event="worker_ready",
            ),
            Program(
                "API",
                (str(self.scripts / "resumepair-graphql"),),
                api_environment(
                    self.environment,
                    admin_url=self.database.admin_url,
                    secrets=self.secrets,
                    storage=self.state.storage,
                    address=self.address,
                ),
                ready_url=f"{self.address.url}/health/ready",
            ),
        ]


class Screen:
    """Plain lines for a person: set-up steps with their time, and what the processes say."""

    def __init__(self) -> None:
        # Never wrapped: a command that is broken into lines cannot be pasted.
        self._console = Console(highlight=False, soft_wrap=True)

    def say(self, line: str, style: str = "") -> None:
        """Print one line or text."""
        self._console.print(Text(line, style))

    def show(self, name: str, line: str) -> None:
        """Print a line of a process behind its name."""
        text = Text.assemble((f"{name:{NAME_WIDTH}} | ", COLOURS.get(name, "")), line)
        self._console.print(text)

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Print a set-up step when it is done, with the seconds it took."""
        started = time.monotonic()
        yield
        self.say(f"  {name} ({time.monotonic() - started:.1f} s)")


def run(environment: Mapping[str, str], scripts: Path, screen: Screen) -> None:
    """Set up, run until told to stop, leave no process.

    Args:
        environment: The variables of the local stack.
        scripts: The folder of the two console scripts.
        screen: Where to tell of it.

    Raises:
        SetupError: something cannot be set up, or a process keeps dying.
        KeyboardInterrupt: told to stop while setting up.
    """
    place = address(environment)
    state = State.of(environment)
    state.create()
    with state.locked(f"process {os.getpid()}, {place.url}"):
        check_free(place)
        screen.say("Setting up the local stack")
        chromium = find_or_install(environment, lambda line: screen.say(f"  {line} …"))
        screen.say(f"  browser: {chromium}")
        secrets = state.secrets()
        with _database(environment, state, secrets, screen) as database:
            stack = Stack(environment, state, secrets, place, chromium, database, scripts)
            asyncio.run(serve(stack, screen, on_ready=lambda: screen.say(_welcome(stack))))
            # From here on everything ends by itself, and soon.
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
    screen.say("stopped; no process left")


async def serve(stack: Stack, screen: Screen, *, on_ready: Callable[[], None]) -> None:
    """Run the two processes until SIGINT, SIGTERM or SIGHUP.

    Raises:
        SetupError: one of them, or the database under them, cannot start or keeps dying.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    children: list[ChildProcess] = []
    for program in stack.programs():
        log = stack.state.logs / f"{program.name.lower()}.log"
        log.write_bytes(b"")
        children.append(ChildProcess(program, log=log, show=screen.show))

    async def keep_database() -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if not stack.database.is_running():
                screen.say("PostgreSQL ended unexpectedly; starting it again")
                stack.database.restart()  # on this thread, with which the server is to end
                screen.say("PostgreSQL is ready again")

    supervisor = Supervisor(children, say=screen.say, keep_database=keep_database)
    await supervisor.run(stop=stop, on_ready=on_ready)


def check_free(place: Address) -> None:
    """Make sure that the API will be able to listen.

    Raises:
        SetupError: the port is taken or not allowed, or the host is no address of ours.
    """
    try:
        family, _, _, _, target = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except OSError as error:
        another = f"choose another: make run PORT={place.port + 1}"
        if error.errno == errno.EADDRINUSE:
            reason = f"port {place.port} on {place.host} is taken: stop what uses it, or {another}"
        elif error.errno == errno.EACCES:
            reason = f"port {place.port} is reserved: choose one above 1023: make run PORT=8000"
        else:
            reason = f"HOST: cannot listen on {place.host}: {error.strerror}"
        raise SetupError(reason) from error


@contextmanager
def _database(
    environment: Mapping[str, str], state: State, secrets: Secrets, screen: Screen
) -> Generator[LocalDatabase]:
    started = time.monotonic()
    with local_database(environment, state, secrets) as database:
        screen.say(f"  database: {database.name} ({time.monotonic() - started:.1f} s)")
        with screen.step("schema up to date"):
            left = prepare_database(database.admin_url, secrets, environment.get("STORAGE_BUCKET", ""))
        for line in left:
            screen.say(f"  {line}", "yellow")
        try:
            if added := seed(database.admin_url):
                screen.say(f"  {added} sample documents for alice and bob")
        except psycopg.Error as error:
            raise SetupError(f"the sample documents cannot be stored: {error}") from error
        yield database


def _welcome(stack: Stack) -> str:
    token = issue_token(
        DEMO_USERS["alice"],
        secret=stack.environment.get("SUPABASE_JWT_SECRET", stack.secrets.jwt_secret),
        audience=stack.environment.get("JWT_AUDIENCE", JWT_AUDIENCE),
        issuer=stack.environment.get("JWT_ISSUER", JWT_ISSUER),
    )
    document = first_document(stack.database.admin_url, "alice")
    return welcome(url=stack.address.url, token=token, document=document)


def main() -> int:
    """Run the local stack; return 0 when it was told to stop, 1 when it could not go on."""
    if "MAKELEVEL" in os.environ:
        tie_to_parent(signal.SIGTERM)  # `make` was killed: nobody is left to press Ctrl-C
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    try:
        run(read_environment(os.environ), Path(sys.executable).parent, Screen())
    except SetupError as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped while setting up")
    return 0


if __name__ == "__main__":
    sys.exit(main())
