"""The API's settings: read from the environment once, checked at start, frozen."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from resumepair_graphql.origins import parse_origins


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
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: str = "127.0.0.1"
    client_timeout_seconds: float = Field(default=10, ge=0.1, le=300)
    max_connections_per_user: int = Field(default=20, ge=1)
    max_connections_per_address: int = Field(default=100, ge=1)
    polling_mode: bool = False
    polling_interval_seconds: float = Field(default=1, ge=0.05, le=60)
    log_format: Literal["json", "console"] = "console"

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, text: object) -> object:
        return parse_origins(text) if isinstance(text, str) else text

    @property
    def download_url_lifetime(self) -> timedelta:
        """How long a signed download link is good for."""
        return timedelta(seconds=self.download_url_ttl_seconds)

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
