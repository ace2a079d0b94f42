"""On a database that has grown, nothing that happens all the time reads a whole table.

The plans are those that PostgreSQL really carries out, also inside of functions (`auto_explain`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from uuid import UUID, uuid4

import pytest
from psycopg.errors import Diagnostic
from psycopg.rows import DictRow

from dev.grown import grow
from tests.conftest import Database
from tests.integration.conftest import Connection, connect

Values = Sequence[object] | Mapping[str, object]

JOBS = 20_000
GROWN = {
    "documents", "export_jobs", "export_history", "export_batches", "export_bundles", "export_schedules",
    "webhooks", "webhook_deliveries",
    "procrastinate_jobs", "procrastinate_events",
}  # fmt: skip
NOW = datetime.now(UTC)
UNFILTERED: dict[str, object] = dict.fromkeys(
    (
        "document_id", "since", "until", "after_at", "after_id", "after_position", "template", "format", "available",
        "statuses", "ended_since",
    )
) | {"limit": 21, "ended_within": 13.0}  # fmt: skip
WHOLE = re.compile(r"Seq Scan on (?:\w+\.)?(\w+)")


class Planned:
    """A session that tells the plans of what it runs."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.plans: list[str] = []
        connection.execute("load 'auto_explain'")
        for name, value in {
            "auto_explain.log_min_duration": "0",
            "auto_explain.log_nested_statements": "on",
            "auto_explain.log_level": "notice",
            "search_path": "procrastinate",
        }.items():
            connection.execute("select set_config(%s, %s, false)", [name, value])
        connection.add_notice_handler(self._heard)

    def _heard(self, notice: Diagnostic) -> None:
        self.plans.append(notice.message_primary or "")

    def run(self, query: str, values: Values = ()) -> list[DictRow]:
        cursor = self.connection.execute(query.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def as_user(self, user: UUID, query: str, values: Values = ()) -> list[DictRow]:
        with self.connection.transaction():
            claims = f'{{"sub": "{user}", "role": "authenticated"}}'
            self.run(
                "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)", [claims]
            )
            return self.run(query, values)

    def whole_tables(self) -> set[str]:
        return {table for plan in self.plans for table in WHOLE.findall(plan)} & GROWN


@pytest.fixture
def planned(database: Database, admin: Connection) -> Iterator[Planned]:
    grow(admin, JOBS)
    with connect(database.admin_url) as connection:
        yield Planned(connection)


def api_queries() -> dict[str, str]:
    text = files("resumepair_graphql").joinpath("queries.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- (\w+) --$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_an_export_from_request_to_download_reads_no_whole_table(planned: Planned) -> None:
    user = uuid4()
    (document,) = planned.as_user(
        user, "insert into resumepair.documents (title, data) values ('CV', '{}') returning id"
    )
    (job,) = planned.as_user(user, "select * from resumepair.enqueue_export(array[%s]::uuid[])", [document["id"]])
    (worker,) = planned.run("select worker_id from procrastinate_register_worker_v1()")
    (row,) = planned.run("select (procrastinate_fetch_job_v2(array['exports'], %s)).id", [worker["worker_id"]])
    planned.run("select resumepair.claim_export(%s, %s)", [job["job_id"], row["id"]])
    planned.run("select resumepair.report_progress(%s, 1, 'rendering')", [job["job_id"]])
    publish = (
        "select resumepair.publish_export(%s, 1, 'classic', 'cv.pdf', 'p', 1, 1, %s, null, null, '[]', '7 days') as id"
    )
    (export,) = planned.run(publish, [job["job_id"], "0" * 64])
    planned.run("select procrastinate_finish_job_v1(%s, 'succeeded', false)", [row["id"]])
    planned.as_user(user, "select resumepair.record_download(%s)", [export["id"]])
    assert export["id"]
    assert len(planned.plans) > 20, "the statements inside of functions are among them"
    assert planned.whole_tables() == set()


def test_sweep_alarm_and_pruning_read_no_whole_table(planned: Planned) -> None:
    planned.run("select resumepair.rescue_exports('5 seconds', '2 minutes')")
    planned.run("select resumepair.requeue_exports()")
    planned.run("select resumepair.ring_due_jobs()")
    planned.run("select resumepair.prune_queue('1 day', 500)")
    assert planned.whole_tables() == set()


def test_a_bundle_from_the_end_of_its_batch_to_its_expiry_reads_no_whole_table(planned: Planned) -> None:
    user = uuid4()
    (document,) = planned.as_user(
        user, "insert into resumepair.documents (title, data) values ('CV', '{}') returning id"
    )
    enqueue = "select * from resumepair.enqueue_export(array[%s]::uuid[], '{}', null, true)"
    (job,) = planned.as_user(user, enqueue, [document["id"]])
    claim = "select resumepair.claim_export(id, queue_job_id) from resumepair.export_jobs where id = %s"
    planned.run(claim, [job["job_id"]])
    publish = (
        "select resumepair.publish_export(%s, 1, 'classic', 'cv.pdf', 'p', 1, 1, %s, null, null, '[]', '7 days') as id"
    )
    planned.run(publish, [job["job_id"], "0" * 64])
    (bundle,) = planned.run("select * from resumepair.export_bundles where batch_id = %s", [job["batch_id"]])
    planned.run("select * from resumepair.claim_bundle(%s, %s)", [bundle["id"], bundle["queue_job_id"]])
    planned.run("select resumepair.reserve_bundle(%s, 1, 'z', 1)", [bundle["id"]])
    finish = "select resumepair.publish_bundle(%s, 1, 'exports.zip', 'z', 1, %s, 1, now(), '7 days') as done"
    (published,) = planned.run(finish, [bundle["id"], "0" * 64])
    planned.as_user(user, "select resumepair.bundle_batch(%s)", [job["batch_id"]])
    planned.run("select resumepair.expire_exports(50)")
    planned.as_user(user, "select resumepair.delete_export(%s)", [bundle["id"]])
    assert published["done"]
    assert planned.whole_tables() == set()


def test_the_end_of_a_worker_reads_no_whole_table(planned: Planned) -> None:
    (worker,) = planned.run("select worker_id from procrastinate_register_worker_v1()")
    planned.run("select procrastinate_unregister_worker_v1(%s)", [worker["worker_id"]])
    assert any("worker_id" in plan and "procrastinate_jobs" in plan for plan in planned.plans), "also what it implies"
    assert planned.whole_tables() == set()


def test_a_schedule_from_request_to_deletion_reads_no_whole_table(planned: Planned) -> None:
    user = uuid4()
    (document,) = planned.as_user(
        user, "insert into resumepair.documents (title, data) values ('CV', '{}') returning id"
    )
    request = "select * from resumepair.schedule_export(%s, '{}', null, '0 8 * * *', 'UTC', now(), 'key')"
    (schedule,) = planned.as_user(user, request, [document["id"]])
    (due,) = planned.run("select * from resumepair.due_schedules('1 second', 100)")
    run = "select * from resumepair.run_schedule(%s, %s, now() + interval '1 day', '30 seconds')"
    (outcome,) = planned.run(run, [due["schedule_id"], due["due_at"]])
    planned.as_user(user, "select resumepair.delete_schedule(%s)", [schedule["schedule_id"]])
    planned.as_user(user, "delete from resumepair.documents where id = %s", [document["id"]])
    assert outcome["job_id"]
    assert planned.whole_tables() == set()


def test_a_webhook_from_registration_to_deletion_reads_no_whole_table(planned: Planned) -> None:
    user = uuid4()
    (webhook,) = planned.as_user(
        user, "select * from resumepair.register_webhook('https://hooks.example/', p_idempotency_key => 'k')"
    )
    (test,) = planned.as_user(user, "select resumepair.test_webhook(%s) as id", [webhook["webhook_id"]])
    (row,) = planned.run("select queue_job_id from resumepair.webhook_deliveries where id = %s", [test["id"]])
    planned.run("select * from resumepair.claim_delivery(%s, %s)", [test["id"], row["queue_job_id"]])
    finish = "select * from resumepair.finish_delivery(%s, %s, 1, 500, 'no', 1, '1 minute', '1 second')"
    (ended,) = planned.run(finish, [test["id"], row["queue_job_id"]])
    planned.as_user(user, "select resumepair.redeliver_webhook(%s)", [test["id"]])
    planned.run("select resumepair.queue_due_deliveries(100)")
    planned.run("select resumepair.requeue_deliveries('1 minute')")
    planned.run("select resumepair.prune_deliveries('30 days', 500)")
    planned.as_user(user, "select resumepair.delete_webhook(%s)", [webhook["webhook_id"]])
    assert ended["status"] == "failed"
    assert planned.whole_tables() == set()


@pytest.mark.parametrize(
    "name",
    [
        "jobs_by_id",
        "job_changes",
        "history_page",
        "stats_of_user",
        "templates_of_user",
        "documents_page",
        "documents_by_id",
        "delete_document",
        "jobs_page",
        "activity",
        "queue_positions",
        "exports_by_id",
        "viewer",
        "batches_by_id",
        "bundles_by_id",
        "batch_jobs_page",
        "schedules_by_id",
        "schedules_page",
        "webhooks_by_id",
        "webhooks_page",
        "webhook_deliveries_by_id",
        "webhook_deliveries_page",
    ],
)
def test_queries_of_the_api_read_no_whole_table(planned: Planned, name: str) -> None:
    (known,) = planned.run("select user_id, id from resumepair.export_jobs limit 1")
    user: UUID = known["user_id"]
    planned.plans.clear()
    planned.as_user(user, api_queries()[name], UNFILTERED | asked_for(known))
    assert planned.plans
    assert planned.whole_tables() == set()


@pytest.mark.parametrize("name", ["stats_of_system", "templates_of_system"])
def test_the_figures_of_the_whole_system_read_no_whole_table(planned: Planned, name: str) -> None:
    with planned.connection.transaction():
        planned.run("select set_config('role', 'service_role', true)")
        planned.run(api_queries()[name], {"since": None})
    assert planned.whole_tables() == set()


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("history_page", {"document_id": UUID(int=1)}),
        ("history_page", {"template": "classic", "format": "pdf"}),
        ("history_page", {"available": True}),
        ("history_page", {"available": False}),
        ("history_page", {"since": NOW, "until": NOW}),
        ("history_page", {"after_at": NOW, "after_id": UUID(int=1)}),
        ("jobs_page", {"statuses": ["pending", "processing"]}),
        ("jobs_page", {"statuses": ["failed"]}),
        ("jobs_page", {"document_id": UUID(int=1)}),
        ("activity", {"ended_since": NOW}),
    ],
)
def test_filtered_queries_of_the_api_read_no_whole_table(
    planned: Planned, name: str, chosen: dict[str, object]
) -> None:
    (known,) = planned.run("select user_id, id from resumepair.export_jobs limit 1")
    planned.plans.clear()
    planned.as_user(known["user_id"], api_queries()[name], UNFILTERED | asked_for(known) | chosen)
    assert planned.plans
    assert planned.whole_tables() == set()


