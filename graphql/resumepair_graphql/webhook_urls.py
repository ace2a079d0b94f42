"""Which addresses may be registered as webhooks. Where a name leads is looked at with each delivery, by the worker."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from resumepair_graphql.errors import ErrorCode, Refusal

CHARACTERS_MAX = 2048
PORT_MAX = 65535
# No label begins or ends with a hyphen.
NAME = re.compile(r"(?=.{1,254}$)((?!-)[a-z0-9_-]{1,63}(?<!-)(\.|$))+", re.IGNORECASE)
# Names that are not looked up in the public DNS (RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476, ICANN's
# reservations), or should not be; Kubernetes gives its services names under svc.
PRIVATE_NAMES = frozenset({
    "localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "svc",
    "test", "example", "invalid", "onion", "alt",
})  # fmt: skip
PRIVATE_SUFFIXES = (".home.arpa",)
GLOBAL_UNICAST = IPv6Network("2000::/3")
# As in the worker's `public_transport`, which says why.
NOT_PUBLIC = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("168.63.129.16/32"),
    IPv6Network("3fff::/20"),
)
# What programs read as an IPv4 address, whole or in parts: 2130706433, 0x7f.1, 0177.0.0.1.
NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


def checked_url(text: str, *, allow_insecure: bool) -> str:
    """The address as it will be used: its host in lower-case ASCII.

    Raises:
        Refusal: INVALID_INPUT at `url`, for what is not https, or is not on the Internet; with `allow_insecure`, only
            for what cannot be used at all.
    """
    url, host = _parsed(text)
    if url.scheme not in (("https", "http") if allow_insecure else ("https",)):
        raise _refusal("The address has to begin with `https://`.")
    if not host:
        raise _refusal("The address has no host.")
    if not _address_of(host) and not NAME.fullmatch(host):
        raise _refusal("The host is no name, and no address.")
    _require_plain(url)
    if not allow_insecure:
        _require_public(host.rstrip(".").lower())
    return str(url)


def _parsed(text: str) -> tuple[httpx.URL, str]:
    """The address and its host, in ASCII."""
    too_long = _refusal(f"The address may have at most {CHARACTERS_MAX} characters, with what has to be escaped.")
    if len(text) > CHARACTERS_MAX:
        raise too_long
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode("ascii").strip("[]")
    except (httpx.InvalidURL, UnicodeError):
        raise _refusal("This is no address; give one like `https://example.com/hooks`.") from None
    if "#" in text:
        raise _refusal("The address may not have a part after `#`; it would not be sent.")
    if len(str(url)) > CHARACTERS_MAX:
        raise too_long
    return url, host


def _require_plain(url: httpx.URL) -> None:
    if url.userinfo:
        raise _refusal("The address may not have a user name or a password; deliveries are signed.")
    if url.port is not None and not 1 <= url.port <= PORT_MAX:
        raise _refusal(f"The port has to be between 1 and {PORT_MAX}.")


def _require_public(host: str) -> None:
    address = _address_of(host)
    last_label = host.rpartition(".")[2]
    if address:
        if not _is_public(address):
            raise _refusal("The address is not a public one.")
    elif NUMBER.fullmatch(last_label):
        raise _refusal("Write an IPv4 address as four decimal numbers.")
    elif "." not in host or last_label in PRIVATE_NAMES or host.endswith(PRIVATE_SUFFIXES):
        raise _refusal("The host is not a public name.")


def _address_of(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    """A first answer, for the user; the worker's is the one that counts."""
    if isinstance(address, IPv6Address) and (inner := address.ipv4_mapped or address.sixtofour):
        return _is_public(inner)
    in_use = isinstance(address, IPv4Address) or address in GLOBAL_UNICAST
    return in_use and address.is_global and not address.is_multicast and not any(address in net for net in NOT_PUBLIC)


def _refusal(message: str) -> Refusal:
    return Refusal(ErrorCode.INVALID_INPUT, message, "url")
