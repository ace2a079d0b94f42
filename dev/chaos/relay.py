"""A network between a process and PostgreSQL that can be broken: TCP on loopback, the server's socket behind.

It breaks in the way that is hardest to notice: nothing is closed and nothing is refused; what is sent is taken, and no
answer comes. So it is with a firewall that forgot a connection, or a pooler that froze.
"""

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict

from dev.roles import role_url

CHUNK = 65536


@dataclass(eq=False)
class _Session:
    """One connection through the relay: the process's end, then the server's. It is `silent` for good once it is."""

    writers: list[asyncio.StreamWriter]
    silent: bool = False

    def forget(self) -> None:
        """End the server's side; the process hears nothing of it."""
        for writer in self.writers[1:]:
            writer.close()


@dataclass
class Relay:
    """Open while it is entered, on a thread of its own; `url` leads through it."""

    server_url: str
    port: int = 0
    _sessions: list[_Session] = field(default_factory=list[_Session])
    _is_down: bool = False

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, role: str, password: str) -> str:
        """The URL of a role, through the relay."""
        name = conninfo_to_dict(self.server_url)["dbname"]
        return role_url(f"host=127.0.0.1 port={self.port} dbname={name}", role, password)

    def silence(self) -> None:
        """From now on the sessions that are open get no answer, ever; new ones are as usual.

        The server forgets those of the time before, as its keepalives make it do after 25 seconds.
        """
        self._loop.call_soon_threadsafe(self._silence)

    def _silence(self) -> None:
        for session in self._sessions:
            if session.silent:
                session.forget()
            session.silent = True

    def go_down(self) -> None:
        """From now on nobody gets an answer, new connections neither."""
        self._is_down = True
        self.silence()

    def come_back(self) -> None:
        """New connections are served again; those from before stay silent."""
        self._is_down = False

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for session in self._sessions:
            for writer in session.writers:
                writer.transport.abort()
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)  # they see that their connections have ended

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session([writer], silent=self._is_down)
        self._sessions.append(session)
        folder = conninfo_to_dict(self.server_url)["host"]
        try:
            there, away = await asyncio.open_unix_connection(Path(str(folder)) / ".s.PGSQL.5432")
        except OSError:  # the server is down, as anybody may see
            if not session.silent:
                writer.close()
            return
        session.writers.append(away)
        await asyncio.gather(self._pump(session, reader, away), self._pump(session, there, writer))

    async def _pump(self, session: _Session, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Pass on what comes; take it and say nothing once the session is silent, its end included."""
        with suppress(OSError):
            while data := await source.read(CHUNK):
                if not session.silent:
                    sink.write(data)
                    await sink.drain()
        if not session.silent:
            sink.close()
