"""The order in which a browser is looked for, with stand-ins on a PATH of their own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.browser import find_or_install
from dev.errors import SetupError

BROWSER = "#!/bin/sh\necho 'Chromium 156.0.1'\n"
BROKEN_BROWSER = "#!/bin/sh\necho 'error while loading shared libraries' >&2\nexit 127\n"
# What Debian's package does, as far as it matters here.
APT_GET = f"""#!/bin/sh
[ "$1" = install ] || exit 0
printf '%s' "{BROWSER}" > "$(dirname "$0")/chromium-headless-shell"
chmod +x "$(dirname "$0")/chromium-headless-shell"
"""

Put = Callable[[str, str], Path]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("sh", "dirname", "chmod", "printf"):
        (folder / name).symlink_to(Path("/bin") / name)
    return folder


@pytest.fixture
def put() -> Put:
    def put(path: str, content: str) -> Path:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        target.chmod(0o755)
        return target

    return put


@pytest.fixture
def environment(programs: Path, tmp_path: Path) -> dict[str, str]:
    """A machine without a browser, whose network refuses every download at once."""
    return {
        "PATH": str(programs),
        "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "builds"),
        "PLAYWRIGHT_DOWNLOAD_HOST": "http://127.0.0.1:9",
    }


def test_chromium_path_wins(programs: Path, environment: dict[str, str], put: Put) -> None:
    put(f"{programs}/chromium-headless-shell", BROWSER)
    chosen = put(f"{programs}/my-browser", BROWSER)
    found = find_or_install({**environment, "CHROMIUM_PATH": str(chosen)}, print)
    assert found == chosen


def test_chromium_path_without_a_browser_is_refused(programs: Path, environment: dict[str, str], put: Put) -> None:
    put(f"{programs}/chromium-headless-shell", BROWSER)
    with pytest.raises(SetupError, match="CHROMIUM_PATH: no browser that starts: /nowhere"):
        find_or_install({**environment, "CHROMIUM_PATH": "/nowhere"}, print)


def test_installed_headless_shell_is_next(programs: Path, environment: dict[str, str], put: Put) -> None:
    installed = put(f"{programs}/chromium-headless-shell", BROWSER)
    assert find_or_install(environment, print) == installed


def test_playwright_build_is_used_where_nothing_is_installed(
    environment: dict[str, str], put: Put, tmp_path: Path
) -> None:
    revision = playwright_revision(environment)
    build = put(f"{tmp_path}/builds/{revision}/chrome-linux/headless_shell", BROWSER)
    assert find_or_install(environment, print) == build


def test_browser_that_does_not_start_is_passed_over(
    programs: Path, environment: dict[str, str], put: Put, tmp_path: Path
) -> None:
    put(f"{programs}/chromium-headless-shell", BROKEN_BROWSER)
    revision = playwright_revision(environment)
    build = put(f"{tmp_path}/builds/{revision}/chrome-linux/headless_shell", BROWSER)
    assert find_or_install(environment, print) == build


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")
def test_debian_package_comes_last(programs: Path, environment: dict[str, str], put: Put) -> None:
    put(f"{programs}/apt-get", APT_GET)
    said: list[str] = []
    assert find_or_install(environment, said.append) == programs / "chromium-headless-shell"
    assert [line.split()[0] for line in said] == ["downloading", "installing"]


def test_machine_without_any_way_is_told_what_to_install(environment: dict[str, str]) -> None:
    with pytest.raises(SetupError, match="sudo apt-get install chromium-headless-shell"):
        find_or_install(environment, print)


def playwright_revision(environment: dict[str, str]) -> str:
    """The folder that this Playwright's build would go to."""
    from dev.browser import _playwright  # noqa: PLC0415 # a question to Playwright, not to us

    plan = _playwright(environment, "install", "--dry-run", "--only-shell", "chromium")
    assert plan is not None
    return Path(plan.split("Install location:")[1].split()[0]).name
