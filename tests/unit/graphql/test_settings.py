import pytest

from resumepair_graphql.execution import Policy, policy_of
from resumepair_graphql.settings import Settings, SettingsError
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


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_variable_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    with pytest.raises(SettingsError, match=f"^{name}: Field required$"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "99999"), ("SUPABASE_JWT_SECRET", "short"), ("PUBLIC_URL", "example.org")]
)
def test_a_wrong_variable_is_named_without_its_value(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert str(error.value).startswith(f"{name}: ")
    assert value not in str(error.value)
    assert "\n" not in str(error.value)


def test_secrets_do_not_show() -> None:
    assert "s" * 32 not in repr(Settings.load())


def test_a_process_that_is_not_told_otherwise_hides_its_schema() -> None:
    policy = policy_of(Settings.load(), PersistedDocuments())
    assert (policy.introspection, policy.suggestions) == (False, False)


def test_development_shows_the_schema_and_limits_are_the_same(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENVIRONMENT", "development")
    documents = PersistedDocuments()
    assert policy_of(Settings.load(), documents) == Policy(documents=documents)
