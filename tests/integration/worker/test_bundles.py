"""The ZIP of a finished batch through the worker: real queue, real folder, and whoever opens it."""

import asyncio
import hashlib
import json
import random
import shutil
import subprocess
import tracemalloc
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import psycopg
import pytest
from psycopg.rows import DictRow

from resumepair_worker.attempt import RetryLater
from resumepair_worker.bundles import Bundles
from resumepair_worker.folder_store import FolderStore
from tests.conftest import Database
from tests.integration.conftest import Connection, Person, WorkerVoice, bundle_row
from tests.integration.worker.balance import assert_balanced
from tests.integration.worker.conftest import WAIT_SECONDS, Parts
from tests.integration.worker.test_export import FailingStore, GatedStore, files_in

PUBLISH = """select resumepair.publish_export(
    %s, %s, 'classic', 'ada-lovelace-resume.pdf', %s, %s, 2, %s, null, null, '[]', '7 days')"""


FAILING = 1 / 3
DELETE = "select resumepair.delete_export(%s)"
SOME = " where id in (select id from resumepair.export_bundles where status = 'completed' order by id limit 2)"


@dataclass(frozen=True)
class Batches:
    """Makes batches whose files are there, and tells of their bundles."""

    alice: Person
    worker: WorkerVoice
    admin: Connection
    folder: Path
    url: str

    def begun(self, size: int) -> tuple[UUID, list[UUID]]:
        """A batch and its jobs, none of which has ended."""
        rows = self.alice.enqueue(*(self.alice.save_document(f"CV {n}") for n in range(size)), batch=True)
        return rows[0]["batch_id"], [row["job_id"] for row in rows]

    def complete(self, job: UUID, content: bytes | None = None) -> Path:
        """As the worker does it; where the file is."""
        content = content or b"%PDF-" + job.bytes * 1000
        claim = self.worker.claim(job)
        assert claim
        key = f"{self.alice.id}/{job}/{claim['attempt']}/ada-lovelace-resume.pdf"
        (self.folder / key).parent.mkdir(parents=True)
        (self.folder / key).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        assert self.worker.call(PUBLISH, job, claim["attempt"], key, len(content), digest)
        return self.folder / key

    def finished(self, size: int) -> UUID:
        """A batch whose jobs have all completed."""
        batch, jobs = self.begun(size)
        for job in jobs:
            self.complete(job)
        return batch

    def fail(self, job: UUID) -> None:
        claim = self.worker.claim(job)
        assert claim
        self.worker.fail(job, claim["attempt"])

    def bundle(self, batch: UUID) -> DictRow:
        return bundle_row(self.admin, batch)

    async def until(self, batch: UUID, wanted: Callable[[DictRow], bool]) -> DictRow:
        """The bundle's row as soon as this holds."""
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            await connection.execute("listen resumepair_jobs")
            async with asyncio.timeout(WAIT_SECONDS):
                while not wanted(row := self.bundle(batch)):
                    async for _ in connection.notifies(stop_after=1):
                        pass
                return row

    async def until_status(self, batch: UUID, status: str) -> DictRow:
        return await self.until(batch, lambda row: row["status"] == status)

    def zip_of(self, bundle: DictRow) -> Path:
        return self.folder / str(bundle["storage_path"])

    def zips(self) -> list[str]:
        return sorted(name for name in files_in(self.folder) if name.endswith(".zip"))

    def bytes_used(self) -> int:
        (row,) = self.admin.execute("select coalesce(sum(bytes_used), 0) as used from resumepair.user_usage").fetchall()
        return int(row["used"])


@pytest.fixture
def batches(alice: Person, worker: WorkerVoice, admin: Connection, store_folder: Path, database: Database) -> Batches:
    return Batches(alice, worker, admin, store_folder, database.admin_url)


