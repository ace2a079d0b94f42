"""The fair order between users, as the queue serves it."""

from uuid import UUID, uuid4

import pytest

from tests.integration.conftest import Connection, Person, WorkerVoice


@pytest.fixture
def heavy(alice: Person, admin: Connection) -> Person:
    """A user who may have as many requests as she likes."""
    admin.execute("insert into resumepair.user_limits (user_id, max_active_requests) values (%s, 1000)", [alice.id])
    return alice


def served_next(worker: WorkerVoice) -> UUID:
    """The job that a free worker takes; it stays at it."""
    (row,) = worker.connection.execute("select * from procrastinate_fetch_job_v2(array['exports'], null)").fetchall()
    job_id = UUID(row["args"]["job_id"])
    assert worker.claim(job_id)
    return job_id


def newcomer(api: Connection) -> Person:
    return Person(api, uuid4())


def test_an_export_waits_for_nothing_of_one_user_s_hundred_but_what_runs(
    heavy: Person, bob: Person, worker: WorkerVoice
) -> None:
    hundred = [heavy.export() for _ in range(100)]
    assert [served_next(worker) for _ in range(2)] == hundred[:2], "two slots are busy"
    single = bob.export()
    assert served_next(worker) == single
    assert served_next(worker) == hundred[2]


def test_from_whatever_point_of_a_hundred_on_a_newcomer_is_among_the_next(
    heavy: Person, api: Connection, worker: WorkerVoice
) -> None:
    hundred = [heavy.export() for _ in range(100)]
    running = [served_next(worker) for _ in range(4)]
    assert running == hundred[:4]
    for _ in range(10):
        single = newcomer(api).export()
        for slot in range(4):
            worker.publish(running[slot], 1)
            running[slot] = served_next(worker)
        assert single in running, "each slot has ended one render meanwhile, and no more"


def test_newcomers_go_first_and_a_batch_goes_on_between_them(
    heavy: Person, api: Connection, worker: WorkerVoice
) -> None:
    batch = [row["job_id"] for row in heavy.enqueue(*(heavy.save_document() for _ in range(5)), batch=True)]
    served = [served_next(worker)]
    for _ in range(4):
        newcomer(api).export()
        served += [served_next(worker) for _ in range(2)]
    assert [job in batch for job in served] == [True] + [False, True] * 4
    assert [job for job in served if job in batch] == batch


def test_more_newcomers_than_can_be_served_do_not_starve_a_batch(
    heavy: Person, api: Connection, worker: WorkerVoice
) -> None:
    batch = {row["job_id"] for row in heavy.enqueue(*(heavy.save_document() for _ in range(3)), batch=True)}
    served: list[UUID] = []
    for _ in range(12):  # each time a slot is free, somebody new is there first
        newcomer(api).export()
        served.append(served_next(worker))
    assert batch <= set(served)


def test_a_hundred_users_with_one_export_each_share_with_one_with_a_hundred(
    heavy: Person, api: Connection, worker: WorkerVoice
) -> None:
    hundred = [heavy.export() for _ in range(100)]
    singles = [newcomer(api).export() for _ in range(100)]
    served = [served_next(worker) for _ in range(110)]
    assert served[0] == hundred[0]
    assert set(served[1:101]) == set(singles), "they came while she had had one"
    assert served[101:] == hundred[1:10]


def test_an_old_export_that_comes_back_does_not_bring_back_the_order_of_its_time(
    heavy: Person, bob: Person, api: Connection, worker: WorkerVoice
) -> None:
    old = bob.export()
    assert served_next(worker) == old
    worker.fail(old, 1, retry_in="1 hour")
    for job in [heavy.export() for _ in range(20)]:
        assert served_next(worker) == job
    waiting = [heavy.export() for _ in range(2)]
    first = newcomer(api).export()
    assert served_next(worker) == first
    worker.claim(old)  # its back-off is over
    second = newcomer(api).export()
    assert [served_next(worker) for _ in range(3)] == [waiting[0], second, waiting[1]]


def test_a_retry_keeps_its_place(heavy: Person, worker: WorkerVoice, admin: Connection) -> None:
    jobs = [heavy.export() for _ in range(3)]
    assert served_next(worker) == jobs[0]
    worker.fail(jobs[0], 1, retry_in="0 seconds")
    worker.connection.execute(
        "select procrastinate_retry_job_v2(%s, now(), %s, 'exports', null)",
        [worker.queue_row_of(jobs[0]), priority_of(admin, jobs[0])],
    )
    assert served_next(worker) == jobs[0]


def test_an_idle_system_does_not_remember_who_was_served_before(
    heavy: Person, bob: Person, worker: WorkerVoice
) -> None:
    for job in [heavy.export() for _ in range(5)]:
        assert served_next(worker) == job
        worker.publish(job, 1)
    hers, his = heavy.export(), bob.export()
    assert [served_next(worker) for _ in range(2)] == [hers, his]


def priority_of(admin: Connection, job_id: UUID) -> int:
    row = admin.execute(
        "select -virtual_time as priority from resumepair.export_jobs where id = %s", [job_id]
    ).fetchone()
    assert row
    return int(row["priority"])
