"""The published keys through time: a clock that the test turns, and an auth server that answers what the test says."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.types import JWKDict
from structlog.testing import capture_logs

from resumepair_graphql.errors import Unavailable
from resumepair_graphql.keys import LIFETIME_SECONDS, MAX_BYTES, PAUSE_SECONDS, REFRESH_SECONDS, PublishedKeys

EC_PRIVATE = ec.generate_private_key(ec.SECP256R1())
EC = ECAlgorithm.to_jwk(EC_PRIVATE.public_key(), as_dict=True)
RSA = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key(), as_dict=True)
WEAK_RSA = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True)  # on purpose
P384 = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True)
OKP: JWKDict = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
assert OKPAlgorithm.from_jwk(OKP)


class AuthServer:
    """What is published now, or what happens instead; counts the fetches."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.kids = ["one"]
        self.fetches = 0
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(
            200, json={"keys": [{**EC, "kid": kid} for kid in self.kids]}
        )
        self.keys = PublishedKeys("https://auth.example/jwks", httpx.MockTransport(self._serve), lambda: self.now)

    def _serve(self, _: httpx.Request) -> httpx.Response:
        self.fetches += 1
        return self.answer()

    async def knows(self, kid: str) -> bool:
        return await self.keys.find(kid) is not None

    async def settle(self) -> None:
        """Until no fetch is under way in the background."""
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)


@pytest.fixture
def server() -> AuthServer:
    return AuthServer()


async def test_a_fresh_set_is_not_fetched_again(server: AuthServer) -> None:
    assert [await server.knows("one") for _ in range(3)] == [True] * 3
    assert server.fetches == 1


async def test_the_first_fetch_begins_with_the_process(server: AuthServer) -> None:
    async with server.keys:
        await server.settle()
        assert server.fetches == 1
        assert await server.knows("one")
    assert server.fetches == 1


async def test_an_older_set_is_refreshed_while_requests_go_on(server: AuthServer) -> None:
    assert await server.knows("one")
    server.now += REFRESH_SECONDS
    server.kids = ["one", "two"]
    assert await server.knows("one")
    await server.settle()
    assert server.fetches == 2
    assert await server.knows("two")
    assert server.fetches == 2


async def test_an_unknown_key_is_looked_for_at_a_limited_rate(server: AuthServer) -> None:
    assert await server.knows("one")
    server.kids = ["one", "two"]
    for made_up in range(5):
        assert not await server.knows(str(made_up))
    assert server.fetches == 1
    server.now += PAUSE_SECONDS
    assert await server.knows("two")
    assert not await server.knows("three")
    assert server.fetches == 2


async def test_a_key_that_was_replaced_goes_on_for_its_lifetime(server: AuthServer) -> None:
    assert await server.knows("one")
    server.kids = ["two"]
    server.now += PAUSE_SECONDS
    assert await server.knows("two")
    assert await server.knows("one")
    server.now += LIFETIME_SECONDS - PAUSE_SECONDS - 1
    assert await server.knows("one")
    server.now += 1
    assert not await server.knows("one")
    assert await server.knows("two")


async def test_after_an_idle_time_a_revoked_key_is_not_taken_once_more(server: AuthServer) -> None:
    assert await server.knows("one")
    server.kids = ["two"]
    server.now += LIFETIME_SECONDS
    assert not await server.knows("one")


async def test_a_key_of_the_same_id_is_replaced_and_an_unchanged_one_is_the_same_object(server: AuthServer) -> None:
    first = await server.keys.find("one")
    server.now += LIFETIME_SECONDS
    assert await server.keys.find("one") is first
    server.answer = lambda: httpx.Response(200, json={"keys": [{**RSA, "kid": "one"}]})
    server.now += LIFETIME_SECONDS
    key = await server.keys.find("one")
    assert key
    assert key.algorithm_name == "RS256"


def too_large() -> httpx.Response:
    return httpx.Response(200, content=b" " * (MAX_BYTES + 1))


def unreachable() -> httpx.Response:
    raise httpx.ConnectError("no route")


def broken() -> httpx.Response:
    raise RuntimeError("not foreseen")


@pytest.mark.parametrize(
    "failure",
    [
        lambda: httpx.Response(500),
        lambda: httpx.Response(302, headers={"Location": "http://elsewhere.example/"}),
        lambda: httpx.Response(200, content=b"<html>"),
        lambda: httpx.Response(200, json=[]),
        lambda: httpx.Response(200, json={"keys": "one"}),
        too_large,
        unreachable,
        broken,
    ],
)
async def test_a_fetch_that_fails_leaves_the_keys_and_is_logged(
    server: AuthServer, failure: Callable[[], httpx.Response]
) -> None:
    good = server.answer
    assert await server.knows("one")
    server.answer = failure
    server.now += LIFETIME_SECONDS * 3
    with capture_logs() as logs:
        assert await server.knows("one")
        await server.settle()
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["signing_keys_not_fetched"]
    with pytest.raises(Unavailable):  # it may be a good one: who signs in just now is not told to go away
        await server.keys.find("two")
    assert server.fetches == 2

    server.answer, server.kids = good, ["two"]
    server.now += PAUSE_SECONDS
    assert await server.knows("two")
    assert not await server.knows("one")


async def test_no_request_waits_for_an_auth_server_that_failed_before(server: AuthServer) -> None:
    assert await server.knows("one")
    server.answer = unreachable
    server.now += LIFETIME_SECONDS
    assert await server.knows("one")
    hangs = asyncio.Event()

    async def hang(_: httpx.Request) -> httpx.Response:
        await hangs.wait()
        return httpx.Response(500)

    server.keys._client._transport = httpx.MockTransport(hang)  # an answer that does not come
    server.now += PAUSE_SECONDS
    assert await server.knows("one")
    hangs.set()
    await server.settle()


async def test_an_empty_set_is_a_good_answer(server: AuthServer) -> None:
    server.kids = []
    assert not await server.knows("one")


@pytest.mark.parametrize(
    "jwk",
    [
        {**EC, "use": "enc"},
        {**EC, "key_ops": ["sign"]},
        {**EC, "key_ops": 5},
        {**EC, "alg": "ES384"},
        {**EC, "alg": "HS256"},
        {**EC, "crv": "P-384"},
        {**EC, "x": "AAAA"},
        {**EC, "x": 5},
        {**RSA, "alg": "ES256"},
        {**RSA, "alg": "PS256"},
        {**RSA, "n": ""},
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"},
        {"kty": ["EC"]},
        {},
        ECAlgorithm.to_jwk(EC_PRIVATE, as_dict=True),
        WEAK_RSA,
        P384,
        OKP,
    ],
)
async def test_a_key_for_something_else_is_passed_over(server: AuthServer, jwk: dict[str, Any]) -> None:
    listed = [{**jwk, "kid": "odd"}, None, "x", {**EC, "kid": 5}, EC, {**RSA, "kid": "good"}]
    server.answer = lambda: httpx.Response(200, json={"keys": listed})
    assert not await server.knows("odd")
    assert await server.knows("good")
