"""Following a job or a batch: the subscriptions that tell every change until it is final."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Protocol, Self, TypeVar, cast
from uuid import UUID

import strawberry

from resumepair_graphql.batches import ExportBatch, load_batch
from resumepair_graphql.context import Context, Info
from resumepair_graphql.errors import TookTooLong, Unavailable
from resumepair_graphql.executor import Results
from resumepair_graphql.feed import JobChange
from resumepair_graphql.ids import Id, uuid_of
from resumepair_graphql.jobs import ExportJob, load_job

LOOK_AGAIN_SECONDS = (0.1, 2.0)
LOOKS_AT_MOST = 5  # that each take all the time that a statement has


class Followed(Protocol):
    """What can be followed until it is final; every change has a higher `sequence`.

    `results` is there when others are told the same state: what operations made of it, each once (see `execution`).
    """

    results: Results | None

    @property
    def is_final(self) -> bool:
        """Whether nothing changes any more."""
        ...

    @property
    def sequence(self) -> int:
        """The number of the present state."""
        ...

    def after(self, change: JobChange) -> Self | None:
        """The state after a change (itself, when the change is older); None when the change does not tell all."""
        ...


FollowedT = TypeVar("FollowedT", bound=Followed)
LookedT = TypeVar("LookedT")
Load = Callable[[Context, UUID], Awaitable[FollowedT | None]]


@strawberry.type
class ProgressSubscriptions:
    """Subscription fields that follow a job or a batch; each completes by itself."""

    @strawberry.subscription(
        description="A job as it is now, then every change, until it is final; null when there is none."
    )
    async def job_progress(
        self,
        info: Info,
        id: Id,
        after_sequence: Annotated[
            int | None, strawberry.argument(description="The last `progress.sequence` seen, to resume after it.")
        ] = None,
    ) -> AsyncIterator[ExportJob | None]:
        """By global id."""
        async for job in follow(info.context, uuid_of(id, "ExportJob"), load_job, after_sequence or 0):
            yield job

    @strawberry.subscription(
        description="A batch as it is now, then every change, until all its jobs and its bundle are final; null when "
        "there is none."
    )
    async def batch_progress(
        self,
        info: Info,
        id: Id,
        after_sequence: Annotated[
            int | None, strawberry.argument(description="The last `sequence` seen, to resume after it.")
        ] = None,
    ) -> AsyncIterator[ExportBatch | None]:
        """By global id."""
        async for batch in follow(info.context, uuid_of(id, "ExportBatch"), load_batch, after_sequence or 0):
            yield batch


async def follow(
    context: Context, key: UUID | None, load: Load[FollowedT], seen: int
) -> AsyncIterator[FollowedT | None]:
    """The states from the present one on, each newer than `seen`, until the last.

    The watcher is registered before the first look, and every look replaces what was heard before it: no gap. What the
    client claims to have seen decides only what it is told, never when it ends. What had to wait until it could be told
    is looked at again.
    """
    if key is None:
        yield None
        return
    reader = context.services.reader(context)
    async with context.services.feed.watch(key) as watcher:
        now = await _look(reader, key, load)
        if now is None:
            yield None
            return
        told = 0
        while True:
            if now.sequence > seen:
                if await context.until_next_event() and (now := await _look(reader, key, load)) is None:
                    return
                seen = told = now.sequence
                yield now
            if now.is_final:
                return
            change = await watcher.next()
            heard = change and _after(now, change, reader)
            if heard:
                now = heard
            elif (now := await _look(reader, key, load)) is None:
                return
            elif now.is_final and now.sequence < told:
                seen = 0  # what was told before was not true; this is


def _after(now: FollowedT, change: JobChange, reader: Context) -> FollowedT | None:
    """The state after a change: one object for all who read alike and were told the same before."""
    key = (type(now), id(reader))
    before, state = change.states.get(key, (None, None))
    if before is not now and before != now:
        state = now.after(change)
        if state is not None and state is not now:
            state.results = {}
        change.states[key] = (now, state)
    return cast("FollowedT | None", state)


async def _look(context: Context, key: UUID, load: Load[FollowedT]) -> FollowedT | None:
    """The state as it is now; a database that is away is waited for: the client would take an error for the end."""
    return await patiently(lambda: load(context, key))


async def patiently(look: Callable[[], Awaitable[LookedT]]) -> LookedT:
    """What a look gives, once the database is there.

    Raises:
        TookTooLong: It is there, and does not get to an end of this.
    """
    pause, longest = LOOK_AGAIN_SECONDS
    looks = 0
    while True:
        try:
            return await look()
        except Unavailable as error:
            looks += isinstance(error, TookTooLong)
            if looks >= LOOKS_AT_MOST:
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
