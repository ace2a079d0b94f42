"""Whose export is next: the queue's own fetch decides, between users who ask for one and users who ask for many."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from tests.integration.conftest import Connection, Person, WorkerVoice

SLOTS = 4
MANY = 100


@dataclass
class Slot:
    """A worker that runs one export at a time."""

    worker: WorkerVoice
    id: int

    def take(self) -> UUID:
        """Fetch what is next and claim it."""
        (row,) = self.worker.connection.execute(
            "select id, (args ->> 'job_id')::uuid as job_id from procrastinate_fetch_job_v2(null, %s)", [self.id]
        ).fetchall()
        assert self.worker.claim(row["job_id"], row["id"])
        return row["job_id"]  # type: ignore[no-any-return]

    def finish(self, job_id: UUID) -> None:
        assert self.worker.publish(job_id, 1)
        self.worker.connection.execute(
            "select procrastinate_finish_job_v1(%s, 'succeeded', false)", [self.worker.queue_row_of(job_id)]
        )

    def serve(self) -> UUID:
        job_id = self.take()
        self.finish(job_id)
        return job_id


@pytest.fixture
def slots(worker: WorkerVoice) -> list[Slot]:
    register = "select worker_id from procrastinate_register_worker_v1()"
    return [Slot(worker, worker.connection.execute(register).fetchall()[0]["worker_id"]) for _ in range(SLOTS)]


@pytest.fixture
def many(alice: Person, admin: Connection) -> list[UUID]:
    """Alice's exports, asked for one by one."""
    admin.execute(
        "insert into resumepair.user_limits (user_id, max_active_requests, quota_bytes) values (%s, %s, 1000000000)",
        [alice.id, MANY],
    )
    return [alice.export() for _ in range(MANY)]


def newcomer(api: Connection) -> UUID:
    """The first export of somebody new."""
    return Person(api, uuid4()).export()


def places(of: Iterable[UUID], order: list[UUID]) -> list[int]:
    return [order.index(job_id) for job_id in of]


def test_a_hundred_exports_of_one_user_delay_anothers_by_one_render_per_slot_at_most(
    many: list[UUID], slots: list[Slot], api: Connection
) -> None:
    running = [slot.take() for slot in slots]
    assert running == many[:SLOTS]
    for _ in range(10):  # from whatever point of the batch on
        single = newcomer(api)
        served: list[UUID] = []
        for number, slot in enumerate(slots):
            slot.finish(running[number])
            running[number] = slot.take()
            served.append(running[number])
        assert single in served, "each slot has ended one render meanwhile, and no more"


def test_ten_who_ask_for_one_go_before_the_rest_of_a_hundred(
    many: list[UUID], slots: list[Slot], api: Connection
) -> None:
    running = [slot.take() for slot in slots]
    singles = [newcomer(api) for _ in range(10)]
    for slot, job_id in zip(slots, running, strict=True):
        slot.finish(job_id)
    order = [slots[0].serve() for _ in range(20)]
    assert max(places(singles, order)) < len(singles) + SLOTS
    assert [job_id for job_id in order if job_id in many] == many[SLOTS : SLOTS + 10], "in the order of asking"


def test_newcomers_who_leave_room_share_it_with_a_hundred_exports(
    many: list[UUID], slots: list[Slot], api: Connection
) -> None:
    order: list[UUID] = []
    while not set(many) <= set(order):
        newcomer(api)
        order += [slots[0].serve(), slots[0].serve()]
        assert len(order) <= 2 * MANY + 2, "every second turn is theirs"
    assert places(many, order) == sorted(places(many, order))


def test_a_retry_keeps_its_place(many: list[UUID], slots: list[Slot], worker: WorkerVoice, api: Connection) -> None:
    slot = slots[0]
    (row,) = worker.connection.execute(
        "select id, (args ->> 'job_id')::uuid as job_id from procrastinate_fetch_job_v2(null, %s)", [slot.id]
    ).fetchall()
    claim = worker.claim(many[0], row["id"])
    assert claim
    worker.fail(many[0], 1, retry_in="0 seconds")
    later = [newcomer(api) for _ in range(3)]
    worker.connection.execute(
        "select procrastinate_retry_job_v2(%s, now(), %s, null, null)", [row["id"], claim["queue_priority"]]
    )
    (first,) = worker.connection.execute(
        "select (args ->> 'job_id')::uuid as job_id from procrastinate_fetch_job_v2(null, %s)", [slot.id]
    ).fetchall()
    assert first["job_id"] == many[0], f"before {later} and her own others"
