"""`stats`: a user's own figures are counted, the whole system's are kept as exports end; both say the same."""

from typing import Any
from uuid import UUID

import orjson
import pytest

from resumepair_graphql.auth import Identity
from resumepair_graphql.context import Context, Services
from tests.integration.conftest import Connection, Person, WorkerVoice, bundle_row
from tests.integration.graphql.conftest import SCHEMA, Ask, Execute

FIELDS = """pending processing completed failed cancelled successRate durationMs { p50 p95 } waitMs { p50 p95 }
    bytesUsed quotaBytes downloads queueDepth queueWaitMs
    templates { template completed byteSize pageCount downloads }"""
NEVER = "2100-01-01T00:00:00Z"
STATS = f"query ($since: DateTime) {{ stats(since: $since) {{ {FIELDS} }} }}"


@pytest.fixture
def ask_for_all(services: Services) -> Any:  # noqa: ANN401
    """`stats` as an operator asks for it."""

    async def run(**variables: object) -> dict[str, Any]:
        identity = Identity("service_role", orjson.dumps({"role": "service_role"}).decode())
        result = await SCHEMA.execute(STATS, variables, context_value=Context(services, "http://api.example", identity))
        assert result.errors is None
        assert result.data
        stats: dict[str, Any] = result.data["stats"]
        return stats

    return run


def of_each_state(person: Person, worker: WorkerVoice) -> None:
    """Two completed, one failed, one cancelled, one processing, one pending."""
    for size in (1000, 3000):
        worker.finish(person.export(), byte_size=size)
    failed, cancelled = person.export(), person.export()
    worker.claim(failed)
    worker.fail(failed, 1)
    person.cancel(cancelled)
    worker.claim(person.export())
    person.export()


async def test_a_user_s_figures_are_the_user_s_own(ask: Ask, alice: Person, bob: Person, worker: WorkerVoice) -> None:
    of_each_state(alice, worker)
    worker.finish(bob.export())
    stats = await ask(alice, STATS)
    assert [stats[name] for name in ("pending", "processing", "completed", "failed", "cancelled")] == [1, 1, 2, 1, 1]
    assert stats["successRate"] == pytest.approx(2 / 3)
    assert (stats["bytesUsed"], stats["quotaBytes"], stats["queueDepth"]) == (4000, 104_857_600, 1)
    assert stats["durationMs"]["p50"] <= stats["durationMs"]["p95"]
    assert stats["templates"] == [
        {"template": "classic", "completed": 2, "byteSize": 4000, "pageCount": 4, "downloads": 0}
    ]


async def test_who_has_exported_nothing_has_no_rates(ask: Ask, alice: Person) -> None:
    stats = await ask(alice, STATS)
    assert (stats["completed"], stats["successRate"], stats["durationMs"], stats["waitMs"]) == (0, None, None, None)
    assert (stats["queueDepth"], stats["queueWaitMs"], stats["templates"]) == (0, 0, [])


async def test_figures_count_from_a_time_on(ask: Ask, alice: Person, worker: WorkerVoice, admin: Connection) -> None:
    worker.finish(alice.export())
    admin.execute("update resumepair.export_jobs set created_at = now() - interval '2 days'")
    worker.finish(alice.export())
    row = admin.execute("select (now() - interval '1 day')::text as yesterday").fetchone()
    assert row
    stats = await ask(alice, STATS, since=row["yesterday"].replace(" ", "T") + ":00")
    assert stats["completed"] == 1


async def test_the_system_s_figures_are_those_of_all_users(
    ask_for_all: Any,  # noqa: ANN401
    alice: Person,
    bob: Person,
    worker: WorkerVoice,
) -> None:
    of_each_state(alice, worker)
    worker.finish(bob.export())
    stats = await ask_for_all()
    assert [stats[name] for name in ("pending", "processing", "completed", "failed", "cancelled")] == [1, 1, 3, 1, 1]
    assert (stats["bytesUsed"], stats["quotaBytes"], stats["queueDepth"]) == (5000, None, 1)
    assert stats["templates"] == [
        {"template": "classic", "completed": 3, "byteSize": 5000, "pageCount": 6, "downloads": 0}
    ]
    assert (await ask_for_all(since="2100-01-01T00:00:00Z"))["completed"] == 0


async def test_a_failure_that_is_tried_again_no_longer_counts(
    ask_for_all: Any,  # noqa: ANN401
    alice: Person,
    worker: WorkerVoice,
) -> None:
    job_id = alice.export()
    worker.claim(job_id)
    worker.fail(job_id, 1)
    assert (await ask_for_all())["failed"] == 1
    alice.retry(job_id)
    assert (await ask_for_all())["failed"] == 0
    worker.finish(job_id)
    stats = await ask_for_all()
    assert (stats["failed"], stats["completed"], stats["successRate"]) == (0, 1, 1)


