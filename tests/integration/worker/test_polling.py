"""The worker where LISTEN does not get through (a transaction pooler): it asks for jobs, and for what to abort."""

import asyncio
from pathlib import Path

from resumepair_worker.folder_store import FolderStore
from tests.integration.conftest import Connection, Person, job_row
from tests.integration.worker.conftest import WAIT_SECONDS, Parts, Watch
from tests.integration.worker.test_export import enqueue, history

INTERVAL_SECONDS = 0.05


async def test_exports_are_found_without_a_listening_session(
    parts: Parts, alice: Person, watch: Watch, admin: Connection
) -> None:
    async with parts.working(listen=False, poll_seconds=INTERVAL_SECONDS):
        first = enqueue(alice)
        await watch.until_status(first, "completed")
        second = enqueue(alice)
        await watch.until_status(second, "completed")
        sessions = admin.execute("select query from pg_stat_activity where datname = current_database()").fetchall()
    assert not any("procrastinate_any_queue" in session["query"] for session in sessions)
    assert len(history(alice)) == 2


class EndlessStore(FolderStore):
    """A folder whose uploads last until they are aborted."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reached = asyncio.Event()
        self.aborted = asyncio.Event()

    async def put(self, path: str, content: bytes | Path, content_type: str) -> None:  # noqa: ARG002 # a store's signature
        self.reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.aborted.set()


async def test_a_cancelled_export_is_aborted_at_the_next_poll(
    parts: Parts, alice: Person, store_folder: Path, admin: Connection
) -> None:
    store = EndlessStore(store_folder)
    async with parts.with_store(store).working(listen=False, poll_seconds=INTERVAL_SECONDS):
        job_id = enqueue(alice)
        async with asyncio.timeout(WAIT_SECONDS):
            await store.reached.wait()
            alice.cancel(job_id)
            await store.aborted.wait()
    assert job_row(admin, job_id)["status"] == "cancelled"
    assert history(alice) == []
