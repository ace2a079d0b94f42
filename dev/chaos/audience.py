"""Subscribers who watch their jobs over graphql-transport-ws, as ordinary clients, while things break."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from uuid import UUID

from gql import Client, GraphQLRequest, gql
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportError
from gql.transport.websockets import WebsocketsTransport

from dev.chaos.api import Api
from dev.seed import global_id

PROGRESS = gql("subscription ($id: ID!) { jobProgress(id: $id) { status } }")
FINAL = {"COMPLETED", "FAILED", "CANCELLED"}


@dataclass
class Watched:
    """What one subscriber was told: when the end came (None: never), and an error if there was one."""

    job: UUID
    begun: threading.Event = field(default_factory=threading.Event)
    ended_at: datetime | None = None
    ended_as: str | None = None
    error: str | None = None


@dataclass
class Audience:
    """Watches on a thread of its own, over one connection for each call of `watch`."""

    api: Api
    _watching: list["Future[None]"] = field(default_factory=list["Future[None]"])

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="audience", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for future in self._watching:
            future.cancel()
        wait_for(self._watching)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def watch(self, user: UUID, jobs: Sequence[UUID]) -> list[Watched]:
        """Subscribe to each of the jobs; returns when each subscriber has been told how its job stands."""
        watched = [Watched(job) for job in jobs]
        self._watching.append(asyncio.run_coroutine_threadsafe(self._watch(user, watched), self._loop))
        for one in watched:
            one.begun.wait()
        return watched

    def wait(self, seconds: float) -> None:
        """Until every subscription has ended, or these seconds are over."""
        _, self._watching = map(list, wait_for(self._watching, seconds))

    async def _watch(self, user: UUID, watched: Sequence[Watched]) -> None:
        transport = WebsocketsTransport(
            f"ws://{self.api.address}/graphql",
            init_payload={"authorization": f"Bearer {self.api.token(user)}"},
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        )
        try:
            async with Client(transport=transport) as session:
                await asyncio.gather(*(_follow(session, one) for one in watched))
        finally:
            for one in watched:
                one.begun.set()


async def _follow(session: AsyncClientSession, one: Watched) -> None:
    request = GraphQLRequest(PROGRESS, variable_values={"id": global_id("ExportJob", one.job)})
    try:
        async for event in session.subscribe(request):
            one.begun.set()
            if event["jobProgress"]["status"] in FINAL:
                one.ended_at, one.ended_as = datetime.now(UTC), event["jobProgress"]["status"]
    except TransportError as error:
        one.error = str(error)
    finally:
        one.begun.set()
