"""The lasting address of an export, over real sockets: who gets there, what is counted, what is gone."""

from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from strawberry.relay import to_base64

from tests.integration.conftest import Connection, Person, WorkerVoice, bundle_row
from tests.integration.transports.conftest import Server, bearer, token_of

PDF = b"%PDF-1.7 a file of nineteen"
HISTORY = "{ history(first: 1) { edges { node { id downloadUrl downloadCount } } } }"


@pytest.fixture
def export(alice: Person, worker: WorkerVoice, storage: Path) -> UUID:
    """A finished export of alice's, with its file."""
    job = alice.export()
    key = worker.finish(job)
    place = storage / f"{job}/1/cv.pdf"
    place.parent.mkdir(parents=True)
    place.write_bytes(PDF)
    return key


def latest(server: Server, person: Person) -> dict[str, Any]:
    answer = server.post({"query": HISTORY}, token_of(person)).json()
    return answer["data"]["history"]["edges"][0]["node"]  # type: ignore[no-any-return]


def code_of(answer: httpx.Response) -> str:
    return answer.json()["errors"][0]["extensions"]["code"]  # type: ignore[no-any-return]


def test_it_leads_to_the_file_and_counts(server: Server, alice: Person, export: UUID) -> None:
    found = latest(server, alice)
    assert found["id"] == to_base64("Export", export)
    answer = httpx.get(found["downloadUrl"], headers=bearer(token_of(alice)))
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
    file = httpx.get(answer.headers["location"])
    assert (file.status_code, file.content, file.headers["content-type"]) == (200, PDF, "application/pdf")
    assert latest(server, alice)["downloadCount"] == 1


def test_a_part_of_the_file_can_be_asked_for_by_a_client_that_follows(
    server: Server, alice: Person, export: UUID
) -> None:
    headers = {**bearer(token_of(alice)), "range": "bytes=0-3"}
    answer = httpx.get(f"{server.url}/exports/{export}/download", headers=headers, follow_redirects=True)
    assert (answer.status_code, answer.content) == (206, b"%PDF")


@pytest.mark.usefixtures("export")
def test_a_look_is_no_download(server: Server, alice: Person) -> None:
    answer = httpx.head(latest(server, alice)["downloadUrl"], headers=bearer(token_of(alice)))
    assert (answer.status_code, answer.content) == (302, b"")
    assert httpx.head(answer.headers["location"]).headers["content-length"] == str(len(PDF))
    assert latest(server, alice)["downloadCount"] == 0


@pytest.mark.parametrize(
    "id_", ["nonsense", str(UUID(int=7)), to_base64("Export", UUID(int=7)), to_base64("Document", UUID(int=7))]
)
def test_what_is_not_there_is_404(server: Server, alice: Person, id_: str) -> None:
    answer = httpx.get(f"{server.url}/exports/{id_}/download", headers=bearer(token_of(alice)))
    assert (answer.status_code, code_of(answer)) == (404, "NOT_FOUND")


def test_another_s_export_is_not_there(server: Server, bob: Person, export: UUID) -> None:
    answer = httpx.get(f"{server.url}/exports/{export}/download", headers=bearer(token_of(bob)))
    assert (answer.status_code, code_of(answer)) == (404, "NOT_FOUND")


def test_without_a_good_token_nobody_gets_there(server: Server, export: UUID) -> None:
    for token in (None, "not.a.token"):
        answer = httpx.get(f"{server.url}/exports/{export}/download", headers=bearer(token))
        assert (answer.status_code, code_of(answer)) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_expired_export_is_410_before_and_after_it_is_cleaned_up(
    server: Server, alice: Person, export: UUID, admin: Connection, worker: WorkerVoice
) -> None:
    admin.execute(
        "update resumepair.export_history set created_at = now() - interval '8 days', expires_at = now() where id = %s",
        [export],
    )
    for _ in range(2):
        answer = httpx.get(f"{server.url}/exports/{export}/download", headers=bearer(token_of(alice)))
        assert (answer.status_code, code_of(answer)) == (410, "EXPORT_EXPIRED")
        worker.call("select resumepair.expire_exports(50)")


def test_a_bundle_has_such_an_address_too_which_leads_nowhere_until_it_is_there(
    server: Server, alice: Person, worker: WorkerVoice, storage: Path, admin: Connection
) -> None:
    (row,) = alice.enqueue(alice.save_document(), batch=True)
    worker.finish(row["job_id"])
    key = bundle_row(admin, row["batch_id"])["id"]
    for id_ in (key, to_base64("ExportBundle", key)):
        answer = httpx.get(f"{server.url}/exports/{id_}/download", headers=bearer(token_of(alice)))
        assert (answer.status_code, code_of(answer)) == (409, "INVALID_STATE")

    worker.finish_bundle(row["batch_id"])
    place = storage / f"{key}/1/bundle.zip"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"PK")
    answer = httpx.get(
        f"{server.url}/exports/{to_base64('ExportBundle', key)}/download", headers=bearer(token_of(alice)),
        follow_redirects=True,
    )  # fmt: skip
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"PK", "application/zip")
    assert "exports.zip" in answer.headers["content-disposition"]
    assert bundle_row(admin, row["batch_id"])["download_count"] == 1
