"""The ways to ask: each gives the first answer to an operation, or REFUSED for who is not let in."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.integration.authorization.operations import EMPTY, VALUE

REFUSED = "refused at the door"
FORBIDDEN = 4403
SECONDS = 20

# GraphQL's answer, or None when the door stays shut.
Answer = dict[str, Any] | None


@dataclass(frozen=True)
class Question:
    """An operation and who asks it."""

    client: httpx.Client
    token: str | None
    query: str
    variables: dict[str, Any]

    @property
    def body(self) -> dict[str, Any]:
        return {"query": self.query, "variables": self.variables}

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def over_http(question: Question) -> Answer:
    response = question.client.post("/graphql", json=question.body, headers=question.headers)
    return None if is_refused(response) else response.json()


def over_sse(question: Question) -> Answer:
    headers = {"Accept": "text/event-stream", **question.headers}
    with question.client.stream("POST", "/graphql", json=question.body, headers=headers) as response:
        if response.status_code == httpx.codes.UNAUTHORIZED:
            response.read()
            assert is_refused(response)
            return None
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("data: "):
                return json.loads(line.removeprefix("data: "))  # type: ignore[no-any-return]
    raise AssertionError("the stream ended without an answer")


def over_websocket(question: Question) -> Answer:
    url = str(question.client.base_url.copy_with(scheme="ws")).rstrip("/") + "/graphql"
    params = {name.lower(): value for name, value in question.headers.items()}
    try:
        with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as connection:
            connection.send(json.dumps({"type": "connection_init", "payload": params}))
            assert json.loads(connection.recv(SECONDS)) == {"type": "connection_ack"}
            connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": question.body}))
            message = json.loads(connection.recv(SECONDS))
            return {"errors": message["payload"]} if message["type"] == "error" else message["payload"]
    except ConnectionClosed as closed:
        if closed.rcvd and closed.rcvd.code == FORBIDDEN:
            return None
        raise


TRANSPORTS: dict[str, Callable[[Question], Answer]] = {"HTTP": over_http, "WebSocket": over_websocket, "SSE": over_sse}


def is_refused(response: httpx.Response) -> bool:
    """Whether it is a 401, and then as it has to be."""
    if response.status_code != httpx.codes.UNAUTHORIZED:
        return False
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert response.headers["www-authenticate"].startswith("Bearer")
    return True


def value_of(answer: Answer) -> object:
    """What the only root field has; nothing went wrong."""
    assert answer
    assert "errors" not in answer, answer["errors"]
    (value,) = answer["data"].values()
    return value


def outcome_of(answer: Answer) -> str:
    """The answer in the words of the matrix: a value, nothing, or the code of what refused it."""
    if answer is None:
        return REFUSED
    if answer.get("errors"):
        assert not any((answer.get("data") or {}).values())
        (error,) = answer["errors"]
        return str(error.get("extensions", {}).get("code") or error["message"])
    (value,) = answer["data"].values()
    match value:
        case {"errors": [error]}:
            assert all(part is None for name, part in value.items() if name != "errors")
            return str(error["code"])
        case None | {"edges": []}:
            return EMPTY
        case [*parts] if not any(parts):
            return EMPTY
        case _:
            return VALUE
