"""The public keys that sign users' tokens: published by the auth server at one address (JWKS), looked up by `kid`.

Requests share one fetch and wait for it only when they name a key that is not known yet. What can go wrong with a fetch
leaves the keys that are there in use.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self, cast

import httpx
import jwt
import orjson
import structlog
from jwt import PyJWK

from resumepair_graphql.errors import Unavailable

# What each kind of key signs with; nothing else is taken, whatever a key or a token says.
ALGORITHMS = {"EC": "ES256", "RSA": "RS256"}
REFRESH_SECONDS = 300.0
# A key that is published no more is good for so long after it was last seen.
LIFETIME_SECONDS = 600.0
# Between two fetches, so that made-up key ids cost the auth server nothing.
PAUSE_SECONDS = 10.0
FETCH_SECONDS = 5.0
MAX_BYTES = 256 * 1024

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Held:
    """A key, what was published of it, and until when it is good; None while it is published."""

    key: PyJWK
    published: dict[str, Any]
    until: float | None = None


class PublishedKeys:
    """The keys at one address, fetched again every few minutes while they are asked for."""

    def __init__(
        self, url: str, transport: httpx.AsyncBaseTransport | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._client = httpx.AsyncClient(transport=transport, timeout=FETCH_SECONDS, follow_redirects=False)
        self._clock = clock
        self._held: dict[str, Held] = {}
        self._fetched_at = float("-inf")
        self._next_fetch_at = float("-inf")
        self._failed = False
        self._fetch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin with the first fetch, and do not wait for it: the process starts while the auth server is away."""
        self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._fetch:
            self._fetch.cancel()
            with suppress(asyncio.CancelledError):
                await self._fetch
        await self._client.aclose()

    async def find(self, kid: str) -> PyJWK | None:
        """The key of this id, or None when there is no such one.

        Raises:
            Unavailable: It is not known, and the auth server does not answer.
        """
        age = self._clock() - self._fetched_at
        key = self._known(kid)
        if key is None or (age >= LIFETIME_SECONDS and not self._failed):
            if fetch := self._begin():
                await asyncio.wait(
                    [fetch]
                )  # not `await fetch`: a request that is given up takes none of the others along
            key = self._known(kid)
        elif age >= REFRESH_SECONDS:
            self._begin()
        if key is None and self._failed:
            raise Unavailable
        return key

    def _known(self, kid: str) -> PyJWK | None:
        held = self._held.get(kid)
        if held is None or (held.until is not None and held.until <= self._clock()):
            return None
        return held.key

    def _begin(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, else a new one; None when the last one began only just now."""
        if self._fetch and not self._fetch.done():
            return self._fetch
        now = self._clock()
        if now < self._next_fetch_at:
            return None
        self._next_fetch_at = now + PAUSE_SECONDS
        self._fetch = asyncio.create_task(self._replace(), name="fetch of the signing keys")
        return self._fetch

    async def _replace(self) -> None:
        """Put what is published now in place of what was before."""
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                published = _usable_keys(await self._download())
        except Exception as error:  # noqa: BLE001 # whatever it is, the keys that are there stay in use
            self._failed = True
            log.warning("signing_keys_not_fetched", url=self._url, error=repr(error), keys_in_use=len(self._held))
            return
        now, end = self._clock(), self._fetched_at + LIFETIME_SECONDS
        kept = {kid: Held(old.key, old.published, old.until or end) for kid, old in self._held.items()}
        kept = {kid: held for kid, held in kept.items() if held.until and held.until > now}
        self._held = kept | {kid: self._hold(kid, jwk, key) for kid, (jwk, key) in published.items()}
        self._fetched_at, self._failed = now, False
        log.info("signing_keys_fetched", published=len(published), retired=len(kept.keys() - published.keys()))

    def _hold(self, kid: str, published: dict[str, Any], key: PyJWK) -> Held:
        """The same object for the same key: what was verified with it stays verified."""
        old = self._held.get(kid)
        return Held(old.key if old and old.published == published else key, published)

    async def _download(self) -> bytes:
        body = bytearray()
        async with self._client.stream("GET", self._url, headers={"Accept": "application/json"}) as response:
            response.raise_for_status()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_BYTES:
                    raise ValueError(f"more than {MAX_BYTES} bytes")
        return bytes(body)


def _usable_keys(text: bytes) -> dict[str, tuple[dict[str, Any], PyJWK]]:
    """The keys of a JWK set (RFC 7517) that tokens may be signed with, by id; others are passed over.

    None at all is a good answer: a project that signs with its secret publishes an empty set.

    Raises:
        ValueError: It is no JWK set.
    """
    document: object = orjson.loads(text)
    listed = cast("dict[str, object]", document).get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("not a set of keys (JWKS)")  # noqa: TRY004 # it is the content that is wrong
    usable: dict[str, tuple[dict[str, Any], PyJWK]] = {}
    for jwk in cast("list[object]", listed):
        if not isinstance(jwk, dict):
            continue
        published = cast("dict[str, Any]", jwk)
        kid = published.get("kid")
        try:
            if isinstance(kid, str):
                usable[kid] = published, _key_of(published)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
            log.info("signing_key_passed_over", kid=kid, reason=str(error))
    return usable


def _key_of(jwk: dict[str, Any]) -> PyJWK:
    algorithm = ALGORITHMS.get(str(jwk.get("kty")))
    if algorithm is None or jwk.get("alg", algorithm) != algorithm:
        raise ValueError("neither ES256 nor RS256")
    if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
        raise ValueError("not for signatures")
    if "d" in jwk:
        raise ValueError("a private key: it is published, so anybody can sign with it")
    if algorithm == "ES256" and jwk.get("crv") != "P-256":
        raise ValueError("not on the curve P-256")
    key = PyJWK(jwk, algorithm)
    if reason := key.Algorithm.check_key_length(key.key):
        raise ValueError(reason)
    return key
