"""The GraphQL schema, put together; `python -m resumepair_graphql.schema` prints it as SDL."""

import secrets
import sys

import strawberry
import structlog
from strawberry.extensions import MaskErrors, MaxTokensLimiter
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.tools import merge_types

from graphql import GraphQLError
from resumepair_graphql.batches import BatchMutations, BatchQueries
from resumepair_graphql.documents import DocumentMutations, DocumentQueries
from resumepair_graphql.errors import USER_ERRORS
from resumepair_graphql.exports import ExportMutations
from resumepair_graphql.history import HistoryMutations, HistoryQueries
from resumepair_graphql.jobs import JobMutations, JobQueries
from resumepair_graphql.progress import ProgressSubscriptions
from resumepair_graphql.scalars import SCALARS
from resumepair_graphql.schedules import ScheduleMutations, ScheduleQueries

MAX_TOKENS = 2000

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


def build_schema() -> strawberry.Schema:
    """The schema of the public API."""
    return strawberry.Schema(
        query=merge_types("Query", (DocumentQueries, JobQueries, BatchQueries, HistoryQueries, ScheduleQueries)),
        mutation=merge_types(
            "Mutation",
            (DocumentMutations, ExportMutations, JobMutations, BatchMutations, HistoryMutations, ScheduleMutations),
        ),
        subscription=merge_types("Subscription", (ProgressSubscriptions,)),
        types=USER_ERRORS,
        extensions=[MaskUnexpected, lambda: MaxTokensLimiter(MAX_TOKENS)],
        config=StrawberryConfig(scalar_map=SCALARS),
    )


if __name__ == "__main__":
    sys.stdout.write(build_schema().as_str() + "\n")
