"""How much passes through the queue: jobs without work, exports without a browser, and what enqueueing costs."""

import time
from collections.abc import Callable
from statistics import median, quantiles
from uuid import UUID

from procrastinate import App, SyncPsycopgConnector
from psycopg.types.json import Jsonb
from rich.table import Table

from dev.bench.workshop import Workshop, until
from dev.chaos.ledger import RESUME, Ledger
from dev.throwaway import Throwaway

JOBS = 2000
EXPORTS = 400
CALLS = 300

# The same rows as enqueue_export makes, without what it checks. Its triggers are the tables' own.
_BARE_ROWS = """
    with job as (
        insert into procrastinate.procrastinate_jobs (queue_name, task_name, args)
        values ('elsewhere', 'nothing', '{}') returning id
    )
    insert into resumepair.export_jobs (
        user_id, document_id, document_version, document_title, document_data, max_attempts, virtual_time, queue_job_id,
        request_hash
    ) select d.user_id, d.id, d.version, d.title, d.data, 5, 1, job.id, '' from job, resumepair.documents as d
    where d.id = %s
"""


async def passing(ledger: Ledger, shop: Workshop) -> Table:
    """Jobs and exports per second through one worker."""

    @shop.app.task(name="nothing", queue="exports")
    async def nothing() -> None:  # pyright: ignore[reportUnusedFunction]
        pass

    ledger.query(
        "insert into procrastinate.procrastinate_jobs (queue_name, task_name, args) "
        "select 'exports', 'nothing', '{}' from generate_series(1, %s)",
        JOBS,
    )
    jobs = JOBS / await _until_done(ledger, shop)
    ledger.enqueue(ledger.new_user(), EXPORTS)
    exports = EXPORTS / await _until_done(ledger, shop)
    table = Table(title="through one worker, without a browser")
    for heading in ("", "a second"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("jobs that do nothing", f"{jobs:.0f}")
    table.add_row("exports: claim, five steps, a file, publication", f"{exports:.0f}")
    return table


def enqueueing(ledger: Ledger, place: Throwaway) -> Table:
    """One call after the other on one connection, each committed; the ways take turns."""
    user = ledger.new_user()
    app = App(connector=SyncPsycopgConnector(conninfo=place.worker_url))
    ways: dict[str, Callable[[], object]] = {}
    with app.open():
        deferrer = app.configure_task("nothing", queue="elsewhere")
        (document,) = ledger.query(
            "insert into resumepair.documents (user_id, title, data) values (%s, 'CV', %s) returning id",
            user,
            Jsonb(RESUME),
        )
        ways["enqueue_export"] = lambda: _enqueue(ledger, user, document["id"])
        ways["the bare insert of the same rows"] = lambda: ledger.query(_BARE_ROWS, document["id"])
        ways["procrastinate's bare defer"] = deferrer.defer
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(CALLS):
            for name, way in ways.items():
                begun = time.perf_counter()
                way()
                times[name].append((time.perf_counter() - begun) * 1000)
    ledger.query("delete from resumepair.export_jobs where user_id = %s", user)
    ledger.query("delete from procrastinate.procrastinate_jobs where status = 'todo'")
    ours = median(times["enqueue_export"])
    table = Table(title="enqueueing, one after the other")
    for heading in ("", "p50, ms", "p99, ms", "a second", "ours takes"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, took in times.items():
        table.add_row(
            name, f"{median(took):.2f}", f"{quantiles(took, n=100)[98]:.2f}", f"{1000 / median(took):.0f}",
            f"{ours / median(took):.1f} ×",
        )  # fmt: skip
    return table


def _enqueue(ledger: Ledger, user: UUID, document: UUID) -> None:
    with ledger.as_user(user):
        ledger.query("select job_id from resumepair.enqueue_export(array[%s]::uuid[])", document)


async def _until_done(ledger: Ledger, shop: Workshop) -> float:
    left = "select count(*) as left from procrastinate.procrastinate_jobs where status in ('todo', 'doing')"
    begun = time.perf_counter()
    async with shop.working():
        await until(lambda: not ledger.query(left)[0]["left"])
        return time.perf_counter() - begun
