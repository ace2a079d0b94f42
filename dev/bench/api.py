"""The API: two operations over HTTP in four ways, and a thousand subscribers on one process. One throwaway server."""

import asyncio
from base64 import b64encode
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.table import Table

from dev.bench.http_load import Load, Target, load
from dev.bench.operations import HISTORY, JOB, PAGE
from dev.bench.served import Served, serve, token_of
from dev.bench.subscribers import Crowd, measure_subscribers
from dev.chaos.ledger import Ledger
from dev.grown import grow
from dev.throwaway import throwaway

CONNECTIONS: Final = 8
ROUNDS: Final = 5
JOBS: Final = 10_000
STOCK_GOAL: Final = 2.0
BYTES_GOAL: Final = 60_000
CPU_GOAL: Final = 160
P99_GOAL: Final = 250
WATCHERS: Final = (1, 20)  # subscribers to the same job
WAYS: Final = {
    "ours": "/graphql",
    "Strawberry as it comes": "/stock",
    "graphql-core alone": "/bare",
    "plain JSON route": "/plain",
}


@dataclass(frozen=True)
class Asked:
    """An operation to measure, with its variables."""

    name: str
    query: str
    variables: dict[str, object]


def measure_api(*, seconds: float, subscribers: int) -> None:
    """Print two tables: the operations in each way; then the subscribers."""
    console = Console()
    with ExitStack() as stack:
        place = stack.enter_context(throwaway())
        ledger = stack.enter_context(Ledger.open(place.server.url()))
        grow(ledger.connection, JOBS)
        ours = stack.enter_context(serve(place, "resumepair_graphql.app"))
        with ExitStack() as comparing:
            others = comparing.enter_context(serve(place, "dev.bench.comparisons"))
            console.print(_operations(ledger, ours, others, seconds))
    console.print(_subscriptions({watchers: _crowd(subscribers, watchers) for watchers in WATCHERS}))


def _crowd(subscribers: int, watchers: int) -> Crowd:
    """On a database and a process of its own."""
    with ExitStack() as stack:
        place = stack.enter_context(throwaway())
        ledger = stack.enter_context(Ledger.open(place.server.url()))
        ledger.query("select set_config('search_path', 'procrastinate', false)")
        ours = stack.enter_context(serve(place, "resumepair_graphql.app"))
        return measure_subscribers(ledger, ours, subscribers, to_each_job=watchers)


def _operations(ledger: Ledger, ours: Served, others: Served, seconds: float) -> Table:
    (row,) = ledger.query("select id, user_id from resumepair.export_jobs limit 1")
    token = token_of(row["user_id"])
    operations = (
        Asked("job", JOB, {"id": _global_id("ExportJob", row["id"])}),
        Asked(f"history, {PAGE} rows", HISTORY, {"first": PAGE}),
    )
    table = Table(title=f"operations over HTTP, {CONNECTIONS} connections, medians of {ROUNDS} rounds")
    for heading in ("", "", "a second", "CPU µs each", "ours is", "goal"):
        table.add_column(heading, justify="right" if heading else "left")
    for asked in operations:
        targets = {
            way: Target(
                ours if way == "ours" else others, path, token, {"query": asked.query, "variables": asked.variables}
            )
            for way, path in WAYS.items()
        }
        results = asyncio.run(_rounds(targets, seconds))
        best = results["ours"]
        for way, result in results.items():
            ratio = best.per_second / result.per_second
            goal = f"≥ {STOCK_GOAL:g} × {_verdict(ratio >= STOCK_GOAL)}" if way == "Strawberry as it comes" else ""
            table.add_row(
                asked.name, way, f"{result.per_second:.0f}", f"{result.cpu_microseconds:.0f}", f"{ratio:.2f} ×", goal
            )
    return table


async def _rounds(targets: dict[str, Target], seconds: float) -> dict[str, Load]:
    """The ways take turns, so that what else the machine does meets all of them."""
    loads: dict[str, list[Load]] = {way: [] for way in targets}
    for target in targets.values():
        await load(target, connections=CONNECTIONS, seconds=0.3)
    for _ in range(ROUNDS):
        for way, target in targets.items():
            loads[way].append(await load(target, connections=CONNECTIONS, seconds=seconds / 2))
    return {
        way: Load(median(one.per_second for one in found), median(one.cpu_microseconds for one in found))
        for way, found in loads.items()
    }


def _subscriptions(crowds: dict[int, Crowd]) -> Table:
    first = next(iter(crowds.values()))
    table = Table(title=f"{first.subscribers:,} subscribers on one process, 20 jobs done a second")
    table.add_column("")
    for watchers in crowds:
        table.add_column("one to a job" if watchers == 1 else f"{watchers} to a job", justify="right")
    table.add_column("goal", justify="right")
    rows: dict[str, tuple[list[float], float | None]] = {
        "memory for a subscriber, KB": ([crowd.bytes_each / 1000 for crowd in crowds.values()], BYTES_GOAL / 1000),
        "CPU for a delivery, µs": ([crowd.cpu_microseconds for crowd in crowds.values()], CPU_GOAL),
        "CPU to hold them all, %": ([crowd.idle_percent for crowd in crowds.values()], None),
        "commit to receipt, p50, ms": ([crowd.p50_milliseconds for crowd in crowds.values()], None),
        "commit to receipt, p99, ms": ([crowd.p99_milliseconds for crowd in crowds.values()], P99_GOAL),
        "deliveries": ([crowd.deliveries for crowd in crowds.values()], None),
        "jobs done a second": ([crowd.finished_a_second for crowd in crowds.values()], None),
    }
    for name, (measured, goal) in rows.items():
        verdict = f"≤ {goal:g} {' / '.join(_verdict(value <= goal) for value in measured)}" if goal else ""
        table.add_row(name, *(f"{value:,.1f}" for value in measured), verdict)
    return table


def _global_id(type_name: str, key: UUID) -> str:
    return b64encode(f"{type_name}:{key}".encode()).decode()


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"
