"""The owner whom everybody else tries to get at: a user with one of everything, and a secret in it."""

import base64
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from psycopg.rows import DictRow

from tests.integration.conftest import Connection, Person, WorkerVoice

TABLES = (
    "documents", "export_jobs", "export_batches", "export_history", "export_bundles", "export_schedules",
    "webhooks", "webhook_deliveries", "user_limits",
)  # fmt: skip


def global_id(kind: str, key: UUID) -> str:
    return base64.b64encode(f"{kind}:{key}".encode()).decode()


@dataclass
class World:
    """Global ids of the owner's objects; `new_...` makes one more. The other user is a new one each time."""

    owner: Person
    worker: WorkerVoice
    admin: Connection
    secret: str = field(default_factory=lambda: f"secret-{uuid4()}")

    def __post_init__(self) -> None:
        self.other = Person(self.owner.connection, uuid4())
        # The matrix is about who may, not about how often.
        self.admin.execute(
            "update resumepair.user_limits"
            " set max_active_requests = 10000, max_schedules = 10000, max_documents = 10000, max_webhooks = 10000,"
            " quota_bytes = 1000000000000"
        )
        document = self.owner.save_document(self.secret)
        job = self.owner.enqueue(document)[0]["job_id"]
        self.document = global_id("Document", document)
        self.job = global_id("ExportJob", job)
        self.export = global_id("Export", self.worker.finish(job))
        self.batch = self.new_batch()
        self.bundle = self.new_bundle()
        self.schedule = self.new_schedule()
        self.webhook = self.new_webhook()
        self.delivery = self.new_failed_delivery()
        self.admin.execute("insert into resumepair.user_limits (user_id) values (%s)", [self.owner.id])

    def new_document(self) -> str:
        return global_id("Document", self.owner.save_document(self.secret))

    def new_job(self) -> str:
        return global_id("ExportJob", self.owner.enqueue(self.owner.save_document(self.secret))[0]["job_id"])

    def new_failed_job(self) -> str:
        job = self.owner.enqueue(self.owner.save_document(self.secret))[0]["job_id"]
        claim = self.worker.claim(job)
        assert claim
        assert self.worker.fail(job, claim["attempt"]) == "failed"
        return global_id("ExportJob", job)

    def new_batch(self) -> str:
        (row,) = self.owner.enqueue(self.owner.save_document(self.secret), batch=True)
        return global_id("ExportBatch", row["batch_id"])

    def new_finished_batch(self) -> UUID:
        (row,) = self.owner.enqueue(self.owner.save_document(self.secret), batch=True)
        self.worker.finish(row["job_id"])
        return row["batch_id"]  # type: ignore[no-any-return]

    def new_bundle(self) -> str:
        return global_id("ExportBundle", self.worker.finish_bundle(self.new_finished_batch()))

    def new_schedule(self) -> str:
        return global_id("ExportSchedule", self.owner.schedule(self.owner.save_document(self.secret))["schedule_id"])

    def new_export(self) -> str:
        job = self.owner.enqueue(self.owner.save_document(self.secret))[0]["job_id"]
        return global_id("Export", self.worker.finish(job))

    def new_webhook(self) -> str:
        url = f"https://hooks.example/{self.secret}"
        return global_id("Webhook", self.owner.register_webhook(url, events=["export.failed"])["webhook_id"])

    def new_failed_delivery(self) -> str:
        """Of a test, for a webhook of its own."""
        webhook = self.owner.register_webhook(f"https://hooks.example/{self.secret}", events=["export.failed"])
        # Nobody works here, and those sent again before would keep the user's places on the queue.
        self.admin.execute(
            "update resumepair.webhook_deliveries set queue_job_id = null, next_attempt_at = now() + interval '1 day'"
            " where status = 'pending' and user_id = %s",
            [self.owner.id],
        )
        (row,) = self.owner.run("select resumepair.test_webhook(%s) as id", webhook["webhook_id"])
        claim = self.worker.claim_delivery(row["id"])
        assert claim
        self.worker.finish_delivery(claim, status=500, error=f"It answered {self.secret}.")
        return global_id("WebhookDelivery", row["id"])

    def figures_of(self, person: Person | None = None) -> DictRow:
        """How many exports there were, and what files there are take up; of this user, or of all."""
        (row,) = self.admin.execute(
            "select (select count(*) from resumepair.export_jobs where status = 'completed' and user_id = any (u.ids))"
            " as completed,"
            " (select sum(byte_size)::int from resumepair.stored_files where user_id = any (u.ids)"
            " and state <> 'removing') as used"
            " from (select array_agg(distinct user_id) as ids from resumepair.export_jobs"
            " where user_id = coalesce(%s, user_id)) as u",
            [person and person.id],
        ).fetchall()
        return row

    def belongings(self) -> list[DictRow]:
        """A digest of all that the owner has, by table."""
        digest = "select %s::text as name, md5(string_agg(t::text, ' ' order by t::text)) from resumepair.{} as t"
        query = " union all ".join(f"{digest.format(table)} where user_id = %s" for table in TABLES)
        values = [value for table in TABLES for value in (table, self.owner.id)]
        return self.admin.execute(query.encode(), values).fetchall()
