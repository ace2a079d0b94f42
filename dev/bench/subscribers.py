"""Many subscribers on one API process while jobs go through all their stages: memory, CPU, and how late they hear."""

import asyncio
import time
from base64 import b64encode
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any, Final
from uuid import UUID

import orjson
from websockets.asyncio.client import ClientConnection, connect

from dev.bench.served import Served, token_of
from dev.chaos.ledger import Ledger

FINISHED_A_SECOND: Final = 20
SECONDS: Final = 15
FOR_EACH_USER: Final = 20
FIRST_AT_ONCE: Final = 50
IDLE_SECONDS: Final = 20  # as long as from one ping of a connection to its next
PROGRESS: Final = """subscription ($id: ID!) { jobProgress(id: $id) {
  id status attempt progress { percent stage sequence } artifact { byteSize pageCount } failure { code message }
} }"""
# The worker's calls in their order; the stage that subscribers hear of.
CLAIM: Final = "select attempt from resumepair.claim_export(%s, %s)"
STAGES: Final = ("RENDERING", "VERIFYING", "UPLOADING", "PUBLISHING")
PUBLISH: Final = (
    "select resumepair.publish_export(%s, 1, 'classic', 'cv.pdf', %s, 1, 1, %s, null, null, '[]', '7 days')"
)


@dataclass(frozen=True)
class Crowd:
    """What was measured; times are from sending the call that commits to the client's receipt."""

    subscribers: int
    finished_a_second: float
    deliveries: int
    bytes_each: float
    cpu_microseconds: float
    idle_percent: float
    p50_milliseconds: float
    p99_milliseconds: float


@dataclass
class Heard:
    """When each change was called for, and how late each delivery was, in seconds."""

    called: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    late: list[float] = field(default_factory=list[float])


def measure_subscribers(ledger: Ledger, served: Served, count: int, *, to_each_job: int) -> Crowd:
    """So many subscribers, that many of them on the same job; jobs finish, and the process is measured meanwhile."""
    users = [ledger.new_user() for _ in range(-(-count // FOR_EACH_USER))]
    per_user = -(-FOR_EACH_USER // to_each_job)
    jobs = [(user, job) for user in users for job in ledger.enqueue(user, per_user)]
    watched = [pair for pair in jobs for _ in range(to_each_job)][:count]
    return asyncio.run(_measure(ledger, served, watched))


async def _measure(ledger: Ledger, served: Served, jobs: list[tuple[UUID, UUID]]) -> Crowd:
    heard = Heard()
    tokens = {user: token_of(user) for user, _ in jobs}
    distinct = list(dict.fromkeys(job for _, job in jobs))
    async with AsyncExitStack() as stack:
        listeners: list[asyncio.Task[None]] = []
        for user, job in jobs[:FIRST_AT_ONCE]:  # what the process needs once is not charged to the subscribers
            listeners.append(await _subscribe(stack, served, tokens[user], job, heard))
        before = served.resident_bytes()
        for user, job in jobs[FIRST_AT_ONCE:]:
            listeners.append(await _subscribe(stack, served, tokens[user], job, heard))
        bytes_each = (served.resident_bytes() - before) / max(len(jobs) - FIRST_AT_ONCE, 1)
        idle = await _idle_cpu(served)
        cpu, begun = served.cpu_seconds(), time.monotonic()
        finishing = distinct[: FINISHED_A_SECOND * SECONDS]
        await asyncio.to_thread(_work, ledger, finishing, heard)
        took = time.monotonic() - begun
        ending = set(finishing)
        await asyncio.wait(
            [listener for listener, (_, job) in zip(listeners, jobs, strict=True) if job in ending], timeout=10
        )
        used = served.cpu_seconds() - cpu - idle * (time.monotonic() - begun)
        for listener in listeners:
            listener.cancel()
    late = [seconds * 1000 for seconds in heard.late]
    return Crowd(
        subscribers=len(jobs),
        finished_a_second=len(finishing) / took,
        deliveries=len(late),
        bytes_each=bytes_each,
        cpu_microseconds=used / len(late) * 1e6,
        idle_percent=idle * 100,
        p50_milliseconds=median(late),
        p99_milliseconds=quantiles(late, n=100)[98],
    )


async def _idle_cpu(served: Served) -> float:
    """What holding the connections costs, in seconds a second: pings above all."""
    cpu, begun = served.cpu_seconds(), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    return (served.cpu_seconds() - cpu) / (time.monotonic() - begun)


async def _subscribe(stack: AsyncExitStack, served: Served, token: str, job: UUID, heard: Heard) -> asyncio.Task[None]:
    """Connect, subscribe, wait for the present state; then listen in the background."""
    socket = await stack.enter_async_context(
        connect(
            f"ws://127.0.0.1:{served.port}/graphql",
            subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
            compression=None,
            ping_interval=None,
        )
    )
    await _send(socket, {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
    await socket.recv()
    variables = {"id": b64encode(f"ExportJob:{job}".encode()).decode()}
    await _send(socket, {"type": "subscribe", "id": "1", "payload": {"query": PROGRESS, "variables": variables}})
    first = orjson.loads(await socket.recv())
    if first["type"] != "next" or "errors" in first["payload"]:
        raise RuntimeError(first)
    return asyncio.create_task(_listen(socket, str(job), heard))


async def _listen(socket: ClientConnection, job: str, heard: Heard) -> None:
    async for message in socket:
        now = time.monotonic()
        parsed: dict[str, Any] = orjson.loads(message)
        if parsed["type"] != "next":
            return
        stage = parsed["payload"]["data"]["jobProgress"]["progress"]["stage"]
        heard.late.append(now - heard.called[job, stage])


async def _send(socket: ClientConnection, message: dict[str, object]) -> None:
    await socket.send(orjson.dumps(message).decode())


def _work(ledger: Ledger, jobs: list[UUID], heard: Heard) -> None:
    """Take each job through its stages, a stage each tick, so that as many finish a second as begin."""
    found = ledger.query("select id, queue_job_id from resumepair.export_jobs where id = any(%s)", jobs)
    rows = {row["id"]: row["queue_job_id"] for row in found}
    begun = time.monotonic()
    for tick in range(len(jobs) + len(STAGES) + 1):
        time.sleep(max(begun + tick / FINISHED_A_SECOND - time.monotonic(), 0))
        for step in range(len(STAGES) + 2):
            if 0 <= tick - step < len(jobs):
                _take_step(ledger, jobs[tick - step], rows, step, heard)


def _take_step(ledger: Ledger, job: UUID, rows: dict[UUID, int], step: int, heard: Heard) -> None:
    stage = ("CLAIMED", *STAGES, "DONE")[step]
    heard.called[str(job), stage] = time.monotonic()
    if stage == "CLAIMED":
        ledger.query(CLAIM, job, rows[job])
    elif stage == "DONE":
        ledger.query(PUBLISH, job, str(job), "0" * 64)
    else:
        ledger.query("select resumepair.report_progress(%s, 1, %s)", job, stage.lower())
