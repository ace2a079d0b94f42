"""The API process put together: settings, pool, job feed, links, schema; served by uvicorn until it is told to stop."""

import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from types import FrameType

import psycopg
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from resumepair_graphql import graphiql
from resumepair_graphql.auth import Authenticator
from resumepair_graphql.context import Services
from resumepair_graphql.database import Database, create_pool
from resumepair_graphql.download_path import ROUTE
from resumepair_graphql.downloads import Downloads
from resumepair_graphql.endpoint import Endpoint
from resumepair_graphql.execution import ExportSchema, policy_of
from resumepair_graphql.feed import JobFeed
from resumepair_graphql.health import health_routes
from resumepair_graphql.keys import PublishedKeys
from resumepair_graphql.links import FolderLinks
from resumepair_graphql.listening import Listening
from resumepair_graphql.logs import configure_logs
from resumepair_graphql.polling import Polling
from resumepair_graphql.protocols import FairWebSocketProtocol, impatient_protocol
from resumepair_graphql.schema import build_schema
from resumepair_graphql.server import Server, listen
from resumepair_graphql.settings import LocalStorage, Settings, SettingsError
from resumepair_graphql.supabase_links import SupabaseLinks
from resumepair_graphql.trusted import ManifestError, PersistedDocuments

CONNECT_SECONDS = 10
GRACE_SECONDS = 5
PREFLIGHT_SECONDS = 24 * 3600
# What our refusals say in headers; a page of another origin sees no others than these.
EXPOSED_HEADERS = ["Retry-After", "WWW-Authenticate", "Allow"]
MAX_MESSAGE_BYTES = 64 * 1024

log = structlog.stdlib.get_logger(__name__)


def main() -> None:
    """Console script `resumepair-graphql`."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        sys.exit(_refuse(str(error), 2))
    configure_logs(settings.log_format)
    try:
        schema = schema_of(settings)
    except ManifestError as error:
        sys.exit(_refuse(f"TRUSTED_DOCUMENTS: {error}", 2))
    try:
        if not _has_schema(settings.database_url):
            sys.exit(_refuse("DATABASE_URL: this database has no schema `resumepair`; set it up with `make db`", 1))
    except psycopg.Error as error:
        sys.exit(_refuse(f"DATABASE_URL: no connection: {error}", 1))
    try:
        listener = listen(settings.host, settings.port, settings.client_timeout_seconds)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        sys.exit(_refuse(f"PORT: cannot listen on {settings.host}:{settings.port}: {reason}", 1))
    _serve(settings.model_copy(update={"port": listener.getsockname()[1]}), schema, listener)


def schema_of(settings: Settings) -> ExportSchema:
    """The schema with its policy, the trusted documents prepared.

    Raises:
        ManifestError: The list of trusted documents is not good, or one of them.
    """
    documents = PersistedDocuments.read(settings.trusted_documents, only=settings.trusted_documents_only)
    schema = build_schema(policy_of(settings, documents))
    documents.pin_in(schema.document_cache)
    return schema


def create_app(settings: Settings, schema: ExportSchema) -> Starlette:
    """The ASGI application; it opens and closes what it needs with its lifespan."""
    database = Database(create_pool(settings.database_url, pooler=settings.polling_mode))
    source = (
        Polling(database, settings.polling_interval_seconds)
        if settings.polling_mode
        else Listening(settings.database_url)
    )
    links = _links_of(settings)
    services = Services(database, JobFeed(source), links, settings.webhook_allow_insecure)
    keys = PublishedKeys(settings.jwks_url) if settings.jwks_url else None
    secret = settings.supabase_jwt_secret.get_secret_value() if settings.supabase_jwt_secret else None
    authenticator = Authenticator(settings.jwt_audience, secret=secret, keys=keys, issuer=settings.jwt_issuer)
    endpoint = Endpoint(schema, services, authenticator, settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        closing = links if isinstance(links, SupabaseLinks) else nullcontext()
        async with database.pool, services.feed, keys or nullcontext(), closing:
            log.info("graphql_ready", host=settings.host, port=settings.port)
            yield
        log.info("graphql_stopped")

    app = Starlette(
        routes=[
            *(graphiql.routes() if settings.development else []),
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", endpoint),
            *([Route("/files/{path:path}", links.serve)] if isinstance(links, FolderLinks) else []),
            Route(ROUTE, Downloads(services, endpoint).serve),
            Route("/", front_page),
            *health_routes(services, endpoint.connections),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=settings.allowed_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
                expose_headers=EXPOSED_HEADERS,
                max_age=PREFLIGHT_SECONDS,
            )
        ],
        lifespan=lifespan,
    )
    app.state.endpoint = endpoint
    return app


def _links_of(settings: Settings) -> FolderLinks | SupabaseLinks:
    """Links to where the worker keeps files."""
    storage, lifetime = settings.storage, settings.download_url_lifetime
    if isinstance(storage, LocalStorage):
        return FolderLinks(storage.folder, storage.signing_key.get_secret_value(), lifetime)
    return SupabaseLinks(storage.url, storage.anon_key.get_secret_value(), storage.bucket, lifetime)


async def front_page(_: Request) -> Response:
    """What is here, for somebody who opens the bare address."""
    return JSONResponse(
        {
            "service": "ResumePair Export",
            "graphql": "/graphql (POST, GET; graphql-transport-ws or Server-Sent Events for subscriptions)",
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


def _serve(settings: Settings, schema: ExportSchema, listener: socket.socket) -> None:
    app = create_app(settings, schema)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        http=impatient_protocol(settings.client_timeout_seconds),
        forwarded_allow_ips=settings.trusted_proxies,
        ws=FairWebSocketProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    Server(config, before_stop=app.state.endpoint.stop).run([listener])


def _stop(_number: int, _frame: FrameType | None) -> None:
    """End in order: before uvicorn takes the signals over, and when it raises the last one again at its end."""
    sys.exit(0)


if __name__ == "__main__":
    main()
