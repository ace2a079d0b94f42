"""The wheel as a stranger gets it: built, installed into an empty environment, its programs run.

It catches what the checkout hides: a file left out of the wheel, a dependency that only the
development environment brings, a console script that does not start.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dev.browser import find_or_install
from dev.environment import Address
from dev.errors import SetupError
from dev.local_database import local_database, prepare_database
from dev.processes import ChildProcess
from dev.run import Screen, Stack
from dev.state import PROJECT, State
from dev.supervisor import Supervisor

EXTRAS: Final = "graphql,worker"
RESUME: Final = {"profile": {"fullName": "Ada Lovelace"}, "work": [], "education": [], "skills": ["Analysis"]}


def check(environment: Mapping[str, str], screen: Screen) -> None:
    """Build, install, start, stop.

    Raises:
        SetupError: one of these steps failed.
    """
    # Away from the checkout: nothing can be imported from it by accident.
    with tempfile.TemporaryDirectory(prefix="resumepair-wheel-") as name:
        folder = Path(name)
        with screen.step("wheel built"):
            wheel = _build(folder / "dist")
        with screen.step(f"{wheel.name} installed into an empty environment"):
            scripts = _install(wheel, folder)
        with screen.step("resumepair-render writes a PDF and a DOCX"):
            _render(environment, scripts, folder, screen)
        state = State(folder / "state")
        try:
            _start_and_stop(environment, state, scripts, screen)
        finally:
            state.clean()
    screen.say("the wheel works: the command rendered, both processes started and stopped")


def _build(target: Path) -> Path:
    _uv("build", "--wheel", "--out-dir", str(target), str(PROJECT))
    return next(target.glob("*.whl"))


def _install(wheel: Path, folder: Path) -> Path:
    # The locked versions: a release on PyPI must not turn yesterday's green red.
    constraints = folder / "constraints.txt"
    _uv(
        *("export", "--project", str(PROJECT), "--frozen", "--no-default-groups", "--no-hashes"),
        *("--extra", "graphql", "--extra", "worker", "--no-emit-project"),
        *("--output-file", str(constraints)),
    )
    venv = folder / "venv"
    _uv("venv", "--python", sys.executable, str(venv))
    _uv(
        *("pip", "install", "--python", str(venv / "bin" / "python")),
        *("--constraint", str(constraints), f"{wheel}[{EXTRAS}]"),
    )
    return venv / "bin"


def _uv(*arguments: str) -> None:
    uv = shutil.which("uv") or str(PROJECT / ".local" / "uv" / "bin" / "uv")
    answer = subprocess.run(
        [uv, "--quiet", "--no-progress", *arguments],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
    )
    if answer.returncode != 0:
        raise SetupError(f"uv {arguments[0]} failed: {answer.stderr}")


def _render(environment: Mapping[str, str], scripts: Path, folder: Path, screen: Screen) -> None:
    resume = folder / "resume.json"
    resume.write_text(json.dumps(RESUME), encoding="utf-8")
    chromium = str(find_or_install(environment, screen.say))
    for name in ("resume.pdf", "resume.docx"):
        answer = subprocess.run(
            [str(scripts / "resumepair-render"), str(resume), "-o", str(folder / name)],
            check=False,
            capture_output=True,
            text=True,
            env={**environment, "CHROMIUM_PATH": chromium},
        )
        if answer.returncode != 0 or not (folder / name).is_file():
            raise SetupError(f"resumepair-render failed: {answer.stderr}")


def _start_and_stop(environment: Mapping[str, str], state: State, scripts: Path, screen: Screen) -> None:
    chromium = find_or_install(environment, screen.say)
    state.create()
    secrets = state.secrets()
    machine = {name: value for name, value in environment.items() if name != "DATABASE_URL"}
    with local_database(machine, state, secrets) as database:
        prepare_database(database.admin_url, secrets, bucket="")
        address = Address("127.0.0.1", _free_port())
        stack = Stack(machine, state, secrets, address, chromium, database, scripts)
        asyncio.run(_until_ready(stack, screen))


async def _until_ready(stack: Stack, screen: Screen) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    children = [
        ChildProcess(program, log=stack.state.logs / f"{program.name}.log", show=screen.show)
        for program in stack.programs()
    ]
    supervisor = Supervisor(children, say=screen.say, keep_database=asyncio.Event().wait)
    await supervisor.run(stop=stop, on_ready=stop.set)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    """Check the wheel (`make wheel`)."""
    screen = Screen()
    screen.say("Checking the wheel")
    try:
        check(os.environ, screen)
    except SetupError as error:
        print(f"make wheel: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
