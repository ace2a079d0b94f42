"""Any object by its global id, as Relay's specification has it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import relay

from resumepair_graphql.batches import load_batch
from resumepair_graphql.bundles import load_bundle
from resumepair_graphql.context import Context, Info
from resumepair_graphql.documents import load_document
from resumepair_graphql.errors import ErrorCode, Refusal
from resumepair_graphql.history import load_export
from resumepair_graphql.ids import Id, uuid_of
from resumepair_graphql.jobs import load_job
from resumepair_graphql.schedules import load_schedule
from resumepair_graphql.webhook_deliveries import load_delivery
from resumepair_graphql.webhooks import load_webhook

NODES_MAX = 100
Load = Callable[[Context, UUID], Awaitable[relay.Node | None]]
LOADS: dict[str, Load] = {
    "Document": load_document,
    "ExportJob": load_job,
    "ExportBatch": load_batch,
    "Export": load_export,
    "ExportBundle": load_bundle,
    "ExportSchedule": load_schedule,
    "Webhook": load_webhook,
    "WebhookDelivery": load_delivery,
}


@strawberry.type
class NodeQueries:
    """Query fields that fetch anything again."""

    @strawberry.field(description="The caller's object with this id, of whatever type; null when there is no such one.")
    async def node(self, info: Info, id: Id) -> relay.Node | None:
        """A foreign, an unknown and a malformed id look the same."""
        return await _load(info.context, id)

    @strawberry.field(description="The caller's objects with these ids, in their order; null for each there is not.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description=f"Global ids, at most {NODES_MAX}.")],
    ) -> list[relay.Node | None] | None:
        """Read in one query per type."""
        if len(ids) > NODES_MAX:
            raise Refusal(ErrorCode.INVALID_INPUT, f"`ids` may have at most {NODES_MAX} entries.")
        return await asyncio.gather(*(_load(info.context, id_) for id_ in ids))


async def _load(context: Context, global_id: str) -> relay.Node | None:
    for name, load in LOADS.items():
        if key := uuid_of(global_id, name):
            return await load(context, key)
    return None