def asked_for(known: DictRow) -> dict[str, object]:
    """This job, and whatever is its user's."""
    return {
        "ids": [known["id"]], "keys": [known["id"], known["user_id"]], "id": known["id"], "webhook_id": known["id"],
    }  # fmt: skip


def test_places_in_a_long_line_are_read_in_the_order_of_the_line(planned: Planned) -> None:
    planned.run(
        "insert into procrastinate_jobs (queue_name, task_name, args, priority)"
        " select 'exports', 'render_export', '{}', 1 from generate_series(1, 20000)"
    )
    planned.run("analyze procrastinate_jobs")
    user = uuid4()
    (document,) = planned.as_user(
        user, "insert into resumepair.documents (title, data) values ('CV', '{}') returning id"
    )
    (job,) = planned.as_user(user, "select * from resumepair.enqueue_export(array[%s]::uuid[])", [document["id"]])
    planned.plans.clear()

    (row,) = planned.as_user(user, api_queries()["queue_positions"], {"ids": [job["job_id"]]})

    assert row["queue_position"] == 1000
    assert any("procrastinate_jobs_priority_idx_v1" in plan for plan in planned.plans)
    assert planned.whole_tables() == set()


def test_a_whole_table_would_be_seen(planned: Planned) -> None:
    planned.run("select count(*) from resumepair.export_jobs where document_title = 'x'")
    assert planned.whole_tables() == {"export_jobs"}
