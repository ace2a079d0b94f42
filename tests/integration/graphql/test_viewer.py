"""`me` and `templates`: what a page asks for first."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from resumepair_graphql.auth import Identity
from resumepair_graphql.context import Context, Services
from tests.integration.conftest import Connection, Person, WorkerVoice
from tests.integration.graphql.conftest import SCHEMA, Ask, Execute

ME = """{ me { id role tokenExpiresAt
    limits { maxActiveRequests maxBatchDocuments maxAttempts maxSchedules maxDocuments quotaBytes }
    usage { activeRequests activeSchedules documents bytesUsed } } }"""
DEFAULTS = {
    "maxActiveRequests": 3, "maxBatchDocuments": 10, "maxAttempts": 5, "maxSchedules": 20, "maxDocuments": 200,
    "quotaBytes": 104857600,
}  # fmt: skip

UNUSED = {"activeRequests": 0, "activeSchedules": 0, "documents": 0, "bytesUsed": 0}


async def me_of(services: Services, identity: Identity) -> Any:  # noqa: ANN401
    result = await SCHEMA.execute(ME, context_value=Context(services, "http://api.example", identity))
    assert result.errors is None
    assert result.data
    return result.data["me"]


async def test_a_user_sees_limits_and_what_is_used_of_them(
    ask: Ask, alice: Person, bob: Person, worker: WorkerVoice
) -> None:
    alice.enqueue(alice.save_document(), alice.save_document(), batch=True)
    worker.finish(alice.export(), byte_size=3_000_000_000)
    alice.schedule()
    bob.export()

    me = await ask(alice, ME)

    assert (me["id"], me["role"], me["limits"]) == (str(alice.id), "AUTHENTICATED", DEFAULTS)
    assert me["usage"] == {
        "activeRequests": 1, "activeSchedules": 1, "documents": 4, "bytesUsed": 3_000_000_000
    }  # fmt: skip


async def test_a_user_s_own_limits_go_before_the_defaults(ask: Ask, alice: Person, admin: Connection) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_attempts) values (%s, 9)", [alice.id])
    assert (await ask(alice, ME))["limits"] == {**DEFAULTS, "maxAttempts": 9}


async def test_what_has_expired_or_ended_is_not_used(
    ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    worker.finish(alice.export())
    admin.execute("update resumepair.export_history set created_at = now() - interval '8 days', expires_at = now()")
    worker.call("select resumepair.expire_exports(50)")
    alice.cancel(alice.export())
    assert (await ask(alice, ME))["usage"] == {**UNUSED, "documents": 2}


async def test_without_a_token_there_is_nobody(execute: Execute, services: Services) -> None:
    assert await execute(None, ME) == (None, [])
    assert await me_of(services, Identity("anon", f'{{"role": "anon", "sub": "{UUID(int=1)}"}}')) is None


async def test_the_operator_is_no_user(services: Services) -> None:
    end = datetime(2030, 1, 1, tzinfo=UTC)
    me = await me_of(services, Identity("service_role", '{"role": "service_role"}', end))
    assert (me["id"], me["role"], me["limits"]) == (None, "SERVICE_ROLE", DEFAULTS)
    assert me["tokenExpiresAt"] == "2030-01-01T00:00:00+00:00"
    assert me["usage"] == UNUSED


async def test_templates_are_for_everybody(execute: Execute) -> None:
    templates, errors = await execute(
        None, "{ templates { name description fontFamily primaryColor hasSidebar isDense isDefault } }"
    )
    assert (len(templates), errors) == (7, [])
    assert [template["name"] for template in templates if template["isDefault"]] == ["classic"]
    assert [template["name"] for template in templates if template["hasSidebar"]] == ["sidebar"]
