"""Where the browser is: named by CHROMIUM_PATH, on the PATH, or in Playwright's own folder."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium-headless-shell", "chrome-headless-shell")

_PLAYWRIGHT_FOLDERS: Final = (".cache/ms-playwright", "Library/Caches/ms-playwright")
_BUILDS: Final = ("chromium_headless_shell-*/*/headless_shell", "chromium_headless_shell-*/*/chrome-headless-shell")
_REVISION: Final = re.compile(r"chromium_headless_shell-(\d+)")


def find_chromium(environment: Mapping[str, str] | None = None) -> Path | None:
    """The path of a headless Chromium; None when there is none. It is not started to see whether it runs.

    CHROMIUM_PATH is taken as it stands, also when nothing is there: what a person has said is not second-guessed.
    """
    environment = os.environ if environment is None else environment
    if chosen := environment.get("CHROMIUM_PATH"):
        return Path(chosen)
    search_path = environment.get("PATH", os.defpath)
    for name in NAMES:
        if found := shutil.which(name, path=search_path):
            return Path(found)
    return max(_playwright_builds(environment), key=_revision, default=None)


def _playwright_builds(environment: Mapping[str, str]) -> Iterator[Path]:
    """What `playwright install --only-shell chromium` has put where it keeps its browsers."""
    home, chosen = Path(environment.get("HOME", "/")), environment.get("PLAYWRIGHT_BROWSERS_PATH")
    for folder in [Path(chosen)] if chosen else [home / folder for folder in _PLAYWRIGHT_FOLDERS]:
        for pattern in _BUILDS:
            yield from folder.glob(pattern)


def _revision(build: Path) -> int:
    found = _REVISION.search(str(build))
    return int(found[1]) if found else 0
