"""An attempt at what the queue has brought: what becomes of it when it fails, is cancelled, or its worker stops."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from resumepair_worker.backoff import delay_after
from resumepair_worker.errors import INTERNAL, Failure, Superseded, failure_of
from resumepair_worker.storage import Store

T = TypeVar("T")

log = structlog.stdlib.get_logger(__name__)

# The database cannot be told anything now; the queue runs the job again. PoolTimeout is one of the first.
UNREACHABLE = (psycopg.OperationalError, psycopg.InterfaceError)
# SQLSTATE classes of a connection that broke: whether the statement was carried out is then not known.
CONNECTION_LOST = ("08", "57P")
# How long a cancelled attempt may still take to deliver, and to hand itself back.
DELIVER_SECONDS = 1.0
HAND_BACK_SECONDS = 0.5


class RetryLater(Exception):  # a request to the queue, not an error
    """The row is pending again: the queue shall run it at this time (None: at once), at its old place."""

    def __init__(self, at: datetime | None, priority: int) -> None:
        super().__init__(f"retry at {at:%H:%M:%S}" if at else "retry at once")
        self.at = at
        self.priority = priority


class Ended(NamedTuple):
    """What became of the row whose attempt failed; the time of its next attempt, if there is one."""

    status: str
    next_attempt_at: datetime | None


class Claimed(Protocol):
    """What every claim has, whatever it is a claim to."""

    @property
    def attempt(self) -> int:
        """Its number, the fence."""
        ...

    @property
    def queue_priority(self) -> int:
        """Its place on the queue, which it keeps."""
        ...

    @property
    def names(self) -> Mapping[str, str]:
        """What the log calls it by."""
        ...


ClaimT = TypeVar("ClaimT", bound=Claimed)
ClaimT_contra = TypeVar("ClaimT_contra", bound=Claimed, contravariant=True)


class Ledger(Protocol[ClaimT_contra]):
    """Where the end of an attempt is entered; each call is fenced."""

    async def fail(self, claim: ClaimT_contra, failure: Failure, retry_in: timedelta | None) -> Ended | None:
        """End it with an error, to be tried again after this pause; None when it is not the present one."""
        ...

    async def release(self, claim: ClaimT_contra) -> bool:
        """Hand it back, uncounted; False when it is no longer the present one."""
        ...


class Terms(Protocol):
    """How attempts are made."""

    @property
    def retry_base(self) -> timedelta:
        """The pause after the first failed one."""
        ...

    @property
    def deadline(self) -> timedelta:
        """The longest that one may take."""
        ...

    @property
    def stopping(self) -> asyncio.Event:
        """Set when the process has been told to stop."""
        ...

    @property
    def attempted(self) -> Callable[[str], None]:
        """Hears what became of each."""
        ...


async def make_attempt(
    terms: Terms, ledger: Ledger[ClaimT], claim: ClaimT, work: Callable[[ClaimT], Awaitable[None]]
) -> None:
    """Do the work that was claimed, and enter its end.

    Raises:
        RetryLater: The attempt failed and another one is due later.
        psycopg.OperationalError, psycopg.InterfaceError: The database did not answer; run it again.
        asyncio.CancelledError: The attempt was cancelled, or handed back because the worker stops.
    """
    bound = log.bind(**claim.names, attempt=claim.attempt)
    try:
        async with asyncio.timeout(terms.deadline.total_seconds()):
            await work(claim)
    except Superseded:
        bound.info("superseded")
    except asyncio.CancelledError:
        # After a cancel by the user this changes nothing: the row is no longer `processing`.
        released = await to_the_end(ledger.release(claim), HAND_BACK_SECONDS)
        bound.info("handed_back" if released else "stopped")
        raise
    except UNREACHABLE:
        raise
    except Exception as error:  # noqa: BLE001 # whatever it is, the user must learn that the attempt ended
        await _fail(terms, ledger, claim, error)
    else:
        bound.info("completed")
        terms.attempted("completed")


async def _fail(terms: Terms, ledger: Ledger[ClaimT], claim: ClaimT, error: Exception) -> None:
    bound = log.bind(**claim.names, attempt=claim.attempt)
    failure = failure_of(error)
    if failure.retryable and terms.stopping.is_set() and await ledger.release(claim):
        # The browser and the storage may have been told to stop together with us: no fault of the attempt.
        bound.info("handed_back", code=failure.code)
        raise RetryLater(None, claim.queue_priority)
    retry_in = delay_after(claim.attempt, terms.retry_base) if failure.retryable else None
    terms.attempted(failure.code)
    ended = await ledger.fail(claim, failure, retry_in)
    bound.warning(
        "attempt_failed", code=failure.code, status=ended and ended.status,
        exc_info=error if failure is INTERNAL else None,
    )  # fmt: skip
    if ended and ended.status == "pending":
        raise RetryLater(ended.next_attempt_at, claim.queue_priority)


async def deliver(
    store: Store, path: str, content: bytes | Path, content_type: str, publish: Callable[[], Awaitable[None]]
) -> None:
    """Store a file and publish it; what is certainly not published does not stay."""
    await store.put(path, content, content_type)
    try:
        await publish()
    except Exception as error:
        if not _may_be_published(error):
            await store.remove([path])
        raise


def _may_be_published(error: Exception) -> bool:
    """Whether the connection broke after the statement was sent: the file has to stay, it may be wanted."""
    if not isinstance(error, UNREACHABLE) or isinstance(error, PoolTimeout):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(CONNECTION_LOST)


async def to_the_end(work: Coroutine[None, None, T], patience: float) -> T:
    """Wait for the work; when we are cancelled meanwhile, for these seconds more, and pass the cancel on after it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _finish(task, patience)
        raise


async def _finish(task: asyncio.Future[T], patience: float) -> None:
    """Give a task these seconds to end, also when cancelled again; then end it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while not task.done() and (left := deadline - loop.time()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task], timeout=left)
    if not task.done():
        task.cancel()
        log.warning("given_up_while_stopping")
    elif not task.cancelled() and (error := task.exception()) and not isinstance(error, Superseded):
        log.warning("failed_while_stopping", error=repr(error))
