"""Download links to Supabase Storage, signed there in the user's own name.

The storage's policy decides which files that may be, so the API needs no service key. The token is passed on and shown
to nobody.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Final, Self
from urllib.parse import quote

import httpx
import structlog
from storage3 import AsyncStorageClient
from storage3.exceptions import StorageApiError

from resumepair_graphql.errors import ErrorCode, Refusal, Unavailable
from resumepair_graphql.links import Asker, Link, Wanted

log = structlog.stdlib.get_logger(__name__)

TIMEOUTS: Final = httpx.Timeout(4, connect=2, pool=2)
BROKEN: Final = 500
# Not yet, says the storage: request timeout, locked, too many requests.
PASSING: Final = frozenset({408, 423, 429})
MEND: Final = "SUPABASE_URL and SUPABASE_ANON_KEY have to be of one project, whose storage accepts the users' tokens"


class SupabaseLinks:
    """Links to files of one bucket of a Supabase project; close it with the process.

    Args:
        url: The project's address, as clients reach it too.
        anon_key: Its anon key, or a publishable key.
        bucket: The bucket's id.
        lifetime: How long a link is good.
    """

    def __init__(self, url: str, anon_key: str, bucket: str, lifetime: timedelta) -> None:
        self._url = f"{url.rstrip('/')}/storage/v1/"
        self._anon_key = anon_key
        self._bucket = bucket
        self._seconds = ceil(lifetime.total_seconds())
        self._http = httpx.AsyncClient(timeout=TIMEOUTS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def sign(self, files: Sequence[Wanted], asker: Asker) -> Sequence[Link | Refusal]:
        """Links to all of them with one request; a file that is gone, or not the asker's, is a refusal of its own.

        A request has one lifetime for all. So exports that end sooner have requests of their own, shared by those whose
        lives are within a factor of two: few requests, and no link has less than half of the time that it may have.
        """
        now = datetime.now(UTC)
        groups: dict[int, list[tuple[int, Wanted]]] = {}
        for place, file in enumerate(files):
            left = int((file.expires_at - now).total_seconds())
            groups.setdefault(0 if left >= self._seconds else max(left, 1).bit_length(), []).append((place, file))
        signed = await asyncio.gather(
            *(self._sign([file for _, file in group], now, asker) for group in groups.values())
        )
        links = {
            place: link
            for group, of_group in zip(groups.values(), signed, strict=True)
            for (place, _), link in zip(group, of_group, strict=True)
        }
        return [links[place] for place in range(len(files))]

    async def _sign(self, files: Sequence[Wanted], now: datetime, asker: Asker) -> Sequence[Link | Refusal]:
        """With one request, good for as long as the first of them to expire, and for a second at least."""
        first = min(file.expires_at for file in files)
        seconds = max(min(self._seconds, int((first - now).total_seconds())), 1)
        expires_at = now.replace(microsecond=0) + timedelta(seconds=seconds)
        try:
            signed = await self._ask([file.path for file in files], seconds, asker.token)
        except StorageApiError as error:
            _log_answer(error)
            return [Unavailable() for _ in files]
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, LookupError, TypeError) as error:
            # Only the class: a header that cannot be sent is repeated in the text.
            log.warning("storage_away", error=type(error).__name__)
            return [Unavailable() for _ in files]
        return [
            Link(f"{url}&download={quote(file.file_name, safe='')}", expires_at) if url else _gone()
            for file, url in zip(files, signed, strict=True)
        ]

    async def _ask(self, paths: list[str], seconds: int, token: str) -> list[str | None]:
        """The signed addresses, None where there is no file. Once more when the connection was closed meanwhile."""
        headers = {"apikey": self._anon_key, "Authorization": f"Bearer {token}"}
        bucket = AsyncStorageClient(self._url, headers, http_client=self._http).from_(self._bucket)
        try:
            answer = await bucket.create_signed_urls(paths, seconds)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            answer = await bucket.create_signed_urls(paths, seconds)
        if [entry["path"] for entry in answer] != paths:
            raise ValueError("not the files that were asked for")
        return [entry["signedURL"] for entry in answer]


def _gone() -> Refusal:
    return Refusal(ErrorCode.NOT_FOUND, "This file is gone; export the document again.")


def _log_answer(error: StorageApiError) -> None:
    """The code only: the text may repeat what was sent."""
    status = int(error.status) if str(error.status).isdecimal() else BROKEN
    if status >= BROKEN or status in PASSING:
        log.warning("storage_away", status=status, code=error.code)
    else:
        log.error("storage_misconfigured", status=status, code=error.code, mend=MEND)
