"""Webhooks: addresses that are told of exports. What they were told is `webhook_deliveries`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import relay

from resumepair_graphql.context import Context, Info
from resumepair_graphql.database import Row
from resumepair_graphql.errors import ErrorCode, Refusal, UserError
from resumepair_graphql.ids import require_uuid
from resumepair_graphql.inputs import Input
from resumepair_graphql.pages import After, First, fetch_page
from resumepair_graphql.webhook_deliveries import (
    WebhookDelivery,
    WebhookDeliveryStatus,
    WebhookEvent,
    load_delivery,
)
from resumepair_graphql.webhook_urls import checked_url

EXPORT_EVENTS = (WebhookEvent.EXPORT_COMPLETED, WebhookEvent.EXPORT_FAILED)


@strawberry.input(description="Which deliveries to list.")
class WebhookDeliveriesFilter:
    """Conditions on a webhook's deliveries."""

    status: list[WebhookDeliveryStatus] | None = strawberry.field(
        default=None, description="Deliveries in one of these states."
    )


@strawberry.type(description="An address that is told of the caller's exports.")
class Webhook(relay.Node):
    """A row of `webhooks`, without its secrets."""

    key: relay.NodeID[UUID]
    url: str = strawberry.field(description="Where deliveries are posted to.")
    events: list[WebhookEvent] = strawberry.field(description="What it is told of.")
    previous_secret_valid_until: datetime | None = strawberry.field(
        description="Until when the secret before the last rotation signs as well; null when that is over."
    )
    failing_since: datetime | None = strawberry.field(
        description="When the first attempt failed since anything was delivered; null while all is well."
    )
    disabled_at: datetime | None = strawberry.field(
        description="When it was disabled; it is told nothing until `enableWebhook`. Null while it is told of exports."
    )
    disabled_reason: str | None = strawberry.field(description="Why it was disabled, for people.")
    created_at: datetime = strawberry.field(description="When it was registered.")

    @strawberry.field(description="What it is, or was, told, latest first.")
    async def deliveries(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        filter: Annotated[WebhookDeliveriesFilter | None, strawberry.argument(description="Which ones.")] = None,
    ) -> relay.Connection[WebhookDelivery] | None:
        """One page."""
        statuses = filter.status if filter else None
        return await fetch_page(
            info, "webhook_deliveries_page", "created_at", WebhookDelivery.from_row, first=first, after=after,
            webhook_id=self.key, statuses=None if statuses is None else [status.value for status in statuses],
        )  # fmt: skip

    @classmethod
    def from_row(cls, row: Row) -> "Webhook":
        """From a row of the `webhooks_*` queries."""
        until: datetime | None = row["previous_secret_until"]
        return cls(
            key=row["id"],
            url=row["url"],
            events=[WebhookEvent(event) for event in row["events"]],
            previous_secret_valid_until=until if until and until > datetime.now(UTC) else None,
            failing_since=row["failing_since"],
            disabled_at=row["disabled_at"],
            disabled_reason=row["disabled_reason"],
            created_at=row["created_at"],
        )


@strawberry.input(description="An address to tell of exports.")
class RegisterWebhookInput:
    """What `registerWebhook` takes."""

    url: str = strawberry.field(
        description="Where to post to: `https://`, a public host, at most 2048 characters; no password, no `#`."
    )
    events: list[WebhookEvent] | None = strawberry.field(
        default=None, description="What to tell it of: EXPORT_COMPLETED, EXPORT_FAILED; both if left out."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 200 characters of your choice; the same key and input give the first webhook again, "
        "without its secret.",
    )


@strawberry.type(description="What became of `registerWebhook`.")
class RegisterWebhookPayload:
    """The webhook, or why there is none."""

    webhook: Webhook | None = strawberry.field(default=None, description="The webhook.")
    secret: str | None = strawberry.field(
        default=None,
        description="Verifies its deliveries. Shown here and never again; null when `replayed`: then, if it was lost, "
        "`rotateWebhookSecret` gives a new one.",
    )
    replayed: bool = strawberry.field(default=False, description="Whether an earlier request with this key made it.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why there is no webhook.")


@strawberry.input(description="A webhook to do something with.")
class WebhookInput:
    """What the mutations about one webhook take."""

    webhook_id: strawberry.ID = strawberry.field(description="The webhook's global id.")


@strawberry.type(description="What became of `deleteWebhook`.")
class DeleteWebhookPayload:
    """The id that is no more, or why it still is."""

    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="The deleted webhook's global id.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why it was not deleted.")


@strawberry.type(description="What became of `rotateWebhookSecret`.")
class RotateWebhookSecretPayload:
    """The new secret, or why there is none."""

    webhook: Webhook | None = strawberry.field(default=None, description="The webhook as it is now.")
    secret: str | None = strawberry.field(
        default=None,
        description="The new secret. Shown here and never again; the one before signs as well for 24 hours.",
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list[UserError], description="Why there is no new secret."
    )


@strawberry.type(description="What became of `enableWebhook`.")
class EnableWebhookPayload:
    """The webhook as it is now, or why nothing was done."""

    webhook: Webhook | None = strawberry.field(default=None, description="The webhook as it is now.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why nothing was done.")


@strawberry.input(description="A delivery to send again.")
class RedeliverWebhookInput:
    """What `redeliverWebhook` takes."""

    delivery_id: strawberry.ID = strawberry.field(description="The delivery's global id.")


