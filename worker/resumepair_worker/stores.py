"""Which store it is: the one that the settings name, opened."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from resumepair_worker.folder_store import FolderStore
from resumepair_worker.settings import LocalStorage, SupabaseStorage
from resumepair_worker.storage import Store
from resumepair_worker.supabase_store import SupabaseStore

log = structlog.stdlib.get_logger(__name__)


@asynccontextmanager
async def open_store(storage: LocalStorage | SupabaseStorage, *, make: bool = True) -> AsyncGenerator[Store, None]:
    """The store that the settings name, for as long as it is needed; a missing folder may be made."""
    if isinstance(storage, LocalStorage):
        if make:
            _make_folder(storage.folder)
        with FolderStore(storage.folder) as folder:
            yield folder
    else:
        async with SupabaseStore.open(storage.url, storage.service_key, storage.bucket) as bucket:
            yield bucket


def _make_folder(folder: Path) -> None:
    """Make the storage folder; when that is not possible now, exports are tried again until it is there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("storage_away", folder=str(folder), error=str(error))
