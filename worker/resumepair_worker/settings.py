"""The worker's settings: read from the environment once, checked at start, frozen."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from resumepair_renderer.chromium import NAMES, find_chromium
from resumepair_worker.clean_up import Ages
from resumepair_worker.supabase_settings import check_address, check_service_key

BUCKET = r"^[A-Za-z0-9._-]{1,63}$"


class SettingsError(Exception):
    """A variable is missing or wrong; the message names each one, on one line."""


def _find_chromium() -> Path:
    """The browser that is installed; the bare name of one, which is not a file, when there is none."""
    return find_chromium() or Path(NAMES[0])


@dataclass(frozen=True)
class LocalStorage:
    """Files are kept in this folder."""

    folder: Path


@dataclass(frozen=True)
class SupabaseStorage:
    """Files are kept in this bucket of the project at this address."""

    url: str
    service_key: SecretStr
    bucket: str


class Settings(BaseSettings):
    """Everything the worker is told from outside; `.env.example` describes each variable."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str
    storage_backend: Literal["local", "supabase"] = "local"
    storage_dir: Path | None = None
    supabase_url: Annotated[str, AfterValidator(check_address)] | None = None
    supabase_service_key: Annotated[SecretStr, AfterValidator(check_service_key)] | None = None
    storage_bucket: str = Field(default="exports", pattern=BUCKET)
    worker_concurrency: int = Field(default=2, ge=1, le=64)
    chromium_path: Path = Field(default_factory=_find_chromium)
    render_timeout_seconds: float = Field(default=30, gt=0, le=600)
    export_ttl_days: float = Field(default=7, gt=0, le=3650)
    file_max_age_days: float = Field(default=90, gt=0, le=36500)
    history_ttl_days: float = Field(default=90, ge=0, le=36500)
    retry_base_seconds: float = Field(default=60, gt=0, le=3600)
    webhook_retry_base_seconds: float = Field(default=5, gt=0, le=60)
    webhook_allow_insecure: bool = False
    polling_mode: bool = False
    polling_interval_seconds: float = Field(default=1, ge=0.05, le=60)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=0, ge=0, le=65535)
    log_format: Literal["json", "console"] = "console"

    @property
    def exports_in_flight(self) -> int:
        """How many exports are at work: one is claimed, judged or uploaded while another has the page."""
        return 2 * self.worker_concurrency

    @property
    def step_deadline(self) -> timedelta:
        """The longest that an attempt may go without a step: two prints, and a minute for the rest."""
        return timedelta(seconds=2 * self.render_timeout_seconds + 60)

    @property
    def attempt_deadline(self) -> timedelta:
        """The longest that an attempt may take, whatever hangs; then its slot is free again."""
        return 2 * self.step_deadline

    @property
    def export_lifetime(self) -> timedelta:
        """How long a finished export can be downloaded."""
        return timedelta(days=self.export_ttl_days)

    @property
    def ages(self) -> Ages:
        """How long files and expired exports are kept."""
        return Ages(timedelta(days=self.file_max_age_days), timedelta(days=self.history_ttl_days))

    @property
    def retry_base(self) -> timedelta:
        """The pause after a job's first failed attempt."""
        return timedelta(seconds=self.retry_base_seconds)

    @property
    def webhook_retry_base(self) -> timedelta:
        """The pause after a delivery's first failed attempt."""
        return timedelta(seconds=self.webhook_retry_base_seconds)

    @property
    def storage(self) -> LocalStorage | SupabaseStorage:
        """What STORAGE_BACKEND names, with all that it needs.

        Raises:
            ValueError: Some of it is missing; the message names the variables.
        """
        given: dict[str, object]
        if self.storage_backend == "local":
            if self.storage_dir:
                return LocalStorage(self.storage_dir)
            given = {"STORAGE_DIR": self.storage_dir}
        else:
            if self.supabase_url and self.supabase_service_key:
                return SupabaseStorage(self.supabase_url, self.supabase_service_key, self.storage_bucket)
            given = {"SUPABASE_URL": self.supabase_url, "SUPABASE_SERVICE_KEY": self.supabase_service_key}
        missing = [name for name, value in given.items() if not value]
        reason = f"Field required (STORAGE_BACKEND is {self.storage_backend})"
        raise ValueError("; ".join(f"{name}: {reason}" for name in missing))

    @model_validator(mode="after")
    def _has_storage(self) -> Self:
        _ = self.storage
        return self

    @model_validator(mode="after")
    def _keeps_files_long_enough(self) -> Self:
        # A file may be given out again at the end of its lifetime, for another one.
        if self.file_max_age_days < 2 * self.export_ttl_days:
            raise ValueError("FILE_MAX_AGE_DAYS: Input should be at least twice EXPORT_TTL_DAYS")
        return self

    @classmethod
    def load(cls) -> "Settings":
        """Read the environment.

        Raises:
            SettingsError: Naming every variable that is missing or wrong.
        """
        try:
            settings = cls.model_validate({})
        except ValidationError as error:
            problems = (
                ": ".join([*(str(part).upper() for part in p["loc"][:1]), p["msg"].removeprefix("Value error, ")])
                for p in error.errors(include_url=False)
            )
            raise SettingsError("; ".join(problems)) from None
        return settings

    def require_browser(self) -> None:
        """Make sure that there is one; only the clean-up goes without.

        Raises:
            SettingsError: There is none.
        """
        if not self.chromium_path.is_file():
            raise SettingsError(f"CHROMIUM_PATH: no browser at {self.chromium_path}")
