"""Keyset pagination: from ordered rows to Relay connections."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeVar

import strawberry
from strawberry import relay

from resumepair_graphql.context import Info
from resumepair_graphql.database import Row
from resumepair_graphql.errors import ErrorCode, Refusal
from resumepair_graphql.ids import Cursor

FIRST_MAX = 100
First = Annotated[int, strawberry.argument(description=f"How many at most, 1 to {FIRST_MAX}.")]
After = Annotated[str | None, strawberry.argument(description="The `endCursor` of the page before.")]

NodeT = TypeVar("NodeT", bound=relay.Node)


async def fetch_page(
    info: Info,
    query: str,
    ordered_by: str,
    as_node: Callable[[Row], NodeT],
    *,
    first: int,
    after: str | None,
    **values: object,
) -> relay.Connection[NodeT]:
    """One page of a named query that takes `after_at`, `after_id` and `limit`: by `ordered_by` and id, newest first.

    Raises:
        Refusal: INVALID_INPUT for a `first` out of range or a foreign cursor.
    """
    require_first(first)
    place = Cursor.decode(after) if after is not None else None
    rows = await info.context.rows(
        query, after_at=place and place.at, after_id=place and place.id, limit=first + 1, **values
    )
    edges = [relay.Edge(cursor=_cursor_of(row, ordered_by), node=as_node(row)) for row in rows[:first]]
    return page_of(edges, more=len(rows) > first, after=after)


def require_first(first: int) -> None:
    """Check the size of a page.

    Raises:
        Refusal: INVALID_INPUT; it is out of range.
    """
    if not 1 <= first <= FIRST_MAX:
        raise Refusal(ErrorCode.INVALID_INPUT, f"`first` has to be between 1 and {FIRST_MAX}.")


def page_of(edges: list[relay.Edge[NodeT]], *, more: bool, after: str | None) -> relay.Connection[NodeT]:
    """The page of these edges, which begins after a cursor, if any, and may have more behind it."""
    return relay.Connection(
        page_info=relay.PageInfo(
            has_next_page=more,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        edges=edges,
    )


def _cursor_of(row: Row, ordered_by: str) -> str:
    at: datetime = row[ordered_by]
    return Cursor(at, row["id"]).encode()
