"""HTTP to addresses that users name: only to public ones, so that nobody looks through us into a private network.

A name is looked up once for each request; what it resolves to is judged, and the connection goes to just that. A name
that resolves to something else a moment later (DNS rebinding) gains nothing. Certificates are checked against the name.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import httpx

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

# Of IPv6, only this is in use on the Internet (RFC 4291, section 2.4); and what leads to an IPv4 address through NAT64.
GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
NAT64: Final = IPv6Network("64:ff9b::/96")
# Taken for public by some versions of Python, or public by name only: protocol assignments (RFC 6890), where one cloud
# keeps its metadata, the former relays of 6to4 (RFC 7526), the address at which another cloud's machines find theirs,
# and what is for documentation (RFC 9637).
NOT_PUBLIC: Final = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("168.63.129.16/32"),
    IPv6Network("3fff::/20"),
)


class NotAllowed(httpx.RequestError):
    """The request was not made, because of where it would have gone; the message is for the user."""


class NotHttps(NotAllowed):
    """The request was not made, and with this address never will be."""


def is_public(address: Address) -> bool:
    """Whether it can be anybody's on the Internet; of one that has an IPv4 address inside, whether that is."""
    if isinstance(address, IPv6Address):
        if inner := _inside(address):
            return is_public(inner)
        if address not in GLOBAL_UNICAST:
            return False
    return address.is_global and not address.is_multicast and not any(address in net for net in NOT_PUBLIC)


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets for this one end up at, if there is one."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


async def look_up(host: str, port: int) -> Sequence[Address]:
    """All addresses of a name, as the system knows them.

    In a thread of its own: it cannot be stopped, and must hold up neither other threads nor the end of the process.

    Raises:
        OSError: There are none, or nobody answers.
    """
    found: Future[list[Any]] = Future()

    def look() -> None:
        if not found.set_running_or_notify_cancel():
            return
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 # also what is no name or no port at all
            found.set_exception(OSError(str(error)))

    threading.Thread(target=look, name="name look-up", daemon=True).start()
    addresses = [ip_address(entry[4][0]) for entry in await asyncio.wrap_future(found)]
    return list(dict.fromkeys(addresses))


class PublicTransport(httpx.AsyncBaseTransport):
    """Sends a request to the public addresses of its host, one after the other until one takes it.

    `allow_insecure` also lets it use http:// and private addresses: for development and tests.
    """

    def __init__(self, *, allow_insecure: bool = False, resolve: Resolve = look_up) -> None:
        self._allow_insecure = allow_insecure
        self._resolve = resolve
        # No connection is kept: it would belong to an address, and serve the next name that has the same one, for which
        # nobody has checked the certificate. SSL_CERT_FILE and SSL_CERT_DIR are honoured, proxies are not.
        self._inner = httpx.AsyncHTTPTransport(
            verify=httpx.create_ssl_context(), trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it.

        Raises:
            NotHttps: The scheme is not https.
            NotAllowed: One of the addresses is not public.
            httpx.TransportError: As any transport; `ConnectError` when the name cannot be resolved.
        """
        if request.url.scheme != "https" and not self._allow_insecure:
            raise NotHttps("The address does not begin with https://.", request=request)
        *others, last = await self._addresses(request)
        for address in others:
            try:
                return await self._send(request, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._send(request, last)

    async def _addresses(self, request: httpx.Request) -> Sequence[Address]:
        host, port = _name_of(request), request.url.port or {"http": 80}.get(request.url.scheme, 443)
        try:
            addresses = await self._resolve(host, port)
        except OSError as error:
            raise httpx.ConnectError("The name could not be resolved.", request=request) from error
        if not self._allow_insecure and not all(is_public(address) for address in addresses):
            raise NotAllowed("The address is not a public one.", request=request)
        return addresses

    async def _send(self, request: httpx.Request, address: Address) -> httpx.Response:
        """To the address, and for the name: in the header Host, in SNI and on the certificate."""
        return await self._inner.handle_async_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host=str(address)),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": _name_of(request)},
            )
        )

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()


def _name_of(request: httpx.Request) -> str:
    """As it is looked up and stands on certificates: ASCII, without the root's dot."""
    return request.url.raw_host.decode("ascii").strip("[]").rstrip(".")
