import time
from typing import Any
from uuid import uuid4

import jwt
import pytest

from resumepair_graphql.auth import ANONYMOUS, Authenticator, InvalidToken

SECRET = "a-secret-that-is-long-enough-for-every-hmac-algorithm-there-is-in-here"
AUTHENTICATOR = Authenticator(SECRET, "authenticated")


def claims(**changes: object) -> dict[str, Any]:
    good = {"sub": str(uuid4()), "role": "authenticated", "aud": "authenticated", "exp": int(time.time()) + 60}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def bearer(payload: dict[str, Any], key: str = SECRET, algorithm: str = "HS256") -> str:
    return f"Bearer {jwt.encode(payload, key, algorithm)}"


def test_a_good_token_is_the_users_identity() -> None:
    payload = claims()
    identity = AUTHENTICATOR.identify(bearer(payload))
    assert identity.role == "authenticated"
    assert payload["sub"] in identity.claims
    assert identity.expires_at
    assert identity.expires_at.timestamp() == payload["exp"]


def test_a_token_for_ever_has_the_last_moment_there_is() -> None:
    identity = AUTHENTICATOR.identify(bearer(claims(exp=10**18)))
    assert identity.expires_at
    assert identity.expires_at.year == 9999


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_token_nobody_is_signed_in(value: str | None) -> None:
    assert AUTHENTICATOR.identify(value) is ANONYMOUS


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic abc",
        "Bearer",
        "Bearer ",
        "Bearer not-a-token",
        bearer(claims(), key="another-secret-of-thirty-two-characters-or-more"),
        bearer(claims(), key="", algorithm="none"),
        bearer(claims(), algorithm="HS384"),
        bearer(claims(exp=int(time.time()) - 60)),
        bearer(claims(exp=None)),
        bearer(claims(aud="somebody-else")),
        bearer(claims(aud=None)),
        bearer(claims(role="postgres")),
        bearer(claims(role=None)),
        bearer(claims(sub="alice")),
        bearer(claims(sub=None)),
        bearer(claims(sub=f"urn:uuid:{uuid4()}")),
        bearer(claims(sub=uuid4().hex)),
        bearer(claims(role="service_role", sub="alice")),
        bearer(claims(role=["authenticated"])),
        bearer(claims(n=10**30)),
        bearer(claims(name="\ud800")),
        bearer(claims(name="a\0b")),
    ],
)
def test_anything_else_is_refused(authorization: str) -> None:
    with pytest.raises(InvalidToken) as error:
        AUTHENTICATOR.identify(authorization)
    assert authorization.removeprefix("Bearer ").strip() not in str(error.value) or len(authorization) < len("Bearer x")
