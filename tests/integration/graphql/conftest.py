"""Operations run as a user, without a server around them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from resumepair_graphql.auth import ANONYMOUS, Identity
from resumepair_graphql.context import Context, Services
from resumepair_graphql.database import Database, create_pool
from resumepair_graphql.feed import JobFeed
from resumepair_graphql.links import FolderLinks
from resumepair_graphql.listening import Listening
from resumepair_graphql.schema import build_schema
from tests import conftest
from tests.integration.conftest import Person

SCHEMA = build_schema()

Execute = Callable[..., Coroutine[None, None, tuple[Any, list[Any]]]]
Ask = Callable[..., Coroutine[None, None, Any]]
Subscribe = Callable[..., AsyncGenerator[Any, None]]
WAIT_SECONDS = 20


@pytest.fixture
async def services(database: conftest.Database, tmp_path: Path) -> AsyncGenerator[Services, None]:
    async with create_pool(database.api_url) as pool:
        links = FolderLinks(tmp_path, "a-signing-key", timedelta(minutes=5))
        async with JobFeed(Listening(database.api_url)) as feed:
            await feed.until_listening()
            yield Services(Database(pool), feed, links)


def context_of(services: Services, person: Person | None) -> Context:
    """The context of an operation of this user's, or of nobody's."""
    identity = Identity("authenticated", orjson.dumps({"sub": str(person.id)}).decode()) if person else ANONYMOUS
    return Context(services, "http://api.example", identity)


def count_queries(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the queries from now on, as they are asked."""
    asked: list[str] = []
    rows = services.database.rows

    async def counted(identity: Identity, query: str, **values: object) -> list[Any]:
        asked.append(query)
        return await rows(identity, query, **values)

    monkeypatch.setattr(services.database, "rows", counted)
    return asked


@pytest.fixture
def execute(services: Services) -> Execute:
    """Runs an operation as a user: the value of its only field, and its errors."""

    async def run(person: Person | None, query: str, **variables: object) -> tuple[Any, list[Any]]:
        result = await SCHEMA.execute(query, variables, context_value=context_of(services, person))
        assert result.data is not None, result.errors
        (value,) = result.data.values()
        return value, result.errors or []

    return run


@pytest.fixture
def ask(execute: Execute) -> Ask:
    """As `execute`, for an operation that has no errors."""

    async def run(person: Person, query: str, **variables: object) -> Any:  # noqa: ANN401
        value, errors = await execute(person, query, **variables)
        assert errors == []
        return value

    return run


@pytest.fixture
def subscribe(services: Services) -> Subscribe:
    """Runs a subscription as a user: the values of its only field, until it completes by itself."""

    async def run(person: Person, query: str, **variables: object) -> AsyncGenerator[Any, None]:
        results = await SCHEMA.subscribe(query, variables, context_value=context_of(services, person))
        assert isinstance(results, AsyncGenerator)
        async with asyncio.timeout(WAIT_SECONDS):
            async for result in results:
                assert result.data is not None, result.errors
                (value,) = result.data.values()
                yield value

    return run
