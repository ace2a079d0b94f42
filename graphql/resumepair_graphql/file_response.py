"""Answers with an open file: the whole of it, or the part that a client asks for (RFC 9110, sections 13 and 14).

It is opened before anything is sent. So who removes it meanwhile takes nothing from those who have begun.
"""

import os
import re
from collections.abc import AsyncGenerator, Mapping
from email.utils import formatdate
from typing import BinaryIO, Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

PIECE_BYTES: Final = 256 * 1024
# Of digits no more than any file's size has.
RANGE: Final = re.compile(r"bytes=[ \t,]*([0-9]{0,20})-([0-9]{0,20})[ \t,]*", re.IGNORECASE | re.ASCII)


def file_response(
    file: BinaryIO, request: Request, *, file_name: str, media_type: str, headers: Mapping[str, str]
) -> Response:
    """What `GET` or `HEAD` is answered: 200, 206, 304 or 416. The file is closed with the answer.

    A single range of bytes is served as such. The whole file comes for several, for what is no range, and for a range
    of another version of the file (`If-Range`).

    Args:
        file: A regular file, opened unbuffered for reading.
        request: What is asked for.
        file_name: The name that it is saved under, in any script.
        media_type: Its type.
        headers: More headers of the answer.
    """
    status = os.fstat(file.fileno())
    size = status.st_size
    validators = {
        "ETag": f'"{status.st_mtime_ns:x}-{size:x}"',
        "Last-Modified": formatdate(status.st_mtime, usegmt=True),
    }
    if _is_known(validators["ETag"], request):
        file.close()
        return Response(status_code=304, headers={**headers, **validators})
    described = {
        **headers,
        **validators,
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"attachment; {_named(file_name)}",
    }
    part = _range_of(request, size) if request.headers.get("if-range") in {None, *validators.values()} else None
    if part is None:
        part = range(size)
        code = 200
    elif part:
        described["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        code = 206
    else:
        file.close()
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    described["Content-Length"] = str(len(part))
    if request.method == "HEAD":
        file.close()
        return Response(status_code=code, headers=described, media_type=media_type)
    return _OpenFileResponse(file, part, code, described, media_type)


class _OpenFileResponse(StreamingResponse):
    """A part of an open file, which is closed with the answer, also when the client has gone."""

    def __init__(self, file: BinaryIO, part: range, code: int, headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(_pieces(file, part), code, headers, media_type)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            await super().__call__(scope, receive, send)


async def _pieces(file: BinaryIO, part: range) -> AsyncGenerator[bytes, None]:
    await run_in_threadpool(file.seek, part.start)
    left = len(part)
    while left and (piece := await run_in_threadpool(file.read, min(left, PIECE_BYTES))):
        left -= len(piece)
        yield piece


def _is_known(etag: str, request: Request) -> bool:
    """Whether the client has this version (`If-None-Match`)."""
    known = ",".join(request.headers.getlist("if-none-match")).split(",")
    return any(entry.strip().removeprefix("W/") in {etag, "*"} for entry in known)


def _range_of(request: Request, size: int) -> range | None:
    """The bytes that are asked for, empty when the file has none of them; None when it is no single range."""
    found = RANGE.fullmatch(request.headers.get("range", ""))
    if not found or request.method != "GET":
        return None
    first, last = found.groups()
    if not first:
        return range(max(size - int(last), 0), size) if last else None
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def _named(file_name: str) -> str:
    """The name as RFC 6266 has it."""
    encoded = quote(file_name, safe="")
    return f'filename="{file_name}"' if encoded == file_name else f"filename*=utf-8''{encoded}"
