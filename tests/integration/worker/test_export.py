"""One export through the worker: real queue, real browser, real folder."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb
from psycopg.types.string import TextLoader

from resumepair_worker.attempt import RetryLater
from resumepair_worker.errors import StorageUnavailable
from resumepair_worker.folder_store import FolderStore
from resumepair_worker.storage import StoredFile
from tests.integration.conftest import Connection, Person, job_row
from tests.integration.worker.conftest import RESUME, Parts, Watch


def enqueue(person: Person, data: dict[str, Any] | None = None, **options: str) -> UUID:
    (document,) = person.run(
        "insert into resumepair.documents (title, data) values ('CV', %s) returning id", Jsonb(data or RESUME)
    )
    (row,) = person.enqueue(document["id"], options=options)
    return row["job_id"]  # type: ignore[no-any-return]


def history(person: Person) -> list[dict[str, Any]]:
    return person.run("select * from resumepair.export_history")


def files_in(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


class GatedStore(FolderStore):
    """A folder whose uploads wait for the test."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def put(self, path: str, content: bytes | Path, content_type: str) -> None:
        self.reached.set()
        await self.open.wait()
        await super().put(path, content, content_type)


class FailingStore:
    """A storage that is away for a number of uploads."""

    def __init__(self, inner: FolderStore, failures: int) -> None:
        self._inner = inner
        self.failures = failures

    async def put(self, path: str, content: bytes | Path, content_type: str) -> None:
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("The storage is away.")
        await self._inner.put(path, content, content_type)

    def read(self, path: str) -> AsyncGenerator[bytes, None]:
        return self._inner.read(path)

    async def remove(self, paths: Iterable[str]) -> None:
        await self._inner.remove(paths)

    async def info(self, path: str) -> StoredFile | None:
        return await self._inner.info(path)

    async def list(self, prefix: str) -> Sequence[StoredFile]:
        return await self._inner.list(prefix)

    async def sweep_unfinished(self, older_than: timedelta) -> int:
        return await self._inner.sweep_unfinished(older_than)


async def test_a_queued_job_becomes_a_stored_pdf_with_its_history(
    parts: Parts, alice: Person, watch: Watch, store_folder: Path
) -> None:
    job_id = enqueue(alice, pageSize="Letter")
    async with parts.working():
        await watch.until_status(job_id, "completed")

    (export,) = history(alice)
    stored = (store_folder / export["storage_path"]).read_bytes()
    assert stored.startswith(b"%PDF-")
    assert export["storage_path"] == f"{alice.id}/{job_id}/1/ada-lovelace-resume.pdf"
    assert (export["byte_size"], export["sha256"]) == (len(stored), hashlib.sha256(stored).hexdigest())
    assert (export["page_count"], export["template"]) == (1, "classic")


async def test_the_verdict_on_the_file_is_kept_with_it(parts: Parts, alice: Person, watch: Watch) -> None:
    data = {
        **RESUME,
        "profile": {
            "fullName": "Ada Lovelace",
            "headline": "Author of ꙮ\U00012345",
            "photo": "https://ada.example/me.jpg",
        },
    }
    job_id = enqueue(alice, data, fit="ONE_PAGE")
    async with parts.working():
        await watch.until_status(job_id, "completed")

    (export,) = history(alice)
    assert export["proof"]["missingGlyphs"] == ["\U00012345"]
    assert export["proof"]["score"] < 100
    findings = [(finding["code"], finding["path"]) for finding in export["proof"]["findings"]]
    assert findings == [("MISSING_TEXT", "profile.headline"), ("MISSING_GLYPH", "profile.headline")]
    assert export["fit"] == {
        "requested": "ONE_PAGE", "fitted": True, "spacing": 1, "lineHeight": 1.38, "fontSize": 10, "margin": 19,
    }  # fmt: skip
    assert [warning["path"] for warning in export["warnings"]] == ["profile.photo"]


async def test_only_pdfs_are_exported(parts: Parts, alice: Person, watch: Watch) -> None:
    job_id = enqueue(alice, format="docx")
    async with parts.working():
        row = await watch.until_status(job_id, "failed")
    assert (row["failure_code"], row["failure_message"]) == ("INVALID_OPTIONS", "format: exports are PDF, not DOCX")


async def test_an_invalid_document_fails_at_once_and_names_the_path(parts: Parts, alice: Person, watch: Watch) -> None:
    job_id = enqueue(alice, {**RESUME, "work": [{"company": "X", "role": "Y", "startDate": "soon"}]})
    async with parts.working():
        job = await watch.until_status(job_id, "failed")
    assert (job["failure_code"], job["failure_retryable"], job["attempt"]) == ("INVALID_DOCUMENT", False, 1)
    assert 'work[0].startDate: not a date: "soon"' in job["failure_message"]


