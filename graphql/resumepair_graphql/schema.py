"""The GraphQL schema, put together; `python -m resumepair_graphql.schema` prints it as SDL."""

import sys

from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from resumepair_graphql.batches import BatchMutations, BatchQueries
from resumepair_graphql.documents import DocumentMutations, DocumentQueries
from resumepair_graphql.errors import USER_ERRORS
from resumepair_graphql.execution import ExportSchema, Policy
from resumepair_graphql.exports import ExportMutations
from resumepair_graphql.history import HistoryMutations, HistoryQueries
from resumepair_graphql.jobs import JobMutations, JobQueries
from resumepair_graphql.progress import ProgressSubscriptions
from resumepair_graphql.scalars import SCALARS
from resumepair_graphql.schedules import ScheduleMutations, ScheduleQueries


def build_schema(policy: Policy | None = None) -> ExportSchema:
    """The schema of the public API, executing under a policy."""
    return ExportSchema(
        policy=policy or Policy(),
        query=merge_types("Query", (DocumentQueries, JobQueries, BatchQueries, HistoryQueries, ScheduleQueries)),
        mutation=merge_types(
            "Mutation",
            (DocumentMutations, ExportMutations, JobMutations, BatchMutations, HistoryMutations, ScheduleMutations),
        ),
        subscription=merge_types("Subscription", (ProgressSubscriptions,)),
        types=USER_ERRORS,
        config=StrawberryConfig(scalar_map=SCALARS),
    )


if __name__ == "__main__":
    sys.stdout.write(build_schema().as_str() + "\n")
