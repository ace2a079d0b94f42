"""An endpoint of a user's, on 127.0.0.1: it keeps what it hears, and answers as it is told to."""

import asyncio
import queue
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

WAIT_SECONDS = 20


@dataclass(frozen=True)
class Heard:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:  # noqa: ANN401
        """What it says; an error if it was not signed with this secret just now."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Answer:
    """What the next request gets; `held` keeps it until it is set."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    held: threading.Event | None = None


@dataclass
class Receiver:
    """Answers 204, unless there are other answers left."""

    url: str
    port: int
    answers: deque[Answer] = field(default_factory=deque[Answer])
    requests: queue.SimpleQueue[Heard] = field(default_factory=queue.SimpleQueue[Heard])

    def hear(self) -> Heard:
        """The next request, as soon as it has come."""
        return self.requests.get(timeout=WAIT_SECONDS)

    async def heard(self) -> Heard:
        return await asyncio.to_thread(self.hear)

    @property
    def heard_nothing(self) -> bool:
        return self.requests.empty()


@contextmanager
def receiving(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """An endpoint, with TLS if there is a context for it; `host` is only how its address is written."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # the library's name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.answers.popleft() if receiver.answers else Answer()
            receiver.requests.put(Heard(self.path, headers, body))
            if answer.held:
                answer.held.wait(WAIT_SECONDS)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the library's name
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """Connections that break off are what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver = Receiver(f"{'https' if tls else 'http'}://{host}:{server.server_port}/hear", server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
