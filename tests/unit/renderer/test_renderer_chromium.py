"""Where the browser is looked for."""

from pathlib import Path

from resumepair_renderer import find_chromium


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_what_a_person_has_said_wins_even_if_it_is_not_there(tmp_path: Path) -> None:
    made(tmp_path / "bin" / "chromium-headless-shell")
    environment = {"CHROMIUM_PATH": "/not/there", "PATH": str(tmp_path / "bin")}
    assert find_chromium(environment) == Path("/not/there")


def test_an_installed_one_is_found_on_the_path(tmp_path: Path) -> None:
    browser = made(tmp_path / "bin" / "chromium-headless-shell")
    assert find_chromium({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}) == browser


def test_the_newest_of_playwrights_own_is_taken_where_it_keeps_them(tmp_path: Path) -> None:
    for revision in (999, 1200, 1187):
        made(tmp_path / f".cache/ms-playwright/chromium_headless_shell-{revision}/chrome-linux/headless_shell")
    newest = made(tmp_path / ".cache/ms-playwright/chromium_headless_shell-1201/linux64/chrome-headless-shell")
    assert find_chromium({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}) == newest


def test_playwrights_folder_may_be_elsewhere(tmp_path: Path) -> None:
    browser = made(tmp_path / "browsers/chromium_headless_shell-1200/chrome-linux/headless_shell")
    environment = {"PATH": "", "HOME": "/nowhere", "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "browsers")}
    assert find_chromium(environment) == browser


def test_none_is_none(tmp_path: Path) -> None:
    assert find_chromium({"PATH": str(tmp_path), "HOME": str(tmp_path)}) is None
