"""Webhooks through the worker: real database, real queue, a real receiver on this machine."""

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import trustme
from psycopg.rows import DictRow
from standardwebhooks import WebhookVerificationError

from resumepair_worker.alarm import Alarm
from resumepair_worker.app import work
from resumepair_worker.connections import Pool, create_pool
from resumepair_worker.deliveries import Deliveries
from resumepair_worker.jobs import Jobs
from resumepair_worker.metrics import Metrics
from resumepair_worker.public_transport import Address, Resolve, look_up
from resumepair_worker.webhook_queue import WEBHOOK_QUEUES, build_webhook_queue
from resumepair_worker.webhooks import Deliverer, queue_deliveries_forever, retry_after, webhook_client
from tests.conftest import Database
from tests.integration.conftest import Connection, Person, WorkerVoice
from tests.integration.webhook_receiver import Answer, Receiver, receiving

BASE = timedelta(milliseconds=2)
NAME = "hooks.example"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@dataclass(frozen=True)
class Post:
    """A worker's half for webhooks, on a database; with the user, and the worker that makes exports."""

    pool: Pool
    deliverer: Deliverer
    alice: Person
    worker: WorkerVoice

    @property
    def admin(self) -> Connection:
        return self.worker.admin

    def one_delivery(self, url: str) -> tuple[UUID, str]:
        """Of a completed export, to this address; with the secret."""
        secret = self.alice.register_webhook(url)["secret"]
        self.worker.finish(self.alice.export())
        return self.alice.deliveries()[-1]["id"], secret

    async def deliver(self, delivery_id: UUID) -> DictRow:
        """Make one attempt now; the delivery after it."""
        delivery = self.delivery(delivery_id)
        await self.deliverer.run(delivery_id, delivery["queue_job_id"])
        return self.delivery(delivery_id)

    def delivery(self, delivery_id: UUID) -> DictRow:
        row = self.admin.execute("select * from resumepair.webhook_deliveries where id = %s", [delivery_id]).fetchone()
        assert row
        return row

    def webhook(self) -> DictRow:
        row = self.admin.execute("select * from resumepair.webhooks").fetchone()
        assert row
        return row

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None, None]:
        """The queue of deliveries is worked while the context is open; then as on SIGTERM."""
        queue = build_webhook_queue(self.deliverer, Alarm(Jobs(self.pool)).expect)
        async with queue.open_async(self.pool):
            tasks = [
                asyncio.create_task(work(queue, 4, queues=WEBHOOK_QUEUES)),
                asyncio.create_task(queue_deliveries_forever(self.deliverer.deliveries, 0.05)),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    @asynccontextmanager
    async def through(self, *, allow_insecure: bool = True, resolve: Resolve = look_up) -> AsyncGenerator["Post", None]:
        """The same with another client."""
        async with webhook_client(allow_insecure=allow_insecure, resolve=resolve) as client:
            yield replace(self, deliverer=replace(self.deliverer, client=client))


@pytest.fixture
async def post(database: Database, alice: Person, worker: WorkerVoice) -> AsyncGenerator[Post, None]:
    async with create_pool(database.worker_url, 6) as pool, webhook_client(allow_insecure=True) as client:
        yield Post(pool, Deliverer(Deliveries(pool), client, BASE), alice, worker)


async def resolved_to_this_machine(_host: str, _port: int) -> Sequence[Address]:
    return [ip_address("127.0.0.1")]


async def test_a_finished_export_is_heard_and_verified(post: Post, receiver: Receiver) -> None:
    secret = post.alice.register_webhook(receiver.url)["secret"]
    async with post.working():
        job_id = post.alice.export()
        post.worker.finish(job_id)
        heard = await receiver.heard()

    event = heard.verified(secret)
    (delivery,) = post.alice.deliveries()
    assert (event["type"], event["data"]["status"], event["data"]["fileName"]) == (
        "export.completed", "COMPLETED", "cv.pdf",
    )  # fmt: skip
    assert event == delivery["payload"]
    assert (heard.path, heard.id, heard.headers["content-type"]) == ("/hear", str(delivery["id"]), "application/json")
    assert heard.headers["user-agent"] == "ResumePair-Export"
    assert (delivery["status"], delivery["response_status"], delivery["attempt"]) == ("delivered", 204, 1)
    with pytest.raises(WebhookVerificationError):
        heard.verified("whsec_" + "A" * 44)
    with pytest.raises(WebhookVerificationError):
        replace(heard, body=heard.body + b" ").verified(secret)


async def test_a_failed_one_and_each_of_a_batch_are_heard_and_a_cancelled_one_is_not(
    post: Post, receiver: Receiver
) -> None:
    secret = post.alice.register_webhook(receiver.url)["secret"]
    async with post.working():
        post.alice.cancel(post.alice.export())
        jobs = [
            job["job_id"]
            for job in post.alice.enqueue(post.alice.save_document(), post.alice.save_document(), batch=True)
        ]
        post.worker.finish(jobs[0])
        assert post.worker.claim(jobs[1])
        post.worker.fail(jobs[1], 1)
        events = [(await receiver.heard()).verified(secret) for _ in jobs]
    assert sorted(event["type"] for event in events) == ["export.completed", "export.failed"]
    assert len({event["data"]["batchId"] for event in events}) == 1
    assert receiver.heard_nothing


async def test_what_is_answered_badly_comes_again_with_the_same_id_and_body(post: Post, receiver: Receiver) -> None:
    receiver.answers.extend([Answer(500, body=b"a secret of the endpoint's"), Answer(404)])
    async with post.working():
        _, secret = post.one_delivery(receiver.url)
        heard = [await receiver.heard() for _ in range(3)]
    assert len({(request.id, request.body) for request in heard}) == 1
    assert heard[2].verified(secret)
    (delivery,) = post.alice.deliveries()
    assert (delivery["status"], delivery["attempt"]) == ("delivered", 3)
    assert [(o.get("responseStatus"), o.get("error")) for o in delivery["outcomes"]] == [
        (500, "The endpoint answered 500."), (404, "The endpoint answered 404."), (204, None),
    ]  # fmt: skip
    assert "secret of the endpoint" not in str(delivery)


async def test_after_the_last_attempt_it_is_given_up_and_says_so(
    post: Post, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery_id, _ = post.one_delivery(receiver.url)
    post.admin.execute("update resumepair.webhook_deliveries set max_attempts = 1")
    receiver.answers.append(Answer(503))
    delivery = await post.deliver(delivery_id)
    assert (delivery["status"], delivery["error"]) == ("failed", "The endpoint answered 503.")
    printed = capsys.readouterr().out
    assert "warning" in printed
    assert "delivery_failed" in printed
    assert str(delivery_id) in printed


async def test_deliveries_are_counted_by_their_outcome(post: Post, receiver: Receiver) -> None:
    metrics = Metrics()
    counting = replace(post, deliverer=replace(post.deliverer, attempted=metrics.delivered))
    receiver.answers.extend([Answer(500), Answer(500), Answer(204), Answer(410)])
    async with counting.working():
        post.one_delivery(receiver.url)
        for _ in range(3):
            await receiver.heard()
        post.worker.finish(post.alice.export())
        await receiver.heard()
    counted = {
        outcome: metrics.registry.get_sample_value("resumepair_worker_deliveries_total", {"outcome": outcome})
        for outcome in ("delivered", "retried", "failed")
    }
    assert counted == {"delivered": 1, "retried": 2, "failed": 1}


async def test_410_disables_the_webhook(post: Post, receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    delivery_id, _ = post.one_delivery(receiver.url)
    receiver.answers.append(Answer(410))
    delivery = await post.deliver(delivery_id)
    assert (delivery["status"], delivery["response_status"]) == ("failed", 410)
    assert post.webhook()["disabled_reason"] == "The endpoint answered 410 Gone."
    assert "webhook_disabled" in capsys.readouterr().out


async def test_a_redirect_is_not_followed(post: Post, receiver: Receiver) -> None:
    delivery_id, _ = post.one_delivery(receiver.url)
    receiver.answers.append(Answer(307, {"Location": receiver.url + "/elsewhere"}))
    delivery = await post.deliver(delivery_id)
    assert receiver.hear().path == "/hear"
    assert receiver.heard_nothing
    assert "answered 307. Redirects are not followed" in delivery["error"]


async def test_who_does_not_answer_is_not_waited_for(post: Post, receiver: Receiver) -> None:
    delivery_id, _ = post.one_delivery(receiver.url)
    held = threading.Event()
    receiver.answers.append(Answer(held=held))
    impatient = replace(post, deliverer=replace(post.deliverer, patience=0.1))
    delivery = await impatient.deliver(delivery_id)
    held.set()
    assert (delivery["status"], delivery["error"]) == ("pending", "The endpoint did not answer within 15 seconds.")


async def test_nothing_of_the_client_ends_an_attempt_before_its_patience(post: Post) -> None:
    limits = post.deliverer.client.timeout
    assert (limits.read, limits.write, limits.pool) == (None, None, None)


async def test_of_a_long_answer_only_the_beginning_is_taken(post: Post, receiver: Receiver) -> None:
    delivery_id, _ = post.one_delivery(receiver.url)
    receiver.answers.append(Answer(200, body=b"x" * 50_000_000))
    assert (await post.deliver(delivery_id))["status"] == "delivered"


async def test_nothing_of_an_answer_is_kept_for_the_next_request(post: Post, receiver: Receiver) -> None:
    receiver.answers.append(Answer(200, {"Set-Cookie": "who=alice; Path=/"}))
    await post.deliver(post.one_delivery(receiver.url)[0])
    post.worker.finish(post.alice.export())
    await post.deliver(post.alice.deliveries()[-1]["id"])
    receiver.hear()
    assert "cookie" not in receiver.hear().headers


async def test_retry_after_is_honoured_within_bounds(post: Post, receiver: Receiver) -> None:
    delivery_id, _ = post.one_delivery(receiver.url)
    receiver.answers.append(Answer(429, {"Retry-After": "3600"}))
    delivery = await post.deliver(delivery_id)
    pause = delivery["next_attempt_at"] - delivery["last_attempt_at"]
    assert timedelta(hours=1) <= pause < timedelta(hours=1, minutes=1)
    assert post.webhook()["resting_until"] >= delivery["next_attempt_at"] - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120), ("0", 0), ("9" * 400, 36000), ("Fri, 31 Dec 9999 23:59:59 GMT", 36000),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("soon", None), ("", None), ("-5", None)],
)  # fmt: skip
def test_what_retry_after_may_say(header: str, seconds: int | None) -> None:
    asked = retry_after(httpx.Response(503, headers={"Retry-After": header}))
    assert asked == (None if seconds is None else timedelta(seconds=seconds))


