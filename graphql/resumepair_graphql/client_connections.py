"""How many connections stay open: caps per address and per user, over WebSockets and event streams together."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address

from resumepair_graphql.auth import Identity

IPV6_HOST_BITS = 64


class TooManyConnections(Exception):
    """The user or the address has as many as it may have; the message says which."""


class Connections:
    """Counts what is open now; a plain request is not counted."""

    def __init__(self, per_user: int, per_address: int) -> None:
        self._per_user = per_user
        self._per_address = per_address
        self._open: Counter[str] = Counter()
        self.by_transport: Counter[str] = Counter({"websocket": 0, "sse": 0})

    @contextmanager
    def from_address(self, address: str, transport: str) -> Generator[None]:
        """One more from this address; all of an IPv6 network's addresses are one.

        Raises:
            TooManyConnections: There are as many as there may be.
        """
        message = f"Too many connections from this address (at most {self._per_address}); close one."
        with self._one_more(f"address {network_of(address)}", self._per_address, message):
            self.by_transport[transport] += 1
            try:
                yield
            finally:
                self.by_transport[transport] -= 1

    @contextmanager
    def of_user(self, identity: Identity) -> Generator[None]:
        """One more of this user; tokens without a subject are counted by address only.

        Raises:
            TooManyConnections: There are as many as there may be.
        """
        if identity.subject is None:
            yield
            return
        message = f"Too many connections of this user (at most {self._per_user}); close one."
        with self._one_more(f"user {identity.subject}", self._per_user, message):
            yield

    @contextmanager
    def _one_more(self, key: str, limit: int, message: str) -> Generator[None]:
        if self._open[key] >= limit:
            raise TooManyConnections(message)
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]


def network_of(address: str) -> str:
    """What one household or machine has: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and not parsed.ipv4_mapped:
        return str(int(parsed) >> IPV6_HOST_BITS)
    return str(parsed)
