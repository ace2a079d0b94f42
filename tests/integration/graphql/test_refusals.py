"""Refusals that have data come as types of their own."""

from typing import Any
from uuid import UUID

import pytest
from strawberry.relay import to_base64

from tests.integration.conftest import Connection, Person, WorkerVoice
from tests.integration.graphql.conftest import Ask, Execute

ERRORS = """errors { __typename code path
    ... on RateLimited { active limit } ... on QuotaExceeded { used quota } ... on InvalidState { status }
    ... on AttemptsExhausted { attempt maxAttempts } ... on ExportExpired { expiresAt }
    ... on TooManyDocuments { documents: limit } }"""
EXPORT = f"mutation ($id: ID!) {{ exportPdf(input: {{documentId: $id}}) {{ {ERRORS} }} }}"
BATCH = f"mutation ($ids: [ID!]!) {{ exportBatch(input: {{documentIds: $ids}}) {{ {ERRORS} }} }}"
CANCEL = f"mutation ($id: ID!) {{ cancel(input: {{jobId: $id}}) {{ {ERRORS} }} }}"
RETRY = f"mutation ($id: ID!) {{ retry(input: {{jobId: $id}}) {{ {ERRORS} }} }}"
DOWNLOAD = f"mutation ($id: ID!) {{ createDownloadUrl(input: {{exportId: $id}}) {{ {ERRORS} }} }}"


async def error_of(ask: Ask, person: Person, query: str, **variables: object) -> dict[str, Any]:
    (error,) = (await ask(person, query, **variables))["errors"]
    return error  # type: ignore[no-any-return]


def document_of(person: Person) -> str:
    return to_base64("Document", person.save_document())


async def test_too_many_requests_tell_how_many(ask: Ask, alice: Person) -> None:
    for _ in range(3):
        alice.export()
    assert await error_of(ask, alice, EXPORT, id=document_of(alice)) == {
        "__typename": "RateLimited", "code": "RATE_LIMITED", "path": None, "active": 3, "limit": 3
    }  # fmt: skip


async def test_a_full_storage_tells_how_full(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    worker.finish(alice.export(), byte_size=3_000_000_000)
    assert await error_of(ask, alice, EXPORT, id=document_of(alice)) == {
        "__typename": "QuotaExceeded", "code": "QUOTA_EXCEEDED", "path": None, "used": 3_000_000_000, "quota": 104857600
    }  # fmt: skip


async def test_the_wrong_state_is_told(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    job = alice.export()
    wrong = {"__typename": "InvalidState", "code": "INVALID_STATE", "path": ["input", "jobId"]}
    id_ = to_base64("ExportJob", job)
    assert await error_of(ask, alice, RETRY, id=id_) == {**wrong, "status": "PENDING"}
    worker.finish(job)
    assert await error_of(ask, alice, CANCEL, id=id_) == {**wrong, "status": "COMPLETED"}


async def test_used_up_attempts_are_told(ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_attempts) values (%s, 1)", [alice.id])
    job: UUID = alice.export()
    worker.claim(job)
    worker.fail(job, 1)
    assert await error_of(ask, alice, RETRY, id=to_base64("ExportJob", job)) == {
        "__typename": "AttemptsExhausted", "code": "ATTEMPTS_EXHAUSTED", "path": ["input", "jobId"],
        "attempt": 1, "maxAttempts": 1,
    }  # fmt: skip


async def test_an_expired_export_tells_since_when(
    ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    export = worker.finish(alice.export())
    admin.execute(
        "update resumepair.export_history set created_at = '2026-01-01T00:00:00Z', expires_at = '2026-01-08T00:00:00Z'"
    )
    assert await error_of(ask, alice, DOWNLOAD, id=to_base64("Export", export)) == {
        "__typename": "ExportExpired", "code": "EXPORT_EXPIRED", "path": ["input", "exportId"],
        "expiresAt": "2026-01-08T00:00:00+00:00",
    }  # fmt: skip


async def test_a_batch_that_is_too_large_tells_how_large_it_may_be(ask: Ask, alice: Person) -> None:
    assert await error_of(ask, alice, BATCH, ids=[document_of(alice) for _ in range(11)]) == {
        "__typename": "TooManyDocuments", "code": "INVALID_INPUT", "path": ["input", "documentIds"], "documents": 10
    }  # fmt: skip


async def test_other_refusals_are_plain(ask: Ask, alice: Person) -> None:
    assert await error_of(ask, alice, EXPORT, id="x") == {
        "__typename": "RequestRefused", "code": "NOT_FOUND", "path": ["input", "documentId"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", "a\0b"), ("data", {"profile": {"fullName": "a\0b"}}), ("data", {"a\0b": 1}), ("idempotencyKey", "a\0b")],
)
async def test_a_character_that_cannot_be_stored_is_told_by_its_field(
    ask: Ask, alice: Person, field: str, value: object
) -> None:
    save = "mutation ($input: SaveDocumentInput!) { saveDocument(input: $input) { errors { code path message } } }"
    document = {"title": "CV", "data": {"about": "\\u0000"}, field: value}
    (error,) = (await ask(alice, save, input=document))["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", field])
    assert f"`{field}`" in error["message"]


async def test_a_filter_that_cannot_be_stored_is_told_by_its_name(execute: Execute, alice: Person) -> None:
    query = "query ($filter: HistoryFilter) { history(filter: $filter) { edges { cursor } } }"
    _, (error,) = await execute(alice, query, filter={"template": "\0"})
    assert (error.extensions["code"], "`template`" in error.message) == ("INVALID_INPUT", True)