@pytest.mark.parametrize("part", ["1e5000", "[" * 3000 + "]" * 3000])
async def test_a_document_that_only_postgres_can_read_fails_at_once(
    parts: Parts, alice: Person, watch: Watch, admin: Connection, part: str
) -> None:
    job_id = enqueue(alice)
    admin.execute("update resumepair.export_jobs set document_data = %s", [f'{{"x": {part}}}'])
    admin.adapters.register_loader("jsonb", TextLoader)  # neither can this test read it
    async with parts.working():
        job = await watch.until_status(job_id, "failed")
    assert (job["failure_code"], job["attempt"]) == ("INVALID_DOCUMENT", 1)
    assert "nested too deep" in job["failure_message"]


async def test_an_attempt_that_hangs_is_given_up_and_tried_again(
    parts: Parts, alice: Person, watch: Watch, store_folder: Path
) -> None:
    store = GatedStore(store_folder)
    exporter = replace(parts.exporter, store=store, deadline=timedelta(seconds=4))
    job_id = enqueue(alice)
    async with replace(parts, exporter=exporter).working():
        waiting = await watch.until(job_id, lambda row: row["failure_code"] is not None)
        store.open.set()
        job = await watch.until_status(job_id, "completed")
    assert (waiting["failure_code"], waiting["status"], job["attempt"]) == ("INTERNAL_ERROR", "pending", 2)
    assert len(files_in(store_folder)) == 1


async def test_an_unknown_template_fails_at_once(parts: Parts, alice: Person, watch: Watch) -> None:
    job_id = enqueue(alice, template="baroque")
    async with parts.working():
        job = await watch.until_status(job_id, "failed")
    assert (job["failure_code"], job["attempt"]) == ("INVALID_OPTIONS", 1)


async def test_storage_that_comes_back_completes_the_job(
    parts: Parts, alice: Person, watch: Watch, store_folder: Path
) -> None:
    job_id = enqueue(alice)
    parts = parts.with_store(FailingStore(FolderStore(store_folder), failures=2))
    async with parts.working():
        waiting = await watch.until(job_id, lambda row: row["next_attempt_at"] is not None)
        assert (waiting["status"], waiting["failure_code"]) == ("pending", "STORAGE_UNAVAILABLE")
        job = await watch.until_status(job_id, "completed")
    assert (job["attempt"], job["failure_code"]) == (3, None)
    assert len(history(alice)) == 1


async def test_a_due_retry_starts_although_nobody_polls(
    parts: Parts, alice: Person, watch: Watch, store_folder: Path
) -> None:
    job_id = enqueue(alice)
    ringing = asyncio.create_task(parts.alarm.ring_forever())
    async with parts.with_store(FailingStore(FolderStore(store_folder), failures=2)).working(poll_seconds=3600):
        job = await watch.until_status(job_id, "completed")
    ringing.cancel()
    assert job["attempt"] == 3


