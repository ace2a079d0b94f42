"""Keeps the processes running: starts them together, restarts what dies, stops them together."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from dev.errors import SetupError
from dev.processes import ChildProcess, ending

MAX_DEATHS_IN_A_ROW: Final = 5
# A process that lived this long had started well: the count begins anew.
STABLE_SECONDS: Final = 60.0
FIRST_DELAY_SECONDS: Final = 0.5


class Supervisor:
    """The processes of one run.

    Args:
        children: What to run.
        say: Called with a line when one of them ended or is back.
        keep_database: Keeps the database under them running, and raises SetupError when it cannot.
    """

    def __init__(
        self,
        children: list[ChildProcess],
        *,
        say: Callable[[str], None],
        keep_database: Callable[[], Awaitable[object]],
    ) -> None:
        self._children = children
        self._say = say
        self._keep_database = keep_database

    async def run(self, *, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Run until `stop` is set; leave no process.

        Args:
            stop: Set it to end the run.
            on_ready: Called once, when every process is ready.

        Raises:
            SetupError: a process could not start, or kept dying, or the database cannot be kept running.
        """
        try:
            await _first_of(self._start(), stop.wait())
            if not stop.is_set():
                on_ready()
                keepers = [self._keep(child) for child in self._children]
                await _first_of(*keepers, self._keep_database(), stop.wait())
        finally:
            await asyncio.gather(*(child.stop() for child in self._children))

    async def _start(self) -> None:
        for child in self._children:
            await child.start()
        await asyncio.gather(*(child.wait_until_ready() for child in self._children))

    async def _keep(self, child: ChildProcess) -> None:
        name = child.program.name
        deaths = 0
        while True:
            started = asyncio.get_running_loop().time()
            code = await child.wait()
            how = ending(code)
            lived = asyncio.get_running_loop().time() - started
            # Killed from outside says nothing against it: only its own ends are counted.
            deaths = deaths + 1 if code >= 0 and lived < STABLE_SECONDS else 1
            if deaths > MAX_DEATHS_IN_A_ROW:
                raise SetupError(f"the {name} keeps dying (the last time: {how}); run stopped")
            delay = FIRST_DELAY_SECONDS * 2 ** (deaths - 1)
            self._say(f"the {name} ended unexpectedly ({how}); starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            await self._start_again(child)

    async def _start_again(self, child: ChildProcess) -> None:
        await child.stop()
        await child.start()
        try:
            await child.wait_until_ready()
        except SetupError as error:
            self._say(str(error))
            await child.stop()
            return
        self._say(f"the {child.program.name} is ready again")


async def _first_of(*ways: Awaitable[object]) -> None:
    """Wait for the first to complete, cancel the others, and raise what that one raised."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
