"""Supabase Storage as storage: one private bucket, written with the service key.

Keys are deterministic and every upload replaces, so what was stored without our hearing of it is stored again, and
nothing doubles.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BufferedReader, BytesIO, FileIO
from pathlib import Path
from typing import Any, Final, Self, TypeVar, cast

import httpx
from pydantic import BaseModel, SecretStr, TypeAdapter
from storage3.exceptions import StorageApiError
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from resumepair_worker.errors import ExportError, FileMissing, StorageMisconfigured, StorageUnavailable
from resumepair_worker.storage import AWAY, StoredFile, check_key, is_key
from resumepair_worker.supabase_errors import NO_RIGHT, misconfigured, translated

T = TypeVar("T")

TIMEOUTS: Final = httpx.Timeout(30, connect=3, pool=5)
# For one operation with its repetitions; then the attempt is tried again as a whole. Below `Settings.step_deadline`.
TIMEOUT_SECONDS: Final = 50.0
PAUSES_SECONDS: Final = (0.1, 0.5)
# What is still on its way when the process stops may take this long.
CLOSE_SECONDS: Final = 1.0
TIDY_SECONDS: Final = 3.0
PAGE: Final = 1000
REMOVED_AT_ONCE: Final = 100
LISTED_AT_ONCE: Final = 8
# As for the links to a local folder.
CACHE_SECONDS: Final = "300"


class _Details(BaseModel):
    """What the storage knows of one file; when it was last written is not told by all its versions."""

    size: int
    created_at: datetime
    last_modified: datetime | None = None


class _Metadata(BaseModel):
    size: int = 0


class _Entry(BaseModel):
    """What is in a folder: a folder has no id."""

    name: str
    id: str | None = None
    updated_at: datetime | None = None
    metadata: _Metadata | None = None


class _Removed(BaseModel):
    name: str


ENTRIES: Final = TypeAdapter(list[_Entry])
REMOVED: Final = TypeAdapter(list[_Removed])


class SupabaseStore:
    """Files in a bucket of a Supabase project; `open` makes one.

    What may pass is tried three times before it becomes an error.
    """

    def __init__(
        self, client: AsyncClient, http: httpx.AsyncClient, bucket: str, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._client = client
        self._http = http
        self._bucket = bucket
        self._files = client.storage.from_(bucket)
        self._timeout_seconds = timeout_seconds
        self._tidying: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, service_key: SecretStr, bucket: str, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> AsyncGenerator[Self, None]:
        """The store of this project and bucket; nothing is asked yet.

        Args:
            url: The project's address, `https://<ref>.supabase.co`.
            service_key: Its service_role key, or a secret key.
            bucket: The bucket's id.
            timeout_seconds: The longest that an operation may take.
        """
        async with httpx.AsyncClient(timeout=TIMEOUTS) as http:
            options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False, persist_session=False)
            client = await acreate_client(url, service_key.get_secret_value(), options)
            store = cls(client, http, bucket, timeout_seconds)
            try:
                yield store
            finally:
                await store._finish_tidying()

    async def put(self, path: str, content: bytes | Path, content_type: str) -> None:
        """Upload; when that fails or is given up, what may have arrived all the same is removed."""
        check_key(path)
        try:
            await self._ask("put", partial(self._upload, path, content, content_type))
        except StorageMisconfigured:
            raise
        except StorageUnavailable:
            await self._tidy(path)
            raise
        except asyncio.CancelledError:
            tidying = asyncio.create_task(self._tidy(path))
            self._tidying.add(tidying)
            tidying.add_done_callback(self._tidying.discard)
            raise

    async def read(self, path: str) -> AsyncGenerator[bytes, None]:
        """Download as the pieces are taken."""
        check_key(path)
        answer = await self._ask("read", partial(self._open_download, path))
        try:
            with translated("read", self._bucket):
                async for piece in answer.aiter_bytes():
                    yield piece
        finally:
            await answer.aclose()

    async def remove(self, paths: Iterable[str]) -> None:
        """Remove in bites. The storage has no error for who may not: what its answer does not name is looked at."""
        wanted = [check_key(path) for path in paths]
        for start in range(0, len(wanted), REMOVED_AT_ONCE):
            bite = wanted[start : start + REMOVED_AT_ONCE]
            removed = await self._ask("remove", partial(self._delete, bite))
            for path in bite:
                if path not in removed and await self.info(path) is not None:
                    raise misconfigured(NO_RIGHT, "remove", self._bucket)

    async def info(self, path: str) -> StoredFile | None:
        """Size and time as the storage knows them."""
        check_key(path)
        try:
            found = await self._ask("info", partial(self._details, path))
        except FileMissing:
            return None
        return StoredFile(path, found.size, (found.last_modified or found.created_at).astimezone(UTC))

    async def list(self, prefix: str) -> Sequence[StoredFile]:
        """Folder by folder, some at a time, each page by page; what is not ours (a placeholder) is left out."""
        level = [check_key(prefix) if prefix else ""]
        found: dict[str, StoredFile] = {}
        turn = asyncio.Semaphore(LISTED_AT_ONCE)

        async def read_folder(folder: str) -> Sequence[tuple[str, _Entry]]:
            async with turn:
                below = f"{folder}/" if folder else ""
                return [(below + entry.name, entry) for entry in await self._entries(folder)]

        while level:
            entries = [entry for folder in await asyncio.gather(*map(read_folder, level)) for entry in folder]
            level = [path for path, entry in entries if entry.id is None and is_key(path)]
            for path, entry in entries:
                if entry.updated_at is not None and is_key(path):
                    size = entry.metadata.size if entry.metadata else 0
                    found[path] = StoredFile(path, size, entry.updated_at.astimezone(UTC))
        return [found[path] for path in sorted(found)]

    async def sweep_unfinished(self, older_than: timedelta) -> int:  # noqa: ARG002 # as the port has it
        """Nothing: the storage shows no file before it is whole."""
        return 0

    async def _ask(self, operation: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do it, again after a pause where it may pass, for a limited time."""
        pauses = list(PAUSES_SECONDS)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                while True:
                    try:
                        with translated(operation, self._bucket):
                            return await work()
                    except StorageMisconfigured:
                        raise
                    except StorageUnavailable:
                        if not pauses:
                            raise
                    await asyncio.sleep(pauses.pop(0))
        except TimeoutError:
            raise StorageUnavailable(AWAY) from None

    async def _upload(self, path: str, content: bytes | Path, content_type: str) -> None:
        try:
            # Bytes would be copied as a whole, in one go; a file is sent piece by piece.
            file = content if isinstance(content, Path) else cast("FileIO", BufferedReader(BytesIO(content)))
            await self._files.upload(
                path, file, {"content-type": content_type, "cache-control": CACHE_SECONDS, "upsert": "true"}
            )
        except OSError as error:  # the file of `content` cannot be read
            raise StorageUnavailable(AWAY) from error

    async def _tidy(self, path: str) -> None:
        """Remove what is not wanted, if that can be done soon; else it is left to the clean-up."""
        with suppress(TimeoutError, ExportError):
            async with asyncio.timeout(TIDY_SECONDS):
                with translated("tidy", self._bucket):
                    await self._delete([path])

    async def _finish_tidying(self) -> None:
        if self._tidying:
            _, left = await asyncio.wait(self._tidying, timeout=CLOSE_SECONDS)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)

    async def _open_download(self, path: str) -> httpx.Response:
        """As storage3's download asks, which would hold all of it in memory."""
        url = f"{self._client.storage_url}object/{self._bucket}/{path}"
        request = self._http.build_request("GET", url, headers=self._client.options.headers)
        answer = await self._http.send(request, stream=True)
        if answer.is_success:
            return answer
        try:
            await answer.aread()
            raise _refusal_in(answer)
        finally:
            await answer.aclose()

    async def _delete(self, paths: Sequence[str]) -> set[str]:
        """Those that the storage says it has removed."""
        return {entry.name for entry in REMOVED.validate_python(await self._files.remove([*paths]))}

    async def _details(self, path: str) -> _Details:
        return _Details.model_validate(await self._files.info(path))

    async def _entries(self, folder: str) -> Sequence[_Entry]:
        entries: list[_Entry] = []
        while True:
            page = await self._ask("list", partial(self._page, folder, len(entries)))
            entries.extend(page)
            if len(page) < PAGE:
                return entries

    async def _page(self, folder: str, offset: int) -> Sequence[_Entry]:
        return ENTRIES.validate_python(await self._files.list(folder, {"limit": PAGE, "offset": offset}))


def _refusal_in(answer: httpx.Response) -> StorageApiError:
    """As storage3 reads it."""
    try:
        body: dict[str, Any] = answer.json()
        return StorageApiError(body["message"], body["error"], body["statusCode"])
    except (ValueError, LookupError, TypeError):
        return StorageApiError("", "InternalError", answer.status_code)
