"""How many jobs are before one's own, in the order in which workers take them."""

from uuid import UUID, uuid4

import pytest

from tests.integration.conftest import Connection, Person, WorkerVoice


def positions(person: Person, *jobs: UUID) -> dict[UUID, int]:
    rows = person.run("select * from resumepair.queue_positions(%s)", list(jobs))
    return {row["job_id"]: row["queue_position"] for row in rows}


@pytest.fixture
def busy(alice: Person, admin: Connection) -> Person:
    """A user who may have as many requests as she likes."""
    admin.execute("insert into resumepair.user_limits (user_id, max_active_requests) values (%s, 1000)", [alice.id])
    return alice


def test_positions_are_the_order_in_which_jobs_are_taken(busy: Person, bob: Person, worker: WorkerVoice) -> None:
    hers = [busy.export() for _ in range(4)]
    his = bob.export()
    told = positions(busy, *hers) | positions(bob, his)

    taken: list[UUID] = []
    while rows := worker.connection.execute(
        "select * from procrastinate_fetch_job_v2(array['exports'], null) where id is not null"
    ).fetchall():
        taken.append(UUID(rows[0]["args"]["job_id"]))

    assert len(taken) == 5
    assert told == {job: place for place, job in enumerate(taken)}


def test_who_is_taken_leaves_the_line(busy: Person, worker: WorkerVoice) -> None:
    first, second = busy.export(), busy.export()
    worker.connection.execute("select procrastinate_fetch_job_v2(array['exports'], null)")
    worker.claim(first)
    assert positions(busy, first, second) == {second: 0}


def test_what_waits_for_its_time_has_no_place_and_takes_none(busy: Person, worker: WorkerVoice) -> None:
    failed, waiting = busy.export(), busy.export()
    queue_row = worker.queue_row_of(failed)
    worker.connection.execute("select procrastinate_fetch_job_v2(array['exports'], null)")
    worker.claim(failed)
    worker.fail(failed, 1, retry_in="1 hour")
    worker.connection.execute(
        "select procrastinate_retry_job_v2(%s, now() + interval '1 hour', 9, null, null)", [queue_row]
    )
    assert positions(busy, failed, waiting) == {waiting: 0}


@pytest.mark.parametrize("end", ["cancelled", "completed"])
def test_what_has_ended_has_no_place(alice: Person, worker: WorkerVoice, end: str) -> None:
    job = alice.export()
    if end == "cancelled":
        alice.cancel(job)
    else:
        worker.finish(job)
    assert positions(alice, job) == {}


def test_another_user_s_job_and_an_unknown_one_have_no_place(alice: Person, bob: Person) -> None:
    assert positions(alice, bob.export(), uuid4()) == {}


def test_the_operator_sees_everybody_s_place(alice: Person, bob: Person) -> None:
    first, second = alice.export(), bob.export()
    operator = Person(alice.connection, uuid4(), "service_role")
    assert positions(operator, first, second) == {first: 0, second: 1}


def test_a_long_line_is_counted_to_a_thousand(alice: Person, bob: Person, worker: WorkerVoice) -> None:
    bob.export()
    queue = worker.connection
    queue.execute(
        "insert into procrastinate.procrastinate_jobs (queue_name, task_name, args, priority) "
        "select 'exports', 'render_export', '{}', 1 from generate_series(1, 1100)"
    )
    queue.execute(
        "insert into procrastinate.procrastinate_jobs (queue_name, task_name, args, priority) "
        "select 'others', 'prune', '{}', 1 from generate_series(1, 10)"
    )
    job = alice.export()
    assert positions(alice, job) == {job: 1000}
    queue.execute(
        "delete from procrastinate.procrastinate_jobs where id in (select id from procrastinate.procrastinate_jobs"
        " where priority = 1 and queue_name = 'exports' limit 200)"
    )
    assert positions(alice, job) == {job: 901}
