"""What a resolver is given: who asks, and the services that answer."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self
from uuid import UUID
from weakref import WeakValueDictionary

import strawberry
from strawberry.dataloader import DataLoader

from resumepair_graphql.answer_room import AnswerRoom, no_room
from resumepair_graphql.auth import ANONYMOUS, Identity
from resumepair_graphql.database import Database, Row
from resumepair_graphql.errors import Refusal
from resumepair_graphql.feed import JobFeed
from resumepair_graphql.links import Asker, Link, Links, Wanted


def _loader(query: str) -> "cached_property[DataLoader[UUID, Row | None]]":
    """Reads rows by id with a named query: those that are asked for together, in one transaction."""

    def make(context: "Context") -> DataLoader[UUID, Row | None]:
        async def load(ids: list[UUID]) -> Sequence[Row | None]:
            rows = {row["id"]: row for row in await context.rows(query, ids=list(set(ids)))}
            return [rows.get(key) for key in ids]

        return DataLoader(load_fn=load, cache=False)

    return cached_property(make)


def _data_loader(context: "Context") -> DataLoader[UUID, object]:
    """Reads documents' data, as far as the answer has room for it wherever it was asked for; the others are errors."""

    async def load(ids: list[UUID]) -> list[object]:
        room = context.answer_room
        async with room.filling:
            rows = {row["id"]: row for row in await context.rows("document_data", ids=list(set(ids)), room=room.left)}
            return [_fitting(rows.get(key), room) for key in ids]

    return DataLoader(load_fn=load, cache=False)


def _fitting(row: Row | None, room: AnswerRoom) -> object:
    if row is None:
        return None
    fits = row["data"] is not None and room.take(row["byte_size"])
    return row["data"] if fits else no_room()


@dataclass
class Context:
    """The context of an operation. A WebSocket's connection has one as well, from which its operations get theirs.

    `address` is the client's, `authorization` what says who asks, `connection_params` what `connection_init` brought:
    these two are never shown. `reading_cost` are the points for what
    there was to read in the request, `pace` is that of a subscription whose events ask the database.
    """

    services: "Services"
    base_url: str
    identity: Identity = ANONYMOUS
    address: str | None = None
    authorization: str | None = field(default=None, repr=False)
    connection_params: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    reading_cost: int = 0
    pace: Callable[[], Awaitable[bool]] | None = field(default=None, init=False)

    # Made when they are asked for: a thousand subscriptions keep a thousand contexts.
    documents = _loader("documents_by_id")
    document_data = cached_property(_data_loader)
    answer_room = cached_property(lambda _: AnswerRoom())
    jobs = _loader("jobs_by_id")
    batches = _loader("batches_by_id")
    bundles = _loader("bundles_by_id")
    schedules = _loader("schedules_by_id")
    webhooks = _loader("webhooks_by_id")
    webhook_deliveries = _loader("webhook_deliveries_by_id")
    exports = _loader("exports_by_id")
    queue_positions = _loader("queue_positions")

    @cached_property
    def links(self) -> DataLoader[Wanted, Link]:
        """Links for all fields of the operation that want one, in one go."""
        return DataLoader(load_fn=self._sign, cache=False)

    def fresh(self) -> Self:
        """One for the next operation of the same connection."""
        return replace(self)

    async def until_next_event(self) -> bool:
        """Before each event of a subscription: wait until it may ask the database; whether that took any time."""
        if self.pace is None:
            return False
        self.__dict__.pop("answer_room", None)  # each event has its own
        return await self.pace()

    async def rows(self, query: str, **values: object) -> list[Row]:
        """Rows of a named query as the asking user sees them."""
        return await self.services.database.rows(self.identity, query, **values)

    async def row(self, query: str, **values: object) -> Row | None:
        """The first such row, or None."""
        return await self.services.database.row(self.identity, query, **values)

    async def _sign(self, files: list[Wanted]) -> Sequence[Link | Refusal]:
        _, _, token = (self.authorization or "").partition(" ")
        return await self.services.links.sign(files, Asker(self.base_url, token.strip()))


@dataclass(frozen=True)
class Services:
    """The parts of the process that all operations share."""

    database: Database
    feed: JobFeed
    links: Links
    allow_insecure_webhooks: bool = False
    _readers: WeakValueDictionary[Identity, Context] = field(default_factory=WeakValueDictionary[Identity, Context])

    def reader(self, context: Context) -> Context:
        """A context that all followers with the same token read with: what wakes many of them is read once for all."""
        return self._readers.setdefault(context.identity, context.fresh())


Info = strawberry.Info[Context, None]
