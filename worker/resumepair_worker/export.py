"""One export from claim to publication: the worker's half of the data's way."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from resumepair_renderer import (
    Format,
    InvalidDocument,
    InvalidOptions,
    Problem,
    Rendered,
    Renderer,
    RenderOptions,
    RenderStage,
)
from resumepair_worker.backoff import delay_after
from resumepair_worker.content_key import content_key_of
from resumepair_worker.errors import INTERNAL, Superseded, failure_of
from resumepair_worker.jobs import Artifact, Claim, Jobs
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
UNREADABLE = "a number has too many digits, or lists and objects are nested too deep"
STAGES = {RenderStage.RENDERING: "rendering", RenderStage.VERIFYING: "verifying"}


class RetryLater(Exception):  # a request to the queue, not an error
    """The job row is pending again: the queue shall run it at this time (None: at once), at its old place."""

    def __init__(self, at: datetime | None, priority: int) -> None:
        super().__init__(f"retry at {at:%H:%M:%S}" if at else "retry at once")
        self.at = at
        self.priority = priority


@dataclass(frozen=True)
class Exporter:
    """Runs attempts; any number at once.

    `deadline` is the longest that an attempt may take; `stopping` is set when the process has been told to stop;
    `attempted` hears what became of each attempt.
    """

    jobs: Jobs
    renderer: Renderer
    store: Store
    lifetime: timedelta
    retry_base: timedelta
    deadline: timedelta = timedelta(minutes=4)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    attempted: Callable[[str], None] = lambda _: None

    async def run(self, job_id: UUID, queue_job_id: int) -> None:
        """Make one attempt at the job, if there is one to make.

        Raises:
            RetryLater: The attempt failed and another one is due later.
            psycopg.OperationalError, psycopg.InterfaceError: The database did not answer; run it again.
            asyncio.CancelledError: The attempt was cancelled, or handed back because the worker stops.
        """
        claim = await self.jobs.claim(job_id, queue_job_id)
        if claim is None:
            log.info("nothing_to_do", job_id=str(job_id))
            return
        bound = log.bind(job_id=str(job_id), attempt=claim.attempt)
        try:
            async with asyncio.timeout(self.deadline.total_seconds()):
                await self._attempt(claim)
        except Superseded:
            bound.info("superseded")
        except asyncio.CancelledError:
            # After a cancel by the user this changes nothing: the row is no longer `processing`.
            released = await _to_the_end(self.jobs.release(claim), HAND_BACK_SECONDS)
            bound.info("handed_back" if released else "stopped")
            raise
        except UNREACHABLE:
            raise
        except Exception as error:  # noqa: BLE001 # whatever it is, the user must learn that the attempt ended
            await self._fail(claim, error)
        else:
            bound.info("completed")
            self.attempted("completed")

    async def _attempt(self, claim: Claim) -> None:
        async def on_stage(stage: RenderStage) -> None:
            await self._report(claim, STAGES[stage])

        options = RenderOptions.parse(claim.options)
        if options.format is not Format.PDF:
            raise InvalidOptions(f"format: exports are PDF, not {options.format.upper()}")
        content_key = content_key_of(self.renderer.version, options, claim.document_json)
        if await self.jobs.reuse(claim, content_key, self.lifetime):
            self.attempted("cached")
            return
        rendered = await self.renderer.render(_read(claim.document_json), options, on_stage=on_stage)
        await _to_the_end(self._deliver(claim, rendered, content_key), DELIVER_SECONDS)

    async def _deliver(self, claim: Claim, rendered: Rendered, content_key: str) -> None:
        """Upload and publish. Runs to its end once begun, so that a cancel in between leaves no file behind."""
        path = f"{claim.user_id}/{claim.job_id}/{claim.attempt}/{rendered.file_name}"
        artifact = Artifact.of(rendered, path, content_key)

        await self._report(claim, "uploading")
        if not await self.jobs.reserve(claim, artifact):
            raise Superseded
        await self.store.put(path, rendered.content, rendered.format.media_type)
        try:
            await self._publish(claim, artifact)
        except Exception as error:
            if not _may_be_published(error):
                await self.store.remove([path])
            raise

    async def _publish(self, claim: Claim, artifact: Artifact) -> None:
        await self._report(claim, "publishing")
        if not await self.jobs.publish(claim, artifact, self.lifetime):
            raise Superseded

    async def _report(self, claim: Claim, stage: str) -> None:
        if not await self.jobs.report(claim, stage):
            raise Superseded

    async def _fail(self, claim: Claim, error: Exception) -> None:
        failure = failure_of(error)
        if failure.retryable and self.stopping.is_set() and await self.jobs.release(claim):
            # The browser and the storage may have been told to stop together with us: no fault of the attempt.
            log.info("handed_back", job_id=str(claim.job_id), attempt=claim.attempt, code=failure.code)
            raise RetryLater(None, claim.queue_priority)
        retry_in = delay_after(claim.attempt, self.retry_base) if failure.retryable else None
        self.attempted(failure.code)
        ended = await self.jobs.fail(claim, failure, retry_in)
        log.warning(
            "attempt_failed", job_id=str(claim.job_id), attempt=claim.attempt, code=failure.code,
            status=ended and ended.status, exc_info=error if failure is INTERNAL else None,
        )  # fmt: skip
        if ended and ended.status == "pending":
            raise RetryLater(ended.next_attempt_at, claim.queue_priority)


def _read(document_json: str) -> dict[str, Any]:
    """The document of a claim. PostgreSQL keeps what Python does not read: endless numbers, thousands of levels."""
    try:
        document: dict[str, Any] = json.loads(document_json)
    except (ValueError, RecursionError):
        raise InvalidDocument([Problem("", UNREADABLE)]) from None
    return document


def _may_be_published(error: Exception) -> bool:
    """Whether the connection broke after the statement was sent: the file has to stay, it may be wanted."""
    if not isinstance(error, UNREACHABLE) or isinstance(error, PoolTimeout):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(CONNECTION_LOST)


async def _to_the_end(work: Coroutine[None, None, T], patience: float) -> T:
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
