"""An API process for the subscribers of a run."""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from dev.errors import SetupError
from dev.tokens import DemoUser, issue_token

SECRET = "a secret for as long as this run lasts"  # noqa: S105 # it listens on loopback
START_SECONDS = 30.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.05


@dataclass
class Api:
    """Runs while it is entered."""

    database_url: str
    storage: Path
    log: Path

    def __enter__(self) -> Self:
        """Start it and wait until it is ready.

        Raises:
            SetupError: it does not start.
        """
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "DATABASE_URL": self.database_url,
            "STORAGE_DIR": str(self.storage),
            "STORAGE_SIGNING_KEY": SECRET,
            "SUPABASE_JWT_SECRET": SECRET,
            "PORT": str(self.port),
            "LOG_FORMAT": "json",
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "resumepair_graphql.app"], env=environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                raise SetupError(f"the API does not start; its log: {self.log}")
            time.sleep(POLL_SECONDS)
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def token(self, user: UUID) -> str:
        """A token of this user."""
        return issue_token(DemoUser("somebody", user), secret=SECRET)

    def _is_ready(self) -> bool:
        with suppress(OSError, HTTPException), closing(HTTPConnection(self.address, timeout=1)) as connection:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == HTTPStatus.OK
        return False
