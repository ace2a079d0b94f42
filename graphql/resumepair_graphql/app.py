"""The API process put together: settings, pool, job feed, links, schema; served by uvicorn until it is told to stop."""

import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import FrameType

import psycopg
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from resumepair_graphql.auth import Authenticator
from resumepair_graphql.body_limit import BodyLimit
from resumepair_graphql.context import Services
from resumepair_graphql.database import Database, create_pool
from resumepair_graphql.endpoint import Endpoint
from resumepair_graphql.execution import policy_of
from resumepair_graphql.feed import JobFeed
from resumepair_graphql.health import health_routes
from resumepair_graphql.links import FolderLinks
from resumepair_graphql.listening import Listening
from resumepair_graphql.logs import configure_logs
from resumepair_graphql.polling import Polling
from resumepair_graphql.schema import build_schema
from resumepair_graphql.settings import Settings, SettingsError
from resumepair_graphql.trusted import ManifestError, PersistedDocuments

CONNECT_SECONDS = 10
GRACE_SECONDS = 5
# A document may have 1 MiB; around it there is room for the operation and for JSON's escapes.
MAX_BODY_BYTES = 1_500_000
MAX_MESSAGE_BYTES = 64 * 1024
BACKLOG = 2048

log = structlog.stdlib.get_logger(__name__)


def main() -> None:
    """Console script `resumepair-graphql`."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        sys.exit(_refuse(str(error), 2))
    configure_logs(settings.log_format)
    try:
        documents = PersistedDocuments.read(settings.trusted_documents, only=settings.trusted_documents_only)
    except ManifestError as error:
        sys.exit(_refuse(f"TRUSTED_DOCUMENTS: {error}", 2))
    try:
        if not _has_schema(settings.database_url):
            sys.exit(_refuse("DATABASE_URL: this database has no schema `resumepair`; set it up with `make db`", 1))
    except psycopg.Error as error:
        sys.exit(_refuse(f"DATABASE_URL: no connection: {error}", 1))
    try:
        listener = _bind(settings.host, settings.port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        sys.exit(_refuse(f"PORT: cannot listen on {settings.host}:{settings.port}: {reason}", 1))
    _serve(create_app(settings, documents), listener)


def create_app(settings: Settings, documents: PersistedDocuments) -> Starlette:
    """The ASGI application; it opens and closes what it needs with its lifespan."""
    database = Database(create_pool(settings.database_url, pooler=settings.polling_mode))
    source = (
        Polling(database, settings.polling_interval_seconds)
        if settings.polling_mode
        else Listening(settings.database_url)
    )
    links = FolderLinks(
        settings.storage_dir, settings.storage_signing_key.get_secret_value(), settings.download_url_lifetime
    )
    services = Services(database, JobFeed(source), links)
    authenticator = Authenticator(settings.supabase_jwt_secret.get_secret_value(), settings.jwt_audience)

    endpoint = Endpoint(build_schema(policy_of(settings, documents)), services, authenticator, settings.public_url)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        async with database.pool, services.feed:
            log.info("graphql_ready", host=settings.host, port=settings.port)
            yield
        log.info("graphql_stopped")

    return Starlette(
        routes=[
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", endpoint),
            Route("/files/{path:path}", links.serve),
            Route("/", front_page),
            *health_routes(services),
        ],
        middleware=[Middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)],
        lifespan=lifespan,
    )


async def front_page(_: Request) -> Response:
    """What is here, for somebody who opens the bare address."""
    return JSONResponse(
        {
            "service": "ResumePair Export",
            "graphql": "/graphql (POST; graphql-transport-ws for subscriptions)",
            "health": ["/health/live", "/health/ready"],
            "metrics": "/metrics",
        }
    )


def _refuse(message: str, status: int) -> int:
    """Say on one line of stderr why the process does not start."""
    sys.stderr.write(f"resumepair-graphql: {' '.join(message.split())}\n")
    return status


def _has_schema(database_url: str) -> bool:
    """Whether the database answers (an error if not) and has been set up."""
    with psycopg.connect(database_url, connect_timeout=CONNECT_SECONDS) as connection:
        return connection.execute("select 1 from pg_namespace where nspname = 'resumepair'").fetchone() is not None


def _bind(host: str, port: int) -> socket.socket:
    """Take the port before anything else is begun, so that a taken one is said in one line."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def _serve(app: Starlette, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    uvicorn.Server(config).run([listener])


def _stop(_number: int, _frame: FrameType | None) -> None:
    """End in order: before uvicorn takes the signals over, and when it raises the last one again at its end."""
    sys.exit(0)


if __name__ == "__main__":
    main()