async def test_after_a_rotation_receivers_with_either_secret_are_content(post: Post, receiver: Receiver) -> None:
    delivery_id, old = post.one_delivery(receiver.url)
    (row,) = post.alice.run("select resumepair.rotate_webhook_secret(%s) as secret", post.webhook()["id"])
    await post.deliver(delivery_id)
    heard = receiver.hear()
    assert heard.verified(old) == heard.verified(row["secret"])


async def test_an_attempt_of_a_lost_worker_is_made_again_with_the_same_id(post: Post, receiver: Receiver) -> None:
    delivery_id, secret = post.one_delivery(receiver.url)
    lost = asyncio.create_task(post.deliver(delivery_id))
    held = threading.Event()
    receiver.answers.append(Answer(held=held))
    first = await receiver.heard()
    # What the sweep does with the queue rows of a worker that is silent.
    post.admin.execute("set search_path = procrastinate")
    post.admin.execute("delete from procrastinate_jobs")
    async with post.working():
        second = await receiver.heard()
    held.set()
    await lost
    assert first.id == second.id == str(delivery_id)
    assert second.verified(secret)
    delivery = post.delivery(delivery_id)
    assert (delivery["status"], delivery["attempt"]) == ("delivered", 2)
    assert "did not come to an end" in delivery["outcomes"][0]["error"], "the late one says nothing any more"


