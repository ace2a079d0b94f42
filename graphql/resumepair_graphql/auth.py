"""Who is asking: a verified token becomes the role and claims under which the database runs the operation."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

import jwt
import orjson
from jwt import PyJWK
from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_decode

from resumepair_graphql.keys import PublishedKeys

ROLES = frozenset({"anon", "authenticated", "service_role"})
MAX_TOKEN_CHARACTERS = 8192
# Verifying costs 60 to 110 µs, and a user sends the same token for an hour. One takes some 2 KB.
REMEMBERED_TOKENS = 1024
TIMES = ("exp", "nbf", "iat")
NUL = "\\u0000"
CLOCK_SKEW = timedelta(seconds=10)
LATEST = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


class InvalidToken(Exception):
    """The token is not one of ours, or no longer; the message says why, without repeating it."""


@dataclass(frozen=True)
class Identity:
    """The role of an operation, and the claims that `auth.uid()` reads (as JSON)."""

    role: str
    claims: str
    expires_at: datetime | None = None

    @cached_property
    def subject(self) -> UUID | None:
        """The user whom `auth.uid()` gives, if the token is a user's."""
        subject: str | None = orjson.loads(self.claims).get("sub")
        return UUID(subject) if subject else None

    @property
    def seconds_left(self) -> float | None:
        """How long it is still good, clocks being apart as far as they may be; None without an end."""
        return (self.expires_at + CLOCK_SKEW - datetime.now(UTC)).total_seconds() if self.expires_at else None


ANONYMOUS = Identity("anon", '{"role": "anon"}')


class Authenticator:
    """Checks tokens as Supabase issues them.

    A token is signed with the secret (HS256), or with one of the published keys (ES256, RS256), which its `kid` names.
    The key decides the algorithm: what the token says of it has to agree.
    """

    def __init__(
        self, audience: str, *, secret: str | None = None, keys: PublishedKeys | None = None, issuer: str | None = None
    ) -> None:
        self._audience = audience
        self._issuer = issuer
        self._secret = PyJWK(HMACAlgorithm.to_jwk(secret, as_dict=True), "HS256") if secret else None
        self._keys = keys
        # By token and key. Only good ones are remembered; their end is looked at each time, and a key that is no longer
        # in use is no longer asked about.
        self._verified = lru_cache(REMEMBERED_TOKENS)(self._verify)

    async def identify(self, authorization: str | None) -> Identity:
        """The identity behind an `Authorization` value; without one, nobody in particular.

        Raises:
            InvalidToken: There is a value, but not a good one.
            Unavailable: The key that it names is not known, and the auth server does not answer.
        """
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise InvalidToken("Authorization must be: Bearer <token>")
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise InvalidToken(f"The token is longer than {MAX_TOKEN_CHARACTERS} characters.")
        identity = self._verified(token, await self._key_of(token))
        if identity.seconds_left is not None and identity.seconds_left <= 0:
            raise InvalidToken("The token has expired; sign in again.")
        return identity

    async def _key_of(self, token: str) -> PyJWK:
        """The key that this token has to be signed with; nothing that the token says is believed by this."""
        header = _header_of(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm == "HS256" and self._secret:
            return self._secret
        if algorithm not in ("ES256", "RS256") or not self._keys:
            raise InvalidToken("The token is not valid: its algorithm is not one that is used here.")
        if not isinstance(kid, str):
            raise InvalidToken("The token is not valid: it names no key (kid).")
        key = await self._keys.find(kid)
        if key is None or key.algorithm_name != algorithm:
            raise InvalidToken("The token is not valid: the key that it names (kid) is not in use.")
        return key

    def _verify(self, token: str, key: PyJWK) -> Identity:
        try:
            verified: dict[str, Any] = jwt.decode_complete(  # pyright: ignore[reportUnknownMemberType]
                token, key, algorithms=[key.algorithm_name], audience=self._audience, issuer=self._issuer,
                leeway=CLOCK_SKEW,
                options={"require": ["exp", "aud", "role"], "enforce_minimum_key_length": True},
            )  # fmt: skip
        except jwt.ExpiredSignatureError:
            raise InvalidToken("The token has expired; sign in again.") from None
        except (jwt.PyJWTError, ValueError, OverflowError) as error:
            raise InvalidToken(f"The token is not valid: {error}.") from None
        if "crit" in verified["header"]:
            raise InvalidToken("The token is not valid: it needs an extension (crit) that is not known here.")
        return _identity_of(verified["payload"])


def _header_of(token: str) -> dict[str, Any]:
    """The token's first part, not verified."""
    try:
        header: object = orjson.loads(base64url_decode(token.partition(".")[0]))
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise InvalidToken("The token is not valid: it is not a signed JSON Web Token.")
    return header  # pyright: ignore[reportUnknownVariableType]


def _identity_of(claims: dict[str, Any]) -> Identity:
    """Whom verified claims are about."""
    for name in TIMES:
        if isinstance(time := claims.get(name, 0), bool) or not isinstance(time, int | float):
            raise InvalidToken(f"The token is not valid: its {name} is not a number.")
    role = claims["role"]
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidToken("The token's role is not known here.")
    if role == "authenticated" or "sub" in claims:
        _require_uuid(claims.get("sub"))
    expires_at = datetime.fromtimestamp(min(int(claims["exp"]), LATEST), UTC)
    return Identity(role, _for_the_database(claims), expires_at)


def _for_the_database(claims: dict[str, Any]) -> str:
    """The claims as JSON that PostgreSQL can read."""
    try:
        text = orjson.dumps(claims).decode()
    except orjson.JSONEncodeError:  # numbers beyond 64 bits, lone surrogates
        text = NUL
    if NUL in text:
        raise InvalidToken("The token's claims hold characters or numbers that cannot be stored.")
    return text


def _require_uuid(subject: object) -> None:
    """The database reads the subject as a UUID and would fail on anything else."""
    try:
        canonical = str(UUID(str(subject)))
    except ValueError:
        canonical = None
    if str(subject).lower() != canonical:
        raise InvalidToken("The token's subject is not a user id (UUID).")
