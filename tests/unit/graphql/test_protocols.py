import asyncio
from collections import Counter
from contextlib import suppress

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState
from websockets.asyncio.client import connect

from dev.bench.attacks import frames
from resumepair_graphql.protocols import FairWebSocketProtocol

MESSAGES = 10_000


async def test_ten_thousand_messages_at_once_leave_room_for_others() -> None:
    """Otherwise they would be taken apart in one go, which takes a tenth of a second."""
    turn = 0
    received: Counter[int] = Counter()

    async def others() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            received[turn] += 1

    config = uvicorn.Config(app, log_config=None)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: FairWebSocketProtocol(config, state, {}), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    meanwhile = asyncio.ensure_future(others())
    async with server, connect(f"ws://127.0.0.1:{port}", compression=None) as client:
        client.transport.write(frames(*["garbage"] * MESSAGES))
        await client.close()
        while state.tasks:
            await asyncio.wait(state.tasks)
    meanwhile.cancel()
    with suppress(asyncio.CancelledError):
        await meanwhile
    assert received.total() == MESSAGES
    assert max(received.values()) < MESSAGES / 20
