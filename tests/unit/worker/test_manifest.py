import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from resumepair_worker.bundles import CLAIM, BundleClaim
from resumepair_worker.manifest import checksums_of, file_name_of, files_of, manifest_of

THEN = datetime(2030, 1, 31, 23, 30, tzinfo=UTC)


def job(position: int, status: str = "completed", *, export: bool = True, available: bool = True) -> dict[str, Any]:
    failed = status == "failed"
    return {
        "position": position, "status": status, "document_title": f"Lebenslauf {position} für İpek",
        "document_version": 2,
        "failure_code": "INVALID_DOCUMENT" if failed else None, "failure_message": "work: no list" if failed else None,
        "export": None if not export or status != "completed" else {
            "available": available, "file_name": "ipek-resume.pdf", "storage_path": f"u/{position}/1/ipek-resume.pdf",
            "template": "modern", "page_count": 1, "byte_size": 10, "sha256": f"{position:064}",
            "created_at": "2030-01-31T23:00:00.5+00:00",
        },
    }  # fmt: skip


def claim(*jobs: dict[str, Any]) -> BundleClaim:
    return CLAIM.validate_python(
        {
            "bundle_id": UUID(int=1), "user_id": UUID(int=2), "batch_id": "RXhwb3J0QmF0Y2g6", "attempt": 1,
            "created_at": THEN, "expires_at": THEN, "queue_priority": -1, "jobs": jobs,
        }
    )  # fmt: skip


def test_files_are_numbered_by_their_documents_place_so_that_a_gap_shows() -> None:
    made = claim(job(0), job(1, "failed"), job(2))
    assert list(files_of(made)) == ["01-ipek-resume.pdf", "03-ipek-resume.pdf"]


def test_a_hundred_documents_stay_in_order_in_every_listing() -> None:
    names = list(files_of(claim(*map(job, range(100)))))
    assert (names[0], names[-1]) == ("001-ipek-resume.pdf", "100-ipek-resume.pdf")
    assert names == sorted(set(names))


def test_every_document_of_the_batch_is_in_the_manifest() -> None:
    made = claim(
        job(0), job(1, "failed"), job(2, "cancelled"), job(3, available=False), job(4, export=False),
    )  # fmt: skip
    manifest = json.loads(manifest_of(made))
    assert (manifest["batchId"], manifest["createdAt"]) == ("RXhwb3J0QmF0Y2g6", "2030-01-31T23:30:00Z")
    assert manifest["entries"] == [
        {
            "fileName": "01-ipek-resume.pdf", "documentTitle": "Lebenslauf 0 für İpek", "documentVersion": 2,
            "template": "modern", "pageCount": 1, "byteSize": 10, "sha256": "0" * 64,
            "createdAt": "2030-01-31T23:00:00Z",
        }
    ]  # fmt: skip
    assert [(f["documentTitle"], f["code"], f["message"]) for f in manifest["failures"]] == [
        ("Lebenslauf 1 für İpek", "INVALID_DOCUMENT", "work: no list")
    ]
    assert [c["documentTitle"] for c in manifest["cancelled"]] == ["Lebenslauf 2 für İpek"]
    assert [m["reason"] for m in manifest["missing"]] == ["EXPIRED", "DELETED"]


def test_the_sums_cover_every_other_file() -> None:
    made = claim(job(0), job(1))
    manifest = manifest_of(made)
    assert checksums_of(files_of(made), manifest).decode().splitlines() == [
        f"{0:064}  01-ipek-resume.pdf",
        f"{1:064}  02-ipek-resume.pdf",
        f"{sha256(manifest).hexdigest()}  manifest.json",
    ]


def test_it_is_called_after_the_day() -> None:
    assert file_name_of(claim(job(0))) == "exports-2030-01-31.zip"
