"""What the local stack keeps: secrets made once, private, and gone after `make clean`."""

from pathlib import Path

import pytest

from dev.errors import SetupError
from dev.state import State


def test_secrets_are_made_once_and_are_private(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    first = state.secrets()
    assert state.secrets() == first
    assert State(tmp_path / "other").secrets() != first
    assert (tmp_path / "state" / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_secret_that_a_newer_version_adds_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"jwt_secret": "kept"}')
    secrets = State(tmp_path).secrets()
    assert secrets.jwt_secret == "kept"
    assert len(secrets.storage_signing_key) >= 32


def test_clean_deletes_what_is_ours_and_nothing_else(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.create()
    state.secrets()
    (state.storage / "export.pdf").write_bytes(b"%PDF")
    (tmp_path / "thesis.txt").write_text("not ours")
    state.clean()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_clean_refuses_while_the_stack_runs(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.create()
    with state.locked("process 7"), pytest.raises(SetupError, match=r"in use \(process 7\)"):
        state.clean()
    assert state.storage.exists()
