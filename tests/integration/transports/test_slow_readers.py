"""Clients that ask over plain HTTP and do not read: uvicorn waits for ever, the kernel does not (`server.listen`)."""

import json
import socket

import psutil
from psycopg.types.json import Jsonb

from tests.integration.conftest import Person
from tests.integration.transports.conftest import Start, token_of, until

LARGE = "{ " + " ".join(f"p{n}: documents {{ edges {{ node {{ data }} }} }}" for n in range(4)) + " }"


async def test_who_reads_nothing_of_an_answer_is_cut_off(start: Start, alice: Person) -> None:
    server = start(CLIENT_TIMEOUT_SECONDS="0.5")
    alice.run("insert into resumepair.documents (title, data) values ('large', %s)", Jsonb({"x": "y" * 1_000_000}))
    body = json.dumps({"query": LARGE})
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(
            f"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"authorization: Bearer {token_of(alice)}\r\n\r\n{body}".encode()
        )
        own = client.getsockname()

        def is_held() -> bool:
            """Whether the server still has its end; of the end of it, the kernel tells this side nothing."""
            held = psutil.Process(server.process.pid).net_connections("tcp")
            return any(connection.raddr == own for connection in held)

        await until(lambda: bool(client.recv(1, socket.MSG_PEEK)))  # the answer has begun
        assert is_held()
        await until(lambda: not is_held())
        assert server.is_well(token_of(alice))
