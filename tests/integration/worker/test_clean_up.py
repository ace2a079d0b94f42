"""The clean-up on a real folder and a real database, also with the worker dying between any two of its steps."""

import asyncio
import os
import random
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from resumepair_renderer import Rendered, Renderer, RendererSettings
from resumepair_worker.clean_up import Difference, StorageMismatch
from resumepair_worker.errors import StorageUnavailable
from resumepair_worker.files import Files
from resumepair_worker.folder_store import FolderStore
from resumepair_worker.jobs import Jobs
from tests.integration.conftest import Connection, Person, WorkerVoice, job_row
from tests.integration.worker.balance import assert_balanced, files_in
from tests.integration.worker.conftest import RESUME, WAIT_SECONDS, Counts, Parts, Watch
from tests.integration.worker.test_export import enqueue, history

NOW = timedelta(0)
EXPIRE_SOME = """
    update resumepair.export_history
    set created_at = created_at - interval '8 days', expires_at = least(expires_at, now())
    where id in (select id from resumepair.export_history order by id limit 2)
"""


@dataclass(frozen=True)
class Press:
    """Prints nothing, and hands out what was printed once."""

    rendered: Rendered
    version: str = "1"

    async def render(self, *_: object, **__: object) -> Rendered:
        return self.rendered


@pytest.fixture(scope="module")
def printed(chromium_path: Path) -> Rendered:
    async def once() -> Rendered:
        async with Renderer(RendererSettings(chromium_path=chromium_path, pages=1)) as renderer:
            return await renderer.render(RESUME)

    return asyncio.run(once())


@pytest.fixture
def renderer(printed: Rendered) -> Press:
    """In place of the real one, which every test would have to start."""
    return Press(printed)


@pytest.fixture
async def export(parts: Parts, alice: Person, admin: Connection) -> UUID:
    """A finished export of alice's."""
    await run(parts, enqueue(alice), admin)
    (row,) = history(alice)
    return row["id"]  # type: ignore[no-any-return]


async def run(parts: Parts, job_id: UUID, admin: Connection) -> None:
    """An attempt, as the queue would start it."""
    await parts.exporter.run(job_id, job_row(admin, job_id)["queue_job_id"])


def expire_all(admin: Connection) -> None:
    admin.execute(
        "update resumepair.export_history set created_at = created_at - interval '8 days', expires_at = now()"
    )


async def expire_and_remove(parts: Parts) -> None:
    """As every minute."""
    await parts.clean_up.expire()
    await parts.clean_up.remove()


async def clean(parts: Parts) -> None:
    """All sweeps, as the command does them: also what another worker set out to remove."""
    await parts.clean_up.expire()
    await parts.clean_up.remove(NOW)
    await parts.clean_up.sweep()
    await parts.clean_up.remove(NOW)


async def test_an_expired_export_s_file_goes_and_its_entry_stays(
    parts: Parts, alice: Person, export: UUID, admin: Connection, store_folder: Path, counts: Counts
) -> None:
    expire_all(admin)
    assert await parts.clean_up.expire() == 1
    assert await parts.clean_up.remove() == 1
    assert files_in(store_folder) == {}
    assert [row["id"] for row in history(alice)] == [export]
    assert counts.by_kind == {"expired": 1, "removed": 1}
    assert_balanced(admin, store_folder)


