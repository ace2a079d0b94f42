"""The GraphQL schema, put together; `python -m resumepair_graphql.schema` prints it as SDL."""

import sys

from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types
from strawberry.types import get_object_definition

from resumepair_graphql.activity import ActivitySubscriptions
from resumepair_graphql.batches import BatchMutations, BatchQueries
from resumepair_graphql.documents import DocumentMutations, DocumentQueries
from resumepair_graphql.errors import USER_ERRORS
from resumepair_graphql.execution import ExportSchema, Policy
from resumepair_graphql.exports import ExportMutations
from resumepair_graphql.history import HistoryMutations, HistoryQueries
from resumepair_graphql.job_pages import JobPageQueries
from resumepair_graphql.jobs import JobMutations, JobQueries
from resumepair_graphql.nodes import NodeQueries
from resumepair_graphql.progress import ProgressSubscriptions
from resumepair_graphql.scalars import SCALARS
from resumepair_graphql.schedules import ScheduleMutations, ScheduleQueries
from resumepair_graphql.sign_in import require_sign_in
from resumepair_graphql.stats import StatsQueries
from resumepair_graphql.templates import TemplateQueries
from resumepair_graphql.viewer import ViewerQueries
from resumepair_graphql.webhooks import WebhookMutations, WebhookQueries

QUERIES = (
    ViewerQueries, NodeQueries, DocumentQueries, JobQueries, JobPageQueries, BatchQueries, HistoryQueries,
    ScheduleQueries, WebhookQueries, TemplateQueries, StatsQueries,
)  # fmt: skip
MUTATIONS = (
    DocumentMutations, ExportMutations, JobMutations, BatchMutations, HistoryMutations, ScheduleMutations,
    WebhookMutations,
)  # fmt: skip
SUBSCRIPTIONS = (ProgressSubscriptions, ActivitySubscriptions)


def _root(name: str, description: str, parts: tuple[type, ...]) -> type:
    root = merge_types(name, parts)
    get_object_definition(root, strict=True).description = description
    return root


def build_schema(policy: Policy | None = None) -> ExportSchema:
    """The schema of the public API, executing under a policy."""
    schema = ExportSchema(
        policy=policy or Policy(),
        query=_root("Query", "What can be read. Everything is the caller's own.", QUERIES),
        mutation=_root("Mutation", "What can be done. A refusal is in the payload's `errors`.", MUTATIONS),
        subscription=_root(
            "Subscription", "What can be followed: the present state, then every change.", SUBSCRIPTIONS
        ),
        types=USER_ERRORS,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    require_sign_in(schema.core)
    return schema


if __name__ == "__main__":
    sys.stdout.write(build_schema().as_str() + "\n")
