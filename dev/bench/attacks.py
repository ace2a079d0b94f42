"""What attackers send, and the answer that each of it has to get: for the tests, and for `make bench` to measure."""

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

CUT_OFF: Final = "cut off"
SERVED: Final = "answered"
LAST: Final = "last"
TICK_SECONDS: Final = 0.02
NUMBERS: Final = itertools.count()


@dataclass(frozen=True)
class Target:
    """A running API, and the token of the user who attacks it."""

    port: int
    token: str


Once = Callable[[Target], Coroutine[None, None, str]]


@dataclass(frozen=True)
class Attack:
    """One thing to send. `once` sends it and gives the answer in a few words, which have to be `answer`."""

    name: str
    sends: str
    answer: str
    once: Once


def compact(value: object) -> str:
    """JSON without a space: as much as goes into a message."""
    return json.dumps(value, separators=(",", ":"))


def nobody(once: Once) -> Once:
    """The same without a token."""
    return lambda target: once(replace(target, token=""))


def posted(query: str, variables: Mapping[str, object] | None = None) -> Once:
    """An operation over HTTP; each time in another text, so that it is not known already."""

    async def once(target: Target) -> str:
        operation = {"query": f"{query} # {next(NUMBERS)}", "variables": variables}
        return await body(compact(operation).encode())(target)

    return once


def repeated(query: str, variables: Mapping[str, object]) -> Once:
    """An operation over HTTP, always the same: what it costs is its variables."""
    return body(compact({"query": query, "variables": variables}).encode())


def body(content: bytes) -> Once:
    """A body over HTTP, whatever it is."""

    async def once(target: Target) -> str:
        return await answer_of(target, head("POST", "/graphql", target, len(content)) + content)

    return once


def got(query_string: str) -> Once:
    """A query string over HTTP."""

    async def once(target: Target) -> str:
        return await answer_of(target, head("GET", f"/graphql?{query_string}", target))

    return once


def half(cut: Callable[[bytes], bytes]) -> Once:
    """A request over HTTP of which only a part is sent."""

    async def once(target: Target) -> str:
        return await answer_of(target, cut(head("POST", "/graphql", target, 100)))

    return once


def head(method: str, path: str, target: Target, length: int = 0) -> bytes:
    """A request's line and headers."""
    authorization = f"Authorization: {bearer(target)}\r\n" if target.token else ""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\n{authorization}Connection: close\r\n"
        "Accept: application/graphql-response+json\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


