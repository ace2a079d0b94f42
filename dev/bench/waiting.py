"""Who waits for whom: fair order against first come, first served; and how soon a job starts once it may."""

import asyncio
import time
from datetime import datetime
from statistics import median, quantiles
from uuid import UUID

from rich.table import Table

from dev.bench.workshop import Workshop, until
from dev.chaos.ledger import RESUME, Ledger

BATCH = 100
SINGLES = 20
RENDER_SECONDS = 0.02
WAKES = 60
HOLD_SECONDS = 0.03
WAKE_GOAL_MS = 50


async def fairness(ledger: Ledger, shop: Workshop) -> Table:
    """Single exports while one user has a hundred, in our order and in that of arrival."""
    shop.stub.seconds = RENDER_SECONDS
    ours = await _waits(ledger, shop, is_fair=True)
    plain = await _waits(ledger, shop, is_fair=False)
    shop.stub.seconds = 0
    table = Table(title=f"a single export's wait behind another's {BATCH}, renders of {RENDER_SECONDS * 1000:.0f} ms")
    for heading in ("order", "p50, ms", "p95, ms", "ours is"):
        table.add_column(heading, justify="left" if heading == "order" else "right")
    for name, waits in (("fair", ours), ("first come, first served", plain)):
        ratio = _p95(waits) / _p95(ours)
        table.add_row(
            name, f"{median(waits):.0f}", f"{_p95(waits):.0f}", "" if waits is ours else f"{ratio:.1f} × sooner"
        )
    return table


async def _waits(ledger: Ledger, shop: Workshop, *, is_fair: bool) -> list[float]:
    """In milliseconds from the worker's start, with everything on the queue by then."""
    batch = ledger.enqueue(ledger.new_user(), BATCH)
    singles = [job for _ in range(SINGLES) for job in ledger.enqueue(ledger.new_user(), 1)]
    if not is_fair:
        ledger.query("update procrastinate.procrastinate_jobs set priority = 0 where status = 'todo'")
    begun = ledger.now()
    async with shop.working():
        await until(lambda: not ledger.open_jobs([*batch, *singles]))
    rows = ledger.query("select started_at from resumepair.export_jobs where id = any(%s)", singles)
    return [(row["started_at"] - begun).total_seconds() * 1000 for row in rows]


async def wakes(ledger: Ledger, shop: Workshop) -> Table:
    """From the moment at which a job may start to the moment at which it does."""
    freed: list[float] = []
    taken: list[float] = []

    @shop.app.task(name="hold", queue="exports")
    async def hold() -> None:  # pyright: ignore[reportUnusedFunction]
        taken.append(time.time())
        await asyncio.sleep(HOLD_SECONDS)
        freed.append(time.time())

    user = ledger.new_user()
    async with shop.working():
        first = ledger.enqueue(user, 1)
        await until(lambda: not ledger.open_jobs(first))  # it works
        retries = [await _retry(ledger, shop, user, f"fails once {number}") for number in range(WAKES)]
        await asyncio.to_thread(
            ledger.query,
            "insert into procrastinate.procrastinate_jobs (queue_name, task_name, args, lock) "
            "select 'exports', 'hold', '{}', 'the same' from generate_series(1, %s)",
            WAKES + 1,
        )
        await until(lambda: len(freed) > WAKES)
    locks = [(start - end) * 1000 for end, start in zip(freed, taken[1:], strict=False)]
    table = Table(title="from the moment at which a job may start to its start")
    for heading in ("it waited for", "p50, ms", "p99, ms", "goal"):
        table.add_column(heading, justify="left" if heading == "it waited for" else "right")
    for name, delays in (("the time of its retry", retries), ("another's lock", locks)):
        p99 = quantiles(delays, n=100)[98]
        verdict = f"< {WAKE_GOAL_MS} ms {'met' if p99 < WAKE_GOAL_MS else 'MISSED'}"
        table.add_row(name, f"{median(delays):.1f}", f"{p99:.1f}", verdict)
    return table


async def _retry(ledger: Ledger, shop: Workshop, user: UUID, summary: str) -> float:
    """The milliseconds from the time at which a failed attempt's next was due to its render."""
    (job,) = await asyncio.to_thread(ledger.enqueue, user, 1, {**RESUME, "summary": summary})
    due: list[datetime] = []

    def is_put_off() -> bool:
        (row,) = ledger.query("select next_attempt_at from resumepair.export_jobs where id = %s", job)
        due.extend(filter(None, [row["next_attempt_at"]]))
        return bool(due)

    await until(is_put_off)
    await until(lambda: not ledger.open_jobs([job]))
    return (shop.stub.begun[summary][1] - due[0].timestamp()) * 1000


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1]
