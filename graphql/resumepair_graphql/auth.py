"""Who is asking: a verified token becomes the role and claims under which the database runs the operation."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt
import orjson

ROLES = frozenset({"anon", "authenticated", "service_role"})
ALGORITHMS = ("HS256",)
NUL = "\\u0000"
CLOCK_SKEW_SECONDS = 10
LATEST = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


class InvalidToken(Exception):
    """The token is not one of ours, or no longer; the message says why, without repeating it."""


@dataclass(frozen=True)
class Identity:
    """The role of an operation, and the claims that `auth.uid()` reads (as JSON)."""

    role: str
    claims: str
    expires_at: datetime | None = None


ANONYMOUS = Identity("anon", '{"role": "anon"}')


class Authenticator:
    """Checks HS256 tokens as Supabase issues them (`exp`, `aud`, `sub`, `role`)."""

    def __init__(self, secret: str, audience: str) -> None:
        self._secret = secret
        self._audience = audience

    def identify(self, authorization: str | None) -> Identity:
        """The identity behind an `Authorization` value; without one, nobody in particular.

        Raises:
            InvalidToken: There is a value, but not a good one.
        """
        if not authorization:
            return ANONYMOUS
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise InvalidToken("Authorization must be: Bearer <token>")
        return self._verify(token.strip())

    def _verify(self, token: str) -> Identity:
        try:
            claims: dict[str, Any] = jwt.decode(  # pyright: ignore[reportUnknownMemberType]
                token, self._secret, algorithms=ALGORITHMS, audience=self._audience,
                leeway=CLOCK_SKEW_SECONDS, options={"require": ["exp", "aud", "role"]},
            )  # fmt: skip
        except jwt.ExpiredSignatureError:
            raise InvalidToken("The token has expired; sign in again.") from None
        except (jwt.PyJWTError, ValueError, OverflowError) as error:
            raise InvalidToken(f"The token is not valid: {error}.") from None
        role = str(claims["role"])
        if role not in ROLES:
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
