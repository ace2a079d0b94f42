"""A client that is cheap enough to keep a server busy from the same machine: fixed requests on open connections."""

import asyncio
import time
from dataclasses import dataclass

import orjson

from dev.bench.served import Served


@dataclass(frozen=True)
class Target:
    """One way to answer an operation."""

    served: Served
    path: str
    token: str
    body: dict[str, object]

    def request(self) -> bytes:
        """The whole request."""
        body = orjson.dumps(self.body)
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True)
class Load:
    """What came of a round."""

    per_second: float
    cpu_microseconds: float


async def load(target: Target, *, connections: int, seconds: float) -> Load:
    """Ask on so many connections at once, each again as soon as it was answered.

    Raises:
        RuntimeError: An answer was an error.
    """
    begun, cpu = time.perf_counter(), target.served.cpu_seconds()
    counts = await asyncio.gather(*(_ask(target, begun + seconds) for _ in range(connections)))
    took, used = time.perf_counter() - begun, target.served.cpu_seconds() - cpu
    return Load(sum(counts) / took, used / sum(counts) * 1e6)


async def _ask(target: Target, until: float) -> int:
    request = target.request()
    reader, writer = await asyncio.open_connection("127.0.0.1", target.served.port)
    count = 0
    while time.perf_counter() < until:
        writer.write(request)
        await take_answer(reader)
        count += 1
    writer.close()
    return count


async def take_answer(reader: asyncio.StreamReader) -> None:
    """Read one answer, on a connection that stays open.

    Raises:
        RuntimeError: It was an error.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    if b" 200 " not in head or b'"errors"' in body:
        raise RuntimeError(body[:500].decode())