async def test_a_stopping_worker_hands_its_attempt_back(post: Post, receiver: Receiver) -> None:
    delivery_id, _ = post.one_delivery(receiver.url)
    held = threading.Event()
    receiver.answers.append(Answer(held=held))
    attempt = asyncio.create_task(post.deliver(delivery_id))
    await receiver.heard()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    held.set()
    delivery = await post.deliver(delivery_id)
    assert (delivery["status"], delivery["attempt"], delivery["max_attempts"]) == ("delivered", 2, 9)


async def test_two_workers_deliver_each_once(post: Post, receiver: Receiver) -> None:
    post.admin.execute("update resumepair.user_limits set max_active_requests = 100")
    post.alice.register_webhook(receiver.url)
    async with post.working(), post.working():
        for _ in range(12):
            post.worker.finish(post.alice.export())
        heard = [await receiver.heard() for _ in range(12)]
    assert {request.id for request in heard} == {str(delivery["id"]) for delivery in post.alice.deliveries()}
    assert receiver.heard_nothing
    assert {delivery["status"] for delivery in post.alice.deliveries()} == {"delivered"}


async def test_an_endpoint_that_hangs_does_not_hold_up_other_users(post: Post, receiver: Receiver, bob: Person) -> None:
    post.admin.execute("update resumepair.user_limits set max_active_requests = 100")
    held = threading.Event()
    with receiving() as hanging:
        hanging.answers.extend(Answer(held=held) for _ in range(8))
        post.alice.register_webhook(hanging.url)
        post.alice.register_webhook(hanging.url)
        bob.register_webhook(receiver.url)
        for _ in range(4):
            post.worker.finish(post.alice.export())
        async with post.working():
            await hanging.heard()
            await hanging.heard()
            post.worker.finish(bob.export())
            first = await receiver.heard()
            assert hanging.heard_nothing, "two at a time"
            held.set()
            for _ in range(6):
                await hanging.heard()
    assert [str(delivery["id"]) for delivery in bob.deliveries()] == [first.id]


