"""Download links to stored files, and, for the local folder, the endpoint behind them.

The worker's side of storage (writing files) is `resumepair_worker.storage`.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from mimetypes import guess_type
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response


@dataclass(frozen=True)
class Link:
    """An absolute URL that needs no token, and when it stops working (UTC)."""

    url: str
    expires_at: datetime


class Links(Protocol):
    """Makes download links."""

    def sign(self, path: str, base_url: str) -> Link:
        """A link to the file under this storage key; `base_url` is where the client reaches this API."""
        ...


class FolderLinks:
    """Links to files of a local folder: an HMAC over key and expiry, checked when the file is asked for."""

    def __init__(self, root: Path, signing_key: str, lifetime: timedelta) -> None:
        self._root = root.resolve()
        self._signing_key = signing_key.encode()
        self._lifetime = lifetime

    def sign(self, path: str, base_url: str) -> Link:
        """A link below `/files/`, good for the configured time."""
        expires = int(time.time() + self._lifetime.total_seconds())
        url = f"{base_url}/files/{quote(path)}?expires={expires}&signature={self._signature(path, expires)}"
        return Link(url, datetime.fromtimestamp(expires, UTC))

    async def serve(self, request: Request) -> Response:
        """`GET` and `HEAD /files/{path}`, with ranges: the file under its own name and type."""
        path: str = request.path_params["path"]
        expires = request.query_params.get("expires", "")
        signature = request.query_params.get("signature", "")
        if not expires.isascii() or not expires.isdigit() or len(expires) > len("9999999999"):
            return _refuse(403, "This link is not valid.")
        if not hmac.compare_digest(signature.encode(), self._signature(path, int(expires)).encode()):
            return _refuse(403, "This link is not valid.")
        if int(expires) <= time.time():
            return _refuse(410, "This link has expired; ask for a new one.")
        place = (self._root / path).resolve()
        if not place.is_relative_to(self._root) or not place.is_file():
            return _refuse(404, "This file is gone.")
        return FileResponse(
            place,
            filename=place.name,
            media_type=guess_type(place.name)[0] or "application/octet-stream",
            headers={
                "Cache-Control": "private, max-age=300",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "sandbox; default-src 'none'",
            },
        )

    def _signature(self, path: str, expires: int) -> str:
        return hmac.new(self._signing_key, f"{expires}\n{path}".encode(), hashlib.sha256).hexdigest()


def _refuse(status: int, message: str) -> Response:
    return PlainTextResponse(message + "\n", status, headers={"Cache-Control": "no-store"})
