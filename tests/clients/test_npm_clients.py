"""What users of Apollo Client, urql, graphql-ws and graphql-sse do, done with them."""

from typing import Any

import pytest

from tests.clients.conftest import Author, Node

CLIENTS = ("apollo", "urql", "graphql-ws", "graphql-sse")
WITH_A_CACHE = {"apollo", "urql"}
# First by a network that broke, then by the API, because the token had expired.
CLOSED = {"graphql-sse": [0, 0]}  # streams that end without a code
CLOSED_WITH = [1006, 4403]


@pytest.mark.parametrize("client", CLIENTS)
def test_the_main_path(node: Node, author: Author, client: str) -> None:
    found = node.walk(client, author)

    assert found["idempotency"] == {"first": False, "again": True, "same": True}
    assert found["cancelled"] == ["PENDING", "CANCELLED"]
    assert found["closed"][:2] == CLOSED.get(client, CLOSED_WITH)
    assert_resumed(found["states"])
    *downloads, sha256 = found["downloads"]
    assert downloads == [{"start": "%PDF-", "sha256": sha256}] * 2
    assert found["batch"] == {"jobs": 2, "completed": 2, "percent": 100}
    assert [len(page) for page in found["pages"]] == [2, 1]
    assert len({entry for page in found["pages"] for entry in page}) == 3
    assert found["retried"] == ["FAILED", "2", "INVALID_DOCUMENT"]
    assert found["refusals"] == ["NOT_FOUND", "INVALID_STATE"]
    if client in WITH_A_CACHE:
        assert found["cached"][0] == ["PENDING", 0]
        assert found["cached"][-1] == ["COMPLETED", 100], "the subscription updated the job of the query"


def assert_resumed(states: list[Any]) -> None:
    """Nothing was told twice, although the client connected three times; what it missed may be left out."""
    assert states[0] == [1, 0, "PENDING"]
    sequences = [sequence for sequence, _, _ in states]
    assert sequences == sorted(set(sequences))
    assert states[-1] == [7, 100, "COMPLETED"]
