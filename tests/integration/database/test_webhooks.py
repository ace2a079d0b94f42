"""Webhooks in the database: what makes deliveries, who may send them, and what becomes of the webhook."""

import json
from base64 import b64decode
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.rows import DictRow
from strawberry.relay import to_base64

from tests.integration.conftest import Connection, Person, WorkerVoice, connect, refused

FAILED: dict[str, Any] = {"status": 500, "error": "The endpoint answered 500."}


def delivery_of(admin: Connection, delivery_id: UUID) -> DictRow:
    row = admin.execute("select * from resumepair.webhook_deliveries where id = %s", [delivery_id]).fetchone()
    assert row
    return row


def webhook_of(admin: Connection) -> DictRow:
    row = admin.execute("select * from resumepair.webhooks").fetchone()
    assert row
    return row


def is_queued(admin: Connection, delivery: DictRow) -> bool:
    query = (
        "select 1 from procrastinate.procrastinate_jobs where id = %s and status = 'todo' and queue_name = 'webhooks'"
    )
    return admin.execute(query.encode(), [delivery["queue_job_id"]]).fetchone() is not None


def one_delivery(alice: Person, worker: WorkerVoice) -> UUID:
    """Of a completed export."""
    alice.register_webhook()
    worker.finish(alice.export())
    (delivery,) = alice.deliveries()
    return delivery["id"]  # type: ignore[no-any-return]


def claimed(worker: WorkerVoice, delivery_id: UUID) -> DictRow:
    claim = worker.claim_delivery(delivery_id)
    assert claim
    return claim


