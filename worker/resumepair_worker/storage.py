"""Where artifacts are kept: the port that the worker works with, and what a key looks like.

Behind it stand a local folder (`folder_store`) and Supabase Storage (`supabase_store`). The API's side of storage
(signed links) is `resumepair_graphql.links`.
"""

import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from resumepair_worker.errors import StorageRefused

AWAY: Final = "The storage is away, or full."
# What every backend takes as it stands, in a name and in a URL. The names that people see are kept in the history.
PART: Final = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
KEY: Final = re.compile(rf"{PART}(?:/{PART})*")


@dataclass(frozen=True)
class StoredFile:
    """A file in storage: its key, its size in bytes and when it was last written (UTC)."""

    path: str
    byte_size: int
    modified_at: datetime


class Store(Protocol):
    """Keeps files under keys such as `user id/job id/attempt/file name`: ASCII letters, digits, `.`, `_` and `-`.

    Every method raises StorageUnavailable for what may pass and StorageRefused for what will not. All of them may be
    repeated.
    """

    async def put(self, path: str, content: bytes | Path, content_type: str) -> None:
        """Store the file whole or not at all; a file that is there already is replaced.

        Args:
            path: The key.
            content: The bytes, or the file that holds them, which is streamed.
            content_type: The media type, such as `application/pdf`.
        """
        ...

    def read(self, path: str) -> AsyncGenerator[bytes, None]:
        """The file's bytes, piece by piece; close the generator when you stop early.

        Raises:
            FileMissing: There is no such file.
            StorageUnavailable: Also in the middle: what came so far is not the whole file.
        """
        ...

    async def remove(self, paths: Iterable[str]) -> None:
        """Remove the files; those that are not there are no error."""
        ...

    async def info(self, path: str) -> StoredFile | None:
        """The file under this key, or None."""
        ...

    async def list(self, prefix: str) -> Sequence[StoredFile]:
        """All files below this folder, however deep and many, ordered by key; an empty prefix lists everything."""
        ...

    async def sweep_unfinished(self, older_than: timedelta) -> int:
        """Remove what writes have left behind that were killed this long ago; how many there were."""
        ...


def is_key(path: str) -> bool:
    """Whether this is a key that every backend takes."""
    return KEY.fullmatch(path) is not None


def check_key(path: str) -> str:
    """The key itself.

    Raises:
        StorageRefused: It is none, and no backend shall be asked.
    """
    if not is_key(path):
        raise StorageRefused(f"not a storage key: {path!r}")
    return path
