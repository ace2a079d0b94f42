"""What was released stays: the schema is compared with that of the last release (docs/reference/graphql.md)."""

from pathlib import Path

import pytest
from graphql.utilities import find_breaking_changes

from graphql import build_schema
from resumepair_graphql.schema import build_schema as build_own_schema

RELEASED = (Path(__file__).parents[3] / "graphql" / "schema.released.graphql").read_text()


def breaking(sdl: str, released: str = RELEASED) -> list[str]:
    return [change.description for change in find_breaking_changes(build_schema(released), build_schema(sdl))]


def test_no_client_of_the_last_release_is_broken() -> None:
    assert breaking(build_own_schema().as_str()) == []


SMALL = """
type Query { job(id: ID!): Job save(input: Save): Job }
type Job { percent: Int! attempt: Int! status: Status! }
enum Status { PENDING DONE }
input Save { title: String }
"""


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("percent: Int!", "", "Field Job.percent was removed."),
        ("percent: Int!", "percent: Int", "Field Job.percent changed type from Int! to Int."),
        ("job(id: ID!)", "job(id: ID!, really: Boolean!)", "A required argument Query.job(really:) was added."),
        ("PENDING DONE", "PENDING", "Enum value Status.DONE was removed."),
        ("title: String", "title: String!", "Field Save.title changed type from String to String!."),
    ],
)
def test_a_breaking_change_is_seen(before: str, after: str, told: str) -> None:
    assert breaking(SMALL.replace(before, after), SMALL) == [told]


def test_what_is_added_breaks_nobody() -> None:
    assert breaking(RELEASED + "\nextend type Query { anotherOne(of: Int): Int }\n") == []
