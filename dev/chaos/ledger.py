"""What was asked for and what became of it, in the words of the database and of the stored files."""

import hashlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
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


@dataclass(frozen=True)
class Balance:
    """The end of a run. `recovery` are the seconds from each fault to the end of each export it met."""

    accepted: int
    completed_once: int
    cancelled: int
    lost: int
    doubled: int
    recovery: tuple[float, ...]


@dataclass
class Ledger:
    """Enqueues as a user does, through SQL, and audits as an administrator."""

    url: str
    storage: Path
    connection: psycopg.Connection[DictRow]

    @classmethod
    @contextmanager
    def open(cls, admin_url: str, storage: Path) -> Generator["Ledger"]:
        """A ledger on a connection of its own; it makes a new one whenever a fault takes it."""
        ledger = cls(admin_url, storage, _connect(admin_url))
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

    def new_user(self) -> UUID:
        """A user with room for a run's load."""
        user = uuid4()
        self.query(
            "insert into resumepair.user_limits (user_id, max_active_requests, max_attempts, quota_bytes) "
            "values (%s, 100000, 100, 10000000000)",
            user,
        )
        return user

    def enqueue(self, user: UUID, count: int) -> list[UUID]:
        """So many exports; returned means accepted, that is, committed."""
        accepted: list[UUID] = []
        for _ in range(count):
            with self.connection.transaction():
                self.connection.execute(
                    "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
                    [f'{{"sub": "{user}", "role": "authenticated"}}'],
                )
                row = self.connection.execute(
                    "insert into resumepair.documents (title, data) values ('CV', %s) returning id", [Jsonb(RESUME)]
                ).fetchone()
                assert row  # noqa: S101
                job = self.connection.execute(
                    "select job_id from resumepair.enqueue_export(array[%s]::uuid[])", [row["id"]]
                ).fetchone()
                assert job  # noqa: S101
            accepted.append(job["job_id"])
        return accepted

    def cancel(self, user: UUID, job: UUID) -> bool:
        """Cancel as the user; False when the job had ended before."""
        try:
            with self.connection.transaction():
                self.connection.execute(
                    "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
                    [f'{{"sub": "{user}", "role": "authenticated"}}'],
                )
                self.connection.execute("select resumepair.cancel_export(%s)", [job])
        except psycopg.Error as error:
            if error.sqlstate != "RP412":
                raise
            return False
        return True

    def at_work(self) -> list[UUID]:
        """The exports that a worker has claimed and not ended."""
        return [row["id"] for row in self.query("select id from resumepair.export_jobs where status = 'processing'")]

    def open_jobs(self, jobs: Sequence[UUID]) -> int:
        """How many of these have not ended."""
        (row,) = self.query(
            "select count(*) as open from resumepair.export_jobs where id = any(%s) and finished_at is null", list(jobs)
        )
        return int(row["open"])

    def balance(self, jobs: Sequence[UUID], met: Sequence[tuple[datetime, UUID]]) -> Balance:
        """Audit these jobs: the row, its history, and the file behind that."""
        rows = self.query(
            "select j.id, j.status, j.finished_at, "
            "array_agg(h.storage_path) filter (where h.id is not null) as paths, "
            "array_agg(h.sha256) filter (where h.id is not null) as sums "
            "from resumepair.export_jobs j left join resumepair.export_history h on h.job_id = j.id "
            "where j.id = any(%s) group by j.id",
            list(jobs),
        )
        completed = cancelled = doubled = 0
        ended: dict[UUID, datetime] = {}
        for row in rows:
            paths: list[str] = row["paths"] or []
            sums: list[str] = row["sums"] or []
            if row["finished_at"]:
                ended[row["id"]] = row["finished_at"]
            doubled += len(paths) > 1 or (row["status"] == "cancelled" and bool(paths))
            cancelled += row["status"] == "cancelled" and not paths
            completed += row["status"] == "completed" and len(paths) == 1 and self._is_stored(paths[0], sums[0])
        return Balance(
            accepted=len(jobs),
            completed_once=completed,
            cancelled=cancelled,
            lost=len(jobs) - completed - cancelled - doubled,
            doubled=doubled,
            recovery=tuple((ended[job] - at).total_seconds() for at, job in met if job in ended and ended[job] > at),
        )

    def _is_stored(self, path: str, sha256: str) -> bool:
        file = self.storage / path
        return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == sha256


def _connect(url: str) -> psycopg.Connection[DictRow]:
    return psycopg.Connection[DictRow].connect(url, autocommit=True, row_factory=dict_row)
