"""What a bundle says about itself: the names of its files, `manifest.json` and `SHA256SUMS`."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from resumepair_worker.bundles import BatchJob, BundleClaim, FinishedExport

MANIFEST: Final = "manifest.json"
CHECKSUMS: Final = "SHA256SUMS"
LEAST_DIGITS: Final = 2


def file_name_of(claim: BundleClaim) -> str:
    """The name that the bundle is downloaded under, such as `exports-2030-01-31.zip`; the day is that of UTC."""
    return f"exports-{claim.created_at.astimezone(UTC):%Y-%m-%d}.zip"


def files_of(claim: BundleClaim) -> dict[str, FinishedExport]:
    """The exports that go into the bundle, by the names that they have there."""
    return {_name(claim, job, job.file): job.file for job in claim.jobs if job.file}


def manifest_of(claim: BundleClaim) -> bytes:
    """`manifest.json`: every document of the batch, and what became of it."""
    manifest = {
        "batchId": claim.batch_id,
        "createdAt": _time(claim.created_at),
        "entries": [_entry(claim, job, job.file) for job in claim.jobs if job.file],
        "failures": [
            {**_document(job), "code": job.failure_code, "message": job.failure_message}
            for job in claim.jobs
            if job.status == "failed"
        ],
        "cancelled": [_document(job) for job in claim.jobs if job.status == "cancelled"],
        "missing": [
            {**_document(job), "reason": "EXPIRED" if job.finished_export else "DELETED"}
            for job in claim.jobs
            if job.status == "completed" and not job.file
        ],
    }
    return (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()


def checksums_of(files: Mapping[str, FinishedExport], manifest: bytes) -> bytes:
    """`SHA256SUMS`, for `sha256sum -c`: a line for every other file."""
    sums = [*((file.sha256, name) for name, file in files.items()), (sha256(manifest).hexdigest(), MANIFEST)]
    return "".join(_lines(sums)).encode()


def _lines(sums: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (f"{digest}  {name}\n" for digest, name in sums)


def _name(claim: BundleClaim, job: BatchJob, file: FinishedExport) -> str:
    """With the document's place in the batch in front: unique, and in order; a gap is a document that is not there."""
    digits = max(LEAST_DIGITS, len(str(len(claim.jobs))))
    return f"{job.position + 1:0{digits}}-{file.file_name}"


def _entry(claim: BundleClaim, job: BatchJob, file: FinishedExport) -> dict[str, Any]:
    return {
        "fileName": _name(claim, job, file),
        **_document(job),
        "template": file.template,
        "pageCount": file.page_count,
        "byteSize": file.byte_size,
        "sha256": file.sha256,
        "createdAt": _time(file.created_at),
    }


def _document(job: BatchJob) -> dict[str, Any]:
    return {"documentTitle": job.document_title, "documentVersion": job.document_version}


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
