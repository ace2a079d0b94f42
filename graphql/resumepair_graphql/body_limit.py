"""Reading a request's body with a limit on its size and on the client's time: the server underneath has neither."""

import asyncio

from starlette.requests import Request

from resumepair_graphql.http_refusal import HttpCode, HttpRefusal

CLOSING = {"Connection": "close"}  # what is still to come is not read


async def read_body(request: Request, max_bytes: int, seconds: float) -> bytes:
    """The whole body, whether it announces its length or not.

    Raises:
        HttpRefusal: 413, it has more bytes; 408, it was not there in time.
        ClientDisconnect: The client went away.
    """
    refuse_announced(request, max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
    except TimeoutError:
        message = f"The body did not arrive within {seconds:g} seconds."
        raise HttpRefusal(HttpCode.REQUEST_TIMEOUT, message, CLOSING) from None
    return bytes(body)


def refuse_announced(request: Request, max_bytes: int) -> None:
    """Refuse a body whose announced length is too much, before anything else is looked at.

    Raises:
        HttpRefusal: 413.
    """
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> HttpRefusal:
    return HttpRefusal(HttpCode.REQUEST_TOO_LARGE, f"The body is larger than {max_bytes} bytes.", CLOSING)
