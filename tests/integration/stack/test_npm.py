"""The npm packages of the client tests are installed once for each lock file."""

import json
from pathlib import Path

import pytest

from dev.errors import SetupError
from dev.npm import install

LOCK = {"name": "empty", "lockfileVersion": 3, "packages": {"": {"name": "empty"}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project without packages, which is installed without a network."""
    (tmp_path / "package.json").write_text('{"name": "empty"}')
    (tmp_path / "package-lock.json").write_text(json.dumps(LOCK))
    return tmp_path


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(folder), "npm_config_registry": "http://127.0.0.1:9", "npm_config_fetch_retries": "0", **more}


def test_packages_are_installed_again_only_when_the_lock_changed(folder: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        install(folder, environment(folder), said.append)
    assert len(said) == 1
    (folder / "package-lock.json").write_text(json.dumps(LOCK, indent=2))
    install(folder, environment(folder), said.append)
    assert len(said) == 2


def test_a_registry_out_of_reach_is_told_in_one_line_and_tried_again(folder: Path) -> None:
    package = {"version": "1.0.0", "resolved": "http://127.0.0.1:9/left-pad.tgz"}
    lock = {**LOCK, "packages": {"": {"dependencies": {"left-pad": "1.0.0"}}, "node_modules/left-pad": package}}
    (folder / "package.json").write_text('{"name": "empty", "dependencies": {"left-pad": "1.0.0"}}')
    (folder / "package-lock.json").write_text(json.dumps(lock))
    for _ in range(2):
        with pytest.raises(SetupError, match=r"npm ci failed in .*ECONNREFUSED"):
            install(folder, environment(folder), print)
