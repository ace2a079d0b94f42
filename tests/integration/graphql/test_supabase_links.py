"""Links to Supabase Storage in GraphQL: one request for a page, and refusals where there is no link."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from resumepair_graphql.context import Services
from resumepair_graphql.supabase_links import SupabaseLinks
from tests.integration.conftest import Connection, Person, WorkerVoice
from tests.integration.graphql.conftest import SCHEMA, context_of
from tests.storage_server import StorageServer

PAGE = "query ($first: Int!) { jobs(first: $first) { edges { node { artifact { url } } } } }"
JOB = "{ jobs(first: 1) { edges { node { id artifact { url fileName } } } } }"
DOWNLOAD = """mutation ($id: ID!) { createDownloadUrl(input: {exportId: $id}) { url errors { code message } } }"""
EXPORT = "{ history(first: 1) { edges { node { id } } } }"


Finish = Callable[..., Coroutine[None, None, list[str]]]


@pytest.fixture(scope="module")
def server() -> Generator[StorageServer, None, None]:
    with StorageServer() as server:
        yield server


@pytest.fixture(autouse=True)
def without_faults(server: StorageServer) -> Generator[None, None, None]:
    yield
    server.faults.clear()


@pytest.fixture
async def in_supabase(services: Services, server: StorageServer) -> AsyncGenerator[Services, None]:
    async with SupabaseLinks(server.url, server.anon_key, server.bucket, timedelta(minutes=5)) as links:
        yield replace(services, links=links)


@pytest.fixture
def finish(alice: Person, worker: WorkerVoice, admin: Connection, server: StorageServer) -> Finish:
    """Completes jobs of hers, whose files are then stored; their paths."""

    async def run(count: int = 1) -> list[str]:
        for _ in range(count):
            worker.finish(alice.export())
        rows = admin.execute(
            "update resumepair.export_history set storage_path = user_id || '/' || storage_path, "
            "file_name = 'résumé.pdf' returning storage_path"
        ).fetchall()
        paths = [row["storage_path"] for row in rows]
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {server.service_key}"}) as client:
            for path in paths:
                await client.post(
                    f"{server.url}/storage/v1/object/{server.bucket}/{path}",
                    files={"file": ("cv.pdf", path.encode(), "application/pdf")},
                )
        return paths

    return run


async def ask(services: Services, server: StorageServer, person: Person, query: str, **variables: object) -> Any:  # noqa: ANN401
    context = replace(context_of(services, person), authorization=f"Bearer {server.user_token(person.id)}")
    result = await SCHEMA.execute(query, variables, context_value=context)
    assert result.data is not None, result.errors
    (value,) = result.data.values()
    return value, [error.extensions["code"] for error in result.errors or [] if error.extensions]


async def test_a_page_of_links_costs_one_request(
    in_supabase: Services, server: StorageServer, alice: Person, finish: Finish
) -> None:
    paths = await finish(count=12)
    before = server.requests["sign"]
    jobs, errors = await ask(in_supabase, server, alice, PAGE, first=50)
    assert (server.requests["sign"] - before, errors) == (1, [])
    urls = [edge["node"]["artifact"]["url"] for edge in jobs["edges"]]
    async with httpx.AsyncClient() as client:
        assert {(await client.get(url)).text for url in urls} == set(paths)


async def test_a_download_link_carries_the_name(
    in_supabase: Services, server: StorageServer, alice: Person, finish: Finish
) -> None:
    await finish()
    page, _ = await ask(in_supabase, server, alice, EXPORT)
    payload, _ = await ask(in_supabase, server, alice, DOWNLOAD, id=page["edges"][0]["node"]["id"])
    assert payload["errors"] == []
    async with httpx.AsyncClient() as client:
        answer = await client.get(payload["url"])
    assert "filename*=UTF-8''r%C3%A9sum%C3%A9.pdf" in answer.headers["content-disposition"]


@pytest.mark.parametrize("trouble", ["storage away", "file gone"])
async def test_without_a_link_the_rest_of_the_answer_stands(
    trouble: str, in_supabase: Services, server: StorageServer, alice: Person, finish: Finish
) -> None:
    (path,) = await finish()
    if trouble == "storage away":
        server.faults.answer(503, times=2, on="sign")
    else:
        del server._buckets[server.bucket].objects[path]
    code = "UNAVAILABLE" if trouble == "storage away" else "NOT_FOUND"

    page, errors = await ask(in_supabase, server, alice, JOB)
    assert errors == [code]
    assert page["edges"][0]["node"]["artifact"] == {"url": None, "fileName": "résumé.pdf"}

    exports, _ = await ask(in_supabase, server, alice, EXPORT)
    payload, errors = await ask(in_supabase, server, alice, DOWNLOAD, id=exports["edges"][0]["node"]["id"])
    assert (payload["url"], [error["code"] for error in payload["errors"]], errors) == (None, [code], [])
