"""Webhooks and their deliveries, as a client meets them."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from strawberry.relay import to_base64

from resumepair_graphql.context import Services
from tests.integration.conftest import Person, WorkerVoice
from tests.integration.graphql.conftest import Ask, Execute, count_queries

URL = "https://hooks.example.com/resumes"
FIELDS = "id url events previousSecretValidUntil failingSince disabledAt disabledReason createdAt"
REGISTER = f"""mutation ($input: RegisterWebhookInput!) {{ registerWebhook(input: $input) {{
    webhook {{ {FIELDS} }} secret replayed errors {{ code message path ... on RateLimited {{ active limit }} }} }} }}"""
WEBHOOKS = f"""query ($first: Int, $after: String) {{ webhooks(first: $first, after: $after) {{
    edges {{ node {{ {FIELDS} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
DELIVERY = """id messageId event status attempt maxAttempts responseStatus error payload createdAt lastAttemptAt
    nextAttemptAt deliveredAt attempts { number at responseStatus error milliseconds } job { id status }"""
DELIVERIES = f"""query ($first: Int, $after: String, $filter: WebhookDeliveriesFilter) {{ webhooks(first: 1) {{
    edges {{ node {{ deliveries(first: $first, after: $after, filter: $filter) {{
        edges {{ node {{ {DELIVERY} }} }} pageInfo {{ hasNextPage endCursor }} }} }} }} }} }}"""
DELETE = "mutation ($id: ID!) { deleteWebhook(input: {webhookId: $id}) { deletedId errors { code message path } } }"
ROTATE = f"""mutation ($id: ID!) {{ rotateWebhookSecret(input: {{webhookId: $id}}) {{
    webhook {{ {FIELDS} }} secret errors {{ code message path }} }} }}"""
ENABLE = f"""mutation ($id: ID!) {{ enableWebhook(input: {{webhookId: $id}}) {{
    webhook {{ {FIELDS} }} errors {{ code message path }} }} }}"""
TEST = f"""mutation ($id: ID!) {{ testWebhook(input: {{webhookId: $id}}) {{
    delivery {{ {DELIVERY} }} errors {{ code message path }} }} }}"""
REDELIVER = f"""mutation ($id: ID!) {{ redeliverWebhook(input: {{deliveryId: $id}}) {{
    delivery {{ {DELIVERY} }} errors {{ code message path }} }} }}"""


async def registered(ask: Ask, person: Person, **request: object) -> dict[str, Any]:
    payload: dict[str, Any] = await ask(person, REGISTER, input={"url": URL, **request})
    assert payload["errors"] == []
    return payload


async def listed(ask: Ask, person: Person) -> list[dict[str, Any]]:
    return [edge["node"] for edge in (await ask(person, WEBHOOKS, first=100))["edges"]]


async def deliveries(ask: Ask, person: Person, **page: object) -> dict[str, Any]:
    (webhook,) = (await ask(person, DELIVERIES, **{"first": 20, **page}))["edges"]
    return webhook["node"]["deliveries"]  # type: ignore[no-any-return]


def told(person: Person, worker: WorkerVoice, **outcome: Any) -> UUID:  # noqa: ANN401
    """A new export whose delivery had this outcome."""
    worker.finish(person.export())
    delivery = person.deliveries()[-1]["id"]
    claim = worker.claim_delivery(delivery)
    assert claim
    assert worker.finish_delivery(claim, **outcome)
    return delivery  # type: ignore[no-any-return]


async def test_a_webhook_is_registered_for_both_events_and_its_secret_shown_once(ask: Ask, alice: Person) -> None:
    payload = await registered(ask, alice)
    webhook = payload["webhook"]
    assert payload["secret"].startswith("whsec_")
    assert (webhook["url"], webhook["events"]) == (URL, ["EXPORT_COMPLETED", "EXPORT_FAILED"])
    assert [webhook[name] for name in ("previousSecretValidUntil", "failingSince", "disabledAt", "disabledReason")] == [
        None
    ] * 4
    assert await listed(ask, alice) == [webhook]
    assert payload["secret"] not in str(await listed(ask, alice))


async def test_it_is_told_only_of_the_events_that_were_named(ask: Ask, alice: Person) -> None:
    payload = await registered(ask, alice, events=["EXPORT_FAILED", "EXPORT_FAILED"])
    assert payload["webhook"]["events"] == ["EXPORT_FAILED"]


@pytest.mark.parametrize(
    ("given", "path", "reason"),
    [
        ({"url": "http://hooks.example/"}, "url", "https"),
        ({"url": "https://169.254.169.254/"}, "url", "not a public one"),
        ({"url": "https://localhost/"}, "url", "not a public name"),
        ({"events": []}, "events", "EXPORT_COMPLETED and EXPORT_FAILED"),
        ({"events": ["WEBHOOK_TEST"]}, "events", "EXPORT_COMPLETED and EXPORT_FAILED"),
        ({"idempotencyKey": ""}, "idempotencyKey", "1 to 200 characters"),
    ],
)
async def test_what_cannot_be_registered_is_refused_with_its_field(
    ask: Ask, alice: Person, given: dict[str, Any], path: str, reason: str
) -> None:
    payload = await ask(alice, REGISTER, input={"url": URL, **given})
    (error,) = payload["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", path])
    assert reason in error["message"]
    assert (payload["webhook"], payload["secret"]) == (None, None)
    assert await listed(ask, alice) == []


async def test_the_same_key_gives_the_first_webhook_again_without_its_secret(ask: Ask, alice: Person) -> None:
    first = await registered(ask, alice, idempotencyKey="k")
    second = await registered(ask, alice, idempotencyKey="k")
    other = await ask(alice, REGISTER, input={"url": "https://other.example.com/", "idempotencyKey": "k"})
    assert (second["webhook"], second["secret"], second["replayed"]) == (first["webhook"], None, True)
    assert other["errors"][0]["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_more_webhooks_than_allowed_are_refused_with_the_numbers(ask: Ask, alice: Person) -> None:
    for _ in range(5):
        await registered(ask, alice)
    (error,) = (await ask(alice, REGISTER, input={"url": URL}))["errors"]
    assert (error["code"], error["active"], error["limit"]) == ("RATE_LIMITED", 5, 5)
    usage = await ask(alice, "{ me { usage { webhooks } limits { maxWebhooks } } }")
    assert usage == {"usage": {"webhooks": 5}, "limits": {"maxWebhooks": 5}}


async def test_the_log_tells_what_became_of_each_attempt(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    await registered(ask, alice)
    key = told(alice, worker, status=500, error="The endpoint answered 500.")
    (edge,) = (await deliveries(ask, alice))["edges"]
    delivery = edge["node"]
    assert (delivery["id"], delivery["messageId"]) == (to_base64("WebhookDelivery", key), str(key))
    assert (delivery["event"], delivery["status"]) == ("EXPORT_COMPLETED", "PENDING")
    assert (delivery["attempt"], delivery["maxAttempts"]) == (1, 8)
    assert (delivery["responseStatus"], delivery["error"]) == (500, "The endpoint answered 500.")
    assert delivery["nextAttemptAt"] > delivery["lastAttemptAt"]
    assert delivery["attempts"] == [
        {"number": 1, "at": delivery["lastAttemptAt"], "responseStatus": 500, "error": delivery["error"],
         "milliseconds": 12},
    ]  # fmt: skip
    assert delivery["job"]["status"] == "COMPLETED"
    assert delivery["payload"]["type"] == "export.completed"
    assert delivery["payload"]["data"]["jobId"] == delivery["job"]["id"]
    (webhook,) = await listed(ask, alice)
    assert webhook["failingSince"]


async def test_deliveries_come_in_pages_latest_first_and_by_state(
    services: Services, ask: Ask, alice: Person, worker: WorkerVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registered(ask, alice)
    made = [to_base64("WebhookDelivery", told(alice, worker)) for _ in range(5)]
    pages: list[list[str]] = []
    after, more = None, True
    while more:
        asked = count_queries(services, monkeypatch)
        page = await deliveries(ask, alice, first=2, after=after)
        assert sorted(asked) == ["jobs_by_id", "webhook_deliveries_page", "webhooks_page"]
        pages.append([edge["node"]["id"] for edge in page["edges"]])
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert [id_ for page in pages for id_ in page] == made[::-1]
    for status, count in (("DELIVERED", 5), ("PENDING", 0), ("FAILED", 0)):
        assert len((await deliveries(ask, alice, filter={"status": [status]}))["edges"]) == count


async def test_a_disabled_webhook_says_why_and_is_enabled_again(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    id_ = (await registered(ask, alice))["webhook"]["id"]
    key = told(alice, worker, status=410, error="The endpoint answered 410.")
    (webhook,) = await listed(ask, alice)
    assert webhook["disabledAt"]
    assert webhook["disabledReason"] == "The endpoint answered 410 Gone."
    delivery_id = to_base64("WebhookDelivery", key)
    for query, target in ((TEST, id_), (REDELIVER, delivery_id)):
        (error,) = (await ask(alice, query, id=target))["errors"]
        assert (error["code"], "enable it first" in error["message"]) == ("INVALID_STATE", True)

    enabled = await ask(alice, ENABLE, id=id_)
    assert (enabled["errors"], enabled["webhook"]["disabledAt"], enabled["webhook"]["failingSince"]) == ([], None, None)
    again = (await ask(alice, REDELIVER, id=delivery_id))["delivery"]
    assert (again["status"], again["messageId"], again["maxAttempts"]) == ("PENDING", str(key), 9)


async def test_a_rotation_shows_a_new_secret_and_until_when_the_old_one_signs(ask: Ask, alice: Person) -> None:
    made = await registered(ask, alice)
    rotated = await ask(alice, ROTATE, id=made["webhook"]["id"])
    assert rotated["errors"] == []
    assert rotated["secret"] not in (None, made["secret"])
    assert rotated["webhook"]["previousSecretValidUntil"]


async def test_a_test_is_sent_once_at_a_time(ask: Ask, alice: Person) -> None:
    id_ = (await registered(ask, alice))["webhook"]["id"]
    sent = (await ask(alice, TEST, id=id_))["delivery"]
    assert (sent["event"], sent["status"], sent["job"]) == ("WEBHOOK_TEST", "PENDING", None)
    assert sent["payload"]["data"] == {"webhookId": id_}
    (error,) = (await ask(alice, TEST, id=id_))["errors"]
    assert (error["code"], error["path"]) == ("RATE_LIMITED", ["input", "webhookId"])


async def test_a_deleted_webhook_is_gone_with_its_deliveries(ask: Ask, alice: Person, worker: WorkerVoice) -> None:
    id_ = (await registered(ask, alice))["webhook"]["id"]
    delivery_id = to_base64("WebhookDelivery", told(alice, worker))
    assert await ask(alice, DELETE, id=id_) == {"deletedId": id_, "errors": []}
    assert await listed(ask, alice) == []
    assert (await ask(alice, DELETE, id=id_))["errors"][0]["code"] == "NOT_FOUND"
    assert (await ask(alice, REDELIVER, id=delivery_id))["errors"][0]["code"] == "NOT_FOUND"


async def test_what_is_another_users_is_not_found(ask: Ask, alice: Person, bob: Person, worker: WorkerVoice) -> None:
    id_ = (await registered(ask, alice))["webhook"]["id"]
    delivery_id = to_base64("WebhookDelivery", told(alice, worker, status=500, error="no", retry_in=None))
    for query in (DELETE, ROTATE, ENABLE, TEST):
        for unknown in (id_, to_base64("Webhook", uuid4()), delivery_id, "x"):
            (error,) = (await ask(bob, query, id=unknown))["errors"]
            assert error == {
                "code": "NOT_FOUND", "message": "There is no such webhook.", "path": ["input", "webhookId"],
            }  # fmt: skip
    for unknown in (delivery_id, to_base64("WebhookDelivery", uuid4()), id_, "x"):
        (error,) = (await ask(bob, REDELIVER, id=unknown))["errors"]
        assert error == {
            "code": "NOT_FOUND", "message": "There is no such delivery.", "path": ["input", "deliveryId"],
        }  # fmt: skip
    assert await listed(ask, bob) == []


async def test_without_a_token_there_are_no_webhooks(execute: Execute) -> None:
    page, errors = await execute(None, WEBHOOKS)
    assert (page, [error.extensions for error in errors]) == (None, [{"code": "UNAUTHENTICATED"}])
    payload, _ = await execute(None, REGISTER, input={"url": URL})
    assert [error["code"] for error in payload["errors"]] == ["UNAUTHENTICATED"]
