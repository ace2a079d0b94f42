"""Worker processes that are killed, stopped and started again."""

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

STOP_SECONDS = 15
BROWSER = "headless"


@dataclass
class Fleet:
    """`size` workers on one database and one folder; entering starts them, leaving stops them."""

    database_url: str
    storage: Path
    chromium: Path
    log: Path
    size: int
    retry_base: float = 1
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    def __enter__(self) -> Self:
        self.keep_up()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)
            worker.terminate()
        for worker in self.workers:
            try:
                worker.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def keep_up(self) -> None:
        """Start a worker for each that has ended, as a supervisor does."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < self.size:
            self.workers.append(self._start())

    def any(self) -> subprocess.Popen[bytes]:
        """One of those that run."""
        return random.choice(self.workers)  # noqa: S311 # not for secrets

    def kill(self) -> None:
        """Kill -9 the one that has run for longest: it is surely at work, others may be starting."""
        worker = self.workers[0]
        worker.kill()
        worker.wait()

    def terminate(self) -> None:
        """SIGTERM to one of them; it ends by itself."""
        worker = self.any()
        worker.terminate()
        worker.wait(STOP_SECONDS)

    def kill_a_browser(self) -> None:
        """Kill -9 a Chromium, if one is running."""
        for browser in self.browsers()[:1]:
            browser.kill()

    def browsers(self) -> list[psutil.Process]:
        """The main processes of the Chromiums that run, in any order."""
        found: list[psutil.Process] = []
        for worker in random.sample(self.workers, len(self.workers)):
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(worker.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        if BROWSER in child.name() and "--type=" not in " ".join(child.cmdline()):
                            found.append(child)
        return found

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "DATABASE_URL": self.database_url,
            "STORAGE_DIR": str(self.storage),
            "CHROMIUM_PATH": str(self.chromium),
            "RETRY_BASE_SECONDS": str(self.retry_base),
            "LOG_FORMAT": "json",
        }
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "resumepair_worker.app"], env=environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
