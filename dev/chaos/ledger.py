"""What was asked for and what became of it, in the words of the database."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

RESUME: dict[str, Any] = {
    "profile": {"fullName": "Edsger Ashgrove", "email": "edsger@ashgrove.example"},
    "summary": "Keeps calm while things break.",
    "work": [
        {
            "company": "Ashgrove & Sons",
            "role": "Engineer",
            "startDate": "2019-04",
            "descriptionBullets": [f"Mended fault number {number} without losing an order" for number in range(12)],
        }
    ],
    "education": [],
    "skills": [{"category": "Faults", "items": ["SIGKILL", "SIGSTOP"]}],
}


@dataclass
class Ledger:
    """Enqueues as a user does, through SQL, and looks on as an administrator."""

    url: str
    connection: psycopg.Connection[DictRow]

    @classmethod
    @contextmanager
    def open(cls, admin_url: str) -> Generator["Ledger"]:
        """A ledger on a connection of its own; it makes a new one whenever a fault takes it."""
        ledger = cls(admin_url, _connect(admin_url))
        try:
            yield ledger
        finally:
            ledger.connection.close()

    def now(self) -> datetime:
        """The database's clock."""
        now: datetime = self.query("select clock_timestamp() as now")[0]["now"]
        return now

    def query(self, statement: str, *values: object) -> list[DictRow]:
        """Run one statement, again if the connection was lost: for statements that may be repeated."""
        try:
            cursor = self.connection.execute(statement.encode(), values)
        except psycopg.OperationalError:
            self.connection.close()
            self.connection = _connect(self.url)
            cursor = self.connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def as_user(self, user: UUID) -> Generator[None]:
        """A transaction in the user's place, as the API makes one."""
        with self.connection.transaction():
            self.connection.execute(
                "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
                [f'{{"sub": "{user}", "role": "authenticated"}}'],
            )
            yield

    def new_user(self, attempts: int = 100) -> UUID:
        """A user with room for a run's load."""
        user = uuid4()
        self.query(
            "insert into resumepair.user_limits"
            " (user_id, max_active_requests, max_documents, max_attempts, quota_bytes)"
            " values (%s, 100000, 100000, %s, 10000000000)",
            user,
            attempts,
        )
        return user

    def enqueue(self, user: UUID, count: int, resume: Mapping[str, Any] = RESUME) -> list[UUID]:
        """So many exports, each to be printed; returned means accepted, that is, committed."""
        accepted: list[UUID] = []
        for _ in range(count):
            with self.as_user(user):
                row = self.connection.execute(
                    "insert into resumepair.documents (title, data) values ('CV', %s) returning id", [Jsonb(resume)]
                ).fetchone()
                assert row  # noqa: S101
                job = self.connection.execute(
                    "select job_id from resumepair.enqueue_export(array[%s]::uuid[], p_fresh => true)", [row["id"]]
                ).fetchone()
                assert job  # noqa: S101
            accepted.append(job["job_id"])
        return accepted

    def cancel(self, user: UUID, job: UUID) -> bool:
        """Cancel as the user; False when the job had ended before."""
        try:
            with self.as_user(user):
                self.connection.execute("select resumepair.cancel_export(%s)", [job])
        except psycopg.Error as error:
            if error.sqlstate != "RP412":
                raise
            return False
        return True

    def at_work(self) -> set[tuple[UUID, int]]:
        """The attempts, by export and number, that a worker has begun and not ended: it may have been killed since."""
        rows = self.query("select id, attempt from resumepair.export_jobs where status = 'processing'")
        return {(row["id"], row["attempt"]) for row in rows}

    def open_jobs(self, jobs: Sequence[UUID]) -> int:
        """How many of these have not ended."""
        (row,) = self.query(
            "select count(*) as open from resumepair.export_jobs where id = any(%s) and finished_at is null", list(jobs)
        )
        return int(row["open"])

    def being_put_away(self, jobs: Sequence[UUID]) -> int:
        """How many of these a worker has not left yet, although they have ended: it may be removing a file."""
        (row,) = self.query(
            "select count(*) as left from resumepair.export_jobs as j "
            "join procrastinate.procrastinate_jobs as q on q.id = j.queue_job_id and q.status = 'doing' "
            "where j.id = any(%s) and j.finished_at is not null",
            list(jobs),
        )
        return int(row["left"])

    def ends(self, jobs: Sequence[UUID]) -> dict[UUID, datetime]:
        """When these ended, as far as they have."""
        rows = self.query(
            "select id, finished_at from resumepair.export_jobs where id = any(%s) and finished_at is not null",
            list(jobs),
        )
        return {row["id"]: row["finished_at"] for row in rows}

    def waits(self, jobs: Sequence[UUID]) -> list[float]:
        """The seconds from asking to the first attempt, of those that had one."""
        rows = self.query(
            "select extract(epoch from started_at - created_at)::float as wait from resumepair.export_jobs "
            "where id = any(%s) and started_at is not null",
            list(jobs),
        )
        return [row["wait"] for row in rows]


def _connect(url: str) -> psycopg.Connection[DictRow]:
    return psycopg.Connection[DictRow].connect(url, autocommit=True, row_factory=dict_row)
