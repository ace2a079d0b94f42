"""Prices of fields that cost more than their number says: kept on the field itself, charged by `cost`."""

from graphql import GraphQLField

COST = "cost"
ENTRIES = "entries"
ASKS = "asks"


def price(cost: int = 1, *, entries: int | None = None, asks: bool | None = None) -> dict[str, int]:
    """A field's metadata: what each occurrence costs, how many entries its list can have, if the database is asked.

    Unless it is said here, a field asks the database if its resolver waits for something.
    """
    given = {COST: cost, ENTRIES: entries, ASKS: asks}
    return {name: value for name, value in given.items() if value is not None}


def cost_of(field: GraphQLField) -> int:
    """What each occurrence of a field costs, whatever is below it."""
    return _metadata_of(field).get(COST, 1)


def entries_of(field: GraphQLField) -> int | None:
    """How many entries a field's list can have; None where nobody has said."""
    return _metadata_of(field).get(ENTRIES)


def asks_database(field: GraphQLField) -> bool:
    """Whether a field is more than what its object knows already."""
    waits = getattr((field.extensions or {}).get("strawberry-definition"), "is_async", False)
    return bool(_metadata_of(field).get(ASKS, waits))


def _metadata_of(field: GraphQLField) -> dict[str, int]:
    return getattr((field.extensions or {}).get("strawberry-definition"), "metadata", None) or {}
