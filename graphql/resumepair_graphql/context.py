"""What a resolver is given: who asks, and the services that answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from resumepair_graphql.auth import ANONYMOUS, Identity
from resumepair_graphql.database import Database, Row
from resumepair_graphql.feed import JobFeed
from resumepair_graphql.links import Links


@dataclass(frozen=True)
class Services:
    """The parts of the process that all operations share."""

    database: Database
    feed: JobFeed
    links: Links
    allow_insecure_webhooks: bool = False


@dataclass
class Context:
    """The context of an operation. A WebSocket's connection has one as well, from which its operations get theirs.

    `authorization` is the request's header, `connection_params` what `connection_init` brought.
    """

    services: Services
    base_url: str
    identity: Identity = ANONYMOUS
    authorization: str | None = None
    connection_params: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        self.documents = self._loader("documents_by_id")
        self.jobs = self._loader("jobs_by_id")
        self.batches = self._loader("batches_by_id")
        self.schedules = self._loader("schedules_by_id")
        self.webhooks = self._loader("webhooks_by_id")
        self.webhook_deliveries = self._loader("webhook_deliveries_by_id")
        self.exports = self._loader("exports_by_id")
        self.queue_positions = self._loader("queue_positions")

    def fresh(self) -> Self:
        """One for the next operation of the same connection."""
        return replace(self)

    async def rows(self, query: str, **values: object) -> list[Row]:
        """Rows of a named query as the asking user sees them."""
        return await self.services.database.rows(self.identity, query, **values)

    async def row(self, query: str, **values: object) -> Row | None:
        """The first such row, or None."""
        return await self.services.database.row(self.identity, query, **values)

    def _loader(self, query: str) -> DataLoader[UUID, Row | None]:
        async def load(ids: list[UUID]) -> Sequence[Row | None]:
            rows = {row["id"]: row for row in await self.rows(query, ids=list(set(ids)))}
            return [rows.get(key) for key in ids]

        return DataLoader(load_fn=load, cache=False)


Info = strawberry.Info[Context, None]
