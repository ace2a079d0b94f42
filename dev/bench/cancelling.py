"""How soon a running export is cancelled: from the mutation over HTTP to the subscriber's CANCELLED."""

import asyncio
import json
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from uuid import UUID

from gql import Client, GraphQLRequest, gql
from gql.client import AsyncClientSession
from gql.transport.websockets import WebsocketsTransport
from rich.table import Table

from dev.chaos.api import Api
from dev.chaos.fleet import Fleet
from dev.chaos.ledger import RESUME, Ledger
from dev.seed import global_id
from dev.throwaway import Throwaway

CANCELS = 200
GOAL_MS = 250
# Long enough to be met at the printer.
DOCUMENT = {**RESUME, "work": RESUME["work"] * 40}
PROGRESS = gql("subscription ($id: ID!) { jobProgress(id: $id) { status progress { stage } } }")
CANCEL = "mutation ($id: ID!) { cancel(input: {jobId: $id}) { errors { code } } }"


def cancelling(ledger: Ledger, place: Throwaway, chromium: Path) -> Table:
    """A worker with a real browser, an API, a subscriber."""
    with ExitStack() as stack:
        stack.enter_context(Fleet(place.worker_url, place.storage, chromium, place.log, 1))
        api = stack.enter_context(Api(place.api_url, place.storage, place.log))
        delays = asyncio.run(_delays(ledger, api))
    p99 = quantiles(delays, n=100)[98]
    table = Table(title=f"{len(delays)} exports cancelled while they are printed")
    for heading in ("", "p50, ms", "p99, ms", "longest, ms", "goal"):
        table.add_column(heading, justify="right" if heading else "left")
    verdict = f"p99 < {GOAL_MS} ms {'met' if p99 < GOAL_MS else 'MISSED'}"
    table.add_row(
        "from the mutation to the event", f"{median(delays):.1f}", f"{p99:.1f}", f"{max(delays):.1f}", verdict
    )
    return table


async def _delays(ledger: Ledger, api: Api) -> list[float]:
    user = ledger.new_user()
    http = HTTPConnection(api.address, timeout=30)
    transport = WebsocketsTransport(
        f"ws://{api.address}/graphql",
        init_payload={"authorization": f"Bearer {api.token(user)}"},
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )
    delays: list[float] = []
    async with Client(transport=transport) as session:
        while len(delays) < CANCELS:
            (job,) = await asyncio.to_thread(ledger.enqueue, user, 1, DOCUMENT)
            delay = await _cancel(session, http, api.token(user), job)
            if delay is not None:
                delays.append(delay)
    http.close()
    return delays


async def _cancel(session: AsyncClientSession, http: HTTPConnection, token: str, job: UUID) -> float | None:
    """Cancel it as soon as it is at the printer; the milliseconds, or None when it was quicker."""
    key = global_id("ExportJob", job)
    cancelling: asyncio.Task[float] | None = None
    async for event in session.subscribe(GraphQLRequest(PROGRESS, variable_values={"id": key})):
        now = time.perf_counter()
        state: dict[str, Any] = event["jobProgress"]
        if state["status"] == "CANCELLED" and cancelling:
            return (now - await cancelling) * 1000
        if state["status"] == "PROCESSING" and state["progress"]["stage"] == "RENDERING" and not cancelling:
            cancelling = asyncio.create_task(asyncio.to_thread(_post_cancel, http, token, key))
    if cancelling:
        await cancelling
    return None


def _post_cancel(http: HTTPConnection, token: str, key: str) -> float:
    """Send the mutation; when that was."""
    body = json.dumps({"query": CANCEL, "variables": {"id": key}})
    sent = time.perf_counter()
    http.request("POST", "/graphql", body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    http.getresponse().read()
    return sent