async def test_the_log_is_pruned_by_itself(post: Post, receiver: Receiver) -> None:
    await post.deliver(post.one_delivery(receiver.url)[0])
    post.admin.execute("update resumepair.webhook_deliveries set created_at = now() - interval '31 days'")
    queue = build_webhook_queue(post.deliverer, Alarm(Jobs(post.pool)).expect)
    async with queue.open_async(post.pool):
        await queue.tasks["prune_deliveries"].defer_async(timestamp=0)
        await queue.run_worker_async(queues=WEBHOOK_QUEUES, wait=False, install_signal_handlers=False)
    assert post.alice.deliveries() == []


async def test_a_name_that_leads_into_a_private_network_is_refused_at_delivery(post: Post, receiver: Receiver) -> None:
    delivery_id, _ = post.one_delivery(f"https://{NAME}:{receiver.port}/")

    async def half_public(_host: str, _port: int) -> Sequence[Address]:
        return [ip_address("93.184.216.34"), ip_address("::ffff:127.0.0.1")]

    for resolve in (resolved_to_this_machine, half_public):
        async with post.through(allow_insecure=False, resolve=resolve) as other:
            delivery = await other.deliver(delivery_id)
        assert delivery["error"] == "The address is not a public one."
        assert delivery["status"] == "pending", "the name may lead elsewhere tomorrow"
        post.admin.execute("update resumepair.webhook_deliveries set next_attempt_at = now()")
        post.admin.execute("update resumepair.webhooks set resting_until = null")
        post.worker.queue_due_deliveries()
    assert receiver.heard_nothing


@pytest.mark.parametrize("url", ["http://{}", "https://127.0.0.1:{}/", "https://[::1]:{}/", "https://2130706433:{}/"])
async def test_what_no_registration_lets_in_is_refused_at_delivery_too(
    post: Post, receiver: Receiver, url: str
) -> None:
    """Whoever calls the SQL function has passed no check of the API's."""
    delivery_id, _ = post.one_delivery(url.format(receiver.port if "{}/" in url else f"{NAME}/"))
    async with post.through(allow_insecure=False) as other:
        delivery = await other.deliver(delivery_id)
    assert delivery["error"] in ("The address is not a public one.", "The address does not begin with https://.")
    assert receiver.heard_nothing


async def test_what_is_not_https_fails_at_once(post: Post) -> None:
    """The address stays what it is; it could be registered with WEBHOOK_ALLOW_INSECURE only, or in SQL."""
    delivery_id, _ = post.one_delivery(f"http://{NAME}/")
    async with post.through(allow_insecure=False) as other:
        delivery = await other.deliver(delivery_id)
    assert (delivery["status"], delivery["attempt"]) == ("failed", 1)
    assert delivery["error"] == "The address does not begin with https://."


