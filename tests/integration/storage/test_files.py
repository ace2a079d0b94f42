"""The worker's side of storage, the same wherever files are kept."""

import asyncio
import hashlib
import secrets
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resumepair_worker import supabase_store
from resumepair_worker.errors import FileMissing, StorageRefused
from tests.integration.storage.conftest import PDF, Place


async def test_what_was_put_is_there_and_replaced_by_the_next(place: Place) -> None:
    await place.store.put(place.key(), b"%PDF first", PDF)
    await place.store.put(place.key(), b"%PDF second", PDF)
    assert await place.read(place.key()) == b"%PDF second"
    info = await place.store.info(place.key())
    assert info
    assert (info.path, info.byte_size) == (place.key(), 11)
    assert info.modified_at.tzinfo == UTC
    assert abs(datetime.now(UTC) - info.modified_at) < timedelta(minutes=5)


async def test_what_was_never_put_is_not_there(place: Place) -> None:
    assert await place.store.info(place.key()) is None
    assert await place.store.list(str(place.user_id)) == []
    with pytest.raises(FileMissing):
        await place.read(place.key())
    await place.store.remove([place.key()])


async def test_list_goes_down_into_all_folders_in_order(place: Place) -> None:
    paths = [place.key(path) for path in ("b/1/cv.pdf", "a/2/cv.pdf", "a/1/x.pdf", "a/1/deep/er/cv.pdf", "top.pdf")]
    for path in paths:
        await place.store.put(path, b"%PDF", PDF)
    listed = await place.store.list(str(place.user_id))
    assert [file.path for file in listed] == sorted(paths)
    assert {file.byte_size for file in listed} == {4}
    assert [file.path for file in await place.store.list(place.key("a/1"))] == sorted(paths[2:4])
    assert set(listed) <= set(await place.store.list(""))


async def test_list_takes_the_prefix_for_a_folder(place: Place) -> None:
    await place.store.put(place.key("ab/cv.pdf"), b"%PDF", PDF)
    assert await place.store.list(place.key("a")) == []
    assert await place.store.list(place.key("ab/cv.pdf")) == []


async def test_list_turns_all_pages(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supabase_store, "PAGE", 3)
    paths = [place.key(f"{folder}/{number}.pdf") for folder in "abcd" for number in range(4)][:-1]
    await asyncio.gather(*(place.store.put(path, b"%PDF", PDF) for path in paths))
    assert [file.path for file in await place.store.list(str(place.user_id))] == paths


async def test_removed_files_are_gone_and_the_others_stay(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supabase_store, "REMOVED_AT_ONCE", 2)
    paths = [place.key(f"{number}/cv.pdf") for number in range(6)]
    await asyncio.gather(*(place.store.put(path, b"%PDF", PDF) for path in paths))
    await place.store.remove([*paths[:5], place.key("never/was.pdf")])
    await place.store.remove([])
    assert [file.path for file in await place.store.list(str(place.user_id))] == paths[5:]


BAD_KEYS = [
    ".",
    "/",
    "a/",
    "/a",
    "a//b",
    "../x",
    "a/../x",
    "a/./x",
    "a/.hidden",
    "a/\0",
    "a\\b",
    "zoë.pdf",
    "a b",
    "%41",
]


async def test_what_is_no_key_is_refused_everywhere(place: Place) -> None:
    store = place.store
    for path in BAD_KEYS:
        attempts = (
            store.put(path, b"%PDF", PDF), place.read(path), store.info(path), store.remove([place.key(), path]),
            store.list(path),
        )  # fmt: skip
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StorageRefused] * len(attempts), path
    with pytest.raises(StorageRefused):
        await store.put("", b"%PDF", PDF)


async def test_a_large_file_goes_from_disk_and_comes_in_pieces(place: Place, tmp_path: Path) -> None:
    content = secrets.token_bytes(6 * 1024 * 1024 + 1)
    (tmp_path / "large").write_bytes(content)
    await place.store.put(place.key(), tmp_path / "large", PDF)
    pieces = [piece async for piece in place.store.read(place.key())]
    assert hashlib.sha256(b"".join(pieces)).digest() == hashlib.sha256(content).digest()
    assert max(map(len, pieces)) < len(content) / 2


async def test_reading_may_stop_early(place: Place) -> None:
    await place.store.put(place.key(), secrets.token_bytes(1024 * 1024), PDF)
    async with aclosing(place.store.read(place.key())) as pieces:
        async for _ in pieces:
            break
    assert await place.store.info(place.key())


async def test_many_writers_of_one_key_leave_one_whole_file(place: Place) -> None:
    contents = [b"%PDF" + bytes([number]) * 100_000 for number in range(8)]
    await asyncio.gather(*(place.store.put(place.key(), content, PDF) for content in contents))
    assert await place.read(place.key()) in contents
    assert [file.path for file in await place.store.list(str(place.user_id))] == [place.key()]


async def test_whole_writes_leave_nothing_to_sweep(place: Place) -> None:
    await place.store.put(place.key(), b"%PDF", PDF)
    assert await place.store.sweep_unfinished(timedelta(0)) == 0
    assert await place.store.info(place.key())
