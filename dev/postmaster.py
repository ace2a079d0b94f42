"""What `postmaster.pid` tells about the server of a data folder, and the end of a forgotten one."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from dev.postgres_binaries import PostgresBinaries, run_as, server_environment

# Lines of the file, counted from 0 (PostgreSQL's miscadmin.h, LOCK_FILE_LINE_*).
PID_LINE: Final = 0
SOCKET_FOLDER_LINE: Final = 4
STATUS_LINE: Final = 7


@dataclass(frozen=True)
class Postmaster:
    """The server that wrote the file; it may be starting, ready, stopping, or long gone."""

    data: Path
    pid: int
    socket_folder: Path
    is_ready: bool

    @classmethod
    def of(cls, data: Path) -> "Postmaster | None":
        """Read the file, or return None when there is none."""
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        if not lines:  # being written
            return None
        return cls(
            data,
            int(lines[PID_LINE]),
            Path(lines[SOCKET_FOLDER_LINE]) if len(lines) > SOCKET_FOLDER_LINE else Path(),
            len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready",
        )

    @property
    def is_alive(self) -> bool:
        """Whether that process is there and is this folder's server, not a later namesake."""
        try:
            return str(self.data) in psutil.Process(self.pid).cmdline()
        except psutil.Error:
            return False


def stop_leftover(data: Path, binaries: PostgresBinaries) -> None:
    """Stop the server that an earlier, killed run left on this data, if there is one."""
    leftover = Postmaster.of(data)
    if leftover is None:
        return
    if not leftover.is_alive:
        # After a reboot its number may be another program's; the server would refuse to start. Else the file
        # has to stay: by it the server makes sure that no process of the old one is still at the data.
        if psutil.pid_exists(leftover.pid):
            (data / "postmaster.pid").unlink(missing_ok=True)
        return
    subprocess.run(
        [binaries.program("pg_ctl"), "stop", "-D", data, "-m", "fast", "-w", "-t", "30"],
        check=False,  # it may have ended by itself in between; the start that follows will tell
        capture_output=True,
        cwd=data,
        env=server_environment(),
        **run_as(),
    )
