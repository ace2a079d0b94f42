"""Signing keys that are not to be had: nobody is let in by them, nobody is told that a good token is bad."""

from collections.abc import Generator
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Database
from tests.integration.authorization.callers import CALLERS
from tests.integration.authorization.conftest import free_port, running_api
from tests.integration.authorization.transports import Question, over_http, over_websocket


@pytest.fixture(scope="module")
def client(shared_database: Database) -> Generator[httpx.Client, None, None]:
    """Of a process that knows no secret, and whose auth server is away."""
    with running_api(shared_database, {"SUPABASE_URL": f"http://127.0.0.1:{free_port()}"}) as client:
        yield client


def asked_by(name: str, client: httpx.Client) -> Question:
    return Question(client, CALLERS[name].token(uuid4(), uuid4()), "{ __typename }", {})


def test_a_token_that_cannot_be_checked_is_not_called_bad(client: httpx.Client) -> None:
    question = asked_by("owner, by a published key", client)
    response = client.post("/graphql", json=question.body, headers=question.headers)
    assert response.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert over_websocket(question) is None


@pytest.mark.parametrize("name", ["owner", "forged", "alg: none"])
def test_where_no_secret_is_set_no_secret_is_good(client: httpx.Client, name: str) -> None:
    assert over_http(asked_by(name, client)) is None


def test_who_needs_no_key_is_served(client: httpx.Client) -> None:
    answer = over_http(asked_by("anon", client))
    assert answer
    assert answer["data"] == {"__typename": "Query"}
