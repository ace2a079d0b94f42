"""One export from claim to publication: the worker's half of the data's way."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog

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
from resumepair_worker.attempt import DELIVER_SECONDS, deliver, make_attempt, to_the_end
from resumepair_worker.content_key import content_key_of
from resumepair_worker.errors import Superseded
from resumepair_worker.jobs import Artifact, Claim, Jobs
from resumepair_worker.storage import Store

log = structlog.stdlib.get_logger(__name__)

UNREADABLE = "a number has too many digits, or lists and objects are nested too deep"
STAGES = {RenderStage.RENDERING: "rendering", RenderStage.VERIFYING: "verifying"}


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
        """Make one attempt at the job, if there is one to make; raises as `make_attempt`."""
        claim = await self.jobs.claim(job_id, queue_job_id)
        if claim is None:
            log.info("nothing_to_do", job_id=str(job_id))
            return
        await make_attempt(self, self.jobs, claim, self._attempt)

    async def _attempt(self, claim: Claim) -> None:
        async def on_stage(stage: RenderStage) -> None:
            await self._report(claim, STAGES[stage])

        options = RenderOptions.parse(claim.options)
        if options.format is not Format.PDF:
            raise InvalidOptions(f"format: exports are PDF, not {options.format.upper()}")
        content_key = content_key_of(self.renderer.version, options, claim.document_json)
        if await self._is_there_already(claim, content_key):
            self.attempted("cached")
            return
        rendered = await self.renderer.render(_read(claim.document_json), options, on_stage=on_stage)
        await to_the_end(self._deliver(claim, rendered, content_key), DELIVER_SECONDS)

    async def _deliver(self, claim: Claim, rendered: Rendered, content_key: str) -> None:
        """Upload and publish. Runs to its end once begun, so that a cancel in between leaves no file behind."""
        path = f"{claim.user_id}/{claim.job_id}/{claim.attempt}/{rendered.file_name}"
        artifact = Artifact.of(rendered, path, content_key)

        await self._report(claim, "uploading")
        if not await self.jobs.reserve(claim, artifact):
            raise Superseded
        publish = partial(self._publish, claim, artifact)
        await deliver(self.store, path, rendered.content, rendered.format.media_type, publish)

    async def _publish(self, claim: Claim, artifact: Artifact) -> None:
        await self._report(claim, "publishing")
        if not await self.jobs.publish(claim, artifact, self.lifetime):
            raise Superseded

    async def _is_there_already(self, claim: Claim, content_key: str) -> bool:
        """Complete the job with a file of the same content, if there is one, also in storage."""
        path = await self.jobs.reusable(claim, content_key, self.lifetime)
        if path is None or await self.store.info(path) is None:
            return False
        return await self.jobs.reuse(claim, content_key, self.lifetime) is not None

    async def _report(self, claim: Claim, stage: str) -> None:
        if not await self.jobs.report(claim, stage):
            raise Superseded


def _read(document_json: str) -> dict[str, Any]:
    """The document of a claim. PostgreSQL keeps what Python does not read: endless numbers, thousands of levels."""
    try:
        document: dict[str, Any] = json.loads(document_json)
    except (ValueError, RecursionError):
        raise InvalidDocument([Problem("", UNREADABLE)]) from None
    return document
