import asyncio
import base64
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from resumepair_graphql.auth import ANONYMOUS, Authenticator, Identity, InvalidToken
from resumepair_graphql.keys import PublishedKeys

SECRET = "a-secret-that-is-long-enough-for-every-hmac-algorithm-there-is-in-here"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLISHED = {
    "keys": [
        {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "elliptic", "alg": "ES256", "use": "sig"},
        {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "rsa", "alg": "RS256"},
    ]
}
# What an attacker can read of the keys, as the secret of an HMAC.
PUBLIC_TEXT = orjson.dumps(PUBLISHED["keys"][1]).decode()


def claims(**changes: object) -> dict[str, Any]:
    good = {"sub": str(uuid4()), "role": "authenticated", "aud": "authenticated", "exp": int(time.time()) + 60}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def bearer(
    payload: dict[str, Any], key: Any = SECRET, algorithm: str = "HS256", /, **headers: object  # noqa: ANN401
) -> str:  # fmt: skip
    return f"Bearer {jwt.encode(payload, key, algorithm, headers=headers)}"


def by_hand(header: object, payload: object, signature: bytes = b"") -> str:
    """What no library would make."""
    parts = (orjson.dumps(header), orjson.dumps(payload), signature)
    return "Bearer " + ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def authenticator(
    *, secret: str | None = SECRET, published: object = PUBLISHED, issuer: str | None = None
) -> Authenticator:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json=published))
    keys = PublishedKeys("https://auth.example/jwks", answer) if published else None
    return Authenticator("authenticated", secret=secret, keys=keys, issuer=issuer)


async def identify(authorization: str | None, by: Authenticator | None = None) -> Identity:
    return await (by or authenticator()).identify(authorization)


@pytest.mark.parametrize(
    ("key", "algorithm", "headers"),
    [
        (SECRET, "HS256", {}),
        (SECRET, "HS256", {"kid": "of the secret"}),
        (EC_KEY, "ES256", {"kid": "elliptic"}),
        (RSA_KEY, "RS256", {"kid": "rsa"}),
    ],
)
async def test_a_good_token_is_the_users_identity(key: Any, algorithm: str, headers: dict[str, str]) -> None:  # noqa: ANN401
    payload = claims(iat=int(time.time()), nbf=int(time.time()), iss="https://ref.supabase.co/auth/v1")
    identity = await identify(bearer(payload, key, algorithm, **headers))
    assert identity.role == "authenticated"
    assert orjson.loads(identity.claims) == payload
    assert identity.expires_at
    assert identity.expires_at.timestamp() == payload["exp"]


async def test_a_token_for_ever_has_the_last_moment_there_is() -> None:
    identity = await identify(bearer(claims(exp=10**18)))
    assert identity.expires_at
    assert identity.expires_at.year == 9999


async def test_a_service_token_needs_no_subject() -> None:
    assert (await identify(bearer(claims(role="service_role", sub=None)))).role == "service_role"


@pytest.mark.parametrize("value", [None, ""])
async def test_without_a_token_nobody_is_signed_in(value: str | None) -> None:
    assert await identify(value) is ANONYMOUS


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic abc",
        "Bearer",
        "Bearer ",
        "Bearer not-a-token",
        "Bearer a.b.c",
        "Bearer ü.ü.ü",
        f"Bearer {'x' * 8193}",
        bearer(claims(), "another-secret-of-thirty-two-characters-or-more"),
        bearer(claims(), None, "none"),
        bearer(claims(), None, "none", kid="elliptic"),
        bearer(claims(), SECRET, "HS384"),
        bearer(claims(), SECRET, "HS512", kid="rsa"),
        bearer(claims(), RSA_KEY, "RS512", kid="rsa"),
        bearer(claims(), RSA_KEY, "PS256", kid="rsa"),
        bearer(claims(), OTHER_EC_KEY, "ES256", kid="elliptic"),
        bearer(claims(), EC_KEY, "ES256", kid="nobody's"),
        bearer(claims(), EC_KEY, "ES256"),
        bearer(claims(), EC_KEY, "ES256", kid="rsa"),
        bearer(claims(), RSA_KEY, "RS256", kid="elliptic"),
        by_hand({"alg": "ES256", "kid": ["elliptic"]}, claims()),
        by_hand({"alg": ["ES256"], "kid": "elliptic"}, claims()),
        by_hand({"alg": "none"}, claims()),
        by_hand({"alg": "None"}, claims()),
        by_hand({"alg": "hs256"}, claims()),
        by_hand({}, claims()),
        by_hand([], claims()),
        bearer(claims(), SECRET, "HS256", crit=["b64"], b64=True),
        bearer(claims(), SECRET, "HS256", crit=["exp"]),
        bearer(claims(exp=int(time.time()) - 60)),
        bearer(claims(exp=None)),
        bearer(claims(exp=str(int(time.time()) + 60))),
        bearer(claims(exp=True)),
        bearer(claims(exp=float("nan"))),
        bearer(claims(exp=float("inf"))),
        bearer(claims(nbf=int(time.time()) + 3600)),
        bearer(claims(nbf="soon")),
        bearer(claims(iat=int(time.time()) + 3600)),
        bearer(claims(iat="1")),
        bearer(claims(aud="somebody-else")),
        bearer(claims(aud=["somebody-else"])),
        bearer(claims(aud={"authenticated": 1})),
        bearer(claims(aud=None)),
        bearer(claims(role="postgres")),
        bearer(claims(role="resumepair_worker")),
        bearer(claims(role=None)),
        bearer(claims(sub="alice")),
        bearer(claims(sub=None)),
        bearer(claims(sub=f"urn:uuid:{uuid4()}")),
        bearer(claims(sub=f"{{{uuid4()}}}")),
        bearer(claims(sub=uuid4().hex)),
        bearer(claims(role="service_role", sub="alice")),
        bearer(claims(role="anon", sub="")),
        bearer(claims(role=["authenticated"])),
        bearer(claims(n=10**30)),
        bearer(claims(name="\ud800")),
        bearer(claims(name="a\0b")),
    ],
)
async def test_anything_else_is_refused(authorization: str) -> None:
    with pytest.raises(InvalidToken) as error:
        await identify(authorization)
    assert authorization.removeprefix("Bearer ").strip() not in str(error.value) or len(authorization) < len("Bearer x")


