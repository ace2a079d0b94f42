"""The API's settings: read from the environment once, checked at start, frozen."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

MAX_QUERY_COST = 20_000
RATE_LIMIT_COST_PER_MINUTE = 60_000
OPERATION_TIMEOUT_SECONDS = 10.0


class SettingsError(Exception):
    """A variable is missing or wrong; the message names each one, on one line."""


class Settings(BaseSettings):
    """Everything the API is told from outside; `.env.example` describes each variable."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    environment: Literal["development", "production"] = "production"
    public_url: str | None = Field(default=None, pattern=r"^https?://[^/]+(/.*)?$")
    supabase_jwt_secret: SecretStr = Field(min_length=32)
    jwt_audience: str = "authenticated"
    storage_backend: Literal["local"] = "local"
    storage_dir: Path
    storage_signing_key: SecretStr = Field(min_length=32)
    download_url_ttl_seconds: float = Field(default=300, ge=1, le=7 * 24 * 3600)
    polling_mode: bool = False
    polling_interval_seconds: float = Field(default=1, ge=0.05, le=60)
    max_query_cost: int = Field(default=MAX_QUERY_COST, ge=100)
    rate_limit_cost_per_minute: int = Field(default=RATE_LIMIT_COST_PER_MINUTE, ge=0)
    operation_timeout_seconds: float = Field(default=OPERATION_TIMEOUT_SECONDS, gt=0, le=600)
    trusted_documents: Path | None = None
    trusted_documents_only: bool = False
    log_format: Literal["json", "console"] = "console"

    @property
    def download_url_lifetime(self) -> timedelta:
        """How long a signed download link is good for."""
        return timedelta(seconds=self.download_url_ttl_seconds)

    @property
    def development(self) -> bool:
        """Whether people are at work on a client here: the schema may be looked at, and misspelt names are guessed."""
        return self.environment == "development"

    @classmethod
    def load(cls) -> "Settings":
        """Read the environment.

        Raises:
            SettingsError: Naming every variable that is missing or wrong.
        """
        try:
            return cls.model_validate({})
        except ValidationError as error:
            problems = (f"{str(p['loc'][0]).upper()}: {p['msg']}" for p in error.errors(include_url=False))
            raise SettingsError("; ".join(problems)) from None
