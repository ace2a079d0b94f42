"""A user's endpoint hears of exports, whatever happens to the product meanwhile."""

import json
import signal
import threading
from collections.abc import Generator
from typing import Any

import pytest

from tests.acceptance.conftest import Person, Product, running
from tests.integration.webhook_receiver import Answer, Receiver, receiving

REGISTER = """mutation ($url: String!) { registerWebhook(input: {url: $url}) {
  webhook { id } secret errors { code message path } } }"""
DELETE = "mutation ($id: ID!) { deleteWebhook(input: {webhookId: $id}) { deletedId errors { code } } }"
LOG = """query ($id: ID!) { node(id: $id) { ... on Webhook { deliveries {
  edges { node { messageId status attempts { number responseStatus error } job { id } } } } } } }"""


@pytest.fixture(scope="module")
def product() -> Generator[Product, None, None]:
    with running({"WEBHOOK_ALLOW_INSECURE": "true", "WEBHOOK_RETRY_BASE_SECONDS": "0.1"}) as product:
        yield product


@pytest.fixture
def receiver() -> Generator[Receiver, None, None]:
    with receiving() as receiver:
        yield receiver


class Webhook:
    """A webhook of a user's, at a receiver."""

    def __init__(self, person: Person, receiver: Receiver) -> None:
        payload = person.ask(REGISTER, url=f"{receiver.url}?key=of-the-user")
        assert payload["errors"] == []
        self.person, self.id, self.secret = person, payload["webhook"]["id"], payload["secret"]

    def log(self) -> list[dict[str, Any]]:
        return [edge["node"] for edge in self.person.ask(LOG, id=self.id)["deliveries"]["edges"]]


@pytest.fixture
def webhook(alice: Person, receiver: Receiver) -> Generator[Webhook, None, None]:
    webhook = Webhook(alice, receiver)
    yield webhook
    assert alice.ask(DELETE, id=webhook.id)["errors"] == []


async def test_finished_and_failed_exports_are_heard(
    product: Product, alice: Person, receiver: Receiver, webhook: Webhook
) -> None:
    good, bad = alice.export(alice.save()), alice.export(alice.save({"work": "a lot"}))
    heard = [await receiver.heard() for _ in range(2)]
    events = {event["data"]["jobId"]: event for event in (request.verified(webhook.secret) for request in heard)}
    assert events[good]["type"] == "export.completed"
    (*_, state) = await alice.follow(good)
    assert events[good]["data"]["exportId"] == state["artifact"]["exportId"]
    assert events[good]["data"]["byteSize"] == state["artifact"]["byteSize"]
    assert (events[bad]["type"], events[bad]["data"]["failure"]["code"]) == ("export.failed", "INVALID_DOCUMENT")
    product.wait_for("delivered ", after=0)
    said = "".join(product.lines)
    for hidden in (webhook.secret, "of-the-user"):
        assert hidden not in said
        assert hidden not in json.dumps(webhook.log())


async def test_it_is_heard_again_after_the_worker_was_killed_before_the_answer(
    product: Product, alice: Person, receiver: Receiver, webhook: Webhook
) -> None:
    held = threading.Event()
    receiver.answers.append(Answer(held=held))
    said_before = len(product.lines)
    job_id = alice.export(alice.save())
    first = await receiver.heard()
    product.child("resumepair-worker").send_signal(signal.SIGKILL)

    second = await receiver.heard()

    held.set()
    assert second.id == first.id
    assert second.verified(webhook.secret)["data"]["jobId"] == job_id
    product.wait_for("delivered ", after=said_before)
    (delivery,) = webhook.log()
    lost, taken = delivery["attempts"]
    assert (delivery["status"], delivery["job"]["id"], taken["responseStatus"]) == ("DELIVERED", job_id, 204)
    assert "did not come to an end" in lost["error"]


async def test_it_is_delivered_although_postgres_is_killed_before_the_answer(
    product: Product, alice: Person, receiver: Receiver, webhook: Webhook
) -> None:
    held = threading.Event()
    receiver.answers.append(Answer(held=held))
    alice.export(alice.save())
    first = await receiver.heard()
    said_before = len(product.lines)
    product.child("postgres").send_signal(signal.SIGKILL)
    product.wait_for("PostgreSQL is ready again", after=said_before)
    held.set()
    product.wait_for("delivered ", after=said_before)
    (delivery,) = webhook.log()
    assert (delivery["status"], delivery["messageId"]) == ("DELIVERED", first.id)
    while not receiver.heard_nothing:
        assert receiver.hear().id == first.id


async def test_exports_do_not_wait_for_a_receiver_that_hangs(
    alice: Person, receiver: Receiver, webhook: Webhook
) -> None:
    held = threading.Event()
    receiver.answers.extend([Answer(held=held)] * 8)
    for _ in range(8):
        (*_, end) = await alice.follow(alice.export(alice.save()))
        assert end["status"] == "COMPLETED"
    assert [delivery["status"] for delivery in webhook.log()] == ["PENDING"] * 8
    held.set()
