"""One child process: started with only the environment it needs, followed, stopped with its kin.

When to start it again is the supervisor's to say.
"""

import asyncio
import http.client
import json
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

from dev.errors import SetupError
from dev.lifeline import tied

GRACE_SECONDS: Final = 10.0
READY_SECONDS: Final = 60.0
LAST_WORDS_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.05
HTTP_SECONDS: Final = 2.0
LINE_BYTES: Final = 1 << 24
# Known to whoever reads the prefixed line, or repeated on every line.
HIDDEN_FIELDS: Final = frozenset({"event", "level", "timestamp", "logger"})

Show = Callable[[str, str], None]


@dataclass(frozen=True)
class Program:
    """What to start, and how to tell that it is ready: by a log event or by a URL's 200."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready_event: str = ""
    ready_url: str = ""


class ChildProcess:
    """A program that runs; may be started again after it ended.

    Args:
        program: What to start.
        log: The file that gets its raw output, appended to.
        show: Called with the program's name and one readable line of its output.
    """

    def __init__(self, program: Program, *, log: Path, show: Show) -> None:
        self.program = program
        self._log = log
        self._show = show
        self._process: asyncio.subprocess.Process | None = None
        self._following: asyncio.Task[None] | None = None
        self._said_ready = asyncio.Event()
        self._last_line = ""

    async def start(self) -> None:
        """Start the program.

        Raises:
            SetupError: there is no such program.
        """
        self._said_ready.clear()
        self._last_line = ""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=LINE_BYTES,
                env={**self.program.environment, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops in order
                preexec_fn=tied(signal.SIGKILL),
            )
        except OSError as error:
            raise SetupError(f"cannot start the {self.program.name}: {error}") from error
        self._following = asyncio.create_task(self._follow(_output(self._process)))

    async def wait_until_ready(self) -> None:
        """Wait until the program says or shows that it is ready.

        Raises:
            SetupError: it ended first, or was not ready after READY_SECONDS.
        """
        process = self._running()
        ended = asyncio.create_task(process.wait())
        ready = asyncio.create_task(self._ready())
        try:
            done, _ = await asyncio.wait({ended, ready}, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            ready.cancel()
        if ready in done:
            return
        if process.returncode is None:
            raise SetupError(f"the {self.program.name} was not ready after {READY_SECONDS:.0f} s; its log: {self._log}")
        await self._last_words()
        raise SetupError(
            f"the {self.program.name} ended while starting ({ending(process.returncode)}): "
            f"{self._last_line or 'it said nothing'}"
        )

    async def wait(self) -> int:
        """Wait until the program ends; return its exit code, negative for a signal."""
        return await self._running().wait()

    async def stop(self) -> None:
        """Ask the program to end, end it and what it started after GRACE_SECONDS; repeatable."""
        if self._following is None:
            return
        process = self._running()
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE_SECONDS)
        if process.returncode is None:
            self._show(self.program.name, f"did not stop within {GRACE_SECONDS:.0f} s; killed")
            _kill_group(process.pid)
            await process.wait()
        await self._last_words()
        # Whatever it started itself and left behind (a browser's helper, say).
        _kill_group(process.pid)
        self._following = None

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self.program.name} was not started")
        return self._process

    async def _ready(self) -> None:
        if self.program.ready_url:
            while not await asyncio.to_thread(_answers_ok, self.program.ready_url):  # noqa: ASYNC110 # see below
                await asyncio.sleep(POLL_SECONDS)  # another process's state: nothing to wait on
        else:
            await self._said_ready.wait()

    async def _follow(self, output: asyncio.StreamReader) -> None:
        with self._log.open("ab", buffering=0) as log:
            while raw := await output.readline():
                log.write(raw)
                line, event = _readable(raw.decode(errors="replace").rstrip())
                self._last_line = line or self._last_line
                self._show(self.program.name, line)
                if event and event == self.program.ready_event:
                    self._said_ready.set()

    async def _last_words(self) -> None:
        """Let the rest of the output come through; a grandchild may hold the pipe open."""
        if self._following is not None:
            await asyncio.wait({self._following}, timeout=LAST_WORDS_SECONDS)
            self._following.cancel()


def ending(code: int) -> str:
    """Say how a process ended, from its exit code."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _output(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise RuntimeError("started without a pipe")
    return process.stdout


def _readable(line: str) -> tuple[str, str]:
    """Return a log line for a person, and its event when it is a JSON one."""
    try:
        parsed: object = json.loads(line)
    except ValueError:
        return line, ""
    if not isinstance(parsed, dict):
        return line, ""
    fields = cast("dict[str, object]", parsed)
    event = str(fields.get("event", ""))
    details = [f"{name}={value}" for name, value in fields.items() if name not in HIDDEN_FIELDS]
    return " ".join([str(fields.get("level", "info")).ljust(7), event, *details]), event


def _answers_ok(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=HTTP_SECONDS)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
