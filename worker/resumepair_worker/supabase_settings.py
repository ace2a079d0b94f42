"""What a Supabase project's address and service key have to look like; said before anything is sent there."""

import base64
import json
from typing import Final

import httpx
from pydantic import SecretStr

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
SERVICE_ROLE: Final = "service_role"
PUBLISHABLE: Final = "sb_publishable_"


def check_address(address: str) -> str:
    """The address itself; the key goes there with every request, so nobody may read on the way.

    Raises:
        ValueError: It is none, or not protected.
    """
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL()
    protected = url.scheme == "https" or (url.scheme == "http" and url.host in LOCAL_HOSTS)
    if not url.host or not protected or url.userinfo:
        raise ValueError(
            "has to be an address that begins with https:// (on localhost also http://), without a password"
        )
    return address


def check_service_key(key: SecretStr) -> SecretStr:
    """The key itself: the service_role key (a JWT) or a secret key (`sb_secret_...`).

    The anon key is found out here: the storage would hide files from it instead of refusing.

    Raises:
        ValueError: It is none; the message does not repeat it.
    """
    text = key.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("has characters that no key has")
    if text.startswith(PUBLISHABLE) or _role_of(text) not in (None, SERVICE_ROLE):
        raise ValueError("is a key for clients (anon, publishable); the service_role key or a secret key is needed")
    return key


def _role_of(key: str) -> object:
    """The role that a JWT claims, unverified; None when it is no JWT, or claims none."""
    try:
        _, claims, _ = key.split(".")
        return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))).get("role")
    except (ValueError, AttributeError):
        return None