def manifest_in(path: Path) -> dict[str, Any]:
    with ZipFile(path) as file:
        manifest: dict[str, Any] = json.loads(file.read("manifest.json"))
    return manifest


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def open_with_what_there_is(bundle: Path, folder: Path) -> None:
    """Test and unpack it as its receiver would, then check every file against its sum."""
    folder.mkdir()
    if shutil.which("unzip"):
        run("unzip", "-tq", bundle, cwd=folder)
        run("unzip", "-q", bundle, cwd=folder)
    else:
        with ZipFile(bundle) as file:
            assert file.testzip() is None
            file.extractall(folder)
    if shutil.which("sha256sum"):
        run("sha256sum", "--strict", "-c", "SHA256SUMS", cwd=folder)
    sums = [line.split("  ") for line in (folder / "SHA256SUMS").read_text().splitlines()]
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for _, name in sums} == {
        name: digest for digest, name in sums
    }
    assert {name for _, name in sums} == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}


async def test_a_finished_batch_becomes_a_zip_that_opens_and_says_what_is_in_it(
    browserless: Parts, batches: Batches, tmp_path: Path
) -> None:
    batch, (first, failed, cancelled, last) = batches.begun(4)
    contents = [b"%PDF-first", b"%PDF-last" * 100_000]
    async with browserless.working():
        batches.complete(first, contents[0])
        batches.fail(failed)
        batches.alice.cancel(cancelled)
        batches.complete(last, contents[1])
        bundle = await batches.until_status(batch, "completed")

    stored = batches.zip_of(bundle)
    open_with_what_there_is(stored, tmp_path / "unpacked")
    names = ["01-ada-lovelace-resume.pdf", "04-ada-lovelace-resume.pdf"]
    with ZipFile(stored) as file:
        assert file.namelist() == [*names, "manifest.json", "SHA256SUMS"]
        assert [file.read(name) for name in names] == contents
        assert {info.compress_size - info.file_size for info in file.infolist()} == {0}
    manifest = manifest_in(stored)
    assert manifest["batchId"] == b64encode(f"ExportBatch:{batch}".encode()).decode()
    assert [entry["fileName"] for entry in manifest["entries"]] == names
    entry = manifest["entries"][0]
    assert (entry["documentTitle"], entry["documentVersion"]) == ("CV 0", 1)
    assert (entry["template"], entry["pageCount"], entry["byteSize"]) == ("classic", 2, len(contents[0]))
    assert entry["sha256"] == hashlib.sha256(contents[0]).hexdigest()
    assert manifest["failures"] == [
        {"documentTitle": "CV 1", "documentVersion": 1, "code": "RENDER_TIMEOUT", "message": "It took too long."}
    ]
    assert manifest["cancelled"] == [{"documentTitle": "CV 2", "documentVersion": 1}]
    assert manifest["missing"] == []

    assert bundle["storage_path"] == f"{batches.alice.id}/{bundle['id']}/1/bundle.zip"
    assert bundle["file_name"] == f"exports-{datetime.now(UTC):%Y-%m-%d}.zip"
    size = stored.stat().st_size
    assert (bundle["byte_size"], bundle["entry_count"]) == (size, 2)
    assert bundle["sha256"] == hashlib.sha256(stored.read_bytes()).hexdigest()
    assert batches.bytes_used() == size + sum(map(len, contents))
    (expiry,) = batches.admin.execute("select min(expires_at) as first from resumepair.export_history").fetchall()
    assert bundle["expires_at"] == expiry["first"]


async def test_a_file_that_is_not_as_it_was_stored_is_read_again_later(browserless: Parts, batches: Batches) -> None:
    batch, jobs = batches.begun(2)
    good = batches.complete(jobs[0]).read_bytes()
    place = batches.complete(jobs[1])
    right, wrong = place.read_bytes(), b"%PDF-" + good[5:]
    place.write_bytes(wrong)
    async with browserless.working():
        waiting = await batches.until(batch, lambda row: row["failure_code"] is not None)
        place.write_bytes(right)
        bundle = await batches.until_status(batch, "completed")
    assert (waiting["status"], waiting["failure_code"]) == ("pending", "STORAGE_UNAVAILABLE")
    assert (bundle["failure_code"], bundle["entry_count"]) == (None, 2)
    assert bundle["attempt"] >= 2