async def test_a_public_key_is_no_secret() -> None:
    """The classic confusion: HS256 over what everybody can read."""
    header, payload = {"alg": "HS256", "kid": "rsa"}, claims()
    unsigned = by_hand(header, payload).removesuffix(".").removeprefix("Bearer ")
    signature = jwt.get_algorithm_by_name("HS256").sign(unsigned.encode(), PUBLIC_TEXT.encode())
    for secret in (SECRET, None):
        with pytest.raises(InvalidToken):
            await identify(by_hand(header, payload, signature), authenticator(secret=secret))


async def test_only_what_is_configured_is_taken() -> None:
    with pytest.raises(InvalidToken):
        await identify(bearer(claims()), authenticator(secret=None))
    with pytest.raises(InvalidToken):
        await identify(bearer(claims(), EC_KEY, "ES256", kid="elliptic"), authenticator(published=None))


async def test_an_issuer_that_is_asked_for_has_to_be_the_tokens() -> None:
    strict = authenticator(issuer="https://ref.supabase.co/auth/v1")
    assert await identify(bearer(claims(iss="https://ref.supabase.co/auth/v1")), strict)
    for wrong in (None, "https://evil.example", "https://ref.supabase.co/auth/v1/"):
        with pytest.raises(InvalidToken):
            await identify(bearer(claims(iss=wrong)), strict)


async def test_a_remembered_token_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    by = authenticator()
    token = bearer(claims(exp=int(time.time()) - 9))  # within the tolerance for clocks
    assert await identify(token, by) is await identify(token, by)
    monkeypatch.setattr("resumepair_graphql.auth.CLOCK_SKEW", timedelta(0))
    with pytest.raises(InvalidToken, match="expired"):
        await identify(token, by)


async def test_a_remembered_token_of_a_key_that_is_gone_is_refused() -> None:
    published, now = dict(PUBLISHED), [0.0]
    keys = PublishedKeys(
        "https://auth.example/jwks",
        httpx.MockTransport(lambda _: httpx.Response(200, json=published)),
        clock=lambda: now[0],
    )
    by = Authenticator("authenticated", keys=keys)
    token = bearer(claims(), EC_KEY, "ES256", kid="elliptic")
    assert await identify(token, by) is await identify(token, by)
    published["keys"] = []
    now[0] = 601.0
    with pytest.raises(InvalidToken, match="not in use"):
        await identify(token, by)


async def test_requests_at_once_share_one_fetch() -> None:
    fetches: list[httpx.Request] = []
    asked, answer = asyncio.Event(), asyncio.Event()

    async def serve(request: httpx.Request) -> httpx.Response:
        fetches.append(request)
        asked.set()
        await answer.wait()
        return httpx.Response(200, json=PUBLISHED)

    by = Authenticator("authenticated", keys=PublishedKeys("https://auth.example/jwks", httpx.MockTransport(serve)))
    token = bearer(claims(), EC_KEY, "ES256", kid="elliptic")
    waiting = [asyncio.create_task(identify(token, by)) for _ in range(20)]
    await asked.wait()
    waiting.pop().cancel()  # takes nobody along
    answer.set()
    assert len(set(await asyncio.gather(*waiting))) == 1
    assert len(fetches) == 1
