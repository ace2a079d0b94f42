"""Finds the browser that prints, or installs one.

CHROMIUM_PATH wins; else an installed headless shell; else Playwright's own build; else Debian's
package. `python -m dev.browser` prints the path. Headless shell, not full Chromium: it starts in
0.2 s and its pages are several times cheaper.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from dev.errors import SetupError

NAMES: Final = ("chromium-headless-shell", "chrome-headless-shell")
# Inside the folder of a Playwright build; which of the two depends on its version.
BUILD_NAMES: Final = frozenset({"headless_shell", "chrome-headless-shell"})
DEBIAN_PACKAGE: Final = "chromium-headless-shell"
ANSWER_SECONDS: Final = 20.0
DOWNLOAD_SECONDS: Final = 300.0
APT_SECONDS: Final = 600.0
# Behind a closed network the download must fail soon; Playwright's default is 30 s a try.
CONNECT_MILLISECONDS: Final = "5000"


def find_or_install(environment: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """Return the path of a browser that starts.

    Args:
        environment: Where CHROMIUM_PATH and PATH are read.
        say: Called with a line before a step that takes long.

    Raises:
        SetupError: CHROMIUM_PATH names no browser, or there is none and none can be installed.
    """
    if chosen := environment.get("CHROMIUM_PATH"):
        return _chosen(Path(chosen), environment)
    found = _installed(environment) or _playwright_build(environment)
    if found is None and _install_playwright_build(environment, say):
        found = _playwright_build(environment)
    if found is None and _install_debian_package(environment, say):
        found = _installed(environment)
    if found is None:
        raise SetupError(
            "no headless Chromium found and none could be installed: install "
            "chromium-headless-shell (Debian: sudo apt-get install chromium-headless-shell), "
            "or set CHROMIUM_PATH to one"
        )
    return found


def _chosen(path: Path, environment: Mapping[str, str]) -> Path:
    if not _starts(path, environment):
        raise SetupError(f"CHROMIUM_PATH: no browser that starts: {path}")
    return path


def _installed(environment: Mapping[str, str]) -> Path | None:
    for name in NAMES:
        path = shutil.which(name, path=environment.get("PATH", os.defpath))
        if path and _starts(Path(path), environment):
            return Path(path)
    return None


def _starts(path: Path, environment: Mapping[str, str]) -> bool:
    """Tell whether it is a Chromium that runs at all: a downloaded build may lack the system's libraries."""
    answer = _run([str(path), "--version"], environment, ANSWER_SECONDS)
    return answer is not None and re.search(r"Chrom\D*\d+\.\d+", answer) is not None


def _playwright_build(environment: Mapping[str, str]) -> Path | None:
    plan = _playwright(environment, "install", "--dry-run", "--only-shell", "chromium") or ""
    for folder in re.findall(r"Install location:\s*(.+)", plan):
        for path in sorted(Path(folder.strip()).glob("*/*")):
            if path.name in BUILD_NAMES and _starts(path, environment):
                return path
    return None


def _install_playwright_build(environment: Mapping[str, str], say: Callable[[str], None]) -> bool:
    say("downloading a headless Chromium (Playwright's build, about 100 MB)")
    quick = {**environment, "PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": CONNECT_MILLISECONDS}
    return _playwright(quick, "install", "--only-shell", "chromium") is not None


def _playwright(environment: Mapping[str, str], *arguments: str) -> str | None:
    return _run([sys.executable, "-m", "playwright", *arguments], environment, DOWNLOAD_SECONDS)


def _install_debian_package(environment: Mapping[str, str], say: Callable[[str], None]) -> bool:
    apt_get = shutil.which("apt-get", path=environment.get("PATH", os.defpath))
    if apt_get is None or os.geteuid() != 0:
        return False
    say(f"installing {DEBIAN_PACKAGE} with apt-get")
    quiet = {**environment, "DEBIAN_FRONTEND": "noninteractive"}
    # Old lists may still do: a mirror that is down for the one need not be for the other.
    _run([apt_get, "update", "-q"], quiet, APT_SECONDS)
    install = [apt_get, "install", "-q", "-y", "--no-install-recommends", DEBIAN_PACKAGE]
    return _run(install, quiet, APT_SECONDS) is not None


def _run(command: list[str], environment: Mapping[str, str], seconds: float) -> str | None:
    """Return what the command printed, or None when it failed."""
    try:
        return subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=seconds,
            env=dict(environment),
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def main() -> int:
    """Print the browser's path, after installing it where needed."""
    try:
        print(find_or_install(os.environ, lambda line: print(line, file=sys.stderr)))
    except SetupError as error:
        print(f"browser: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
