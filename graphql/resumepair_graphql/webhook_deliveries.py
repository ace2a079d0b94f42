"""Deliveries: what webhooks were told, and what became of each attempt."""

from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from strawberry import relay
from strawberry.scalars import JSON

from resumepair_graphql.context import Context, Info
from resumepair_graphql.database import Row
from resumepair_graphql.enums import described
from resumepair_graphql.jobs import ExportJob, load_job


@strawberry.enum(description="What a webhook is told of.")
class WebhookEvent(Enum):
    """The events of schema.sql; the values are the `type` of a delivery's body."""

    EXPORT_COMPLETED = described("export.completed", "An export has completed: `export.completed`.")
    EXPORT_FAILED = described("export.failed", "An export has failed for good: `export.failed`.")
    WEBHOOK_TEST = described("webhook.test", "`testWebhook` was called: `webhook.test`. Never asked for otherwise.")


@strawberry.enum(description="The state of a delivery.")
class WebhookDeliveryStatus(Enum):
    """The states of schema.sql."""

    PENDING = described("pending", "On its way, or waiting for its next attempt.")
    DELIVERED = described("delivered", "The endpoint answered with 2xx. Final.")
    FAILED = described("failed", "It was given up; `error` says why. Final unless sent again.")


@strawberry.type(description="One attempt at a delivery, that has ended.")
class WebhookAttempt:
    """An entry of a delivery's `outcomes`."""

    number: int = strawberry.field(description="Number of the attempt, from 1.")
    at: datetime = strawberry.field(description="When it began; also the timestamp that it signed.")
    response_status: int | None = strawberry.field(description="HTTP status of the answer; null when there was none.")
    error: str | None = strawberry.field(description="Why it was no good, for people; null when it was.")
    milliseconds: int | None = strawberry.field(description="How long it took; null when that is not known.")

    @classmethod
    def from_json(cls, outcome: dict[str, Any]) -> "WebhookAttempt":
        """From an object of `webhook_deliveries.outcomes`."""
        return cls(
            number=outcome["number"],
            at=datetime.fromisoformat(outcome["at"]),
            response_status=outcome.get("responseStatus"),
            error=outcome.get("error"),
            milliseconds=outcome.get("milliseconds"),
        )


@strawberry.type(description="One event that a webhook is, or was, told. Kept for 30 days.")
class WebhookDelivery(relay.Node):
    """A row of `webhook_deliveries`."""

    key: relay.NodeID[UUID]
    job_key: strawberry.Private[UUID | None]
    message_id: str = strawberry.field(description="The header `webhook-id`: a UUID, the same for each attempt.")
    event: WebhookEvent = strawberry.field(description="What happened.")
    status: WebhookDeliveryStatus = strawberry.field(description="The state.")
    attempt: int = strawberry.field(description="Number of the last attempt; 0 before the first.")
    max_attempts: int = strawberry.field(description="Attempts it gets.")
    attempts: list[WebhookAttempt] = strawberry.field(description="What became of each attempt that has ended.")
    response_status: int | None = strawberry.field(
        description="HTTP status of the last answer; null when the last attempt got none."
    )
    error: str | None = strawberry.field(description="Why the last attempt was no good, or why it was given up.")
    payload: JSON = strawberry.field(description="The body, the same for each attempt.")
    created_at: datetime = strawberry.field(description="When it happened.")
    last_attempt_at: datetime | None = strawberry.field(description="When the last attempt began.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When the next attempt is due; null when there is none to come."
    )
    delivered_at: datetime | None = strawberry.field(description="When the endpoint answered with 2xx.")

    @strawberry.field(description="The export that it tells of; null for a test.")
    async def job(self, info: Info) -> ExportJob | None:
        """Read with the other jobs of the operation."""
        return await load_job(info.context, self.job_key) if self.job_key else None

    @classmethod
    def from_row(cls, row: Row) -> "WebhookDelivery":
        """From a row of the `webhook_deliveries_*` queries."""
        return cls(
            key=row["id"],
            job_key=row["job_id"],
            message_id=str(row["id"]),
            event=WebhookEvent(row["event"]),
            status=WebhookDeliveryStatus(row["status"]),
            attempt=row["attempt"],
            max_attempts=row["max_attempts"],
            attempts=[WebhookAttempt.from_json(outcome) for outcome in row["outcomes"]],
            response_status=row["response_status"],
            error=row["error"],
            payload=row["payload"],
            created_at=row["created_at"],
            last_attempt_at=row["last_attempt_at"],
            next_attempt_at=row["next_attempt_at"],
            delivered_at=row["delivered_at"],
        )


async def load_delivery(context: Context, key: UUID) -> WebhookDelivery | None:
    """The delivery as the caller may see it now."""
    row = await context.webhook_deliveries.load(key)
    return WebhookDelivery.from_row(row) if row else None
