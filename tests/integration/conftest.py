"""People and the worker, as they speak SQL to the database."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

from tests.conftest import Database

Connection = psycopg.Connection[DictRow]


def connect(url: str) -> Connection:
    return psycopg.connect(url, autocommit=True, row_factory=dict_row)


@dataclass
class Person:
    """A signed-in user: every call is a transaction of its own under the user's role, as the API makes it."""

    connection: Connection
    id: UUID
    role: str = "authenticated"

    def run(self, query: str, *values: object) -> list[DictRow]:
        with self.connection.transaction():
            self.connection.execute(
                "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                (self.role, f'{{"sub": "{self.id}", "role": "{self.role}"}}'),
            )
            cursor = self.connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def save_document(self, title: str = "CV") -> UUID:
        (row,) = self.run(
            "insert into resumepair.documents (title, data) values (%s, %s) returning id",
            title,
            Jsonb({"title": title}),
        )
        return row["id"]  # type: ignore[no-any-return]

    def enqueue(
        self, *documents: UUID, key: str | None = None, batch: bool = False, options: dict[str, str] | None = None
    ) -> list[DictRow]:
        return self.run(
            "select * from resumepair.enqueue_export(%s, %s, %s, %s)", list(documents), Jsonb(options or {}), key, batch
        )

    def export(self) -> UUID:
        """A new job for a new document."""
        return self.enqueue(self.save_document())[0]["job_id"]  # type: ignore[no-any-return]

    def schedule(
        self,
        document: UUID | None = None,
        *,
        at: str | None = "1 hour",
        cron: str | None = None,
        key: str | None = None,
        options: dict[str, str] | None = None,
        fresh: bool = False,
    ) -> DictRow:
        """A schedule for that document, or a new one: at an interval from now, or by a cron expression after it."""
        (row,) = self.run(
            "select * from resumepair.schedule_export("
            "%s, %s, case when %s::text is null then now() + %s::interval end, %s, 'UTC', now() + %s::interval, "
            "%s, %s)",
            document or self.save_document(), Jsonb(options or {}), cron, at, cron, at, key, fresh,
        )  # fmt: skip
        return row

    def register_webhook(
        self, url: str = "https://hooks.example/", *, events: list[str] | None = None, key: str | None = None
    ) -> DictRow:
        """A webhook for these events, or all of them: its id, its secret, and whether it was there already."""
        (row,) = self.run(
            "select * from resumepair.register_webhook(%s, %s, %s)",
            url, events or ["export.completed", "export.failed"], key,
        )  # fmt: skip
        return row

    def deliveries(self) -> list[DictRow]:
        return self.run("select * from resumepair.webhook_deliveries order by created_at, id")

    def cancel(self, job_id: UUID) -> None:
        self.run("select resumepair.cancel_export(%s)", job_id)

    def retry(self, job_id: UUID) -> None:
        self.run("select resumepair.retry_export(%s)", job_id)


