"""The server itself: uvicorn in a thread, on a port of its own, with what it stores in memory."""

import secrets
import socket
import threading
from collections import Counter
from types import TracebackType
from typing import Self
from uuid import UUID

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.storage_server.app import StorageApi
from tests.storage_server.bucket import Bucket, StoredObject
from tests.storage_server.faults import Faults
from tests.storage_server.keys import Keys

PDF, ZIP = "application/pdf", "application/zip"
DEFAULT_LIMIT = 50 * 1024 * 1024


class StorageServer:
    """One Supabase project's storage; entering starts it, leaving stops it.

    It may be stopped and started again: it is away meanwhile, and keeps address, keys and objects.

    Args:
        port: The port of 127.0.0.1; 0 takes a free one.
        secret: What its tokens are signed with.
        bucket: The private bucket that is there; None: none.
        limit: The bucket's largest file, in bytes.
    """

    def __init__(
        self, *, port: int = 0, secret: str = "", bucket: str | None = "exports", limit: int = DEFAULT_LIMIT
    ) -> None:
        self.keys = Keys(secret or secrets.token_hex(32))
        self.faults = Faults()
        self.bucket = bucket or "exports"
        self.service_key = self.keys.project_key("service_role")
        self.anon_key = self.keys.project_key("anon")
        self._buckets = {bucket: Bucket(bucket, limit, (PDF, ZIP))} if bucket else {}
        self._port = port
        self._running: tuple[uvicorn.Server, threading.Thread] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The project's address, as SUPABASE_URL has it."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def secret(self) -> str:
        """What SUPABASE_JWT_SECRET is."""
        return self.keys.secret

    def user_token(self, user_id: UUID | str, lifetime: float = 3600) -> str:
        """The token of a signed-in user."""
        return self.keys.user_token(user_id, lifetime)

    @property
    def requests(self) -> Counter[str]:
        """How many requests of each kind there were, whatever came of them."""
        return Counter(self.faults.requests)

    def objects(self) -> dict[str, StoredObject]:
        """What is in the bucket, by key; `uploads` of an object counts how often it was written."""
        return dict(self._buckets[self.bucket].objects) if self.bucket in self._buckets else {}

    def start(self) -> None:
        """Take the port and serve; at once: who connects meanwhile waits."""
        assert self._running is None
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        app = StorageApi(self.keys, self._buckets, self.faults).app()
        config = uvicorn.Config(
            app, http=_Protocol, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="storage server", daemon=True)
        thread.start()
        self._running = server, thread

    def stop(self) -> None:
        """Close the port and all connections; repeatable."""
        if self._running is None:
            return
        server, thread = self._running
        self._running = None
        server.should_exit = server.force_exit = True
        thread.join()


class _Protocol(H11Protocol):
    """Lets a fault close the connection."""

    def handle_events(self) -> None:
        super().handle_events()
        if self.scope is not None:
            self.scope["state"]["drop"] = self.transport.close