async def test_an_export_that_is_lost_is_left_out_once_that_is_known(browserless: Parts, batches: Batches) -> None:
    batch, jobs = batches.begun(2)
    batches.complete(jobs[0])
    batches.complete(jobs[1]).unlink()
    row = batches.bundle(batch)
    with pytest.raises(RetryLater):
        await browserless.bundler.run(row["id"], row["queue_job_id"])
    assert batches.bundle(batch)["failure_code"] == "STORAGE_UNAVAILABLE"
    await browserless.clean_up.sweep()
    await browserless.bundler.run(row["id"], row["queue_job_id"])
    bundle = batches.bundle(batch)
    assert (bundle["status"], bundle["entry_count"]) == ("completed", 1)
    assert manifest_in(batches.zip_of(bundle))["missing"] == [
        {"documentTitle": "CV 1", "documentVersion": 1, "reason": "EXPIRED"}
    ]


async def test_a_bundle_that_does_not_fit_fails_alone_and_comes_when_there_is_room(
    browserless: Parts, batches: Batches
) -> None:
    batch = batches.finished(2)
    exports = batches.bytes_used()
    batches.admin.execute("update resumepair.user_limits set quota_bytes = %s", [exports + 1000])
    async with browserless.working():
        failed = await batches.until_status(batch, "failed")
        assert (failed["failure_code"], failed["failure_retryable"]) == ("QUOTA_EXCEEDED", False)
        assert "does not fit" in failed["failure_message"]
        assert (batches.zips(), batches.bytes_used(), len(files_in(batches.folder))) == ([], exports, 2)

        batches.admin.execute("update resumepair.user_limits set quota_bytes = 100000000")
        batches.alice.run("select resumepair.bundle_batch(%s)", batch)
        bundle = await batches.until_status(batch, "completed")
    assert (bundle["id"], bundle["attempt"]) == (failed["id"], 2)


async def test_an_expired_bundle_is_removed_with_its_exports(browserless: Parts, batches: Batches) -> None:
    batch = batches.finished(2)
    async with browserless.working():
        await batches.until_status(batch, "completed")
    for table in ("export_history", "export_bundles"):
        batches.admin.execute(
            f"update resumepair.{table} set created_at = now() - interval '8 days', expires_at = now()".encode()
        )
    assert await browserless.clean_up.expire() == 3
    assert await browserless.clean_up.remove() == 3
    assert (files_in(batches.folder), batches.bytes_used()) == ([], 0)
    row = batches.bundle(batch)
    assert (row["status"], row["file_id"], row["byte_size"] > 0) == ("completed", None, True)


async def test_a_retried_job_comes_to_a_new_bundle_and_the_old_file_goes(browserless: Parts, batches: Batches) -> None:
    batch, (good, bad) = batches.begun(2)
    async with browserless.working():
        batches.complete(good)
        batches.fail(bad)
        old = await batches.until_status(batch, "completed")
        batches.alice.retry(bad)
        assert batches.bundle(batch)["status"] == "deleted"
        batches.complete(bad)
        new = await batches.until_status(batch, "completed")
    await browserless.clean_up.remove()
    assert (old["entry_count"], new["entry_count"], new["id"]) == (1, 2, old["id"])
    assert batches.zips() == [new["storage_path"]]
    assert new["sequence"] > old["sequence"]
    assert manifest_in(batches.zip_of(new))["failures"] == []


async def test_of_two_workers_one_publishes_and_the_other_leaves_nothing(browserless: Parts, batches: Batches) -> None:
    batch = batches.finished(2)
    row = batches.bundle(batch)
    store = GatedStore(batches.folder)
    stalled = asyncio.create_task(browserless.with_store(store).bundler.run(row["id"], row["queue_job_id"]))
    await store.reached.wait()
    await browserless.bundler.run(row["id"], row["queue_job_id"])  # rescued elsewhere
    store.open.set()
    await stalled
    await browserless.clean_up.remove()

    bundle = batches.bundle(batch)
    assert (bundle["status"], bundle["attempt"]) == ("completed", 2)
    assert batches.zips() == [bundle["storage_path"]]


