"""Who gets which environment variable: the local stack's own, and each process's alone.

A process is given what it needs and nothing else, as it would be where it is deployed: the API
never sees the worker's database role or the service key, the worker never sees the JWT secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from dev.errors import SetupError
from dev.roles import API_ROLE, WORKER_ROLE, role_url
from dev.state import PROJECT, Secrets

JWT_AUDIENCE: Final = "authenticated"
JWT_ISSUER: Final = "resumepair-export-local"
DEFAULT_PORT: Final = 8000
HIGHEST_PORT: Final = 65535
# What any program may need from the machine it runs on.
MACHINE: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
POLLING: Final = ("POLLING_MODE", "POLLING_INTERVAL_SECONDS")
WEBHOOKS: Final = ("WEBHOOK_ALLOW_INSECURE",)
# What a person may set for one process; the rest of a process's settings is decided here.
API_CHOICES: Final = (
    *POLLING,
    "SUPABASE_URL",
    "SUPABASE_JWKS_URL",
    "JWT_AUDIENCE",
    "JWT_ISSUER",
    "DOWNLOAD_URL_TTL_SECONDS",
    "PUBLIC_URL",
    "ALLOWED_ORIGINS",
    "TRUSTED_PROXIES",
    "CLIENT_TIMEOUT_SECONDS",
    "MAX_CONNECTIONS_PER_USER",
    "MAX_CONNECTIONS_PER_ADDRESS",
    "MAX_QUERY_COST",
    "RATE_LIMIT_COST_PER_MINUTE",
    "OPERATION_TIMEOUT_SECONDS",
    "TRUSTED_DOCUMENTS",
    "TRUSTED_DOCUMENTS_ONLY",
    *WEBHOOKS,
)
WORKER_CHOICES: Final = (
    *POLLING,
    "WORKER_CONCURRENCY",
    "RENDER_TIMEOUT_SECONDS",
    "EXPORT_TTL_DAYS",
    "FILE_MAX_AGE_DAYS",
    "HISTORY_TTL_DAYS",
    "METRICS_HOST",
    "METRICS_PORT",
    "RETRY_BASE_SECONDS",
    *WEBHOOKS,
    "WEBHOOK_RETRY_BASE_SECONDS",
)
# Both processes of a stack whose files are in Supabase Storage; then each one's own key.
SUPABASE: Final = ("SUPABASE_URL", "STORAGE_BUCKET")


@dataclass(frozen=True)
class Address:
    """Where the API listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as a person opens it on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 # compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def read_environment(variables: Mapping[str, str], project: Path = PROJECT) -> dict[str, str]:
    """Return the variables over those of the project's `.env`; empty ones count as not set."""
    file = {name: value or "" for name, value in dotenv_values(project / ".env").items()}
    given = {**file, **{name: value for name, value in variables.items() if value}}
    return {name: value for name, value in given.items() if value}


def address(environment: Mapping[str, str]) -> Address:
    """Read HOST and PORT.

    Raises:
        SetupError: PORT is no port number.
    """
    port = environment.get("PORT", str(DEFAULT_PORT))
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= HIGHEST_PORT:
        raise SetupError(f"PORT: not a port number: {port!r}")
    return Address(environment.get("HOST", "127.0.0.1"), int(port))


def api_environment(
    environment: Mapping[str, str],
    *,
    admin_url: str,
    secrets: Secrets,
    storage: Path,
    address: Address,
) -> dict[str, str]:
    """Return the whole environment of the API process."""
    return {
        **_chosen(environment, API_CHOICES),
        **_storage(environment, storage, key="SUPABASE_ANON_KEY"),
        "DATABASE_URL": role_url(admin_url, API_ROLE, secrets.api_password),
        "ENVIRONMENT": environment.get("ENVIRONMENT", "development"),
        "HOST": address.host,
        "PORT": str(address.port),
        "SUPABASE_JWT_SECRET": environment.get("SUPABASE_JWT_SECRET", secrets.jwt_secret),
        "STORAGE_SIGNING_KEY": environment.get("STORAGE_SIGNING_KEY", secrets.storage_signing_key),
    }


def worker_environment(
    environment: Mapping[str, str],
    *,
    admin_url: str,
    secrets: Secrets,
    storage: Path,
    chromium: Path,
) -> dict[str, str]:
    """Return the whole environment of the worker process."""
    return {
        **_chosen(environment, WORKER_CHOICES),
        **_storage(environment, storage, key="SUPABASE_SERVICE_KEY"),
        "DATABASE_URL": role_url(admin_url, WORKER_ROLE, secrets.worker_password),
        "CHROMIUM_PATH": str(chromium),
    }


def _chosen(environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environment[name] for name in (*MACHINE, *names) if name in environment}


def _storage(environment: Mapping[str, str], folder: Path, key: str) -> dict[str, str]:
    # JSON, because the supervisor reads the logs too: that is how it learns who is ready.
    given = {"STORAGE_BACKEND": environment.get("STORAGE_BACKEND", "local"), "LOG_FORMAT": "json"}
    if given["STORAGE_BACKEND"] == "supabase":
        return {**given, **_chosen(environment, (*SUPABASE, key))}
    return {**given, "STORAGE_DIR": str(folder)}
