from pathlib import Path

import pytest

from resumepair_worker.settings import Settings, SettingsError


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    browser = tmp_path / "browser"
    browser.touch()
    for name, value in {"DATABASE_URL": "postgresql://x", "STORAGE_DIR": "/s", "CHROMIUM_PATH": str(browser)}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_defaults_are_the_documented_ones(environment: pytest.MonkeyPatch) -> None:
    del environment
    settings = Settings.load()
    assert (settings.worker_concurrency, settings.export_ttl_days, settings.retry_base_seconds) == (2, 7, 60)


@pytest.mark.parametrize("name", ["DATABASE_URL", "STORAGE_DIR"])
def test_a_missing_variable_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "")
    with pytest.raises(SettingsError, match=f"^{name}: Field required$"):
        Settings.load()


def test_every_wrong_variable_is_named_on_one_line_without_its_value(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WORKER_CONCURRENCY", "many-secret")
    environment.setenv("EXPORT_TTL_DAYS", "-1")
    with pytest.raises(SettingsError) as error:
        Settings.load()
    message = str(error.value)
    assert "WORKER_CONCURRENCY: " in message
    assert "EXPORT_TTL_DAYS: " in message
    assert "\n" not in message
    assert "secret" not in message


def test_a_missing_browser_is_said(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CHROMIUM_PATH", "/nowhere/chromium")
    with pytest.raises(SettingsError, match="CHROMIUM_PATH: no browser at /nowhere/chromium"):
        Settings.load()
