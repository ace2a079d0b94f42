"""Who is asking: the user of the token, with what they may use and what they do use."""

from datetime import datetime
from enum import Enum

import strawberry

from resumepair_graphql.auth import Identity
from resumepair_graphql.context import Info
from resumepair_graphql.database import Row
from resumepair_graphql.enums import described
from resumepair_graphql.scalars import BigInt
from resumepair_graphql.sign_in import NOBODY, OPEN


@strawberry.enum(description="What a token allows.")
class ViewerRole(Enum):
    """The roles of `schema.sql` that see anything."""

    AUTHENTICATED = described("authenticated", "A signed-in user: what is their own.")
    SERVICE_ROLE = described("service_role", "The operator: everything, but no exports of their own.")


@strawberry.type(description="What a user may use.")
class Limits:
    """A user's row of `user_limits`, with the defaults filled in."""

    max_active_requests: int = strawberry.field(
        description="Export requests, of which a batch is one, that may be pending or processing at once."
    )
    max_batch_documents: int = strawberry.field(description="Documents that one batch may hold.")
    max_attempts: int = strawberry.field(description="Attempts that a job gets.")
    max_schedules: int = strawberry.field(description="Schedules that may have something to come.")
    max_documents: int = strawberry.field(description="Documents that there may be.")
    max_webhooks: int = strawberry.field(description="Webhooks that may be registered.")
    quota_bytes: BigInt = strawberry.field(description="Bytes that the files of exports may take up.")


@strawberry.type(description="What a user does use of the limits, at this moment.")
class Usage:
    """Counted as the limits are."""

    active_requests: int = strawberry.field(
        description="Export requests, of which a batch is one, that are pending or processing."
    )
    active_schedules: int = strawberry.field(description="Schedules with something to come.")
    documents: int = strawberry.field(description="Documents that there are.")
    webhooks: int = strawberry.field(description="Webhooks that are registered.")
    bytes_used: BigInt = strawberry.field(
        description="Bytes that the files of exports take up, of expired ones until they are cleaned up (a minute)."
    )


@strawberry.type(description="Whoever the token belongs to.")
class Viewer:
    """The caller of an operation."""

    id: strawberry.ID | None = strawberry.field(
        description="The user's id, a UUID as in the token's `sub`; null for a token without a user. Not a node's."
    )
    role: ViewerRole = strawberry.field(description="What the token allows.")
    token_expires_at: datetime | None = strawberry.field(description="When the token stops working.")
    limits: Limits = strawberry.field(description="What the user may use.")
    usage: Usage = strawberry.field(description="What the user does use.")


@strawberry.type
class ViewerQueries:
    """Query fields about the caller."""

    @strawberry.field(description="The caller, with limits and usage; null without a token.", metadata=OPEN)
    async def me(self, info: Info) -> Viewer | None:
        """A token of the role `anon` is nobody either."""
        identity = info.context.identity
        if identity.role == NOBODY:
            return None
        (row,) = await info.context.rows("viewer")
        return _viewer_of(identity, row)


def _viewer_of(identity: Identity, row: Row) -> Viewer:
    return Viewer(
        id=strawberry.ID(str(identity.subject)) if identity.subject else None,
        role=ViewerRole(identity.role),
        token_expires_at=identity.expires_at,
        limits=Limits(
            max_active_requests=row["max_active_requests"],
            max_batch_documents=row["max_batch_documents"],
            max_attempts=row["max_attempts"],
            max_schedules=row["max_schedules"],
            max_documents=row["max_documents"],
            max_webhooks=row["max_webhooks"],
            quota_bytes=row["quota_bytes"],
        ),
        usage=Usage(
            active_requests=row["active_requests"],
            active_schedules=row["active_schedules"],
            documents=row["documents"],
            webhooks=row["webhooks"],
            bytes_used=row["bytes_used"],
        ),
    )
