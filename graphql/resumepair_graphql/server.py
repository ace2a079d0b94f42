"""The server underneath: uvicorn, which waits for open streams when it stops, made not to; see also `protocols`."""

import gc
import socket
from collections.abc import Callable

import uvicorn

BACKLOG = 2048
# New objects before the garbage collector looks for cycles among them, and how often it looks at older ones: a thousand
# subscriptions are half a million objects, through which Python's own numbers send it several times a second.
COLLECT_AFTER = (20_000, 20, 50)


def listen(host: str, port: int, client_seconds: float) -> socket.socket:
    """Take the port; the kernel cuts off clients that take in nothing for twice their time, where it can be told to.

    Raises:
        OSError: The port is taken, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Inherited by the connections. Without it, what a client does not read keeps its connection for a quarter of
        # an hour: closing waits until all is sent.
        milliseconds = round(2 * client_seconds * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return listener


class Server(uvicorn.Server):
    """Ends what would go on for ever before it waits for the rest."""

    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_stop = before_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; what is there then stays, and is not looked through for garbage any more."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop in order."""
        self._before_stop()
        await super().shutdown(sockets)
