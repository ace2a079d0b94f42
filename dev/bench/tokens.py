"""Users' tokens: what checking one costs, the first time that it is seen and when it is remembered."""

import asyncio
import time
from statistics import median
from typing import Any, Final
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from rich.console import Console
from rich.table import Table
from structlog.testing import capture_logs

from resumepair_graphql.auth import REMEMBERED_TOKENS, Authenticator
from resumepair_graphql.keys import PublishedKeys

TOKENS: Final = REMEMBERED_TOKENS // 2
SECRET: Final = "s" * 64
EC_KEY: Final = ec.generate_private_key(ec.SECP256R1())
RSA_KEY: Final = rsa.generate_private_key(65537, 2048)
PUBLISHED: Final = {
    "keys": [
        {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "ES256"},
        {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "RS256"},
    ]
}
SIGNERS: Final[dict[str, Any]] = {"HS256": SECRET, "ES256": EC_KEY, "RS256": RSA_KEY}


def measure_tokens() -> None:
    """Print a table by algorithm."""
    table = Table("algorithm", "characters", "first time, µs", "remembered, µs", title="Checking a token (median)")
    with capture_logs():
        for algorithm in SIGNERS:
            table.add_row(algorithm, *asyncio.run(_measure(algorithm)))
    Console().print(table)


async def _measure(algorithm: str) -> tuple[str, str, str]:
    tokens = [_token(algorithm) for _ in range(TOKENS)]
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json=PUBLISHED))
    async with PublishedKeys("https://auth.example/jwks", answer) as keys:
        authenticator = Authenticator("authenticated", secret=SECRET, keys=keys)
        await authenticator.identify(f"Bearer {_token(algorithm)}")  # and with it the keys
        first, again = [[await _microseconds(authenticator, token) for token in tokens] for _ in range(2)]
    return str(len(tokens[0])), f"{median(first):.0f}", f"{median(again):.1f}"


async def _microseconds(authenticator: Authenticator, token: str) -> float:
    started = time.perf_counter()
    await authenticator.identify(f"Bearer {token}")
    return (time.perf_counter() - started) * 1e6


def _token(algorithm: str) -> str:
    """With the claims that Supabase puts into one."""
    now, user = int(time.time()), str(uuid4())
    claims = {
        "iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1",
        "sub": user,
        "aud": "authenticated",
        "role": "authenticated",
        "iat": now,
        "exp": now + 3600,
        "email": "ada@example.com",
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {"email": "ada@example.com", "email_verified": True, "phone_verified": False, "sub": user},
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": now}],
        "session_id": str(uuid4()),
        "is_anonymous": False,
    }
    return jwt.encode(  # pyright: ignore[reportUnknownMemberType] # one of its key types is untyped
        claims, SIGNERS[algorithm], algorithm, headers={"kid": algorithm}
    )