def test_a_finished_export_is_told_with_ids_as_graphql_gives_them(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    alice.register_webhook()
    document = alice.save_document("A secret title")
    (job,) = alice.enqueue(document, batch=True)
    export_id = worker.finish(job["job_id"], 1234)

    (delivery,) = alice.deliveries()
    payload: dict[str, Any] = delivery["payload"]
    data = payload["data"]
    assert (payload["type"], payload["timestamp"]) == ("export.completed", data["finishedAt"])
    assert {name: data[name] for name in ("jobId", "documentId", "batchId", "exportId")} == {
        "jobId": to_base64("ExportJob", job["job_id"]),
        "documentId": to_base64("Document", document),
        "batchId": to_base64("ExportBatch", job["batch_id"]),
        "exportId": to_base64("Export", export_id),
    }
    assert (data["status"], data["fileName"], data["byteSize"], data["pageCount"]) == ("COMPLETED", "cv.pdf", 1234, 2)
    assert (data["sha256"], data["expiresAt"] > data["finishedAt"]) == ("0" * 64, True)
    assert "secret title" not in json.dumps(payload)
    assert (delivery["status"], delivery["job_id"]) == ("pending", job["job_id"])
    assert is_queued(admin, delivery)


def test_a_failed_export_is_told_with_its_failure(alice: Person, worker: WorkerVoice) -> None:
    alice.register_webhook()
    job_id = alice.export()
    assert worker.claim(job_id)
    worker.fail(job_id, 1)
    (delivery,) = alice.deliveries()
    assert delivery["event"] == "export.failed"
    assert delivery["payload"]["data"]["status"] == "FAILED"
    assert delivery["payload"]["data"]["failure"] == {
        "code": "RENDER_TIMEOUT", "message": "It took too long.", "retryable": False,
    }  # fmt: skip


def test_only_what_is_final_and_asked_for_is_told(alice: Person, bob: Person, worker: WorkerVoice) -> None:
    alice.register_webhook(events=["export.failed"])
    bob.register_webhook()
    cancelled, retried = alice.export(), alice.export()
    alice.cancel(cancelled)
    assert worker.claim(retried)
    worker.fail(retried, 1, "0 seconds")
    assert alice.deliveries() == [], "it is tried again by itself"
    worker.finish(retried)
    assert alice.deliveries() == [], "completed ones were not asked for"
    assert bob.deliveries() == []


def test_a_transaction_that_is_rolled_back_tells_nothing(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    alice.register_webhook()
    job_id = alice.export()
    assert worker.claim(job_id)
    with worker.connection.transaction(force_rollback=True):
        worker.publish(job_id, 1)
    rows = admin.execute("select from procrastinate.procrastinate_jobs where queue_name = 'webhooks'").fetchall()
    assert (alice.deliveries(), rows) == ([], [])


def test_a_secret_is_shown_once_and_read_by_nobody(alice: Person, api: Connection) -> None:
    made = alice.register_webhook(key="k")
    again = alice.register_webhook(key="k")
    assert len(b64decode(made["secret"].removeprefix("whsec_"), validate=True)) == 32
    assert (again["webhook_id"], again["secret"], again["replayed"]) == (made["webhook_id"], None, True)
    for person in (alice, Person(api, alice.id, "service_role")):
        with refused("42501"):
            person.run("select secret from resumepair.webhooks")
        with refused("42501"):
            person.run("select previous_secret from resumepair.webhooks")


def test_after_a_rotation_both_secrets_sign_for_a_day(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    made = alice.register_webhook()
    worker.finish(alice.export())
    (row,) = alice.run("select resumepair.rotate_webhook_secret(%s) as secret", made["webhook_id"])
    (delivery,) = alice.deliveries()
    claim = claimed(worker, delivery["id"])
    assert claim["secrets"] == [row["secret"], made["secret"]]
    worker.finish_delivery(claim, **FAILED, retry_in="0 seconds")
    admin.execute("update resumepair.webhooks set previous_secret_until = now(), resting_until = null")
    assert worker.queue_due_deliveries() is None, "it was due, and no other waits"
    assert claimed(worker, delivery["id"])["secrets"] == [row["secret"]]


def test_requests_that_are_no_good_are_refused(alice: Person, admin: Connection) -> None:
    for url in ("ftp://hooks.example/", "", "https://" + "x" * 2041):
        with refused("RP400"):
            alice.register_webhook(url)
    with refused("RP400"):
        alice.register_webhook(events=["webhook.test"])
    alice.register_webhook(key="k")
    with refused("RP409"):
        alice.register_webhook("https://other.example/", key="k")
    admin.execute("insert into resumepair.user_limits (user_id, max_webhooks) values (%s, 1)", [alice.id])
    with refused("RP429"):
        alice.register_webhook()


def test_what_is_another_users_is_not_found(alice: Person, bob: Person, worker: WorkerVoice) -> None:
    delivery_id = one_delivery(alice, worker)
    (webhook,) = alice.run("select id from resumepair.webhooks")
    for function in ("delete_webhook", "rotate_webhook_secret", "enable_webhook", "test_webhook"):
        with refused("RP404"):
            bob.run(f"select resumepair.{function}(%s)", webhook["id"])
    with refused("RP404"):
        bob.run("select resumepair.redeliver_webhook(%s)", delivery_id)


def test_a_delivered_one_is_final(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    delivery_id = one_delivery(alice, worker)
    claim = claimed(worker, delivery_id)
    assert (claim["attempt"], claim["attempts_left"]) == (1, 7)
    assert json.loads(claim["payload"]) == delivery_of(admin, delivery_id)["payload"]

    ended = worker.finish_delivery(claim)

    delivery = delivery_of(admin, delivery_id)
    assert ended == {"status": "delivered", "next_attempt_at": None, "disabled_reason": None}
    assert (delivery["status"], delivery["response_status"], delivery["error"]) == ("delivered", 200, None)
    (outcome,) = delivery["outcomes"]
    assert (outcome["number"], outcome["responseStatus"], outcome["milliseconds"]) == (1, 200, 12)
    assert worker.finish_delivery(claim) is None
    with refused("RP412"):
        alice.run("select resumepair.redeliver_webhook(%s)", delivery_id)


def test_only_the_present_attempt_may_say_how_it_ended(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    delivery_id = one_delivery(alice, worker)
    late = claimed(worker, delivery_id)
    present = claimed(worker, delivery_id)
    assert worker.finish_delivery(late) is None
    assert worker.finish_delivery({**present, "queue_job_id": 0}) is None
    assert worker.finish_delivery(present)
    lost, _ = delivery_of(admin, delivery_id)["outcomes"]
    assert (lost["number"], "did not come to an end" in lost["error"]) == (1, True)


def test_a_failed_attempt_waits_beside_the_queue_and_gives_the_webhook_a_rest(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    first = one_delivery(alice, worker)
    worker.finish(alice.export())
    second = alice.deliveries()[1]["id"]

    ended = worker.finish_delivery(claimed(worker, first), **FAILED, retry_in="1 minute")

    assert ended
    assert ended["status"] == "pending"
    assert delivery_of(admin, first)["queue_job_id"] is None
    assert worker.claim_delivery(second) is None, "the webhook has a rest"
    put_off = delivery_of(admin, second)
    assert (put_off["status"], put_off["attempt"]) == ("pending", 0)
    assert put_off["next_attempt_at"] >= webhook_of(admin)["resting_until"]
    due_in = worker.queue_due_deliveries()
    assert due_in is not None
    assert 3 < due_in < 6


def test_rests_grow_by_rounds_and_end_with_a_delivery(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    alice.register_webhook()
    for _ in range(2):
        worker.finish(alice.export())
    for claim in [claimed(worker, delivery["id"]) for delivery in alice.deliveries()]:
        worker.finish_delivery(claim, **FAILED)
    assert webhook_of(admin)["failed_rounds"] == 1, "they failed together"
    admin.execute("update resumepair.webhooks set resting_until = now(), failed_rounds = 3")
    admin.execute("update resumepair.webhook_deliveries set next_attempt_at = now() where queue_job_id is null")
    worker.queue_due_deliveries()
    first, second = (claimed(worker, delivery["id"]) for delivery in alice.deliveries())
    worker.finish_delivery(first, **FAILED)
    (row,) = admin.execute(
        "select extract(epoch from resting_until - now()) as rest from resumepair.webhooks"
    ).fetchall()
    assert 35 < row["rest"] <= 40
    worker.finish_delivery(second)
    assert (webhook_of(admin)["failing_since"], webhook_of(admin)["resting_until"]) == (None, None)


def test_without_attempts_left_it_is_given_up_and_can_be_sent_again(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    delivery_id = one_delivery(alice, worker)
    admin.execute("update resumepair.webhook_deliveries set max_attempts = 1")
    worker.finish_delivery(claimed(worker, delivery_id), **FAILED)
    assert delivery_of(admin, delivery_id)["status"] == "failed"
    assert webhook_of(admin)["failed_deliveries"] == 1

    alice.run("select resumepair.redeliver_webhook(%s)", delivery_id)

    claim = claimed(worker, delivery_id)
    assert (claim["attempt"], claim["attempts_left"]) == (2, 7)


def test_a_delivery_that_takes_its_workers_down_ends(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    delivery_id = one_delivery(alice, worker)
    for _ in range(8):
        claimed(worker, delivery_id)
    assert worker.claim_delivery(delivery_id) is None
    delivery = delivery_of(admin, delivery_id)
    assert (delivery["status"], len(delivery["outcomes"])) == ("failed", 8)
    assert "did not come to an end" in delivery["error"]


def test_an_attempt_of_a_stopping_worker_does_not_count(alice: Person, worker: WorkerVoice) -> None:
    claim = claimed(worker, one_delivery(alice, worker))
    release = "select resumepair.release_delivery(%s, %s, %s) as released"
    values = [claim["delivery_id"], claim["queue_job_id"], claim["attempt"]]
    assert worker.connection.execute(release, values).fetchall() == [{"released": True}]
    assert claimed(worker, claim["delivery_id"])["attempts_left"] == claim["attempts_left"]
    assert worker.connection.execute(release, values).fetchall() == [{"released": False}]


def test_410_disables_the_webhook_and_gives_up_what_waits(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    first = one_delivery(alice, worker)
    worker.finish(alice.export())
    waiting = alice.deliveries()[1]["id"]
    ended = worker.finish_delivery(claimed(worker, first), status=410, error="The endpoint answered 410.")
    assert ended
    assert (ended["status"], ended["disabled_reason"]) == ("failed", "The endpoint answered 410 Gone.")
    assert delivery_of(admin, waiting)["error"] == "The webhook was disabled."
    worker.finish(alice.export())
    assert len(alice.deliveries()) == 2, "a disabled webhook is told nothing"
    (webhook,) = alice.run("select id, disabled_reason from resumepair.webhooks")
    for call in (("redeliver_webhook", waiting), ("test_webhook", webhook["id"])):
        with refused("RP412"):
            alice.run(f"select resumepair.{call[0]}(%s)", call[1])

    alice.run("select resumepair.enable_webhook(%s)", webhook["id"])
    alice.run("select resumepair.redeliver_webhook(%s)", waiting)
    assert claimed(worker, waiting)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("failing_since = now() - interval '5 days'", "Nothing could be delivered for five days."),
        ("failed_deliveries = 19", "20 deliveries in a row were given up."),
        ("failed_deliveries = 1", None),
    ],
)
def test_a_webhook_that_fails_for_long_is_disabled_with_the_reason(
    alice: Person, worker: WorkerVoice, admin: Connection, trouble: str, reason: str | None
) -> None:
    claim = claimed(worker, one_delivery(alice, worker))
    admin.execute(f"update resumepair.webhooks set {trouble}".encode())
    ended = worker.finish_delivery(claim, **FAILED, retry_in=None)
    assert ended
    assert (ended["disabled_reason"] or "").startswith(reason or "")
    assert (webhook_of(admin)["disabled_at"] is None) is (reason is None)


def test_a_test_is_one_attempt_and_one_at_a_time(alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    webhook_id = alice.register_webhook()["webhook_id"]
    (row,) = alice.run("select resumepair.test_webhook(%s) as id", webhook_id)
    with refused("RP429"):
        alice.run("select resumepair.test_webhook(%s)", webhook_id)
    claim = claimed(worker, row["id"])
    assert json.loads(claim["payload"])["data"] == {"webhookId": to_base64("Webhook", webhook_id)}
    assert claim["attempts_left"] == 0
    worker.finish_delivery(claim, **FAILED)
    assert webhook_of(admin)["failed_deliveries"] == 0
    alice.run("select resumepair.test_webhook(%s)", webhook_id)


def test_a_deleted_webhook_is_told_nothing_more(alice: Person, worker: WorkerVoice) -> None:
    delivery_id = one_delivery(alice, worker)
    claim = claimed(worker, delivery_id)
    (webhook,) = alice.run("select id from resumepair.webhooks")
    alice.run("select resumepair.delete_webhook(%s)", webhook["id"])
    assert alice.deliveries() == []
    assert worker.finish_delivery(claim) is None
    query = "select * from resumepair.claim_delivery(%s, %s)"
    assert worker.connection.execute(query, [delivery_id, claim["queue_job_id"]]).fetchall() == []
    worker.finish(alice.export())
    assert alice.deliveries() == []


def test_an_export_waits_for_a_webhook_that_is_being_deleted_and_is_published(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    webhook_id = alice.register_webhook()["webhook_id"]
    job_id = alice.export()
    assert worker.claim(job_id)
    with connect(admin.info.dsn + f" password={admin.info.password}") as other, other.transaction():
        other.execute("delete from resumepair.webhooks where id = %s", [webhook_id])
        worker.connection.execute("set lock_timeout = '100 ms'")
        with refused("55P03"):
            worker.publish(job_id, 1)
    assert worker.publish(job_id, 1)
    assert alice.deliveries() == []


def test_of_each_user_two_deliveries_are_queued_at_a_time(
    alice: Person, bob: Person, worker: WorkerVoice, admin: Connection
) -> None:
    def queued(person: Person) -> list[bool]:
        return [is_queued(admin, delivery) for delivery in person.deliveries()]

    alice.register_webhook()
    bob.register_webhook()
    for _ in range(4):
        worker.finish(alice.export())
    worker.finish(bob.export())
    worker.queue_due_deliveries()
    assert (queued(alice), queued(bob)) == ([True, True, False, False], [True])

    first, second, third, _ = (delivery["id"] for delivery in alice.deliveries())
    worker.finish_delivery(claimed(worker, second))
    assert queued(alice) == [True, False, True, False], "the next one takes its place"
    worker.finish_delivery(claimed(worker, first), **FAILED)
    assert queued(alice) == [False, False, True, True]
    assert worker.claim_delivery(third) is None, "the webhook has a rest"
    admin.execute("update resumepair.webhooks set resting_until = null")
    admin.execute("update resumepair.webhook_deliveries set next_attempt_at = now() where status = 'pending'")
    worker.queue_due_deliveries()
    assert sum(queued(alice)) == 2


def test_users_whose_deliveries_wait_get_their_places_one_by_one(
    alice: Person, bob: Person, worker: WorkerVoice, admin: Connection
) -> None:
    alice.register_webhook()
    bob.register_webhook()
    for person in (alice, alice, alice, bob):
        worker.finish(person.export())
    admin.execute("update resumepair.webhook_deliveries set queue_job_id = null, next_attempt_at = created_at")
    queue = "select resumepair.queue_due_deliveries(2) as due_in"
    assert worker.connection.execute(queue).fetchall() == [{"due_in": 0}], "there may be more"
    assert worker.connection.execute(queue).fetchall() == [{"due_in": None}]
    assert [is_queued(admin, delivery) for delivery in alice.deliveries()] == [True, True, False]
    assert [is_queued(admin, delivery) for delivery in bob.deliveries()] == [True]


@pytest.mark.parametrize(
    "loss",
    [
        "delete from procrastinate_jobs",
        "update procrastinate_jobs set status = 'doing'; update procrastinate_jobs set status = 'aborted'",
        # Its worker's heart beats, but the end of the task could not be saved.
        """update procrastinate_jobs set status = 'doing';
        update procrastinate_events set at = now() - interval '2 minutes' where type = 'started'""",
    ],
)
def test_what_the_queue_has_lost_is_queued_anew(
    alice: Person, worker: WorkerVoice, admin: Connection, loss: str
) -> None:
    delivery_id = one_delivery(alice, worker)
    lost = claimed(worker, delivery_id)
    assert worker.requeue_deliveries() == []
    admin.execute("set search_path = procrastinate")
    admin.execute(loss.encode())
    assert worker.requeue_deliveries() == [delivery_id]
    assert worker.requeue_deliveries() == []
    assert is_queued(admin, delivery_of(admin, delivery_id))
    assert worker.finish_delivery(lost) is None, "another queue row carries it"
    assert claimed(worker, delivery_id)["attempt"] == 2


def test_old_deliveries_are_pruned_in_bites_and_pending_ones_stay(
    alice: Person, worker: WorkerVoice, admin: Connection
) -> None:
    alice.register_webhook()
    for _ in range(4):
        worker.finish(alice.export())
    for delivery in alice.deliveries()[:3]:
        worker.finish_delivery(claimed(worker, delivery["id"]))
    prune = "select resumepair.prune_deliveries('30 days', 2) as pruned"
    assert worker.connection.execute(prune).fetchall() == [{"pruned": 0}]
    admin.execute("update resumepair.webhook_deliveries set created_at = now() - interval '31 days'")
    pruned = [row["pruned"] for _ in range(3) for row in worker.connection.execute(prune).fetchall()]
    assert pruned == [2, 1, 0]
    assert [delivery["status"] for delivery in alice.deliveries()] == ["pending"]


def test_deliveries_are_told_to_their_user_only(alice: Person, bob: Person, worker: WorkerVoice) -> None:
    one_delivery(alice, worker)
    assert Person(alice.connection, uuid4()).deliveries() == bob.deliveries() == []
