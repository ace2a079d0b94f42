import json
from contextlib import ExitStack
from uuid import UUID

import pytest

from resumepair_graphql.auth import ANONYMOUS, Identity
from resumepair_graphql.client_connections import Connections, TooManyConnections

ALICE, BOB = (Identity("authenticated", json.dumps({"sub": str(UUID(int=number))})) for number in (1, 2))


def test_a_user_has_so_many_connections_and_no_more() -> None:
    connections = Connections(per_user=2, per_address=100)
    with ExitStack() as stack:
        stack.enter_context(connections.of_user(ALICE))
        with connections.of_user(ALICE), pytest.raises(TooManyConnections, match="at most 2"):
            stack.enter_context(connections.of_user(ALICE))
        stack.enter_context(connections.of_user(ALICE))
        stack.enter_context(connections.of_user(BOB))


def test_who_has_no_name_is_counted_by_address_alone() -> None:
    connections = Connections(per_user=1, per_address=100)
    with connections.of_user(ANONYMOUS), connections.of_user(ANONYMOUS):
        pass


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "", True),  # a socket file
    ],
)
def test_an_address_is_what_one_household_has(one: str, other: str, are_one: bool) -> None:
    connections = Connections(per_user=1, per_address=1)
    with connections.from_address(one, "sse"):
        try:
            with connections.from_address(other, "websocket"):
                refused = False
        except TooManyConnections:
            refused = True
    assert refused == are_one
    assert set(connections.by_transport.values()) == {0}
