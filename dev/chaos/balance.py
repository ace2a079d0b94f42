"""The audit of a run: each export's row, its history, and the file behind that."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from dev.chaos.ledger import Ledger


@dataclass(frozen=True)
class Balance:
    """The end of a run. `recovery` are the seconds from each fault to the end of each export it met."""

    accepted: int
    completed_once: int
    cancelled: int
    failed: int
    lost: int
    doubled: int
    orphans: int
    recovery: tuple[float, ...]


def audit(
    ledger: Ledger,
    storage: Path,
    jobs: Sequence[UUID],
    met: Sequence[tuple[datetime, UUID]] = (),
    doomed: Collection[UUID] = (),
) -> Balance:
    """Account for these jobs; a `doomed` one is to fail, any other failure is a loss."""
    rows = ledger.query(
        "select j.id, j.status, j.finished_at, "
        "array_agg(h.storage_path) filter (where h.id is not null) as paths, "
        "array_agg(h.sha256) filter (where h.id is not null) as sums "
        "from resumepair.export_jobs j left join resumepair.export_history h on h.job_id = j.id "
        "where j.id = any(%s) group by j.id",
        list(jobs),
    )
    completed = cancelled = failed = doubled = 0
    ended: dict[UUID, datetime] = {}
    known: set[str] = set()
    for row in rows:
        paths: list[str] = row["paths"] or []
        sums: list[str] = row["sums"] or []
        known.update(paths)
        if row["finished_at"]:
            ended[row["id"]] = row["finished_at"]
        doubled += len(paths) > 1 or (row["status"] in {"cancelled", "failed"} and bool(paths))
        cancelled += row["status"] == "cancelled" and not paths
        failed += row["status"] == "failed" and row["id"] in doomed and not paths
        completed += (
            row["status"] == "completed"
            and row["id"] not in doomed
            and len(paths) == 1
            and _is_stored(storage / paths[0], sums[0])
        )
    return Balance(
        accepted=len(jobs),
        completed_once=completed,
        cancelled=cancelled,
        failed=failed,
        lost=len(jobs) - completed - cancelled - failed - doubled,
        doubled=doubled,
        orphans=len(_files_of(storage, set(jobs)) - known),
        recovery=tuple((ended[job] - at).total_seconds() for at, job in met if job in ended and ended[job] > at),
    )


def _is_stored(file: Path, sha256: str) -> bool:
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == sha256


def _files_of(storage: Path, jobs: Collection[UUID]) -> set[str]:
    """The keys of all files of these jobs; a key is `user id/job id/attempt/file name`."""
    files = (file.relative_to(storage) for file in storage.rglob("*") if file.is_file())
    names = {str(job) for job in jobs}
    return {file.as_posix() for file in files if file.parts[1] in names}