@strawberry.type(description="What became of `testWebhook` or `redeliverWebhook`.")
class WebhookDeliveryPayload:
    """The delivery as it is now, or why nothing is sent."""

    delivery: WebhookDelivery | None = strawberry.field(default=None, description="The delivery as it is now.")
    errors: list[UserError] = strawberry.field(default_factory=list[UserError], description="Why nothing is sent.")


@strawberry.type
class WebhookQueries:
    """Query fields about webhooks."""

    @strawberry.field(description="The caller's webhooks, latest first; also disabled ones.")
    async def webhooks(self, info: Info, first: First = 20, after: After = None) -> relay.Connection[Webhook] | None:
        """One page."""
        return await fetch_page(info, "webhooks_page", "created_at", Webhook.from_row, first=first, after=after)


@strawberry.type
class WebhookMutations:
    """Mutation fields about webhooks."""

    @strawberry.mutation(description="Have an address told of exports that complete or fail.")
    async def register_webhook(self, info: Info, input: Input[RegisterWebhookInput]) -> RegisterWebhookPayload | None:
        """The only answer that has its secret."""
        try:
            (row,) = await info.context.rows(
                "register_webhook",
                url=checked_url(input.url, allow_insecure=info.context.services.allow_insecure_webhooks),
                events=[event.value for event in _checked_events(input.events)],
                idempotency_key=input.idempotency_key,
            )
        except Refusal as refusal:
            return RegisterWebhookPayload(errors=[refusal.as_user_error()])
        webhook = await load_webhook(info.context, row["webhook_id"])
        return RegisterWebhookPayload(webhook=webhook, secret=row["secret"], replayed=row["replayed"])

    @strawberry.mutation(description="Delete a webhook and its deliveries; it is told nothing from then on.")
    async def delete_webhook(self, info: Info, input: Input[WebhookInput]) -> DeleteWebhookPayload | None:
        """Also of what had happened before."""
        try:
            await info.context.row("delete_webhook", id=_key_of(input))
        except Refusal as refusal:
            return DeleteWebhookPayload(errors=[refusal.as_user_error()])
        return DeleteWebhookPayload(deleted_id=input.webhook_id)

    @strawberry.mutation(description="Give a webhook a new secret; the one before signs as well for 24 hours.")
    async def rotate_webhook_secret(self, info: Info, input: Input[WebhookInput]) -> RotateWebhookSecretPayload | None:
        """At once: deliveries carry both signatures."""
        try:
            key = _key_of(input)
            (row,) = await info.context.rows("rotate_webhook_secret", id=key)
        except Refusal as refusal:
            return RotateWebhookSecretPayload(errors=[refusal.as_user_error()])
        return RotateWebhookSecretPayload(webhook=await load_webhook(info.context, key), secret=row["secret"])

    @strawberry.mutation(description="Let a disabled webhook be told of exports again; repeating it is harmless.")
    async def enable_webhook(self, info: Info, input: Input[WebhookInput]) -> EnableWebhookPayload | None:
        """Of those that end from now on; what was given up is sent again one by one."""
        try:
            key = _key_of(input)
            await info.context.row("enable_webhook", id=key)
        except Refusal as refusal:
            return EnableWebhookPayload(errors=[refusal.as_user_error()])
        return EnableWebhookPayload(webhook=await load_webhook(info.context, key))

    @strawberry.mutation(description="Send a webhook the event `webhook.test`, in one attempt; one at a time.")
    async def test_webhook(self, info: Info, input: Input[WebhookInput]) -> WebhookDeliveryPayload | None:
        """What comes of it is in the delivery."""
        try:
            (row,) = await info.context.rows("test_webhook", id=_key_of(input))
        except Refusal as refusal:
            return WebhookDeliveryPayload(errors=[refusal.as_user_error()])
        return WebhookDeliveryPayload(delivery=await load_delivery(info.context, row["delivery_id"]))

    @strawberry.mutation(
        description="Send a failed delivery again: the same id and body, and as many attempts as at first."
    )
    async def redeliver_webhook(self, info: Info, input: Input[RedeliverWebhookInput]) -> WebhookDeliveryPayload | None:
        """The endpoint knows it by its id, should it have heard it already."""
        try:
            key = require_uuid(input.delivery_id, "WebhookDelivery", "deliveryId")
            await info.context.row("redeliver_webhook", id=key)
        except Refusal as refusal:
            return WebhookDeliveryPayload(errors=[refusal.as_user_error()])
        return WebhookDeliveryPayload(delivery=await load_delivery(info.context, key))


async def load_webhook(context: Context, key: UUID) -> Webhook | None:
    """The webhook as the caller may see it now."""
    row = await context.webhooks.load(key)
    return Webhook.from_row(row) if row else None


def _checked_events(events: list[WebhookEvent] | None) -> Sequence[WebhookEvent]:
    """Both if they were left out; the database's refusal would have its own names for them."""
    if events is None:
        return EXPORT_EVENTS
    if not events or not set(events) <= set(EXPORT_EVENTS):
        names = " and ".join(event.name for event in EXPORT_EVENTS)
        raise Refusal(ErrorCode.INVALID_INPUT, f"Name one or both of {names}.", "events")
    return events


def _key_of(target: WebhookInput) -> UUID:
    return require_uuid(target.webhook_id, "Webhook", "webhookId")
