"""Who calls: the tokens of the good, of the bad, and of those whose token was good once."""

import base64
import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

SECRET = "the-secret-that-signs-the-users-tokens-of-the-matrix"
KEY = ec.generate_private_key(ec.SECP256R1())
KID = "the key of the matrix"
RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA_KID = "the other key of the matrix"
FORGERS_RSA_KEY = rsa.generate_private_key(65537, 2048)


def claims(owner: UUID, **changes: object) -> dict[str, Any]:
    good = {"sub": str(owner), "role": "authenticated", "aud": "authenticated", "exp": int(time.time()) + 600}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(payload: dict[str, Any], secret: str = SECRET) -> str:
    return jwt.encode(payload, secret, "HS256")


def unsigned(payload: dict[str, Any]) -> str:
    """What a careless library takes for signed."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, payload))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


@dataclass(frozen=True)
class Caller:
    """`column` is the outcome of an operation that this caller gets; None is who is refused at the door."""

    token: Callable[[UUID, UUID], str | None]
    column: str | None = None


# Each gets the ids of the owner and of another user, and everything right that it does not get wrong.
CALLERS = {
    "owner": Caller(lambda owner, _: signed(claims(owner)), "owner"),
    "owner, by a published key": Caller(
        lambda owner, _: jwt.encode(claims(owner), KEY, "ES256", headers={"kid": KID}), "owner"
    ),
    "owner, by a published RSA key": Caller(
        lambda owner, _: jwt.encode(claims(owner), RSA_KEY, "RS256", headers={"kid": RSA_KID}), "owner"
    ),
    "other user": Caller(lambda _, other: signed(claims(other)), "other"),
    "anon": Caller(lambda *_: None, "anon"),
    "anon, by a token": Caller(lambda owner, _: signed(claims(owner, role="anon", sub=None)), "anon"),
    "service_role": Caller(lambda owner, _: signed(claims(owner, role="service_role", sub=None)), "service_role"),
    "expired": Caller(lambda owner, _: signed(claims(owner, exp=int(time.time()) - 60))),
    "forged": Caller(lambda owner, _: signed(claims(owner), "another-secret-that-is-as-long-as-it-has-to-be")),
    "forged, by a key of the same id": Caller(
        lambda owner, _: jwt.encode(
            claims(owner), ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": KID}
        )
    ),
    "forged, by an RSA key of the same id": Caller(
        lambda owner, _: jwt.encode(claims(owner), FORGERS_RSA_KEY, "RS256", headers={"kid": RSA_KID})
    ),
    "alg: none": Caller(lambda owner, _: unsigned(claims(owner))),
    "wrong audience": Caller(lambda owner, _: signed(claims(owner, aud="another-service"))),
    "non-UUID subject": Caller(lambda owner, _: signed(claims(owner, sub=f"{owner}'"))),
    "unknown role": Caller(lambda owner, _: signed(claims(owner, role="postgres"))),
}


@contextmanager
def auth_server() -> Generator[str, None, None]:
    """Publishes the two keys; the address of them."""
    elliptic = {**ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": KID, "alg": "ES256", "use": "sig"}
    rsa_ = {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": RSA_KID, "alg": "RS256", "use": "sig"}
    body = json.dumps({"keys": [elliptic, rsa_]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        finally:
            server.shutdown()
            thread.join()