async def test_an_address_that_cannot_be_used_is_told(post: Post) -> None:
    async def unknown(_host: str, _port: int) -> Sequence[Address]:
        raise OSError("no such name")

    delivery_id, _ = post.one_delivery("https://hooks.example:0x/")
    assert (await post.deliver(delivery_id))["error"] == "The address cannot be used."
    post.alice.run("select resumepair.delete_webhook(%s)", post.webhook()["id"])
    for nowhere in ("https://example.com:99999/", "https://" + "x" * 70 + ".example/"):
        delivery_id, _ = post.one_delivery(nowhere)
        assert (await post.deliver(delivery_id))["error"] == "The name could not be resolved."
        post.alice.run("select resumepair.delete_webhook(%s)", post.webhook()["id"])
    delivery_id, _ = post.one_delivery(f"https://{NAME}/")
    async with post.through(resolve=unknown) as lost:
        assert (await lost.deliver(delivery_id))["error"] == "The name could not be resolved."
    post.alice.run("select resumepair.delete_webhook(%s)", post.webhook()["id"])
    with receiving() as gone:
        delivery_id, _ = post.one_delivery(gone.url)
    assert (await post.deliver(delivery_id))["error"] == "No connection could be made."


async def test_what_nobody_foresaw_is_told_and_comes_again(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(_host: str, _port: int) -> Sequence[Address]:
        raise ZeroDivisionError("of-the-user")

    delivery_id, _ = post.one_delivery(f"https://{NAME}/?token=of-the-user")
    async with post.through(resolve=broken) as other:
        delivery = await other.deliver(delivery_id)
    assert (delivery["status"], delivery["error"]) == ("pending", "Something went wrong on our side.")
    printed = capsys.readouterr().out
    assert "ZeroDivisionError" in printed
    assert "of-the-user" not in printed


@dataclass(frozen=True)
class Certified:
    """A throwaway certificate authority, and an endpoint with a certificate of its."""

    authority: trustme.CA

    def context_for(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(context)
        return context


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certified:
    """One that the worker trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return Certified(authority)


async def test_over_tls_the_name_is_verified_and_the_checked_address_connected_to(
    post: Post, certified: Certified
) -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[Address]:
        asked.append(host)
        return await resolved_to_this_machine(host, port)

    with receiving(certified.context_for(NAME), NAME) as receiver:
        delivery_id, secret = post.one_delivery(receiver.url)
        async with post.through(resolve=resolve) as other:
            delivery = await other.deliver(delivery_id)
        heard = receiver.hear()
    assert heard.verified(secret)
    assert heard.headers["host"] == f"{NAME}:{receiver.port}"
    assert delivery["status"] == "delivered"
    assert asked == [NAME], "what was judged is what was connected to"


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_for_another_name_or_of_nobody_is_refused(
    post: Post, certified: Certified, trusted: bool
) -> None:
    context = certified.context_for("other.example") if trusted else Certified(trustme.CA()).context_for(NAME)
    with receiving(context, NAME) as receiver:
        delivery_id, _ = post.one_delivery(receiver.url)
        async with post.through(resolve=resolved_to_this_machine) as other:
            delivery = await other.deliver(delivery_id)
        assert receiver.heard_nothing
    assert delivery["error"].startswith("The endpoint's certificate was not accepted: ")
    assert ("Hostname mismatch" in delivery["error"]) is trusted


async def test_what_proxies_the_environment_names_does_not_matter(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with post.through() as other:
        assert (await other.deliver(post.one_delivery(receiver.url)[0]))["status"] == "delivered"


async def test_neither_secret_nor_address_is_in_the_log(
    post: Post, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.answers.extend([Answer(500), Answer(410)])
    _, secret = post.one_delivery(receiver.url + "?token=of-the-user")
    async with post.working():
        await receiver.heard()
        await receiver.heard()
    printed = capsys.readouterr().out
    assert "webhook_disabled" in printed
    for hidden in (secret, secret.removeprefix("whsec_"), "of-the-user"):
        assert hidden not in printed


async def test_timestamps_are_those_of_the_attempt(post: Post, receiver: Receiver) -> None:
    delivery_id, secret = post.one_delivery(receiver.url)
    post.admin.execute("update resumepair.webhook_deliveries set created_at = now() - interval '1 day'")
    delivery = await post.deliver(delivery_id)
    heard = receiver.hear()
    assert json.loads(heard.body) == heard.verified(secret), "not too old"
    assert int(heard.headers["webhook-timestamp"]) == int(delivery["last_attempt_at"].timestamp())
    assert datetime.now(UTC) - delivery["last_attempt_at"] < timedelta(minutes=1)