async def test_what_is_deleted_while_it_is_made_stays_deleted(browserless: Parts, batches: Batches) -> None:
    batch = batches.finished(2)
    store = GatedStore(batches.folder)
    async with browserless.with_store(store).working():
        await store.reached.wait()
        batches.alice.run("select resumepair.delete_export(%s)", batches.bundle(batch)["id"])
        store.open.set()
        await until_the_queue_is_empty(batches.admin)
    await browserless.clean_up.remove()
    assert (batches.bundle(batch)["status"], batches.zips()) == ("deleted", [])
    assert len(files_in(batches.folder)) == 2


async def until_the_queue_is_empty(admin: Connection) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while admin.execute(  # noqa: ASYNC110 # nothing tells of the end of a task that changes no row of ours
            "select from procrastinate.procrastinate_jobs"
            " where task_name = 'bundle_batch' and status in ('todo', 'doing')"
        ).fetchall():
            await asyncio.sleep(0.02)


async def test_storage_that_stays_away_ends_the_bundle_with_its_attempts(browserless: Parts, batches: Batches) -> None:
    batches.admin.execute("update resumepair.user_limits set max_attempts = 2")
    batch = batches.finished(1)
    async with browserless.with_store(FailingStore(FolderStore(batches.folder), failures=99)).working():
        row = await batches.until_status(batch, "failed")
    assert (row["attempt"], row["failure_code"], row["failure_retryable"]) == (2, "STORAGE_UNAVAILABLE", True)
    await browserless.clean_up.remove()
    assert (len(files_in(batches.folder)), batches.zips()) == (1, [])


async def test_a_stopping_worker_hands_the_bundle_back_and_the_next_one_finishes_it(
    browserless: Parts, batches: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resumepair_worker.app.GRACE_SECONDS", 0.05)
    batch = batches.finished(1)
    store = HangingStore(batches.folder)
    async with browserless.with_store(store).working():
        await store.reached.wait()
    handed_back = batches.bundle(batch)
    assert (handed_back["status"], handed_back["max_attempts"], handed_back["failure_code"]) == ("pending", 6, None)
    async with browserless.working():
        bundle = await batches.until_status(batch, "completed")
    assert bundle["attempt"] == 2


class HangingStore(FolderStore):
    """A folder from which nothing comes."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reached = asyncio.Event()

    async def read(self, path: str) -> AsyncGenerator[bytes, None]:  # noqa: ARG002
        yield b"%PDF"
        self.reached.set()
        await asyncio.Event().wait()


async def test_a_bundle_of_a_silent_worker_is_made_elsewhere(browserless: Parts, batches: Batches) -> None:
    batch = batches.finished(1)
    bundle_id = batches.bundle(batch)["id"]
    batches.worker.connection.execute("delete from procrastinate_jobs where task_name = 'render_export'")
    async with browserless.queue.open_async(browserless.pool) as queue:
        worker_id = await queue.job_manager.register_worker()
        taken = await queue.job_manager.fetch_job(["exports"], worker_id)
        assert taken
        assert taken.id
        await browserless.bundler.bundles.claim(bundle_id, taken.id)  # and then its machine loses power
    jobs = browserless.exporter.jobs
    assert await jobs.rescue(timedelta(seconds=5), timedelta(minutes=2)) == [], "its heart still beats"
    async with browserless.pool.connection() as connection:
        await connection.execute("update procrastinate_workers set last_heartbeat = now() - interval '1 minute'")
    assert await jobs.rescue(timedelta(seconds=5), timedelta(minutes=2)) == [bundle_id]
    async with browserless.working():
        bundle = await batches.until_status(batch, "completed")
    assert bundle["attempt"] == 2


async def test_a_large_bundle_takes_little_memory(browserless: Parts, batches: Batches) -> None:
    batch, jobs = batches.begun(3)
    batches.admin.execute("update resumepair.user_limits set quota_bytes = 1000000000")
    for job in jobs:
        batches.complete(job, b"%PDF-" + job.bytes * 1024 * 1024)
    row = batches.bundle(batch)
    tracemalloc.start()
    try:
        await browserless.bundler.run(row["id"], row["queue_job_id"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert batches.bundle(batch)["byte_size"] > 48 * 1024 * 1024
    assert peak < 4 * 1024 * 1024


async def test_with_a_lower_lifetime_the_bundle_ends_before_its_exports(browserless: Parts, batches: Batches) -> None:
    batch = batches.finished(1)
    row = batches.bundle(batch)
    await replace(browserless.bundler, lifetime=timedelta(days=1)).run(row["id"], row["queue_job_id"])
    assert batches.bundle(batch)["expires_at"] - batches.bundle(batch)["finished_at"] == timedelta(days=1)


@contextmanager
def dying(step: tuple[type, str], when: str) -> Generator[None]:
    """The next to take this step dies there, with the step done or not."""
    owner, name = step
    take = getattr(owner, name)

    async def die(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 # whatever the step takes
        if when == "after":
            await take(*args, **kwargs)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, die)
        yield


class Killed(BaseException):
    """The process is gone: nothing after this happens."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "step",
    [(Bundles, "claim"), (Bundles, "report"), (Bundles, "reserve"), (FolderStore, "put"), (Bundles, "publish")],
    ids=lambda step: step[1],
)
async def test_a_worker_that_dies_at_a_step_of_a_bundle_loses_and_doubles_nothing(
    browserless: Parts, batches: Batches, step: tuple[type, str], when: str
) -> None:
    batch = batches.finished(2)
    row = batches.bundle(batch)
    with dying(step, when), pytest.raises(Killed):
        await browserless.bundler.run(row["id"], row["queue_job_id"])
    await browserless.bundler.run(row["id"], row["queue_job_id"])  # rescued elsewhere
    await browserless.clean_up.remove()
    bundle = batches.bundle(batch)
    assert (bundle["status"], batches.zips()) == ("completed", [bundle["storage_path"]])
    assert_balanced(batches.admin, batches.folder)


