from pathlib import Path

import jwt
import pytest

from resumepair_worker.settings import LocalStorage, Settings, SettingsError, SupabaseStorage

SECRET = "a-secret-of-thirty-two-characters-or-more"
SERVICE_KEY = jwt.encode({"role": "service_role"}, SECRET)
SUPABASE = {
    "STORAGE_BACKEND": "supabase",
    "SUPABASE_URL": "https://ref.supabase.co",
    "SUPABASE_SERVICE_KEY": SERVICE_KEY,
}


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
    with pytest.raises(SettingsError, match=rf"^{name}: Field required( \(STORAGE_BACKEND is local\))?$"):
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
    settings = Settings.load()  # for the clean-up, which needs none
    with pytest.raises(SettingsError, match="CHROMIUM_PATH: no browser at /nowhere/chromium"):
        settings.require_browser()


def test_files_are_kept_for_twice_an_export_s_lifetime_at_least(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("EXPORT_TTL_DAYS", "46")
    with pytest.raises(SettingsError, match=r"FILE_MAX_AGE_DAYS: .* at least twice EXPORT_TTL_DAYS"):
        Settings.load()


def use_supabase(environment: pytest.MonkeyPatch, **changes: str) -> None:
    environment.delenv("STORAGE_DIR")
    for name, value in {**SUPABASE, **changes}.items():
        environment.setenv(name, value)


def test_the_folder_is_for_local_storage_only(environment: pytest.MonkeyPatch) -> None:
    assert Settings.load().storage == LocalStorage(Path("/s"))
    use_supabase(environment, STORAGE_BUCKET="cvs")
    storage = Settings.load().storage
    assert isinstance(storage, SupabaseStorage)
    assert (storage.url, storage.bucket) == ("https://ref.supabase.co", "cvs")
    assert storage.service_key.get_secret_value() == SERVICE_KEY
    assert SERVICE_KEY not in f"{storage!r} {Settings.load()!r}"


def test_all_that_supabase_needs_is_named(environment: pytest.MonkeyPatch) -> None:
    use_supabase(environment, SUPABASE_URL="", SUPABASE_SERVICE_KEY="")
    message = (
        "SUPABASE_URL: Field required (STORAGE_BACKEND is supabase); "
        "SUPABASE_SERVICE_KEY: Field required (STORAGE_BACKEND is supabase)"
    )
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert str(error.value) == message


@pytest.mark.parametrize("key", [SERVICE_KEY, "sb_secret_abc", "a.b.c"])
def test_a_key_that_may_be_a_service_key_is_taken(environment: pytest.MonkeyPatch, key: str) -> None:
    use_supabase(environment, SUPABASE_SERVICE_KEY=key)
    assert isinstance(Settings.load().storage, SupabaseStorage)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STORAGE_BACKEND", "s3"),
        ("SUPABASE_URL", "ref.supabase.co"),
        ("SUPABASE_URL", "http://ref.supabase.co"),
        ("SUPABASE_SERVICE_KEY", jwt.encode({"role": "anon"}, SECRET)),
        ("SUPABASE_SERVICE_KEY", jwt.encode({"role": "authenticated"}, SECRET)),
        ("SUPABASE_SERVICE_KEY", "sb_publishable_abc"),
        ("SUPABASE_SERVICE_KEY", f"{SERVICE_KEY}\n"),
        ("STORAGE_BUCKET", "my/bucket"),
    ],
)
def test_a_wrong_variable_of_supabase_is_named_without_its_value(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    use_supabase(environment, **{name: value})
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert str(error.value).startswith(f"{name}: ")
    assert value not in str(error.value)
    assert "\n" not in str(error.value)