async def answer_of(target: Target, request: bytes) -> str:
    """The status and the first error's code."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    try:
        writer.write(request)
        answer = await reader.read()
    except OSError:
        answer = b""
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    if not answer:
        return CUT_OFF
    top, _, content = answer.partition(b"\r\n\r\n")
    status = top.split(b" ", 2)[1].decode()
    errors = json.loads(content).get("errors")
    return f"{status} {errors[0]['extensions']['code']}" if errors else f"{status} {SERVED}"


@asynccontextmanager
async def websocket(target: Target, *, greeted: bool = True) -> AsyncGenerator[ClientConnection]:
    """A connection, introduced."""
    protocols = [Subprotocol("graphql-transport-ws")]
    url = f"ws://127.0.0.1:{target.port}/graphql"
    async with connect(
        url, subprotocols=protocols, compression=None, ping_interval=None, close_timeout=1, max_queue=1
    ) as socket:
        if greeted:
            payload = {"authorization": bearer(target)} if target.token else {}
            await socket.send(compact({"type": "connection_init", "payload": payload}))
            await socket.recv()
        yield socket


def bearer(target: Target) -> str:
    """As a header or a parameter has it."""
    return f"Bearer {target.token}"


def frames(*texts: str) -> bytes:
    """Messages as bytes that can be written at once: masked with zeros, which change nothing."""
    parts: list[bytes] = []
    for content in (text.encode() for text in texts):
        size = len(content)
        length = bytes([128 + size]) if size < 126 else b"\xfe" + size.to_bytes(2)  # noqa: PLR2004 # RFC 6455, 5.2
        parts += [b"\x81", length, b"\0\0\0\0", content]
    return b"".join(parts)


def flood(*texts: str, greeted: bool = True) -> Once:
    """Messages over a WebSocket, all at once: the code that it is closed with, unless the last is answered."""

    async def once(target: Target) -> str:
        async with websocket(target, greeted=greeted) as socket:
            socket.transport.write(frames(*texts))
            with suppress(ConnectionClosed):
                async for message in socket:
                    heard = json.loads(message)
                    if heard.get("id") == LAST and heard["type"] in {"next", "error"}:
                        return SERVED
            return f"closed with {socket.close_code}"

    return once


async def leave(target: Target) -> str:
    """Send garbage and drop the connection before it can be told what it was."""
    async with websocket(target) as socket:
        socket.transport.write(frames("garbage"))
        socket.transport.abort()
    return CUT_OFF


async def never_read(target: Target) -> str:
    """Ask for megabytes over a WebSocket and take none of them, until the connection is lost."""
    saved = await _post(target, SAVE, {"data": {"x": "y" * 900_000}})
    variables = {"id": saved["saveDocument"]["document"]["id"]}
    async with websocket(target) as socket:
        socket.transport.pause_reading()
        socket.transport.write(frames(subscribe("all", "subscription { activity { id } }")))
        socket.transport.write(frames(*(subscribe(f"{n}", READ, variables) for n in range(20))))
        while not socket.transport.is_closing():
            await asyncio.sleep(TICK_SECONDS)
            socket.transport.write(frames('{"type": "pong"}'))  # only writing tells
        socket.transport.abort()
    return CUT_OFF


async def _post(target: Target, query: str, variables: dict[str, object]) -> Any:  # noqa: ANN401 # JSON
    content = compact({"query": query, "variables": variables}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(head("POST", "/graphql", target, len(content)) + content)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return json.loads(answer.partition(b"\r\n\r\n")[2])["data"]


def subscribe(id_: str, query: str, variables: Mapping[str, object] | None = None) -> str:
    """The message that begins an operation."""
    return compact({"type": "subscribe", "id": id_, "payload": {"query": query, "variables": variables or {}}})


def complete(id_: str) -> str:
    """The message that ends an operation."""
    return compact({"type": "complete", "id": id_})


SAVE = """mutation ($data: JSON!) {
  saveDocument(input: {title: "large", data: $data, idempotencyKey: "large"}) { document { id } }
}"""
FILTERED = "query ($filter: JobsFilter) { jobs(filter: $filter) { edges { cursor } } }"
READ = "query ($id: ID!) { document(id: $id) { data } }"
SPREADS = " ".join(f"fragment A{n} on Query {{ ...A{n + 1} ...A{n + 1} }}" for n in range(45))
BOMB = f"{{ ...A0 }} {SPREADS} fragment A45 on Query {{ __typename }}"
PAGES = """query ($n: Int! = 1) {
  jobs(first: $n) { edges { node { batch { jobs(first: $n) { edges { node { id } } } } } } } }"""
PAIRS = [
    text for n in range(90) for text in (subscribe(f"{n}", "{ __typename }", {"x": "y" * 60_000}), complete(f"{n}"))
]
TYPENAME = "{ __typename }"
LISTS: list[object] = [[]]
UNDECLARED = 'mutation { saveDocument(input: {title: ""}) { errors { code } } }'
FEW_LISTS = [subscribe(f"{n}", TYPENAME, {"x": LISTS * 4900}) for n in range(30)]

ATTACKS: Final = (
    Attack("fragment bomb", "45 fragments that each spread the next twice", "400 QUERY_TOO_WIDE", posted(BOMB)),
    Attack(
        "duplicate fields", "400 times the same field", "400 QUERY_TOO_WIDE",
        posted("{" + " __typename" * 400 + "}"),
    ),
    Attack(
        "aliases", "400 aliases of a field", "400 QUERY_TOO_WIDE",
        posted("{" + " ".join(f"a{n}: __typename" for n in range(400)) + "}"),
    ),
    Attack(
        "many aliases", "3,000 aliases of a field", "400 QUERY_TOO_LARGE",
        posted("{" + " ".join(f"a{n}: __typename" for n in range(3000)) + "}"),
    ),
    Attack("deep fields", "1,900 levels of fields", "400 QUERY_TOO_DEEP", posted("{" + "a{" * 1900)),
    Attack(
        "deep list", "a list of 90 levels", "400 QUERY_TOO_DEEP",
        posted("{ documents(first: " + "[" * 90 + "]" * 90 + ") { edges { cursor } } }"),
    ),
    Attack(
        "long list", "a list of 1,900 ids in the text", "400 QUERY_TOO_LARGE",
        posted("{ nodes(ids: [" + '"a" ' * 1900 + "]) { id } }"),
    ),
    Attack("a float as page size", "100.0 for `first`, twice", "400 QUERY_TOO_COSTLY", posted(PAGES, {"n": 100.0})),
    Attack(
        "huge variables", "1 MB of variables", "413 REQUEST_TOO_LARGE",
        posted("query ($x: JSON) { __typename }", {"x": ["y" * 1000] * 1000}),
    ),
    Attack(
        "many lists", "86,000 empty lists as a variable, without a token", "413 REQUEST_TOO_LARGE",
        nobody(repeated(TYPENAME, {"x": LISTS * 86_000})),
    ),
    Attack(
        "many lists, no query", "the same without a query", "413 REQUEST_TOO_LARGE",
        nobody(body(compact({"variables": {"x": LISTS * 86_000}}).encode())),
    ),
    Attack(
        "as many lists as may be", "4,900 such lists, without a token", "200 answered",
        nobody(repeated(TYPENAME, {"x": LISTS * 4900})),
    ),
    Attack(
        "many ids", "85,000 ids as a variable", "413 REQUEST_TOO_LARGE",
        repeated("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [""] * 85_000}),
    ),
    Attack(
        "as many ids as may be", "9,000 of them", "400 QUERY_TOO_COSTLY",
        repeated("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [""] * 9000}),
    ),
    Attack(
        "unknown members", "28,000 members that a filter does not have", "413 REQUEST_TOO_LARGE",
        repeated(FILTERED, {"filter": {f"x{n}": n for n in range(28_000)}}),
    ),
    Attack(
        "as many members as may be", "9,000 of them", "400 BAD_USER_INPUT",
        repeated(FILTERED, {"filter": {f"x{n}": n for n in range(9000)}}),
    ),
    Attack(
        "lists to save", "a document of 480,000 empty lists", "413 REQUEST_TOO_LARGE",
        repeated(SAVE, {"data": {"a": LISTS * 480_000}}),
    ),
    Attack(
        "as many lists to save as may be", "a document of 49,000 empty lists", "200 answered",
        repeated(SAVE, {"data": {"a": LISTS * 49_000}}),
    ),
    Attack(
        "an undeclared variable", "1.4 MB beside a mutation that saves", "200 answered",
        repeated(UNDECLARED, {"x": "y" * 1_400_000}),
    ),
    Attack(
        "deep variables", "variables of 9,000 levels", "400 BAD_REQUEST",
        body(b'{"query": "{ __typename }", "variables": {"x": ' + b"[" * 9000),
    ),
    Attack("bad JSON", "200 KB of strings, one after the other", "400 BAD_REQUEST", body(b'"x" ' * 50_000)),
    Attack("bad UTF-8", "200 KB of bytes that are no text", "400 BAD_REQUEST", body(b"\xff" * 200_000)),
    Attack(
        "huge URL", "a query string of 40 KB", "413 REQUEST_TOO_LARGE",
        got("query=" + quote("{ __typename }" + " " * 13_000)),
    ),
    Attack(
        "endless headers", "200 KB of headers", CUT_OFF,
        half(lambda whole: whole.removesuffix(b"\r\n") + (b"X-Filler: " + b"x" * 10_000 + b"\r\n") * 20),
    ),
    Attack("slow headers", "half of the headers, then nothing", CUT_OFF, half(lambda whole: whole[:-2])),
    Attack(
        "slow body", "a tenth of the body, then nothing", "408 REQUEST_TIMEOUT",
        half(lambda whole: whole + b'{"query": '),
    ),
    Attack("garbage frames", "10,000 messages that are not JSON", "closed with 4400", flood(*["garbage"] * 10_000)),
    Attack("garbage, and gone", "such a message, and drops the connection", CUT_OFF, leave),
    Attack("pings", "2,000 messages at once", "closed with 4429", flood(*['{"type": "ping"}'] * 2000)),
    Attack("silence", "no `connection_init`", "closed with 4408", flood(greeted=False)),
    Attack(
        "asked and taken back", "15 operations of 60 KB, each completed at once", SERVED,
        flood(*PAIRS[:30], subscribe(LAST, TYPENAME)),
    ),
    Attack(
        "heavy messages", "90 operations of 60 KB, each completed at once", "closed with 4429", flood(*PAIRS),
    ),
    Attack(
        "many lists in a message", "an operation with 21,000 empty lists, without a token", "closed with 1009",
        nobody(flood(subscribe("1", TYPENAME, {"x": LISTS * 21_000}))),
    ),
    Attack(
        "as many lists as may be in messages", "30 operations with 4,900 of them each, without a token", SERVED,
        nobody(flood(*FEW_LISTS, subscribe(LAST, TYPENAME))),
    ),
    Attack("never reads", "asks for 18 MB over a WebSocket and reads nothing", CUT_OFF, never_read),
)  # fmt: skip