async def test_after_a_storm_of_batches_storage_database_and_quota_agree(
    browserless: Parts, batches: Batches, alice: Person
) -> None:
    batches.admin.execute("update resumepair.user_limits set max_active_requests = 1000, quota_bytes = 1000000000")
    chance = random.Random(7)  # the same storm each time
    made: list[UUID] = []
    async with browserless.working(), browserless.working():
        for _ in range(40):
            batch, jobs = await asyncio.to_thread(batches.begun, 3)
            made.append(batch)
            for job in jobs:
                await asyncio.to_thread(batches.fail if chance.random() < FAILING else batches.complete, job)
            exports = alice.run("select id from resumepair.export_history order by created_at desc limit 5")
            match chance.choice(["retry", "delete an export", "delete a bundle", "bundle", "expire", "clean"]):
                case "retry":
                    for row in alice.run("select id from resumepair.export_jobs where status = 'failed' limit 2"):
                        alice.retry(row["id"])
                        await asyncio.to_thread(batches.complete, row["id"])
                case "delete an export" if exports:
                    await asyncio.to_thread(alice.run, DELETE, exports[-1]["id"])
                case "delete a bundle":
                    for row in alice.run("select id from resumepair.export_bundles where status <> 'deleted' limit 2"):
                        await asyncio.to_thread(alice.run, DELETE, row["id"])
                case "bundle":
                    with suppress(psycopg.Error):  # nothing is left of it
                        await asyncio.to_thread(alice.run, "select resumepair.bundle_batch(%s)", chance.choice(made))
                case "expire":
                    batches.admin.execute("update resumepair.export_bundles set expires_at = now()" + SOME)
                case _:
                    await browserless.clean_up.expire()
        await until_the_queue_is_empty(batches.admin)
    await browserless.clean_up.expire()
    await browserless.clean_up.remove()
    states = Counter(row["status"] for row in alice.run("select status from resumepair.export_bundles"))
    assert states["completed"] > 10
    assert set(states) <= {"completed", "deleted"}
    assert_balanced(batches.admin, batches.folder)
