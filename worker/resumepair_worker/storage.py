"""Where artifacts are kept: a small port, and the local folder behind it.

The API's side of storage (signed links) is `resumepair_graphql.links`.
"""

import asyncio
import os
import secrets
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Protocol

from resumepair_worker.errors import StorageRefused, StorageUnavailable

AWAY = "The file could not be stored: the storage is away or full."


@dataclass(frozen=True)
class StoredFile:
    """A file in storage: its key, its size in bytes and when it was last written (UTC)."""

    path: str
    byte_size: int
    modified_at: datetime


class Store(Protocol):
    """Keeps files under keys such as `user id/job id/attempt/file name`.

    Every method raises StorageUnavailable for what may pass and StorageRefused for what will not.
    """

    async def put(self, path: str, content: bytes, content_type: str) -> None:
        """Store the file whole or not at all; a file that is there already is replaced."""
        ...

    async def remove(self, paths: Iterable[str]) -> None:
        """Remove the files; those that are not there are no error."""
        ...

    async def info(self, path: str) -> StoredFile | None:
        """The file under this key, or None."""
        ...

    async def list(self, prefix: str) -> Sequence[StoredFile]:
        """All files below this folder, ordered by key; an empty prefix lists everything."""
        ...


class FolderStore:
    """Files below one folder of this machine, which has to be there. The type follows from the export's format."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    async def put(self, path: str, content: bytes, content_type: str) -> None:  # noqa: ARG002 # see the class
        """Write under a temporary name, sync, rename: a reader sees the whole file or none."""
        await asyncio.to_thread(self._put, self._locate(path), content)

    async def remove(self, paths: Iterable[str]) -> None:
        """Unlink the files and the folders that become empty."""
        await asyncio.to_thread(self._remove, [self._locate(path) for path in paths])

    async def info(self, path: str) -> StoredFile | None:
        """Size and time as the file system knows them."""
        return await asyncio.to_thread(self._info, self._locate(path))

    async def list(self, prefix: str) -> Sequence[StoredFile]:
        """Walk the folder; temporary files of unfinished writes are left out."""
        return await asyncio.to_thread(self._walk, self._locate(prefix) if prefix else self._root)

    def _locate(self, path: str) -> Path:
        """The key's place on disk; a key that would leave the folder, by name or by link, is refused."""
        parts = PurePosixPath(path).parts
        if not parts or any(part in {"..", "/"} or part.startswith(".") or "\0" in part for part in parts):
            raise StorageRefused(f"not a storage key: {path!r}")
        place = self._root.joinpath(*parts)
        if not place.resolve().is_relative_to(self._root):
            raise StorageRefused(f"not a storage key: {path!r}")
        return place

    def _put(self, place: Path, content: bytes) -> None:
        with _as_storage_errors():
            try:
                self._write(place, content)
            except FileNotFoundError:  # a removal took the folder away as it had become empty
                self._write(place, content)

    def _write(self, place: Path, content: bytes) -> None:
        if not self._root.is_dir():  # a volume that is not mounted: nobody would find the file again
            raise StorageUnavailable(AWAY)
        made = [folder for folder in place.parents if not folder.exists()]
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
        for folder in {place.parent, *(folder.parent for folder in made)}:
            _sync_folder(folder)

    def _remove(self, places: Iterable[Path]) -> None:
        with _as_storage_errors():
            for place in places:
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
            if not place.is_file():
                return None
            stat = place.stat()
            modified_at = datetime.fromtimestamp(stat.st_mtime, UTC)
            return StoredFile(place.relative_to(self._root).as_posix(), stat.st_size, modified_at)

    def _walk(self, folder: Path) -> Sequence[StoredFile]:
        places = (place for place in folder.rglob("*") if not place.name.startswith("."))
        return sorted(
            (found for place in places if (found := self._info(place))),
            key=lambda found: found.path,
        )


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
