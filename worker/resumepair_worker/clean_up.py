"""Clean-up: what storage holds and what the database says it holds are made to agree, and what is over goes.

Everything here can stop anywhere, be repeated, and run in two workers at once: a row says that a file is there from
before its upload until after its removal, so whatever is interrupted is found again. The database decides
(`files`); this asks it in bites and carries out what it says in storage.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Final, TypeVar

import structlog

from resumepair_worker.files import Files, KeptFile
from resumepair_worker.storage import Store

# So many rows are locked at a time (the original system's bite), and so many files are asked about at a time.
BITE: Final = 50
PAGE: Final = 1000
# A removal that was begun and not finished belongs to a worker that died.
TAKE_AGAIN_AFTER: Final = timedelta(minutes=1)
# Older than any upload: what was left behind by one that was killed.
UNFINISHED_AFTER: Final = timedelta(hours=1)
# Accidents are few, or a small part of all.
FEW: Final = 10
MANY: Final = 0.1
# user id/job id or bundle id/attempt/file name: what else is in the bucket is somebody else's.
UUID_PATTERN: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
OURS: Final = re.compile(rf"{UUID_PATTERN}/{UUID_PATTERN}/\d+/[^/]+")

T = TypeVar("T")

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Ages:
    """How long things are kept: files at the most, and expired exports in the history."""

    file: timedelta = timedelta(days=90)
    expired: timedelta = timedelta(days=90)


class StorageMismatch(Exception):
    """Storage and database may not belong together; the message says why."""


@dataclass(frozen=True)
class Difference:
    """How far storage and database are apart: unknown among the files found, lost among those that are kept."""

    unknown: int
    found: int
    lost: int
    kept: int

    @property
    def is_suspicious(self) -> bool:
        """Whether it is too much for accidents, as with another folder, a mount that is away, or another database."""
        is_empty = self.lost == self.kept > 0
        is_foreign = self.unknown == self.found > 1
        return (
            is_empty
            or is_foreign
            or self.lost > max(FEW, MANY * self.kept)
            or self.unknown > max(FEW, MANY * self.found)
        )

    def __str__(self) -> str:
        return (
            f"{self.lost} of {self.kept} files are not in storage, and {self.unknown} of {self.found} files in storage "
            "are not in the database; are they the right ones?"
        )


class CleanUp:
    """The sweeps. What they did is handed to `count` by kind; the kinds are in `docs/how-to/clean-up.md`."""

    def __init__(self, files: Files, store: Store, ages: Ages, count: Callable[[str, int], None]) -> None:
        self._files = files
        self._store = store
        self._ages = ages
        self._count = count

    async def expire(self) -> int:
        """Let go of the files of expired exports, until there are none; how many exports there were."""
        return await self._until_done("expired", lambda: self._files.expire(BITE))

    async def remove(self, again_after: timedelta = TAKE_AGAIN_AFTER) -> int:
        """Remove from storage what is to be removed, then forget it; how many files there were.

        What another worker has set out to remove is left to it, and taken up again after this time.

        Raises:
            StorageUnavailable, StorageRefused: Those that are left are taken up again later.
        """

        async def bite() -> int:
            taken = await self._files.take_removals(again_after, BITE)
            await self._store.remove([file.storage_path for file in taken])
            await self._files.forget([file.id for file in taken])
            return len(taken)

        return await self._until_done("removed", bite)

    async def sweep(self, *, trust: bool = False) -> None:
        """End what is too old, then compare storage and database, both ways.

        Args:
            trust: They belong together, however much they differ.

        Raises:
            StorageMismatch: They differ by so much that somebody has to look; of what differs nothing was touched.
            StorageUnavailable, StorageRefused: As there.
        """
        await self._until_done("old", lambda: self._files.expire_old(self._ages.file, BITE))
        await self._until_done("forgotten", lambda: self._files.prune_history(self._ages.expired, BITE))
        self._count("unfinished", await self._store.sweep_unfinished(UNFINISHED_AFTER))
        found = {file.path for file in await self._store.list("") if OURS.fullmatch(file.path)}
        unknown = [path for page in batched(sorted(found), PAGE) for path in await self._files.unknown(page)]
        lost, kept = await self._lost(found)
        if not trust:
            self._judge(Difference(len(unknown), len(found), len(lost), kept))
        await self._remove_unknown(unknown)
        await self._expire_lost(lost)

    def _judge(self, difference: "Difference") -> None:
        if difference.is_suspicious:
            self._count("missing", difference.lost)
            self._count("unknown", difference.unknown)
            raise StorageMismatch(str(difference))

    async def _lost(self, found: AbstractSet[str]) -> tuple[list[KeptFile], int]:
        """Rows whose file is gone, and how many rows there are."""
        lost: list[KeptFile] = []
        kept, last = 0, None
        while page := await self._files.after(last, PAGE):
            kept, last = kept + len(page), page[-1].id
            missing = [file for file in page if file.storage_path not in found]
            # Asked again: it may have been stored since the list was made.
            lost += [file for file in missing if await self._store.info(file.storage_path) is None]
        return lost, kept

    async def _remove_unknown(self, unknown: Sequence[str]) -> None:
        """Remove files without rows: a row is there before its file, so it is right to ask after the file was found."""
        for page in batched(unknown, PAGE):
            await self._store.remove(page)
            self._count("orphaned", len(page))
            for path in page:
                log.warning("orphan_removed", path=path)

    async def _expire_lost(self, lost: Sequence[KeptFile]) -> None:
        """Make exports expired whose files are gone."""
        for page in batched(lost, BITE):
            self._count("lost", await self._files.expire_lost([file.id for file in page]))
            for file in page:
                log.error("file_lost", path=file.storage_path)

    async def _until_done(self, kind: str, bite: Callable[[], Awaitable[int]]) -> int:
        """Take bites until one is not full."""
        total = 0
        while (done := await bite()) > 0:
            self._count(kind, done)
            total += done
            if done < BITE:
                break
        return total


def batched(items: Sequence[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most this size; Python 3.12's `itertools.batched`."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
