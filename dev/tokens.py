"""JWTs for the running local stack, as Supabase's auth server would issue them.

`python -m dev.tokens alice` prints one.
"""

import os
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import jwt

from dev.environment import JWT_AUDIENCE, JWT_ISSUER, read_environment
from dev.errors import SetupError
from dev.state import State

LIFETIME_SECONDS: Final = 7 * 24 * 3600


@dataclass(frozen=True)
class DemoUser:
    """Someone the local stack knows; the ids never change, so examples can be repeated."""

    name: str
    id: uuid.UUID
    role: str = "authenticated"


DEMO_USERS: Final = {
    user.name: user
    for user in (
        DemoUser("alice", uuid.UUID("a11ce000-0000-4000-8000-000000000001")),
        DemoUser("bob", uuid.UUID("b0b00000-0000-4000-8000-000000000002")),
        DemoUser("admin", uuid.UUID("ad000000-0000-4000-8000-000000000003"), "service_role"),
    )
}


def issue_token(user: DemoUser, *, secret: str, audience: str = JWT_AUDIENCE, issuer: str = JWT_ISSUER) -> str:
    """Return an HS256 token for a demo user, valid for a week."""
    now = int(time.time())
    claims = {
        "sub": str(user.id),
        "role": user.role,
        "aud": audience,
        "iss": issuer,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "email": f"{user.name}@example.com",
    }
    return jwt.encode(  # pyright: ignore[reportUnknownMemberType] # one of its key types is untyped
        claims, secret, algorithm="HS256"
    )


def demo_user(name: str) -> DemoUser:
    """Return the demo user of that name.

    Raises:
        SetupError: there is none.
    """
    try:
        return DEMO_USERS[name]
    except KeyError:
        known = ", ".join(DEMO_USERS)
        raise SetupError(f"no demo user is called {name!r}; there are: {known}") from None


def local_token(name: str, environment: Mapping[str, str]) -> str:
    """Return a token that the local stack of this checkout accepts.

    Raises:
        SetupError: no such user, or no stack was ever set up here.
    """
    user = demo_user(name)
    secret = environment.get("SUPABASE_JWT_SECRET", "")
    if not secret:
        secrets = State.of(environment).existing_secrets()
        if secrets is None:
            raise SetupError("there is no local stack yet: `make run` sets it up")
        secret = secrets.jwt_secret
    return issue_token(
        user,
        secret=secret,
        audience=environment.get("JWT_AUDIENCE", JWT_AUDIENCE),
        issuer=environment.get("JWT_ISSUER", JWT_ISSUER),
    )


def main() -> int:
    """Print the token of the demo user named on the command line (`make token`)."""
    name = sys.argv[1] if len(sys.argv) > 1 else "alice"
    try:
        print(local_token(name, read_environment(os.environ)))
    except SetupError as error:
        print(f"make token: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
