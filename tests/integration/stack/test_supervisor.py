"""The processes of a run: ready together, started again when they die, gone when it ends."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from dev import supervisor as supervision
from dev.errors import SetupError
from dev.processes import ChildProcess, Program
from dev.supervisor import Supervisor

READY = json.dumps({"event": "worker_ready", "level": "info"})
# Ready at once, then waits for SIGTERM.
GOOD = f"import signal; print('{READY}'); signal.pause()"
# Has a child of its own, and neither listens to SIGTERM.
STUBBORN = f"""
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    print('{READY}')
while True:
    signal.pause()
"""


class Run:
    """A supervisor over one Python program, and what it said."""

    def __init__(self, folder: Path, code: str) -> None:
        self.said: list[str] = []
        self._awaited: dict[str, asyncio.Event] = {}
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()
        program = Program("worker", (sys.executable, "-c", code), {}, ready_event="worker_ready")
        self.child = ChildProcess(program, log=folder / "log", show=self._show)
        self._supervisor = Supervisor([self.child], say=self._say, keep_database=asyncio.Event().wait)

    async def run(self) -> None:
        await self._supervisor.run(stop=self.stop, on_ready=self.ready.set)

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.child._running().pid)

    async def until_said(self, line: str) -> None:
        await self._awaited.setdefault(line, asyncio.Event()).wait()

    def forget(self, line: str) -> None:
        self._awaited.pop(line, None)

    def _show(self, name: str, line: str) -> None:
        self._say(f"{name}: {line}")

    def _say(self, line: str) -> None:
        self.said.append(line)
        self._awaited.setdefault(line, asyncio.Event()).set()


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], Run]:
    return lambda code: Run(tmp_path, code)


async def test_child_gets_its_own_environment_alone(run: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_JWT_SECRET", "not for the worker")
    show = f"import os; print(sorted(os.environ)); {GOOD}"
    started = run(show)
    task = asyncio.create_task(started.run())
    await started.ready.wait()
    started.stop.set()
    await task
    assert not [line for line in started.said if "JWT" in line]


async def test_dead_process_is_started_again(run: Callable[[str], Run]) -> None:
    started = run(GOOD)
    task = asyncio.create_task(started.run())
    await started.ready.wait()
    first = started.process
    first.kill()
    await started.until_said("the worker is ready again")
    assert started.process != first
    started.stop.set()
    await task
    expected = "the worker ended unexpectedly (killed by SIGKILL); starting it again in 0.5 s"
    assert expected in started.said


async def test_process_that_keeps_dying_ends_the_run(
    run: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "FIRST_DELAY_SECONDS", 0.001)
    with pytest.raises(SetupError, match=r"the worker keeps dying \(the last time: exit code 3\)"):
        await run(f"import sys; print('{READY}'); sys.exit(3)").run()


async def test_process_that_is_killed_again_and_again_is_always_started_again(
    run: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "FIRST_DELAY_SECONDS", 0.001)
    started = run(GOOD)
    task = asyncio.create_task(started.run())
    await started.ready.wait()
    for _ in range(supervision.MAX_DEATHS_IN_A_ROW + 2):
        started.forget("the worker is ready again")
        started.process.kill()
        await started.until_said("the worker is ready again")
    started.stop.set()
    await task


async def test_process_that_cannot_start_ends_the_run_with_its_own_words(
    run: Callable[[str], Run],
) -> None:
    with pytest.raises(SetupError, match=r"exit code 1\): DATABASE_URL: missing"):
        await run("import sys; sys.exit('DATABASE_URL: missing')").run()


async def test_missing_program_ends_the_run(tmp_path: Path) -> None:
    program = Program("worker", (str(tmp_path / "nothing"),), {})
    child = ChildProcess(program, log=tmp_path / "log", show=lambda *_: None)
    with pytest.raises(SetupError, match="cannot start the worker"):
        await child.start()


async def test_stubborn_process_is_killed_with_its_children(
    run: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dev.processes.GRACE_SECONDS", 0.1)
    started = run(STUBBORN)
    task = asyncio.create_task(started.run())
    await started.ready.wait()
    family = [started.process, *started.process.children(recursive=True)]
    assert len(family) == 2
    started.stop.set()
    await task
    _, alive = await asyncio.to_thread(psutil.wait_procs, family, timeout=10)
    assert not alive


async def test_stop_during_start_leaves_no_process(run: Callable[[str], Run]) -> None:
    started = run("import signal; print('starting'); signal.pause()")
    task = asyncio.create_task(started.run())
    await started.until_said("worker: starting")
    process = started.process
    started.stop.set()
    await task
    assert not process.is_running()
    assert not started.ready.is_set()
