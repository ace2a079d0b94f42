"""What only Supabase Storage can do to the worker: faults on the way, wrong keys, and a key that must not show."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from functools import partial
from uuid import uuid4

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from resumepair_worker import supabase_store
from resumepair_worker.errors import StorageMisconfigured, StorageRefused, StorageUnavailable
from resumepair_worker.supabase_store import SupabaseStore
from tests.integration.storage.conftest import PDF, Project, opened
from tests.storage_server import StorageServer

TRIES = 3
CONTENT = b"%PDF-1.7 " * 1000


@pytest.fixture
async def store(stand_in: Project) -> AsyncGenerator[SupabaseStore, None]:
    async with opened(stand_in) as store:
        yield store


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supabase_store, "PAUSES_SECONDS", (0,) * (TRIES - 1))


@pytest.fixture
def path() -> str:
    return f"{uuid4()}/job/1/cv.pdf"


Break = Callable[[StorageServer, int, str], None]


def answer(server: StorageServer, times: int, on: str, *, status: int) -> None:
    server.faults.answer(status, times=times, on=on)


# How a request may go wrong, and whether it is done all the same.
TROUBLES: dict[str, tuple[Break, bool]] = {
    "answer lost": (lambda server, times, on: server.faults.lose_responses(times=times, on=on), True),
    "answer cut off": (lambda server, times, on: server.faults.truncate(times=times, on=on), True),
    "answer no JSON": (lambda server, times, on: server.faults.garble(times=times, on=on), True),
    "connection closed": (lambda server, times, on: server.faults.drop(times=times, on=on), False),
    **{str(status): (partial(answer, status=status), False) for status in (408, 423, 429, 500, 503, 544)},
}
each_trouble = pytest.mark.parametrize("trouble", TROUBLES)


@each_trouble
async def test_an_upload_in_trouble_is_repeated_and_stored_once(
    server: StorageServer, store: SupabaseStore, path: str, trouble: str
) -> None:
    trouble_with, is_done = TROUBLES[trouble]
    trouble_with(server, TRIES - 1, "upload")
    await store.put(path, CONTENT, PDF)
    found = server.objects()[path]
    assert (found.content, found.uploads) == (CONTENT, TRIES if is_done else 1)


@each_trouble
async def test_an_upload_that_never_succeeds_may_pass_and_leaves_no_file(
    server: StorageServer, store: SupabaseStore, path: str, trouble: str
) -> None:
    TROUBLES[trouble][0](server, TRIES, "upload")
    with pytest.raises(StorageUnavailable) as error:
        await store.put(path, CONTENT, PDF)
    assert not isinstance(error.value, StorageMisconfigured)
    assert path not in server.objects()


@pytest.mark.parametrize("kind", ["info", "list", "download", "remove"])
async def test_what_is_asked_in_trouble_is_asked_again(
    server: StorageServer, store: SupabaseStore, path: str, kind: str
) -> None:
    await store.put(path, CONTENT, PDF)
    server.faults.drop(on=kind)
    server.faults.garble(on=kind if kind != "download" else "info")
    info = await store.info(path)
    assert info
    assert [file.path for file in await store.list(path.partition("/")[0])] == [path]
    assert b"".join([piece async for piece in store.read(path)]) == CONTENT
    await store.remove([path])
    assert path not in server.objects()


async def test_a_download_that_breaks_off_is_noticed(server: StorageServer, store: SupabaseStore, path: str) -> None:
    await store.put(path, CONTENT, PDF)
    server.faults.truncate(on="download")
    pieces: list[bytes] = []
    with pytest.raises(StorageUnavailable):
        pieces.extend([piece async for piece in store.read(path)])


async def test_a_put_that_is_given_up_leaves_no_file(server: StorageServer, stand_in: Project, path: str) -> None:
    held = server.faults.hold(on="upload", done=True)
    async with opened(stand_in) as store:
        putting = asyncio.create_task(store.put(path, CONTENT, PDF))
        await asyncio.to_thread(held.wait)
        assert path in server.objects()
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
    assert path not in server.objects()
    held.let_go()


async def test_a_storage_that_hangs_is_given_up(server: StorageServer, stand_in: Project, path: str) -> None:
    held = server.faults.hold(on="upload", times=-1)
    key = SecretStr(stand_in.service_key)
    async with SupabaseStore.open(stand_in.url, key, stand_in.bucket, timeout_seconds=0.2) as store:
        with pytest.raises(StorageUnavailable):
            await store.put(path, CONTENT, PDF)
    server.faults.clear()
    held.let_go()


async def test_a_storage_that_is_not_there_may_come_back() -> None:
    with StorageServer() as server:
        async with SupabaseStore.open(server.url, SecretStr(server.service_key), server.bucket) as store:
            await store.put("a/cv.pdf", CONTENT, PDF)
            server.stop()
            with pytest.raises(StorageUnavailable):
                await store.info("a/cv.pdf")
            server.start()
            assert await store.info("a/cv.pdf")


async def test_what_the_storage_will_never_take_is_not_tried_again(server: StorageServer, path: str) -> None:
    with StorageServer(limit=100) as small:
        async with SupabaseStore.open(small.url, SecretStr(small.service_key), small.bucket) as store:
            with pytest.raises(StorageRefused, match="too large"):
                await store.put(path, CONTENT, PDF)
            with pytest.raises(StorageRefused, match="type"):
                await store.put(path, b"x", "text/html")
        assert small.requests["upload"] == 2
    assert server.objects().keys().isdisjoint({path})


# Everything that a store does, for whoever may not.
async def everything(store: SupabaseStore, path: str) -> tuple[object, ...]:
    async def read() -> list[bytes]:
        return [piece async for piece in store.read(path)]

    work = store.put(path, CONTENT, PDF), store.info(path), read(), store.list(""), store.remove([path])
    return await asyncio.gather(*work, return_exceptions=True)


@pytest.mark.parametrize("key", ["of another project", "expired"])
async def test_a_wrong_key_is_told_loudly_and_shown_nowhere(
    server: StorageServer, project: Project, path: str, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {
        "of another project": StorageServer().service_key,
        "expired": project.keys.project_key("service_role", lifetime=-60),
    }[key]
    caplog.set_level(logging.DEBUG)
    before = server.requests
    with capture_logs() as logs:
        async with opened(project, service_key=wrong) as store:
            outcomes = await everything(store, path)
    assert [type(outcome) for outcome in outcomes] == [StorageMisconfigured] * 5
    assert sum((server.requests - before).values()) <= len(outcomes), "not tried again at once"
    told = [entry for entry in logs if entry["event"] == "storage_misconfigured"]
    assert len(told) == len(outcomes)
    assert all(entry["log_level"] == "error" and "SUPABASE_SERVICE_KEY" in entry["mend"] for entry in told)
    shown = f"{logs} {outcomes} {store!r} {vars(outcomes[0])} {caplog.text}"
    assert wrong not in shown
    assert wrong.rpartition(".")[2] not in shown


async def test_a_missing_bucket_is_told_loudly(project: Project, path: str) -> None:
    with capture_logs() as logs:
        async with opened(project, bucket="nobody-made-this") as store:
            put, info, read, listed, removed = await everything(store, path)
    assert [type(outcome) for outcome in (put, info, read, removed)] == [StorageMisconfigured] * 4
    assert listed == [], "the storage says no more"
    assert any(entry.get("mend", "").startswith("STORAGE_BUCKET") for entry in logs)


async def test_a_file_that_may_not_be_removed_is_not_taken_for_removed(project: Project) -> None:
    user_id = uuid4()
    path = f"{user_id}/job/1/cv.pdf"
    async with opened(project) as store:
        await store.put(path, CONTENT, PDF)
        async with opened(project, service_key=project.user_token(user_id)) as powerless:
            with pytest.raises(StorageMisconfigured):
                await powerless.remove([path])
        assert await store.info(path)
        await store.remove([path])


async def test_a_placeholder_of_the_dashboard_is_no_file_of_ours(server: StorageServer, store: SupabaseStore) -> None:
    await store.put("a/b/cv.pdf", b"%PDF", PDF)
    objects = server._buckets["exports"].objects
    objects["a/.emptyFolderPlaceholder"] = objects["a/b/cv.pdf"]
    objects["a/.emptyFolderPlaceholder"].name = "a/.emptyFolderPlaceholder"
    assert await store.list("a") == []
    objects.clear()
