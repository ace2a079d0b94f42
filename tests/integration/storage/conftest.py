"""The places where files can be: a folder, a stand-in for Supabase Storage, and a real project where one is named.

A real one is named by SUPABASE_URL, SUPABASE_ANON_KEY, SUPABASE_SERVICE_KEY and SUPABASE_JWT_SECRET (and
STORAGE_BUCKET). The bucket is made where it is missing; the policy has to be there, `make db` makes it.
"""

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route

from resumepair_graphql.links import Asker, FolderLinks, Link, Links, Wanted
from resumepair_graphql.supabase_links import SupabaseLinks
from resumepair_worker.folder_store import FolderStore
from resumepair_worker.storage import Store
from resumepair_worker.supabase_store import SupabaseStore
from tests.storage_server import StorageServer
from tests.storage_server.keys import Keys

PDF, ZIP = "application/pdf", "application/zip"
API = "http://api.example"
REAL = ("SUPABASE_URL", "SUPABASE_ANON_KEY", "SUPABASE_SERVICE_KEY", "SUPABASE_JWT_SECRET")
PROJECTS = ["stand-in", *(["real project"] if all(os.environ.get(name) for name in REAL) else [])]
LIFETIME = timedelta(minutes=5)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Project:
    """A Supabase project, real or not."""

    url: str
    anon_key: str
    service_key: str
    keys: Keys
    bucket: str

    def user_token(self, user_id: UUID) -> str:
        return self.keys.user_token(user_id)


@dataclass(frozen=True)
class Place:
    """Where a test keeps its files, below a user's folder of its own; the two sides, and a browser."""

    store: Store
    links: Links
    short_links: Links
    browser: httpx.AsyncClient
    project: Project | None
    user_id: UUID = field(default_factory=uuid4)

    @property
    def is_folder(self) -> bool:
        return self.project is None

    def key(self, path: str = "job/1/cv.pdf") -> str:
        return f"{self.user_id}/{path}"

    def asker(self, user_id: UUID | None = None) -> Asker:
        return Asker(API, self.project.user_token(user_id or self.user_id) if self.project else "")

    async def link(self, path: str, name: str = "cv.pdf", lasts: timedelta = DAY, links: Links | None = None) -> Link:
        """A link to the file of an export that lasts for so long."""
        wanted = Wanted(path, name, datetime.now(UTC) + lasts)
        (link,) = await (links or self.links).sign([wanted], self.asker())
        assert isinstance(link, Link), link
        return link

    async def read(self, path: str) -> bytes:
        return b"".join([piece async for piece in self.store.read(path)])


@pytest.fixture(scope="session")
def running_server() -> Generator[StorageServer, None, None]:
    with StorageServer() as server:
        yield server


@pytest.fixture
def server(running_server: StorageServer) -> Generator[StorageServer, None, None]:
    """The stand-in, without faults of an earlier test."""
    yield running_server
    running_server.faults.clear()


@pytest.fixture(scope="session")
def real_project() -> Project:
    url, anon_key, service_key, secret = (os.environ[name] for name in REAL)
    project = Project(url.rstrip("/"), anon_key, service_key, Keys(secret), os.environ.get("STORAGE_BUCKET", "exports"))
    answer = httpx.post(
        f"{project.url}/storage/v1/bucket",
        headers={"apikey": service_key, "Authorization": f"Bearer {service_key}"},
        json={"id": project.bucket, "name": project.bucket, "public": False, "allowed_mime_types": [PDF, ZIP]},
    )
    assert answer.is_success or answer.json()["error"] == "Duplicate", answer.text
    return project


@pytest.fixture
def stand_in(server: StorageServer) -> Project:
    return Project(server.url, server.anon_key, server.service_key, server.keys, server.bucket)


@pytest.fixture(params=PROJECTS)
def project(request: pytest.FixtureRequest) -> Project:
    """Each Supabase project there is."""
    found: Project = request.getfixturevalue("stand_in" if request.param == "stand-in" else "real_project")
    return found


@pytest.fixture(params=["folder", *PROJECTS])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Place, None]:
    """Each place there is; nothing of the test is left in it."""
    async with AsyncExitStack() as stack:
        if request.param == "folder":
            place = await in_folder(tmp_path, stack)
        else:
            fixture = "stand_in" if request.param == "stand-in" else "real_project"
            place = await in_project(request.getfixturevalue(fixture), stack)
        yield place
        await place.store.remove([file.path for file in await place.store.list(str(place.user_id))])


async def in_folder(root: Path, stack: AsyncExitStack) -> Place:
    links = FolderLinks(root, "k" * 32, LIFETIME)
    app = Starlette(routes=[Route("/files/{path:path}", links.serve)])
    return Place(
        stack.enter_context(FolderStore(root)),
        links,
        FolderLinks(root, "k" * 32, timedelta(seconds=1)),
        await stack.enter_async_context(httpx.AsyncClient(transport=httpx.ASGITransport(app))),
        None,
    )


async def in_project(project: Project, stack: AsyncExitStack) -> Place:
    return Place(
        await stack.enter_async_context(opened(project)),
        await stack.enter_async_context(SupabaseLinks(project.url, project.anon_key, project.bucket, LIFETIME)),
        await stack.enter_async_context(
            SupabaseLinks(project.url, project.anon_key, project.bucket, timedelta(seconds=1))
        ),
        await stack.enter_async_context(httpx.AsyncClient(timeout=30)),
        project,
    )


def opened(project: Project, **changes: str) -> AbstractAsyncContextManager[SupabaseStore]:
    """The store of a project; another key or bucket can be given."""
    key = SecretStr(changes.get("service_key", project.service_key))
    return SupabaseStore.open(project.url, key, changes.get("bucket", project.bucket))
