"""A server that answers the same operations in other ways; `python -m dev.bench.comparisons`, started by `served`.

`/stock` is Strawberry as it comes, with our schema; `/bare` is graphql-core executing a document that was parsed
beforehand; `/plain` is a JSON route with the same SQL. All have our tokens, database and server settings.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from inspect import isawaitable
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

from dev.bench.operations import HISTORY, JOB, plain_export, plain_job
from dev.bench.served import SECRET
from graphql import execute, parse  # pyright: ignore[reportUnknownVariableType]
from resumepair_graphql.auth import Authenticator, Identity
from resumepair_graphql.context import Context, Services
from resumepair_graphql.database import Database, create_pool
from resumepair_graphql.errors import USER_ERRORS
from resumepair_graphql.feed import JobFeed
from resumepair_graphql.ids import uuid_of
from resumepair_graphql.links import FolderLinks
from resumepair_graphql.listening import Listening
from resumepair_graphql.schema import build_schema
from resumepair_graphql.settings import Settings

SCHEMA = build_schema()
STOCK = strawberry.Schema(
    query=SCHEMA.query,
    mutation=SCHEMA.mutation,
    subscription=SCHEMA.subscription,
    types=USER_ERRORS,
    config=SCHEMA.config,
)
DOCUMENTS = {text: parse(text) for text in (JOB, HISTORY)}


class Ways:
    """The routes, on one pool."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(create_pool(settings.database_url))
        links = FolderLinks(Path("unused"), "unused" * 6, settings.download_url_lifetime)
        self._services = Services(self.database, JobFeed(Listening(settings.database_url)), links)
        self._authenticator = Authenticator(settings.jwt_audience, secret=SECRET)

    async def identity(self, request: Request | WebSocket) -> Identity:
        """Who asks, from the same token."""
        return await self._authenticator.identify(request.headers.get("authorization"))

    async def context(self, request: Request | WebSocket) -> Context:
        """What our resolvers need."""
        return Context(self._services, "http://bench", await self.identity(request))

    async def bare(self, request: Request) -> Response:
        """graphql-core alone: no parsing, no validation."""
        asked = orjson.loads(await request.body())
        result = execute(
            STOCK._schema,  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # graphql-core's has no public name
            DOCUMENTS[asked["query"]],
            variable_values=asked["variables"],
            context_value=await self.context(request),
        )
        result = await result if isawaitable(result) else result
        return _json({"data": result.data})

    async def plain(self, request: Request) -> Response:
        """No GraphQL at all."""
        variables: dict[str, Any] = orjson.loads(await request.body())["variables"]
        identity = await self.identity(request)
        if "id" in variables:
            keys: list[UUID | None] = [uuid_of(variables["id"], "ExportJob")]
            row = await self.database.row(identity, "jobs_by_id", ids=keys)
            return _json({"job": plain_job(row) if row else None})
        rows = await self.database.rows(
            identity, "history_page", after_at=None, after_id=None, document_id=None, since=None, until=None,
            template=None, format=None, available=None,
            limit=variables["first"] + 1,
        )  # fmt: skip
        return _json({"history": [plain_export(row) for row in rows[: variables["first"]]]})


class Stock(GraphQL[Context, None]):
    """Strawberry's own view, with our context."""

    def __init__(self, ways: Ways) -> None:
        super().__init__(STOCK)
        self._ways = ways

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002 # the view's signature
        """What our resolvers need."""
        return await self._ways.context(request)


async def ready(_: Request) -> Response:
    """As the product has it, for whoever waits."""
    return Response()


def main() -> None:
    """Serve until told to stop, as the product is served."""
    settings = Settings.load()
    ways = Ways(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with ways.database.pool:
            yield

    routes = [
        Route("/health/ready", ready),
        Route("/stock", Stock(ways)),
        Route("/bare", ways.bare, methods=["POST"]),
        Route("/plain", ways.plain, methods=["POST"]),
    ]
    uvicorn.run(Starlette(routes=routes, lifespan=lifespan), port=settings.port, log_config=None, access_log=False)


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


if __name__ == "__main__":
    main()
