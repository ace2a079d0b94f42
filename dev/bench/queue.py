"""The queue: how soon a job is picked up, what else is measured of it, and what a million finished jobs change.

Everything on one throwaway server, so that the ratios are of one machine at one time.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.table import Table

from dev.bench.cancelling import cancelling
from dev.bench.throughput import enqueueing, passing
from dev.bench.waiting import fairness, wakes
from dev.bench.workshop import one_rendered, workshop
from dev.chaos.fleet import Fleet
from dev.chaos.ledger import Ledger
from dev.grown import grow
from dev.throwaway import Throwaway, throwaway
from resumepair_graphql.database import QUERIES

PICKUPS: Final = 100
CALLS: Final = 300
GROWTH_GOAL: Final = 1.5


def measure_queue(chromium: Path, grown_jobs: int) -> None:
    """Print a table for each question; last, each step of an export with and without so many finished jobs."""
    console = Console()
    with ExitStack() as stack:
        place = stack.enter_context(throwaway())
        ledger = stack.enter_context(Ledger.open(place.server.url()))
        ledger.query("select set_config('search_path', 'procrastinate', false)")
        with Fleet(place.worker_url, place.storage, chromium, place.log, 1):
            console.print(_pickup(ledger))
        console.print(enqueueing(ledger, place))
        asyncio.run(_without_browser(console, ledger, place, chromium))
        console.print(cancelling(ledger, place, chromium))
        empty = _steps(ledger)
        grow(ledger.connection, grown_jobs)
        console.print(_growth(empty, _steps(ledger), grown_jobs))


async def _without_browser(console: Console, ledger: Ledger, place: Throwaway, chromium: Path) -> None:
    async with workshop(place, await one_rendered(chromium)) as shop:
        for measure in (passing, fairness, wakes):
            console.print(await measure(ledger, shop))


def _pickup(ledger: Ledger) -> Table:
    user = ledger.new_user()
    waits: list[float] = []
    for _ in range(PICKUPS + 1):
        (job,) = ledger.enqueue(user, 1)
        while ledger.open_jobs([job]):
            time.sleep(0.005)
        (row,) = ledger.query(
            "select extract(epoch from started_at - created_at) * 1000 as wait "
            "from resumepair.export_jobs where id = %s",
            job,
        )
        waits.append(float(row["wait"]))
    waits = waits[1:]  # the first waits for the worker to start
    table = Table(title="pickup, one worker")
    for heading in ("", "p50, ms", "p99, ms"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("from asking to the first attempt", f"{median(waits):.1f}", f"{quantiles(waits, n=100)[98]:.1f}")
    return table


def _steps(ledger: Ledger) -> dict[str, float]:
    """The median milliseconds of each step of an export."""
    user = ledger.new_user()
    jobs: list[UUID] = []
    queue_rows = "select id, queue_job_id from resumepair.export_jobs where id = any(%s)"
    steps = {"enqueue": median(_milliseconds(lambda: jobs.extend(ledger.enqueue(user, 1))))}
    rows = iter({row["id"]: row["queue_job_id"] for row in ledger.query(queue_rows, jobs)}.items())
    claimed: list[UUID] = []

    def claim() -> None:
        job, row = next(rows)
        ledger.query("select resumepair.claim_export(%s, %s)", job, row)
        claimed.append(job)

    def publish() -> None:
        job = claimed.pop()
        ledger.query(
            "select resumepair.publish_export(%s, 1, 'classic', 'cv.pdf', %s, 1, 1, %s, null, null, '[]', '7 days')",
            job, str(job), "0" * 64,
        )  # fmt: skip

    steps["fetch from the queue"] = median(
        _milliseconds(lambda: ledger.query("select procrastinate_fetch_job_v2(null, null)"))
    )
    steps["claim"] = median(_milliseconds(claim))
    steps["publish"] = median(_milliseconds(publish))
    one = (
        "select * from resumepair.export_jobs as j "
        "left join resumepair.export_history as h on h.job_id = j.id where j.id = %s"
    )
    steps["job"] = median(_milliseconds(lambda: ledger.query(one, jobs[0])))
    page = "select * from resumepair.export_history where user_id = %s order by created_at desc, id desc limit 21"
    steps["history page"] = median(_milliseconds(lambda: ledger.query(page, user)))
    steps["stats of a user"] = median(_milliseconds(lambda: _ask_as(ledger, user, "stats_of_user")))
    steps["stats of the system"] = median(_milliseconds(lambda: _ask_as(ledger, None, "stats_of_system")))
    sweep = "select resumepair.rescue_exports('1 day', '1 day')"
    steps["rescue sweep"] = median(_milliseconds(lambda: ledger.query(sweep)))
    return steps


def _ask_as(ledger: Ledger, user: UUID | None, query: str) -> None:
    """One of the API's queries, as a user or as the operator."""
    role = "authenticated" if user else "service_role"
    with ledger.connection.transaction():
        ledger.query(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
            role, f'{{"sub": "{user}", "role": "{role}"}}',
        )  # fmt: skip
        ledger.connection.execute(QUERIES[query], {"since": None})


def _growth(before: dict[str, float], after: dict[str, float], jobs: int) -> Table:
    table = Table(title=f"each step with {jobs:,} finished jobs, medians")
    for heading in ("step", "empty, ms", "grown, ms", "ratio", "goal"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    for step, first in before.items():
        ratio = after[step] / first
        verdict = f"≤ {GROWTH_GOAL:g} × {'met' if ratio <= GROWTH_GOAL else 'MISSED'}"
        table.add_row(step, f"{first:.2f}", f"{after[step]:.2f}", f"{ratio:.2f} ×", verdict)
    return table


def _milliseconds(work: Callable[[], object]) -> list[float]:
    times: list[float] = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return times
