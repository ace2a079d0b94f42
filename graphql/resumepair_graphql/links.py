"""Download links to stored files, and, for the local folder, the endpoint behind them.

Links to Supabase Storage are made by `supabase_links`. The worker's side of storage (writing files) is
`resumepair_worker.storage`.
"""

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from mimetypes import guess_type
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from urllib.parse import quote

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from resumepair_graphql.errors import Refusal
from resumepair_graphql.file_response import file_response

log = structlog.stdlib.get_logger(__name__)

KEPT_SECONDS: Final = 300  # by a browser; no longer than the link is good


@dataclass(frozen=True)
class Wanted:
    """A file to link to: its storage key, the name that it is saved under, in any script, and when it expires."""

    path: str
    file_name: str
    expires_at: datetime


@dataclass(frozen=True)
class Asker:
    """Who asks for links: where they reach this API, and the token that they signed in with."""

    base_url: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Link:
    """An absolute URL that needs no token, and when it stops working (UTC): with its export at the latest."""

    url: str
    expires_at: datetime


class Links(Protocol):
    """Makes download links."""

    async def sign(self, files: Sequence[Wanted], asker: Asker) -> Sequence[Link | Refusal]:
        """A link to each of the files, in their order, or why there is none."""
        ...


class FolderLinks:
    """Links to files of a local folder: an HMAC over key, name and expiry, checked when the file is asked for."""

    def __init__(self, root: Path, signing_key: str, lifetime: timedelta) -> None:
        self._root = root.resolve()
        self._signing_key = signing_key.encode()
        self._lifetime = lifetime

    async def sign(self, files: Sequence[Wanted], asker: Asker) -> Sequence[Link]:
        """Links below `/files/`, good for the configured time; a file that is gone shows when it is asked for."""
        latest = time.time() + self._lifetime.total_seconds()
        return [self._link(file, asker.base_url, int(min(latest, file.expires_at.timestamp()))) for file in files]

    def _link(self, file: Wanted, base_url: str, expires: int) -> Link:
        signature = self._signature(file.path, file.file_name, expires)
        name = quote(file.file_name, safe="")
        url = f"{base_url}/files/{quote(file.path)}?expires={expires}&download={name}&signature={signature}"
        return Link(url, datetime.fromtimestamp(expires, UTC))

    async def serve(self, request: Request) -> Response:
        """`GET` and `HEAD /files/{path}`, with ranges: the file under its own name and type."""
        path, file_name = request.path_params["path"], request.query_params.get("download", "")
        expires = request.query_params.get("expires", "")
        signature = request.query_params.get("signature", "")
        if not expires.isascii() or not expires.isdigit() or len(expires) > len("9999999999"):
            return _refuse(403, "This link is not valid.")
        if not hmac.compare_digest(signature.encode(), self._signature(path, file_name, int(expires)).encode()):
            return _refuse(403, "This link is not valid.")
        left = int(expires) - time.time()
        if left <= 0:
            return _refuse(410, "This link has expired; ask for a new one.")
        try:
            opened = await run_in_threadpool(self._open, path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return _refuse(404, "This file is gone.")
        except OSError as error:
            log.warning("file_unreadable", error=error.strerror)
            return _refuse(503, "This file cannot be read at the moment; try again.")
        return file_response(
            opened,
            request,
            file_name=file_name,
            media_type=guess_type(path)[0] or "application/octet-stream",
            headers={
                "Cache-Control": f"private, max-age={int(min(left, KEPT_SECONDS))}",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "sandbox; default-src 'none'",
            },
        )

    def _open(self, path: str) -> BinaryIO:
        """Raises FileNotFoundError also for what lies outside of the folder."""
        place = (self._root / path).resolve()
        if not place.is_relative_to(self._root):
            raise FileNotFoundError(path)
        return place.open("rb", buffering=0)

    def _signature(self, path: str, file_name: str, expires: int) -> str:
        # Quoted, so that no line can pass for two.
        signed = f"{expires}\n{quote(path)}\n{quote(file_name)}"
        return hmac.new(self._signing_key, signed.encode(), hashlib.sha256).hexdigest()


def _refuse(status: int, message: str) -> Response:
    return PlainTextResponse(message + "\n", status, headers={"Cache-Control": "no-store"})
