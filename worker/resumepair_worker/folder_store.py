"""A local folder as storage: files are written under another name, synced and renamed."""

import asyncio
import os
import secrets
import shutil
import stat
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from resumepair_worker.errors import FileMissing, StorageRefused, StorageUnavailable
from resumepair_worker.storage import AWAY, StoredFile, check_key, is_key

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT_SECONDS = 60.0
THREADS = 8
PIECE_BYTES = 256 * 1024
UNFINISHED = ".part"
NOT_THERE = (FileNotFoundError, NotADirectoryError)


class FolderStore:
    """Files below one folder of this machine, which has to be there. The type follows from the export's format.

    Works in threads of its own: a folder on a network that hangs holds these, and nothing else.
    """

    def __init__(self, root: Path, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._root = root.resolve()
        self._timeout_seconds = timeout_seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="storage")
        self._begun: set[Future[Any]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, *, wait: bool = False) -> None:
        """Take no more work; with `wait`, until what was begun has ended."""
        self._threads.shutdown(wait=wait, cancel_futures=not wait)

    @property
    def hangs(self) -> bool:
        """Whether a thread, which cannot be stopped, is still at something."""
        return bool(self._begun)

    async def put(self, path: str, content: bytes | Path, content_type: str) -> None:  # noqa: ARG002 # see the class
        """Write under a temporary name, sync, rename: a reader sees the whole file or none."""
        place, unwanted = self._locate(path), threading.Event()
        try:
            await self._work(self._put, place, content, unwanted)
        except (StorageUnavailable, asyncio.CancelledError):
            # Written meanwhile or not, by a thread that cannot be stopped: one of these two removes it.
            unwanted.set()
            with suppress(RuntimeError):  # closed already
                self._begin(self._remove, [place])
            raise

    async def read(self, path: str) -> AsyncGenerator[bytes, None]:
        """Read on as the pieces are taken; a file that is replaced meanwhile is read to its old end."""
        reading = _Reading(self._locate(path), self._require_root)
        try:
            while piece := await self._work(reading.next):
                yield piece
        finally:
            with suppress(RuntimeError):  # closed already
                self._begin(reading.close)

    async def remove(self, paths: Iterable[str]) -> None:
        """Unlink the files and the folders that become empty."""
        await self._work(self._remove, [self._locate(path) for path in paths])

    async def info(self, path: str) -> StoredFile | None:
        """Size and time as the file system knows them."""
        return await self._work(self._info, self._locate(path))

    async def list(self, prefix: str) -> Sequence[StoredFile]:
        """Walk the folder; temporary files of unfinished writes are left out."""
        return await self._work(self._walk, self._locate(prefix) if prefix else self._root)

    async def sweep_unfinished(self, older_than: timedelta) -> int:
        """Unlink temporary files that nobody has written to for this long."""
        return await self._work(self._sweep, time.time() - older_than.total_seconds())

    async def _work(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it in a thread, and wait for a limited time."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await asyncio.wrap_future(self._begin(work, *args, **kwargs))
        except TimeoutError:
            raise StorageUnavailable(AWAY) from None

    def _begin(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future = self._threads.submit(work, *args, **kwargs)
        self._begun.add(future)
        future.add_done_callback(self._begun.discard)
        return future

    def _locate(self, path: str) -> Path:
        """The key's place on disk; a key that would leave the folder, by name or by link, is refused."""
        place = self._root / check_key(path)
        if not place.resolve().is_relative_to(self._root):
            raise StorageRefused(f"not a storage key: {path!r}")
        return place

    def _put(self, place: Path, content: bytes | Path, unwanted: threading.Event) -> None:
        with _as_storage_errors():
            try:
                self._write(place, content)
            except FileNotFoundError:  # a removal took the folder away as it had become empty
                self._write(place, content)
        if unwanted.is_set():
            self._remove([place])

    def _write(self, place: Path, content: bytes | Path) -> None:
        self._require_root()
        made = [folder for folder in place.parents if not folder.exists()]
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f".{secrets.token_hex(8)}{UNFINISHED}")
        try:
            with temporary.open("xb") as file, _opened(content) as source:
                shutil.copyfileobj(source, file, PIECE_BYTES)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
        for folder in {place.parent, *(folder.parent for folder in made)}:
            _sync_folder(folder)

    def _remove(self, places: Iterable[Path]) -> None:
        with _as_storage_errors():
            self._require_root()
            for place in places:
                with suppress(NotADirectoryError):
                    place.unlink(missing_ok=True)
                self._remove_empty_folders(place.parent)

    def _remove_empty_folders(self, folder: Path) -> None:
        while folder != self._root:
            try:
                folder.rmdir()
            except OSError:  # not empty, or gone: either way there is nothing left to tidy
                return
            folder = folder.parent

    def _info(self, place: Path) -> StoredFile | None:
        with _as_storage_errors():
            self._require_root()
            try:
                found = place.stat()
            except NOT_THERE:
                return None
            if not stat.S_ISREG(found.st_mode):
                return None
            modified_at = datetime.fromtimestamp(found.st_mtime, UTC)
            return StoredFile(place.relative_to(self._root).as_posix(), found.st_size, modified_at)

    def _walk(self, folder: Path) -> Sequence[StoredFile]:
        places = (place for place in self._files_below(folder) if is_key(place.relative_to(self._root).as_posix()))
        return sorted(
            (found for place in places if (found := self._info(place))),
            key=lambda found: found.path,
        )

    def _sweep(self, before: float) -> int:
        swept = 0
        with _as_storage_errors():
            for place in self._files_below(self._root):
                if place.name.startswith(".") and place.suffix == UNFINISHED:
                    with suppress(FileNotFoundError):  # it has just got its name
                        if place.stat().st_mtime < before:
                            self._remove([place])
                            swept += 1
        return swept

    def _files_below(self, folder: Path) -> Iterator[Path]:
        """Every file, whatever its name; others may remove files and folders meanwhile."""

        def on_error(error: OSError) -> None:
            if not isinstance(error, NOT_THERE):
                raise error

        with _as_storage_errors():
            self._require_root()
            for place, _, names in os.walk(folder, onerror=on_error):
                yield from (Path(place, name) for name in names)

    def _require_root(self) -> None:
        """A volume that is not mounted: what is put there nobody would find again, and what is there is not gone."""
        if not self._root.is_dir():
            raise StorageUnavailable(AWAY)


class _Reading:
    """A file that is being read, one piece in one thread at a time."""

    def __init__(self, place: Path, require_root: Callable[[], None]) -> None:
        self._place = place
        self._require_root = require_root
        self._file: BufferedReader | None = None
        self._turn = threading.Lock()

    def next(self) -> bytes:
        """The next piece; nothing at the end."""
        with self._turn, _as_storage_errors():
            if self._file is None:
                self._require_root()
                try:
                    self._file = self._place.open("rb")
                except (*NOT_THERE, IsADirectoryError):
                    raise FileMissing("This file is gone.") from None
            return self._file.read(PIECE_BYTES)

    def close(self) -> None:
        """After the piece that may be being read."""
        with self._turn:
            if self._file is not None:
                self._file.close()


def _opened(content: bytes | Path) -> BytesIO | BufferedReader:
    return content.open("rb") if isinstance(content, Path) else BytesIO(content)


@contextmanager
def _as_storage_errors() -> Generator[None, None, None]:
    """The disk's errors may pass (full, unmounted, busy), so they are all worth another try."""
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(AWAY) from error


def _sync_folder(folder: Path) -> None:
    """Make what was entered into a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