async def test_downloads_are_counted_for_both(
    ask: Ask,
    ask_for_all: Any,  # noqa: ANN401
    alice: Person,
    worker: WorkerVoice,
) -> None:
    export_id: UUID = worker.finish(alice.export())
    for _ in range(2):
        alice.run("select * from resumepair.record_download(%s)", export_id)
    assert (await ask(alice, STATS))["downloads"] == 2
    assert (await ask_for_all())["downloads"] == 2


async def test_downloads_of_bundles_are_downloads(
    ask: Ask,
    ask_for_all: Any,  # noqa: ANN401
    alice: Person,
    worker: WorkerVoice,
    admin: Connection,
) -> None:
    (job,) = alice.enqueue(alice.save_document(), batch=True)
    alice.run("select * from resumepair.record_download(%s)", worker.finish(job["job_id"]))
    bundle = bundle_row(admin, job["batch_id"])["id"]
    worker.finish_bundle(job["batch_id"])
    alice.run("select * from resumepair.record_download(%s, false)", bundle)
    for _ in range(2):
        alice.run("select * from resumepair.record_download(%s)", bundle)
    alice.run("select resumepair.delete_export(%s)", bundle)
    for stats in (await ask(alice, STATS), await ask_for_all()):
        assert (stats["downloads"], [row["downloads"] for row in stats["templates"]]) == (3, [1])
    for stats in (await ask(alice, STATS, since=NEVER), await ask_for_all(since=NEVER)):
        assert stats["downloads"] == 0


async def test_what_was_done_is_counted_also_when_the_export_is_deleted(
    ask: Ask,
    ask_for_all: Any,  # noqa: ANN401
    alice: Person,
    worker: WorkerVoice,
) -> None:
    export_id: UUID = worker.finish(alice.export())
    alice.run("select * from resumepair.record_download(%s)", export_id)
    alice.run("select resumepair.delete_export(%s)", export_id)
    for stats in (await ask(alice, STATS), await ask_for_all()):
        assert (stats["completed"], stats["downloads"], stats["bytesUsed"]) == (1, 1, 0)
        assert [template["downloads"] for template in stats["templates"]] == [1]


async def test_percentiles_of_the_system_are_close_to_those_that_are_counted(
    ask: Ask,
    ask_for_all: Any,  # noqa: ANN401
    alice: Person,
    worker: WorkerVoice,
    admin: Connection,
) -> None:
    admin.execute("insert into resumepair.user_limits (user_id, max_active_requests) values (%s, 100)", [alice.id])
    jobs = [alice.export() for _ in range(20)]
    for n, job_id in enumerate(jobs, 1):
        worker.claim(job_id)
        admin.execute(
            "update resumepair.export_jobs set created_at = now() - %s * interval '3 s',"
            " started_at = now() - %s * interval '1 s' where id = %s",
            [n, n, job_id],
        )
        worker.publish(job_id, 1)
    own, system = await ask(alice, STATS), await ask_for_all()
    assert 9_000 < own["durationMs"]["p50"] < 12_000
    for figure in ("durationMs", "waitMs"):
        for part in ("p50", "p95"):
            assert system[figure][part] == pytest.approx(own[figure][part], rel=0.2)


async def test_a_month_is_not_too_many_milliseconds(
    ask: Ask,
    ask_for_all: Any,  # noqa: ANN401
    alice: Person,
    worker: WorkerVoice,
    admin: Connection,
) -> None:
    job_id = alice.export()
    worker.claim(job_id)
    admin.execute(
        "update resumepair.export_jobs"
        " set created_at = now() - interval '60 days', started_at = now() - interval '30 days'"
    )
    worker.publish(job_id, 1)
    month = 30 * 24 * 3600 * 1000
    for stats in (await ask(alice, STATS), await ask_for_all()):
        assert stats["durationMs"]["p50"] == pytest.approx(month, rel=0.1)
        assert stats["waitMs"]["p95"] == pytest.approx(month, rel=0.1)
    alice.export()
    admin.execute("update resumepair.export_jobs set created_at = now() - interval '30 days' where status = 'pending'")
    assert (await ask(alice, STATS))["queueWaitMs"] == pytest.approx(month, rel=0.01)


async def test_without_a_token_there_are_no_figures(execute: Execute) -> None:
    value, errors = await execute(None, STATS)
    assert value is None
    assert errors[0].extensions["code"] == "UNAUTHENTICATED"
