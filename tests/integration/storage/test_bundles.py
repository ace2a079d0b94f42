"""A bundle of files that lie in Supabase Storage, which breaks off in the middle of one."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from uuid import UUID
from zipfile import ZipFile

import pytest
from psycopg.rows import DictRow

from resumepair_worker.attempt import RetryLater
from resumepair_worker.bundle import Bundler
from resumepair_worker.bundles import Bundles
from resumepair_worker.connections import create_pool
from resumepair_worker.supabase_store import SupabaseStore
from tests.conftest import Database
from tests.integration.conftest import Connection, Person, WorkerVoice, bundle_row
from tests.integration.storage.conftest import PDF, Project, opened
from tests.storage_server import StorageServer

CONTENT = b"%PDF-1.7" + bytes(range(256)) * 4000


@pytest.fixture
async def store(stand_in: Project) -> AsyncGenerator[SupabaseStore, None]:
    async with opened(stand_in) as store:
        yield store


@pytest.fixture
async def bundler(store: SupabaseStore, database: Database) -> AsyncGenerator[Bundler, None]:
    async with create_pool(database.worker_url, 2) as pool:
        yield Bundler(Bundles(pool), store, timedelta(days=7), timedelta(seconds=1))


@pytest.fixture
async def bundle(store: SupabaseStore, alice: Person, worker: WorkerVoice, admin: Connection) -> DictRow:
    """That of a batch of two, whose files are in storage."""
    rows = alice.enqueue(alice.save_document(), alice.save_document(), batch=True)
    for row in rows:
        await store.put(await finished(row["job_id"], worker, admin), CONTENT, PDF)
    return bundle_row(admin, rows[0]["batch_id"])


async def finished(job: UUID, worker: WorkerVoice, admin: Connection) -> str:
    """The key of its file, whose size and sum are those of the content."""
    export = worker.finish(job, len(CONTENT))
    (row,) = admin.execute(
        "update resumepair.export_history set sha256 = encode(sha256(%s), 'hex') where id = %s returning storage_path",
        [CONTENT, export],
    ).fetchall()
    return str(row["storage_path"])


async def test_a_body_that_breaks_off_is_read_again_by_the_next_attempt(
    bundler: Bundler, bundle: DictRow, server: StorageServer, admin: Connection
) -> None:
    server.faults.truncate(on="download")
    with pytest.raises(RetryLater):
        await bundler.run(bundle["id"], bundle["queue_job_id"])
    row = bundle_row(admin, bundle["batch_id"])
    assert (row["status"], row["failure_code"]) == ("pending", "STORAGE_UNAVAILABLE")
    assert not [path for path in server.objects() if path.endswith(".zip")]

    await bundler.run(bundle["id"], bundle["queue_job_id"])

    row = bundle_row(admin, bundle["batch_id"])
    assert (row["status"], row["attempt"]) == ("completed", 2)
    stored = b"".join([piece async for piece in bundler.store.read(row["storage_path"])])
    assert len(stored) == row["byte_size"]


async def test_an_upload_in_trouble_is_sent_again_from_its_beginning(
    bundler: Bundler, bundle: DictRow, server: StorageServer, admin: Connection, tmp_path: Path
) -> None:
    server.faults.lose_responses(on="upload")
    await bundler.run(bundle["id"], bundle["queue_job_id"])
    row = bundle_row(admin, bundle["batch_id"])
    assert (row["status"], row["attempt"]) == ("completed", 1)
    place = tmp_path / "bundle.zip"
    place.write_bytes(b"".join([piece async for piece in bundler.store.read(row["storage_path"])]))
    with ZipFile(place) as file:
        assert file.testzip() is None
        assert file.namelist() == ["01-cv.pdf", "02-cv.pdf", "manifest.json", "SHA256SUMS"]
