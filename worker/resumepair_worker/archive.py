"""A ZIP that is being written, on disk and not in memory."""

import hashlib
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

MEDIA_TYPE: Final = "application/zip"
UNIX: Final = 3
PLAIN_FILE: Final = 0o100644 << 16


@dataclass(frozen=True)
class Written:
    """How much was written, and its SHA-256."""

    byte_size: int
    sha256: str


class Archive:
    """A ZIP in a temporary file without a name, which is gone with the process, however that ends.

    The same files with the same times make the same bytes. They are stored as they are: a PDF is compressed already.
    Every method waits for the disk, so call it in a thread; `close` may come at any time.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._file = self._stack.enter_context(TemporaryFile())  # noqa: SIM115 # closed with the stack
        self._zip = self._stack.enter_context(ZipFile(self._file, "w", ZIP_STORED))
        self._entry: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self._byte_size = 0
        self._turn = Lock()

    @property
    def path(self) -> Path:
        """Where it is read from, until it is closed; each reader begins at its beginning."""
        return Path(f"/dev/fd/{self._file.fileno()}")

    def begin(self, name: str, modified_at: datetime) -> None:
        """Begin the next file; the one before has ended."""
        with self._turn:
            info = ZipInfo(name, modified_at.astimezone(UTC).timetuple()[:6])
            info.create_system, info.external_attr = UNIX, PLAIN_FILE
            self._entry = self._zip.open(info, "w", force_zip64=False)
            self._digest, self._byte_size = hashlib.sha256(), 0

    def write(self, piece: bytes) -> None:
        """Add to the file that was begun."""
        with self._turn:
            if self._entry is None:
                raise ValueError("no file was begun, or the archive was closed")
            self._entry.write(piece)
            self._digest.update(piece)
            self._byte_size += len(piece)

    def end(self) -> Written:
        """End the file that was begun."""
        with self._turn:
            self._end_entry()
            return Written(self._byte_size, self._digest.hexdigest())

    def add(self, name: str, content: bytes, modified_at: datetime) -> None:
        """A whole file at once."""
        self.begin(name, modified_at)
        self.write(content)
        self.end()

    def finish(self) -> Written:
        """Write the directory at the end; nothing can be added any more, and it can be read."""
        with self._turn:
            self._zip.close()
            self._file.seek(0)
            digest = hashlib.file_digest(self._file, "sha256")
            byte_size = self._file.tell()
            self._file.seek(0)
            return Written(byte_size, digest.hexdigest())

    def close(self) -> None:
        """Give it up, after the write that may be going on; its file is gone."""
        with self._turn, suppress(OSError), self._stack:  # what it still writes is for nobody
            self._end_entry()

    def _end_entry(self) -> None:
        if self._entry:
            self._entry.close()
            self._entry = None
