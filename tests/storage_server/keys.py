"""The tokens of a project, all signed with one secret (HS256): its two keys, its users' tokens, those in links."""

import time
from typing import Any
from uuid import UUID

import jwt

YEAR = 365 * 24 * 3600


class Keys:
    """Signs and checks tokens. A new `secret` makes all that was signed with the old one worthless."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def project_key(self, role: str, lifetime: float = YEAR) -> str:
        return self._sign({"iss": "supabase", "role": role}, lifetime)

    def user_token(self, user_id: UUID | str, lifetime: float = 3600) -> str:
        return self._sign({"sub": str(user_id), "role": "authenticated", "aud": "authenticated"}, lifetime)

    def sign_link(self, url: str, lifetime: float) -> str:
        return self._sign({"url": url}, lifetime)

    def claims_of(self, token: str) -> dict[str, Any]:
        """Raises jwt.PyJWTError."""
        return self._verify(token)

    def claims_of_link(self, token: str) -> dict[str, Any]:
        """Raises jwt.PyJWTError."""
        return self._verify(token)

    def _verify(self, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(token, self.secret, algorithms=["HS256"], options={"verify_aud": False})
        return claims

    def _sign(self, claims: dict[str, Any], lifetime: float) -> str:
        now = time.time()
        return jwt.encode({**claims, "iat": int(now), "exp": int(now + lifetime)}, self.secret, algorithm="HS256")
