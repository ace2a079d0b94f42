"""The API's settings: read from the environment once, checked at start, frozen."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

import httpx
import jwt
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import InvalidKeyError
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from resumepair_graphql.origins import parse_origins

MAX_QUERY_COST = 20_000
RATE_LIMIT_COST_PER_MINUTE = 60_000
OPERATION_TIMEOUT_SECONDS = 10.0


class SettingsError(Exception):
    """A variable is missing or wrong; the message names each one, on one line."""


def _protected(address: str) -> str:
    """Whoever can change what is read on the way could sign tokens."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL()
    protected = url.scheme == "https" or (url.scheme == "http" and url.host in LOCAL_HOSTS)
    if not url.host or not protected or url.userinfo:
        raise ValueError(
            "has to be an address that begins with https:// (on localhost also http://), without a password"
        )
    return address


def _secret(secret: SecretStr) -> SecretStr:
    """Somebody may have put a public key here; no token would ever be good."""
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret.get_secret_value())
    except InvalidKeyError:
        raise ValueError("is a key or a certificate, not a secret; published keys need SUPABASE_URL") from None
    return secret


def _anon_key(key: SecretStr) -> SecretStr:
    """The API needs none of the keys that may do everything, so it takes none."""
    text = key.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("has characters that no key has")
    if text.startswith("sb_secret_") or _role_of(text) not in (None, "anon"):
        raise ValueError("may do too much; the anon key, or a publishable key, is needed")
    return key


def _role_of(key: str) -> object:
    """The role that a JWT claims, unverified; None when it is no JWT, or claims none."""
    try:
        claims: dict[str, object] = jwt.decode(key, options={"verify_signature": False})  # pyright: ignore[reportUnknownMemberType]
    except jwt.PyJWTError:
        return None
    return claims.get("role")


BUCKET = r"^[A-Za-z0-9._-]{1,63}$"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
HmacSecret = Annotated[SecretStr, Field(min_length=32), AfterValidator(_secret)]
ProtectedUrl = Annotated[str, AfterValidator(_protected)]


@dataclass(frozen=True)
class LocalStorage:
    """Files lie in this folder; links to them are signed with this key."""

    folder: Path
    signing_key: SecretStr


@dataclass(frozen=True)
class SupabaseStorage:
    """Files lie in this bucket of the project at this address."""

    url: str
    anon_key: SecretStr
    bucket: str


class Settings(BaseSettings):
    """Everything the API is told from outside; `.env.example` describes each variable."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    environment: Literal["development", "production"] = "production"
    public_url: str | None = Field(default=None, pattern=r"^https?://[^/]+(/.*)?$")
    supabase_jwt_secret: HmacSecret | None = None
    supabase_url: ProtectedUrl | None = None
    supabase_jwks_url: ProtectedUrl | None = None
    jwt_audience: str = "authenticated"
    jwt_issuer: str | None = None
    storage_backend: Literal["local", "supabase"] = "local"
    storage_dir: Path | None = None
    storage_signing_key: Annotated[SecretStr, Field(min_length=32)] | None = None
    supabase_anon_key: Annotated[SecretStr, AfterValidator(_anon_key)] | None = None
    storage_bucket: str = Field(default="exports", pattern=BUCKET)
    download_url_ttl_seconds: float = Field(default=300, ge=1, le=7 * 24 * 3600)
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: str = "127.0.0.1"
    client_timeout_seconds: float = Field(default=10, ge=0.1, le=300)
    max_connections_per_user: int = Field(default=20, ge=1)
    max_connections_per_address: int = Field(default=100, ge=1)
    polling_mode: bool = False
    polling_interval_seconds: float = Field(default=1, ge=0.05, le=60)
    max_query_cost: int = Field(default=MAX_QUERY_COST, ge=100)
    rate_limit_cost_per_minute: int = Field(default=RATE_LIMIT_COST_PER_MINUTE, ge=0)
    operation_timeout_seconds: float = Field(default=OPERATION_TIMEOUT_SECONDS, gt=0, le=600)
    trusted_documents: Path | None = None
    trusted_documents_only: bool = False
    webhook_allow_insecure: bool = False
    log_format: Literal["json", "console"] = "console"

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, text: object) -> object:
        return parse_origins(text) if isinstance(text, str) else text

    @property
    def download_url_lifetime(self) -> timedelta:
        """How long a signed download link is good for."""
        return timedelta(seconds=self.download_url_ttl_seconds)

    @property
    def jwks_url(self) -> str | None:
        """Where the keys are published that sign users' tokens; None when only the secret does."""
        if self.supabase_jwks_url or not self.supabase_url:
            return self.supabase_jwks_url
        return f"{self.supabase_url.rstrip('/')}/auth/v1/.well-known/jwks.json"

    @model_validator(mode="after")
    def _can_check_tokens(self) -> Self:
        if not self.supabase_jwt_secret and not self.jwks_url:
            raise ValueError(
                "SUPABASE_JWT_SECRET, SUPABASE_URL or SUPABASE_JWKS_URL: one of them has to say how tokens are checked"
            )
        return self

    @property
    def storage(self) -> LocalStorage | SupabaseStorage:
        """What STORAGE_BACKEND names, with all that it needs.

        Raises:
            ValueError: Some of it is missing; the message names the variables.
        """
        given: dict[str, object]
        if self.storage_backend == "local":
            if self.storage_dir and self.storage_signing_key:
                return LocalStorage(self.storage_dir, self.storage_signing_key)
            given = {"STORAGE_DIR": self.storage_dir, "STORAGE_SIGNING_KEY": self.storage_signing_key}
        else:
            if self.supabase_url and self.supabase_anon_key:
                return SupabaseStorage(self.supabase_url, self.supabase_anon_key, self.storage_bucket)
            given = {"SUPABASE_URL": self.supabase_url, "SUPABASE_ANON_KEY": self.supabase_anon_key}
        missing = [name for name, value in given.items() if not value]
        reason = f"Field required (STORAGE_BACKEND is {self.storage_backend})"
        raise ValueError("; ".join(f"{name}: {reason}" for name in missing))

    @model_validator(mode="after")
    def _has_storage(self) -> Self:
        _ = self.storage
        return self

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
            problems = (
                ": ".join([*(str(part).upper() for part in p["loc"][:1]), p["msg"].removeprefix("Value error, ")])
                for p in error.errors(include_url=False)
            )
            raise SettingsError("; ".join(problems)) from None