@dataclass
class WorkerVoice:
    """The worker's calls."""

    connection: Connection
    admin: Connection

    def call(self, query: str, *values: object) -> Any:  # noqa: ANN401
        row = self.connection.execute(query.encode(), values).fetchone()
        return row and next(iter(row.values()))

    def queue_row_of(self, job_id: UUID) -> int:
        row = self.admin.execute("select queue_job_id from resumepair.export_jobs where id = %s", [job_id]).fetchone()
        assert row
        return int(row["queue_job_id"])

    def claim(self, job_id: UUID, queue_job_id: int | None = None) -> DictRow | None:
        return self.connection.execute(
            "select * from resumepair.claim_export(%s, %s)", [job_id, queue_job_id or self.queue_row_of(job_id)]
        ).fetchone()

    def report(self, job_id: UUID, attempt: int, stage: str) -> bool:
        return bool(self.call("select resumepair.report_progress(%s, %s, %s)", job_id, attempt, stage))

    def reserve(self, job_id: UUID, attempt: int, byte_size: int = 1000) -> bool:
        query = "select resumepair.reserve_upload(%s, %s, %s, %s)"
        return bool(self.call(query, job_id, attempt, f"{job_id}/{attempt}/cv.pdf", byte_size))

    def reuse(self, job_id: UUID, attempt: int, content_key: str) -> UUID | None:
        query = "select resumepair.reuse_export(%s, %s, %s, '7 days')"
        export_id: UUID | None = self.call(query, job_id, attempt, content_key)
        return export_id

    def publish(self, job_id: UUID, attempt: int, byte_size: int = 1000, content_key: str | None = None) -> UUID | None:
        export_id: UUID | None = self.call(
            "select resumepair.publish_export("
            "%s, %s, 'classic', 'cv.pdf', %s, %s, 2, %s, null, null, '[]', '7 days', %s)",
            job_id, attempt, f"{job_id}/{attempt}/cv.pdf", byte_size, "0" * 64, content_key,
        )  # fmt: skip
        return export_id

    def fail(self, job_id: UUID, attempt: int, retry_in: str | None = None, code: str = "RENDER_TIMEOUT") -> str | None:
        status: str | None = self.call(
            "select status from resumepair.fail_export(%s, %s, %s, 'It took too long.', %s::interval)",
            job_id, attempt, code, retry_in,
        )  # fmt: skip
        return status

    def release(self, job_id: UUID, attempt: int) -> bool:
        return bool(self.call("select resumepair.release_export(%s, %s)", job_id, attempt))

    def claim_delivery(self, delivery_id: UUID) -> DictRow | None:
        """With the queue row that carries it now."""
        row = self.admin.execute(
            "select queue_job_id from resumepair.webhook_deliveries where id = %s", [delivery_id]
        ).fetchone()
        assert row
        claim = self.connection.execute(
            "select * from resumepair.claim_delivery(%s, %s)", [delivery_id, row["queue_job_id"]]
        ).fetchone()
        return claim and {"delivery_id": delivery_id, "queue_job_id": row["queue_job_id"], **claim}

    def finish_delivery(
        self, claim: DictRow, *, status: int | None = 200, error: str | None = None, retry_in: str | None = "5 seconds"
    ) -> DictRow | None:
        return self.connection.execute(
            "select * from resumepair.finish_delivery(%s, %s, %s, %s, %s, 12, %s, '5 seconds')",
            [claim["delivery_id"], claim["queue_job_id"], claim["attempt"], status, error, retry_in],
        ).fetchone()

    def queue_due_deliveries(self) -> float | None:
        seconds: float | None = self.call("select resumepair.queue_due_deliveries(100)")
        return seconds

    def requeue_deliveries(self) -> list[UUID]:
        rows = self.connection.execute("select resumepair.requeue_deliveries('1 minute') as id").fetchall()
        return [row["id"] for row in rows]

    def due_schedules(self) -> list[DictRow]:
        return self.connection.execute("select * from resumepair.due_schedules('0 seconds', 100)").fetchall()

    def run_schedule(self, due: DictRow, following: str | None = None) -> DictRow | None:
        """The next time is at an interval from now."""
        return self.connection.execute(
            "select * from resumepair.run_schedule(%s, %s, now() + %s::interval, '30 seconds')",
            [due["schedule_id"], due["due_at"], following],
        ).fetchone()

    def claim_bundle(self, bundle_id: UUID, queue_job_id: int | None = None) -> DictRow | None:
        (row,) = self.admin.execute(
            "select queue_job_id from resumepair.export_bundles where id = %s", [bundle_id]
        ).fetchall()
        return self.connection.execute(
            "select * from resumepair.claim_bundle(%s, %s)", [bundle_id, queue_job_id or row["queue_job_id"]]
        ).fetchone()

    def reserve_bundle(self, bundle_id: UUID, attempt: int, byte_size: int = 500) -> bool:
        query = "select resumepair.reserve_bundle(%s, %s, %s, %s)"
        return bool(self.call(query, bundle_id, attempt, f"{bundle_id}/{attempt}/bundle.zip", byte_size))

    def publish_bundle(self, bundle_id: UUID, attempt: int, byte_size: int = 500) -> bool:
        query = (
            "select resumepair.publish_bundle(%s, %s, 'exports.zip', %s, %s, %s, 1, now() + interval '1 day', '7 days')"
        )
        path = f"{bundle_id}/{attempt}/bundle.zip"
        return bool(self.call(query, bundle_id, attempt, path, byte_size, "1" * 64))

    def fail_bundle(self, bundle_id: UUID, attempt: int, retry_in: str | None = None) -> str | None:
        query = "select status from resumepair.fail_bundle(%s, %s, 'QUOTA_EXCEEDED', 'It does not fit.', %s::interval)"
        status: str | None = self.call(query, bundle_id, attempt, retry_in)
        return status

    def finish_bundle(self, batch_id: UUID) -> UUID:
        """Claim, reserve and publish the bundle of a finished batch."""
        bundle_id: UUID = bundle_row(self.admin, batch_id)["id"]
        claim = self.claim_bundle(bundle_id)
        assert claim
        assert self.reserve_bundle(bundle_id, claim["attempt"])
        assert self.publish_bundle(bundle_id, claim["attempt"])
        return bundle_id

    def finish(self, job_id: UUID, byte_size: int = 1000) -> UUID:
        """Claim and publish."""
        claim = self.claim(job_id)
        assert claim
        export_id = self.publish(job_id, claim["attempt"], byte_size)
        assert export_id
        return export_id


@pytest.fixture
def admin(database: Database) -> Generator[Connection, None, None]:
    with connect(database.admin_url) as connection:
        yield connection


@pytest.fixture
def api(database: Database) -> Generator[Connection, None, None]:
    with connect(database.api_url) as connection:
        yield connection


@pytest.fixture
def worker(database: Database, admin: Connection) -> Generator[WorkerVoice, None, None]:
    with connect(database.worker_url) as connection:
        yield WorkerVoice(connection, admin)


@pytest.fixture
def alice(api: Connection) -> Person:
    return Person(api, uuid4())


@pytest.fixture
def bob(api: Connection) -> Person:
    return Person(api, uuid4())


def job_row(admin: Connection, job_id: UUID) -> DictRow:
    row = admin.execute("select * from resumepair.export_jobs where id = %s", [job_id]).fetchone()
    assert row
    return row


def bundle_row(admin: Connection, batch_id: UUID) -> DictRow:
    (row,) = admin.execute("select * from resumepair.export_bundles where batch_id = %s", [batch_id]).fetchall()
    return row


def refused(state: str) -> pytest.RaisesExc[psycopg.Error]:
    """Expect a refusal with this SQLSTATE."""
    return pytest.RaisesExc(psycopg.Error, check=lambda error: error.sqlstate == state)


def in_state(state: str, alice: Person, worker: WorkerVoice) -> UUID:
    """A job that came to this state in the ordinary way."""
    job_id = alice.export()
    if state == "cancelled":
        alice.cancel(job_id)
    elif state != "pending":
        assert worker.claim(job_id)
        if state == "completed":
            worker.publish(job_id, 1)
        elif state == "failed":
            worker.fail(job_id, 1)
    return job_id
