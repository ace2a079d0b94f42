import asyncio
import os
import threading
import time
from collections.abc import Generator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from resumepair_worker.errors import StorageRefused, StorageUnavailable
from resumepair_worker.folder_store import FolderStore

KEY = "user/job/1/cv.pdf"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")


async def test_what_was_put_is_there_and_replaced_by_the_next(store: FolderStore, tmp_path: Path) -> None:
    await store.put(KEY, b"first", "application/pdf")
    await store.put(KEY, b"second", "application/pdf")
    assert (tmp_path / "store" / KEY).read_bytes() == b"second"
    info = await store.info(KEY)
    assert info
    assert (info.path, info.byte_size) == (KEY, 6)


async def test_list_is_ordered_and_below_the_prefix(store: FolderStore) -> None:
    for path in ("b/1.pdf", "a/2.pdf", "a/1.pdf"):
        await store.put(path, b"x", "application/pdf")
    assert [file.path for file in await store.list("a")] == ["a/1.pdf", "a/2.pdf"]
    assert [file.path for file in await store.list("")] == ["a/1.pdf", "a/2.pdf", "b/1.pdf"]
    assert await store.list("nowhere") == []


async def test_remove_tidies_and_forgives(store: FolderStore, tmp_path: Path) -> None:
    await store.put(KEY, b"x", "application/pdf")
    await store.remove([KEY, "never/was.pdf"])
    assert await store.info(KEY) is None
    assert list((tmp_path / "store").iterdir()) == []


async def test_many_at_once_leave_whole_files_and_no_rests(store: FolderStore, tmp_path: Path) -> None:
    contents = [bytes([n]) * 100_000 for n in range(20)]
    await asyncio.gather(*(store.put(KEY, content, "application/pdf") for content in contents))
    assert (tmp_path / "store" / KEY).read_bytes() in contents
    assert [path.name for path in (tmp_path / "store" / KEY).parent.iterdir()] == ["cv.pdf"]


@pytest.mark.parametrize("path", ["", ".", "../x", "a/../../x", "/etc/passwd", "a/.hidden", "a/\0"])
async def test_a_key_never_leads_out_of_the_folder(store: FolderStore, path: str) -> None:
    with pytest.raises(StorageRefused):
        await store.put(path, b"x", "application/pdf")


async def test_nor_does_a_link(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "store" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(StorageRefused):
        await store.put("link/cv.pdf", b"x", "application/pdf")
    assert list((tmp_path / "outside").iterdir()) == []


async def test_a_folder_that_is_gone_is_not_made_anew(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "store").rmdir()
    with pytest.raises(StorageUnavailable):
        await store.put(KEY, b"x", "application/pdf")
    assert not (tmp_path / "store").exists()


async def test_what_is_in_a_folder_that_is_gone_is_not_taken_for_gone(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "store").rmdir()
    for work in (store.info(KEY), store.list(""), store.remove([KEY]), anext(store.read(KEY))):
        with pytest.raises(StorageUnavailable):
            await work


async def test_a_list_does_not_stumble_over_what_others_remove(store: FolderStore) -> None:
    paths = [f"user/{number}/cv.pdf" for number in range(100)]
    for path in paths:
        await store.put(path, b"x", "application/pdf")

    async def list_all() -> None:
        while await store.list(""):
            pass

    await asyncio.gather(list_all(), *(store.remove([path]) for path in paths))


async def test_trouble_with_the_disk_is_worth_another_try(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(StorageUnavailable):
        await FolderStore(tmp_path / "store").put(KEY, b"x", "application/pdf")


async def test_what_killed_writes_left_behind_is_swept_when_it_is_old(store: FolderStore, tmp_path: Path) -> None:
    await store.put("user/job/2/cv.pdf", b"x", "application/pdf")
    rests = [tmp_path / "store" / "user/job" / attempt / ".0a1b.part" for attempt in ("1", "2", "3")]
    for rest in rests:
        rest.parent.mkdir(parents=True, exist_ok=True)
        rest.write_bytes(b"half")
    hour_ago = time.time() - 3600
    for rest in rests[:2]:
        os.utime(rest, (hour_ago, hour_ago))

    assert await store.sweep_unfinished(timedelta(minutes=59)) == 2
    left = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert sorted(left) == [tmp_path / "store" / "user/job/2/cv.pdf", rests[2]]
    assert not rests[0].parent.exists()


async def test_a_file_that_is_replaced_is_read_to_its_old_end(store: FolderStore) -> None:
    first = bytes(1024 * 1024)
    await store.put(KEY, first, "application/pdf")
    async with aclosing(store.read(KEY)) as pieces:
        read = await anext(pieces)
        await store.put(KEY, b"second", "application/pdf")
        read += b"".join([piece async for piece in pieces])
    assert read == first


@dataclass
class Gate:
    """Holds a thread of the store just before the file gets its name."""

    reached: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)

    def hold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        replace = Path.replace

        def held(path: Path, target: Path) -> Path:
            self.reached.set()
            assert self.open.wait(20)
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", held)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Generator[Gate, None, None]:
    gate = Gate()
    gate.hold(monkeypatch)
    yield gate
    gate.open.set()


async def test_a_put_that_is_given_up_leaves_no_file_when_it_ends_after_all(
    store: FolderStore, tmp_path: Path, gate: Gate
) -> None:
    putting = asyncio.create_task(store.put(KEY, b"x", "application/pdf"))
    await asyncio.to_thread(gate.reached.wait, 20)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    gate.open.set()
    store.close(wait=True)
    assert list((tmp_path / "store").rglob("*.*")) == []


async def test_a_storage_that_hangs_is_given_up(tmp_path: Path, gate: Gate) -> None:
    (tmp_path / "store").mkdir()
    store = FolderStore(tmp_path / "store", timeout_seconds=0.1)
    with pytest.raises(StorageUnavailable):
        await store.put(KEY, b"x", "application/pdf")
    assert store.hangs
    gate.open.set()
    store.close(wait=True)
    assert not store.hangs
    assert list((tmp_path / "store").rglob("*.*")) == []
