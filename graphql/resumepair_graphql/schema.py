"""The GraphQL schema, put together; `python -m resumepair_graphql.schema` prints it as SDL."""

import secrets
import sys

import strawberry
import structlog
from strawberry.extensions import MaskErrors, MaxTokensLimiter
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.tools import merge_types
from strawberry.types import get_object_definition

from graphql import GraphQLError
from resumepair_graphql.activity import ActivitySubscriptions
from resumepair_graphql.batches import BatchMutations, BatchQueries
from resumepair_graphql.documents import DocumentMutations, DocumentQueries
from resumepair_graphql.errors import USER_ERRORS
from resumepair_graphql.exports import ExportMutations
from resumepair_graphql.history import HistoryMutations, HistoryQueries
from resumepair_graphql.job_pages import JobPageQueries
from resumepair_graphql.jobs import JobMutations, JobQueries
from resumepair_graphql.nodes import NodeQueries
from resumepair_graphql.progress import ProgressSubscriptions
from resumepair_graphql.scalars import SCALARS
from resumepair_graphql.schedules import ScheduleMutations, ScheduleQueries
from resumepair_graphql.stats import StatsQueries
from resumepair_graphql.templates import TemplateQueries
from resumepair_graphql.viewer import ViewerQueries

MAX_TOKENS = 2000
QUERIES = (
    ViewerQueries, NodeQueries, DocumentQueries, JobQueries, JobPageQueries, BatchQueries, HistoryQueries,
    ScheduleQueries, TemplateQueries, StatsQueries,
)  # fmt: skip
MUTATIONS = (
    DocumentMutations, ExportMutations, JobMutations, BatchMutations, HistoryMutations, ScheduleMutations,
)  # fmt: skip
SUBSCRIPTIONS = (ProgressSubscriptions, ActivitySubscriptions)

log = structlog.stdlib.get_logger(__name__)


class MaskUnexpected(MaskErrors):
    """Unexpected errors go to the log; the client gets an id to ask about."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=_is_unexpected)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """Log the error and answer with its correlation id."""
        correlation_id = secrets.token_hex(8)
        log.error("unexpected_error", correlation_id=correlation_id, path=error.path, exc_info=error.original_error)
        return GraphQLError(
            f"Something went wrong on our side (id {correlation_id}).",
            nodes=error.nodes,
            path=error.path,
            extensions={"code": "INTERNAL_ERROR", "correlationId": correlation_id},
        )


def _is_unexpected(error: GraphQLError) -> bool:
    """Syntax, validation and coercion errors, and refusals, are GraphQL errors themselves."""
    expected = (GraphQLError, CannotGetOperationTypeError, InvalidOperationTypeError)
    return error.original_error is not None and not isinstance(error.original_error, expected)


def _root(name: str, description: str, parts: tuple[type, ...]) -> type:
    root = merge_types(name, parts)
    get_object_definition(root, strict=True).description = description
    return root


def build_schema() -> strawberry.Schema:
    """The schema of the public API."""
    return strawberry.Schema(
        query=_root("Query", "What can be read. Everything is the caller's own.", QUERIES),
        mutation=_root("Mutation", "What can be done. A refusal is in the payload's `errors`.", MUTATIONS),
        subscription=_root(
            "Subscription", "What can be followed: the present state, then every change.", SUBSCRIPTIONS
        ),
        types=USER_ERRORS,
        extensions=[MaskUnexpected, lambda: MaxTokensLimiter(MAX_TOKENS)],
        config=StrawberryConfig(scalar_map=SCALARS),
    )


if __name__ == "__main__":
    sys.stdout.write(build_schema().as_str() + "\n")
