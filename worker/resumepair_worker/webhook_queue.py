"""The queue of deliveries, apart from that of exports: its tasks, and how many are at work at once.

Receivers may be slow. With a worker of its own, what waits for them takes no place from what prints.
"""

from datetime import timedelta
from uuid import UUID

from procrastinate import App, JobContext, PsycopgConnector

from resumepair_worker.queue import Again, Expect
from resumepair_worker.webhooks import Deliverer

WEBHOOK_QUEUES = ["webhooks"]
# They wait for the network.
DELIVERIES_IN_FLIGHT = 16
KEEP_DELIVERIES = timedelta(days=30)
PRUNE_BITE = 500


def build_webhook_queue(deliverer: Deliverer, expect: Expect) -> App:
    """The app with its tasks; it is opened with a pool by whoever runs it. `expect` hears when a task will come again.

    The periodic task also makes the worker notice that it has lost its LISTEN session, as for exports.
    """
    app = App(connector=PsycopgConnector())

    @app.task(name="deliver_webhook", queue="webhooks", pass_context=True, retry=Again(expect))
    async def deliver_webhook(context: JobContext, delivery_id: str) -> None:  # pyright: ignore[reportUnusedFunction]
        if context.job.id is None:
            raise ValueError("a queued job without id")
        await deliverer.run(UUID(delivery_id), context.job.id)

    @app.periodic(cron="*/10 * * * *")
    @app.task(name="prune_deliveries", queue="webhooks", queueing_lock="prune_deliveries")
    async def prune_deliveries(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] # noqa: ARG001
        while await deliverer.deliveries.prune(KEEP_DELIVERIES, PRUNE_BITE) == PRUNE_BITE:
            pass

    return app
