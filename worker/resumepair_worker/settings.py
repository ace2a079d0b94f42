"""The worker's settings: read from the environment once, checked at start, frozen."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from resumepair_renderer.chromium import NAMES, find_chromium


class SettingsError(Exception):
    """A variable is missing or wrong; the message names each one, on one line."""


def _find_chromium() -> Path:
    """The browser that is installed; the bare name of one, which is not a file, when there is none."""
    return find_chromium() or Path(NAMES[0])


class Settings(BaseSettings):
    """Everything the worker is told from outside; `.env.example` describes each variable."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str
    storage_backend: Literal["local"] = "local"
    storage_dir: Path
    worker_concurrency: int = Field(default=2, ge=1, le=64)
    chromium_path: Path = Field(default_factory=_find_chromium)
    render_timeout_seconds: float = Field(default=30, gt=0, le=600)
    export_ttl_days: float = Field(default=7, gt=0, le=3650)
    retry_base_seconds: float = Field(default=60, gt=0, le=3600)
    webhook_retry_base_seconds: float = Field(default=5, gt=0, le=60)
    webhook_allow_insecure: bool = False
    polling_mode: bool = False
    polling_interval_seconds: float = Field(default=1, ge=0.05, le=60)
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
    def retry_base(self) -> timedelta:
        """The pause after a job's first failed attempt."""
        return timedelta(seconds=self.retry_base_seconds)

    @property
    def webhook_retry_base(self) -> timedelta:
        """The pause after a delivery's first failed attempt."""
        return timedelta(seconds=self.webhook_retry_base_seconds)

    @classmethod
    def load(cls) -> "Settings":
        """Read the environment.

        Raises:
            SettingsError: Naming every variable that is missing or wrong.
        """
        try:
            settings = cls.model_validate({})
        except ValidationError as error:
            problems = (f"{str(p['loc'][0]).upper()}: {p['msg']}" for p in error.errors(include_url=False))
            raise SettingsError("; ".join(problems)) from None
        if not settings.chromium_path.is_file():
            raise SettingsError(f"CHROMIUM_PATH: no browser at {settings.chromium_path}")
        return settings
