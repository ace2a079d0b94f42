from pathlib import Path

import jwt
import pytest

from resumepair_graphql.execution import Policy, policy_of
from resumepair_graphql.settings import LocalStorage, Settings, SettingsError, SupabaseStorage
from resumepair_graphql.trusted import PersistedDocuments

GOOD = {
    "DATABASE_URL": "postgresql://x",
    "STORAGE_DIR": "/s",
    "SUPABASE_JWT_SECRET": "s" * 32,
    "STORAGE_SIGNING_KEY": "k" * 32,
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_defaults_are_the_documented_ones() -> None:
    settings = Settings.load()
    assert (settings.host, settings.port, settings.download_url_ttl_seconds) == ("127.0.0.1", 8000, 300)


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"SUPABASE_JWT_SECRET"}))
def test_a_missing_variable_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    with pytest.raises(SettingsError, match=rf"^{name}: Field required( \(STORAGE_BACKEND is local\))?$"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "99999"),
        ("SUPABASE_JWT_SECRET", "short"),
        ("SUPABASE_JWT_SECRET", "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ==\n-----END PUBLIC KEY-----"),
        ("SUPABASE_JWT_SECRET", '{"kty": "EC", "crv": "P-256", "x": "", "y": ""}'),
        ("PUBLIC_URL", "example.org"),
        ("SUPABASE_URL", "http://ref.supabase.co"),
        ("SUPABASE_URL", "ref.supabase.co"),
        ("SUPABASE_JWKS_URL", "http://localhost@auth.example/jwks"),
        ("SUPABASE_JWKS_URL", "https:///jwks"),
        ("SUPABASE_JWKS_URL", "https://user:password@auth.example/jwks"),
        ("SUPABASE_JWKS_URL", "file:///etc/jwks.json"),
    ],
)
def test_a_wrong_variable_is_named_without_its_value(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert str(error.value).startswith(f"{name}: ")
    assert value not in str(error.value)
    assert "\n" not in str(error.value)


def test_there_has_to_be_a_way_to_check_tokens(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("SUPABASE_JWT_SECRET")
    with pytest.raises(SettingsError, match=r"^SUPABASE_JWT_SECRET, SUPABASE_URL or SUPABASE_JWKS_URL: one of them"):
        Settings.load()


@pytest.mark.parametrize(
    ("given", "jwks_url"),
    [
        ({"SUPABASE_URL": "https://ref.supabase.co"}, "https://ref.supabase.co/auth/v1/.well-known/jwks.json"),
        ({"SUPABASE_URL": "http://127.0.0.1:54321/"}, "http://127.0.0.1:54321/auth/v1/.well-known/jwks.json"),
        ({"SUPABASE_JWKS_URL": "https://auth.example/keys"}, "https://auth.example/keys"),
        (
            {"SUPABASE_URL": "https://ref.supabase.co", "SUPABASE_JWKS_URL": "http://localhost:9/keys"},
            "http://localhost:9/keys",
        ),
    ],
)
def test_the_address_of_the_keys(environment: pytest.MonkeyPatch, given: dict[str, str], jwks_url: str) -> None:
    environment.delenv("SUPABASE_JWT_SECRET")
    for name, value in given.items():
        environment.setenv(name, value)
    assert Settings.load().jwks_url == jwks_url


def test_secrets_do_not_show() -> None:
    assert "s" * 32 not in repr(Settings.load())


def test_a_process_that_is_not_told_otherwise_hides_its_schema() -> None:
    policy = policy_of(Settings.load(), PersistedDocuments())
    assert (policy.introspection, policy.suggestions) == (False, False)


def test_development_shows_the_schema_and_limits_are_the_same(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENVIRONMENT", "development")
    documents = PersistedDocuments()
    assert policy_of(Settings.load(), documents) == Policy(documents=documents)


ANON_KEY = jwt.encode({"role": "anon"}, "s" * 32)
SUPABASE = {
    "STORAGE_BACKEND": "supabase",
    "SUPABASE_URL": "https://ref.supabase.co",
    "SUPABASE_ANON_KEY": ANON_KEY,
}


def use_supabase(environment: pytest.MonkeyPatch, **changes: str) -> None:
    environment.delenv("STORAGE_DIR")
    environment.delenv("STORAGE_SIGNING_KEY")
    for name, value in {**SUPABASE, **changes}.items():
        environment.setenv(name, value)


def test_folder_and_signing_key_are_for_local_storage_only(environment: pytest.MonkeyPatch) -> None:
    local = Settings.load().storage
    assert isinstance(local, LocalStorage)
    assert local.folder == Path("/s")
    use_supabase(environment, STORAGE_BUCKET="cvs")
    storage = Settings.load().storage
    assert isinstance(storage, SupabaseStorage)
    assert (storage.url, storage.bucket) == ("https://ref.supabase.co", "cvs")
    assert ANON_KEY not in f"{storage!r} {Settings.load()!r}"


def test_all_that_supabase_storage_needs_is_named(environment: pytest.MonkeyPatch) -> None:
    use_supabase(environment, SUPABASE_URL="", SUPABASE_ANON_KEY="")
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert str(error.value) == (
        "SUPABASE_URL: Field required (STORAGE_BACKEND is supabase); "
        "SUPABASE_ANON_KEY: Field required (STORAGE_BACKEND is supabase)"
    )


@pytest.mark.parametrize("key", [jwt.encode({"role": "service_role"}, "s" * 32), "sb_secret_abc", "with space"])
def test_a_key_that_may_do_everything_is_not_taken(environment: pytest.MonkeyPatch, key: str) -> None:
    use_supabase(environment, SUPABASE_ANON_KEY=key)
    with pytest.raises(SettingsError, match=r"^SUPABASE_ANON_KEY: ") as error:
        Settings.load()
    assert key not in str(error.value)