async def test_a_deleted_export_s_file_goes_at_once(
    parts: Parts, alice: Person, export: UUID, admin: Connection, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget, forgotten = Files.forget, asyncio.Event()

    async def tell(self: Files, ids: Sequence[UUID]) -> int:
        number = await forget(self, ids)
        forgotten.set()
        return number

    monkeypatch.setattr(Files, "forget", tell)
    async with parts.working():
        alice.run("select resumepair.delete_export(%s)", export)
        await asyncio.wait_for(forgotten.wait(), WAIT_SECONDS)
    assert_balanced(admin, store_folder)
    assert files_in(store_folder) == {}


@pytest.mark.usefixtures("export")
async def test_files_without_rows_go_and_those_of_others_stay(parts: Parts, store_folder: Path, counts: Counts) -> None:
    orphan = store_folder / str(uuid4()) / str(uuid4()) / "1" / "cv.pdf"
    foreign = store_folder / "logos" / "ours.png"
    for place in (orphan, foreign):
        place.parent.mkdir(parents=True)
        place.write_bytes(b"x")
    await parts.clean_up.sweep()
    assert (orphan.exists(), foreign.exists(), len(files_in(store_folder))) == (False, True, 2)
    assert counts.by_kind["orphaned"] == 1


async def test_an_export_whose_file_is_gone_is_expired(
    parts: Parts, alice: Person, export: UUID, store_folder: Path, counts: Counts, admin: Connection
) -> None:
    for path in files_in(store_folder):
        (store_folder / path).unlink()
    await run(parts, enqueue(alice, {**RESUME, "summary": "another"}), admin)
    await clean(parts)
    assert counts.by_kind["lost"] == 1
    assert_balanced(admin, store_folder)
    assert {row["id"] == export: row["file_id"] is None for row in history(alice)} == {True: True, False: False}


async def test_files_of_another_database_are_not_taken_for_orphans(parts: Parts, store_folder: Path) -> None:
    places = [store_folder / str(uuid4()) / str(uuid4()) / "1" / "cv.pdf" for _ in range(2)]
    for place in places:
        place.parent.mkdir(parents=True)
        place.write_bytes(b"x")
    with pytest.raises(StorageMismatch, match="2 of 2 files in storage are not in the database"):
        await parts.clean_up.sweep()
    assert all(place.exists() for place in places)


@pytest.mark.parametrize(
    ("difference", "is_suspicious"),
    [
        (Difference(unknown=0, found=0, lost=0, kept=0), False),
        (Difference(unknown=1, found=1, lost=0, kept=0), False),
        (Difference(unknown=2, found=2, lost=0, kept=0), True),
        (Difference(unknown=10, found=20, lost=10, kept=20), False),
        (Difference(unknown=0, found=2, lost=2, kept=2), True),
        (Difference(unknown=0, found=80, lost=20, kept=100), True),
        (Difference(unknown=20, found=100, lost=0, kept=80), True),
        (Difference(unknown=20, found=1000, lost=20, kept=1000), False),
    ],
)
def test_only_a_small_part_is_settled_without_being_asked(difference: Difference, *, is_suspicious: bool) -> None:
    assert difference.is_suspicious is is_suspicious


async def test_a_file_that_is_gone_is_not_given_out_again(
    parts: Parts, alice: Person, export: UUID, admin: Connection, store_folder: Path
) -> None:
    for path in files_in(store_folder):
        (store_folder / path).unlink()
    await run(parts, enqueue(alice), admin)
    assert {row["id"] == export: row["cached"] for row in history(alice)} == {True: False, False: False}
    assert len(files_in(store_folder)) == 1


async def test_an_empty_folder_in_place_of_the_storage_makes_nothing_expired(
    parts: Parts, alice: Person, worker: WorkerVoice, store_folder: Path, admin: Connection
) -> None:
    worker.finish(alice.export())
    with pytest.raises(StorageMismatch, match="1 of 1 files are not in storage"):
        await parts.clean_up.sweep()
    assert all(row["file_id"] for row in history(alice))
    await parts.clean_up.sweep(trust=True)
    await parts.clean_up.remove()
    assert_balanced(admin, store_folder)


@pytest.mark.usefixtures("export")
async def test_what_a_killed_write_left_behind_goes_after_an_hour(
    parts: Parts, store_folder: Path, counts: Counts
) -> None:
    (stored,) = files_in(store_folder)
    old, new = (store_folder / stored).with_name(".a.part"), (store_folder / stored).with_name(".b.part")
    for part in (old, new):
        part.write_bytes(b"x")
    os.utime(old, (0, 0))
    await parts.clean_up.sweep()
    assert (old.exists(), new.exists(), counts.by_kind["unfinished"]) == (False, True, 1)


async def test_storage_that_is_away_keeps_its_removals(
    parts: Parts, alice: Person, export: UUID, store_folder: Path, admin: Connection
) -> None:
    alice.run("select resumepair.delete_export(%s)", export)
    away = store_folder.rename(store_folder.with_name("away"))
    with pytest.raises(StorageUnavailable):
        await parts.clean_up.remove()
    away.rename(store_folder)
    assert await parts.clean_up.remove(NOW) == 1
    assert_balanced(admin, store_folder)


async def test_two_workers_at_once_do_no_harm(
    parts: Parts, alice: Person, worker: WorkerVoice, admin: Connection, store_folder: Path
) -> None:
    for _ in range(120):
        worker.finish(alice.export(), byte_size=1)
    for row in admin.execute("select storage_path from resumepair.stored_files").fetchall():
        place = store_folder / row["storage_path"]
        place.parent.mkdir(parents=True)
        place.write_bytes(b"x")
    expire_all(admin)
    await asyncio.gather(*(clean(parts) for _ in range(2)))
    assert_balanced(admin, store_folder)
    assert files_in(store_folder) == {}


class Killed(BaseException):
    """The process is gone: nothing after this happens."""


EXPORT_STEPS = ((Jobs, "claim"), (Jobs, "reserve"), (FolderStore, "put"), (Jobs, "publish"))
REMOVAL_STEPS = ((Files, "expire"), (Files, "take_removals"), (FolderStore, "remove"), (Files, "forget"))


@contextmanager
def dying(owner: type, step: str, when: str) -> Generator[None]:
    """The next to take this step dies there, with the step done or not."""
    take = getattr(owner, step)

    async def die(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 # whatever the step takes
        if when == "after":
            await take(*args, **kwargs)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, step, die)
        yield


def each_step(steps: tuple[tuple[type, str], ...]) -> pytest.MarkDecorator:
    cases = [(owner, step, when) for owner, step in steps for when in ("before", "after")]
    return pytest.mark.parametrize("place", cases, ids=[f"{when} {step}" for _, step, when in cases])


@each_step(EXPORT_STEPS)
async def test_a_worker_that_dies_at_a_step_of_an_export_loses_and_doubles_nothing(
    parts: Parts, alice: Person, admin: Connection, store_folder: Path, place: tuple[type, str, str]
) -> None:
    job_id = enqueue(alice)
    with dying(*place), pytest.raises(Killed):
        await run(parts, job_id, admin)
    await run(parts, job_id, admin)  # rescued elsewhere
    assert job_row(admin, job_id)["status"] == "completed"
    await clean(parts)
    assert len(files_in(store_folder)) == len(history(alice)) == 1
    assert_balanced(admin, store_folder)


@pytest.mark.parametrize("how", ["deleted", "expired"])
@each_step(REMOVAL_STEPS)
async def test_a_worker_that_dies_at_a_step_of_a_removal_leaves_it_to_the_next_one(
    parts: Parts, alice: Person, export: UUID, admin: Connection, store_folder: Path, place: tuple[type, str, str],
    how: str,
) -> None:  # fmt: skip
    if how == "deleted":
        alice.run("select resumepair.delete_export(%s)", export)
    else:
        expire_all(admin)
    with dying(*place), pytest.raises(Killed):
        await expire_and_remove(parts)
    await clean(parts)
    assert files_in(store_folder) == {}
    assert_balanced(admin, store_folder)


async def test_after_a_storm_storage_database_and_quota_agree(
    parts: Parts, alice: Person, bob: Person, admin: Connection, store_folder: Path, watch: Watch
) -> None:
    admin.execute("update resumepair.user_limits set max_active_requests = 1000")
    chance = random.Random(7)  # the same storm each time
    jobs: list[UUID] = []
    async with parts.working(), parts.working():
        for number in range(60):
            person = chance.choice([alice, bob])
            jobs.append(enqueue(person, {**RESUME, "summary": str(number % 9)}))
            match chance.choice(["go on", "go on", "cancel", "delete", "expire", "clean"]):
                case "cancel":
                    with suppress(psycopg.Error):  # it was faster
                        person.cancel(jobs[-1])
                case "delete":
                    for row in history(person)[:2]:
                        person.run("select resumepair.delete_export(%s)", row["id"])
                case "expire":
                    admin.execute(EXPIRE_SOME)
                case "clean":
                    await clean(parts)
                case _:
                    pass
        for job_id in jobs:
            await watch.until(job_id, lambda row: row["finished_at"] is not None)
    await clean(parts)
    assert history(alice)
    assert history(bob)
    assert_balanced(admin, store_folder)