async def test_a_retry_that_is_due_before_the_alarm_looks_again_starts_on_time(
    parts: Parts, alice: Person, watch: Watch, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resumepair_worker.alarm.LONGEST_SLEEP_SECONDS", 3600.0)
    ringing = asyncio.create_task(parts.alarm.ring_forever())
    async with parts.with_store(FailingStore(FolderStore(store_folder), failures=2)).working(poll_seconds=3600):
        job_id = enqueue(alice)
        job = await watch.until_status(job_id, "completed")
    ringing.cancel()
    assert job["attempt"] == 3


async def test_storage_that_stays_away_ends_after_five_attempts(
    parts: Parts, alice: Person, watch: Watch, store_folder: Path
) -> None:
    job_id = enqueue(alice)
    async with parts.with_store(FailingStore(FolderStore(store_folder), failures=99)).working():
        job = await watch.until_status(job_id, "failed")
    assert (job["attempt"], job["failure_code"], job["failure_retryable"]) == (5, "STORAGE_UNAVAILABLE", True)
    assert history(alice) == []


async def test_a_cancel_during_the_upload_leaves_no_file_and_no_history(
    parts: Parts, alice: Person, watch: Watch, store_folder: Path, admin: Connection
) -> None:
    store = GatedStore(store_folder)
    async with parts.with_store(store).working():
        job_id = enqueue(alice)
        await store.reached.wait()
        alice.cancel(job_id)
        await watch.until_status(job_id, "cancelled")
        store.open.set()

    assert job_row(admin, job_id)["status"] == "cancelled"
    assert history(alice) == []
    assert files_in(store_folder) == []
    row = admin.execute(
        "select status from procrastinate.procrastinate_jobs where task_name = 'render_export'"
    ).fetchone()
    assert row == {"status": "aborted"}


async def test_a_refusal_of_the_database_ends_the_attempt_and_removes_the_file(
    parts: Parts, alice: Person, watch: Watch, store_folder: Path, admin: Connection
) -> None:
    admin.execute(b"alter table resumepair.export_history add constraint broken check (false) not valid")
    job_id = enqueue(alice)
    async with parts.working():
        job = await watch.until_status(job_id, "failed")
    assert (job["attempt"], job["failure_code"]) == (5, "INTERNAL_ERROR")
    assert "constraint" not in job["failure_message"]
    assert files_in(store_folder) == []


async def test_a_fenced_off_attempt_removes_its_file_and_not_the_winners(
    parts: Parts, alice: Person, watch: Watch, store_folder: Path, admin: Connection
) -> None:
    store = GatedStore(store_folder)
    job_id = enqueue(alice)
    row = job_row(admin, job_id)
    stalled = asyncio.create_task(parts.with_store(store).exporter.run(job_id, row["queue_job_id"]))
    await store.reached.wait()

    await parts.exporter.run(job_id, row["queue_job_id"])  # rescued elsewhere
    store.open.set()
    await stalled

    assert (await watch.until_status(job_id, "completed"))["attempt"] == 2
    assert files_in(store_folder) == [f"{alice.id}/{job_id}/2/ada-lovelace-resume.pdf"]


async def test_a_stopping_worker_hands_back_and_the_next_one_finishes(
    parts: Parts, alice: Person, watch: Watch, admin: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resumepair_worker.app.GRACE_SECONDS", 0.05)
    began = asyncio.Event()

    async def never(*_: object, **__: object) -> None:
        began.set()
        await asyncio.Event().wait()

    job_id = enqueue(alice)
    with monkeypatch.context() as patch:
        patch.setattr(parts.exporter.renderer, "render", never)
        async with parts.working():
            await began.wait()
    handed_back = job_row(admin, job_id)
    assert (handed_back["status"], handed_back["max_attempts"]) == ("pending", 6)

    async with parts.working():
        job = await watch.until_status(job_id, "completed")
    assert job["attempt"] == 2


async def test_what_fails_because_the_machine_stops_is_handed_back_too(
    parts: Parts, alice: Person, store_folder: Path, admin: Connection
) -> None:
    parts = parts.with_store(FailingStore(FolderStore(store_folder), failures=1))
    parts.exporter.stopping.set()
    job_id = enqueue(alice)
    with pytest.raises(RetryLater):
        await parts.exporter.run(job_id, job_row(admin, job_id)["queue_job_id"])
    job = job_row(admin, job_id)
    assert (job["status"], job["attempt"], job["max_attempts"]) == ("pending", 1, 6)
    assert job["failure_code"] is None


async def test_jobs_of_a_silent_worker_run_again(parts: Parts, alice: Person, watch: Watch) -> None:
    job_id = enqueue(alice)
    async with parts.queue.open_async(parts.pool) as queue:
        worker_id = await queue.job_manager.register_worker()
        taken = await queue.job_manager.fetch_job(["exports"], worker_id)
        assert taken
        assert taken.id
        await parts.exporter.jobs.claim(job_id, taken.id)  # and then its machine loses power
    assert await parts.exporter.jobs.rescue(timedelta(seconds=5), timedelta(minutes=2)) == [], "its heart still beats"
    async with parts.pool.connection() as connection:
        await connection.execute("update procrastinate_workers set last_heartbeat = now() - interval '1 minute'")
    assert await parts.exporter.jobs.rescue(timedelta(seconds=5), timedelta(minutes=2)) == [job_id]

    async with parts.working():
        job = await watch.until_status(job_id, "completed")
    assert job["attempt"] == 2


async def test_three_exports_at_once_all_complete(parts: Parts, alice: Person, watch: Watch) -> None:
    jobs = [enqueue(alice) for _ in range(3)]
    async with parts.working():
        for job_id in jobs:
            await watch.until_status(job_id, "completed")
    assert len(history(alice)) == 3


async def test_every_progress_value_is_announced_in_order(
    parts: Parts, alice: Person, watch: Watch, admin: Connection
) -> None:
    admin.execute("listen resumepair_jobs")
    job_id = enqueue(alice)
    async with parts.working():
        await watch.until_status(job_id, "completed")
    percents = [_percent(note.payload) for note in admin.notifies(timeout=5, stop_after=7)]
    assert percents == [0, 10, 30, 60, 80, 90, 100]


def _percent(payload: str) -> int:
    return int(payload.split('"percent" : ')[1].split(",", maxsplit=1)[0])
