"""Where the local stack keeps what must survive a restart: secrets, files, logs, the lock.

Everything lies in one folder (`.local`, or LOCAL_STATE_DIR), except PostgreSQL's data when run as
root: see `State.postgres_home`.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final, cast

from dev.errors import SetupError

PROJECT: Final = Path(__file__).resolve().parent.parent
# PostgreSQL refuses to run as root, and the user it runs as instead may not be able to enter the
# checkout (/root has mode 0700). So as root its files lie where every user can go.
ROOT_HOME: Final = Path("/var/lib/resumepair-export")


@dataclass(frozen=True)
class Secrets:
    """Generated once for each state folder; known to no other stack."""

    postgres_password: str
    api_password: str
    worker_password: str
    jwt_secret: str
    storage_signing_key: str


@dataclass(frozen=True)
class State:
    """The folder of one local stack."""

    folder: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "State":
        """Return the state that LOCAL_STATE_DIR names, else the checkout's own `.local`."""
        chosen = environment.get("LOCAL_STATE_DIR", "")
        return cls((Path(chosen) if chosen else PROJECT / ".local").absolute())

    @property
    def storage(self) -> Path:
        """The folder of the exported files."""
        return self.folder / "storage"

    @property
    def logs(self) -> Path:
        """The folder of the raw logs, one file for each process, begun anew by each run."""
        return self.folder / "logs"

    @property
    def postgres_home(self) -> Path:
        """The folder of the embedded PostgreSQL: data and socket."""
        if os.geteuid() != 0:
            return self.folder / "postgres"
        name = hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:12]
        return ROOT_HOME / name

    def create(self) -> None:
        """Make the folders; repeatable."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.storage, self.logs):
                folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise SetupError(f"cannot create the state folder {self.folder}: {error}") from error

    def secrets(self) -> Secrets:
        """Return this stack's secrets, generated at the first call."""
        known = self._read_secrets()
        # One by one, so that a secret which a newer version adds does not change the others.
        complete = Secrets(
            **{field.name: known.get(field.name) or secrets.token_urlsafe(32) for field in fields(Secrets)}
        )
        if asdict(complete) != known:
            self._write_secrets(complete)
        return complete

    def existing_secrets(self) -> Secrets | None:
        """Return the secrets when a stack was set up here before, else None."""
        return self.secrets() if self._secrets_file.exists() else None

    @property
    def _secrets_file(self) -> Path:
        return self.folder / "secrets.json"

    @property
    def _lock_file(self) -> Path:
        return self.folder / "run.lock"

    def _read_secrets(self) -> dict[str, str]:
        try:
            return cast("dict[str, str]", json.loads(self._secrets_file.read_text()))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise SetupError(f"cannot read {self._secrets_file}: {error}; `make clean` begins anew") from error

    def _write_secrets(self, complete: Secrets) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self._secrets_file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(complete), file, indent=2)
        fresh.replace(self._secrets_file)

    @contextmanager
    def locked(self, note: str) -> Generator[None]:
        """Hold this stack's lock; `note` tells the next one who holds it.

        Raises:
            SetupError: another process holds it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # The kernel drops the lock with the process, so a killed run leaves no stale one.
        with self._lock_file.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.seek(0)
                holder = file.read().strip() or "another process"
                raise SetupError(f"this checkout's stack is already in use ({holder}): stop that one first") from error
            file.truncate(0)
            file.write(note)
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    def clean(self) -> None:
        """Delete everything this stack has kept.

        Raises:
            SetupError: it is running.
        """
        if self.folder.exists():
            with self.locked("make clean"):
                # By name: the folder may be one that holds other things too.
                for folder in (self.postgres_home, self.storage, self.logs):
                    shutil.rmtree(folder, ignore_errors=True)
                for file in (self._secrets_file, self._lock_file):
                    file.unlink(missing_ok=True)


def main() -> int:
    """Delete the state (`make clean`)."""
    state = State.of(dict(os.environ))
    try:
        state.clean()
    except SetupError as error:
        print(f"make clean: {error}", file=sys.stderr)
        return 1
    print(f"removed what the local stack kept in {state.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
