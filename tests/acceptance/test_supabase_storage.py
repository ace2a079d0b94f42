"""The whole product with its files in (a stand-in for) Supabase Storage."""

import asyncio
import secrets
import signal
from collections.abc import Generator
from io import BytesIO
from zipfile import ZipFile

import httpx
import pytest
from gql import GraphQLRequest, gql

from tests.acceptance.conftest import DOWNLOAD, Person, Product, running, subscribe
from tests.acceptance.test_restarts import history_of
from tests.storage_server import StorageServer

ALICE = "a11ce000-0000-4000-8000-000000000001"
# As many requests as the worker makes for one upload.
TRIES = 3


@pytest.fixture(scope="module")
def server() -> Generator[StorageServer, None, None]:
    with StorageServer() as server:
        yield server


@pytest.fixture(scope="module")
def product(server: StorageServer) -> Generator[Product, None, None]:
    settings = {
        "STORAGE_BACKEND": "supabase",
        "SUPABASE_URL": server.url,
        "SUPABASE_ANON_KEY": server.anon_key,
        "SUPABASE_SERVICE_KEY": server.service_key,
        "SUPABASE_JWT_SECRET": server.secret,
    }
    with running(settings) as product:
        yield product


@pytest.fixture(autouse=True)
def without_faults(server: StorageServer) -> Generator[None, None, None]:
    yield
    server.faults.clear()


async def test_an_export_is_stored_in_the_users_folder_and_its_links_work(
    server: StorageServer, product: Product, alice: Person, bob: Person
) -> None:
    states = await alice.follow(alice.export(alice.save()))
    artifact = states[-1]["artifact"]
    (path,) = server.objects()
    assert path.startswith(f"{ALICE}/")
    assert path.endswith("/1/grace-hopper-resume.pdf")

    link = alice.ask(DOWNLOAD, id=artifact["exportId"])
    for url in (artifact["url"], link["url"]):
        assert url.startswith(f"{server.url}/storage/v1/object/sign/exports/{path}?")
        answer = httpx.get(url)
        assert (answer.headers["content-type"], len(answer.content)) == ("application/pdf", artifact["byteSize"])
        assert "grace-hopper-resume.pdf" in answer.headers["content-disposition"]
    assert bob.ask(DOWNLOAD, id=artifact["exportId"])["errors"][0]["code"] == "NOT_FOUND"
    assert httpx.get(f"{product.url}/files/{path}").status_code == 404
    async with alice.session() as session:  # the token came with `connection_init`
        (again,) = [state async for state in subscribe(session, states[-1]["id"])]
    assert httpx.get(again["artifact"]["url"]).status_code == 200


async def test_uploads_in_trouble_are_tried_again_and_nothing_doubles(server: StorageServer, alice: Person) -> None:
    document, before = alice.save(), server.objects().keys()
    server.faults.lose_responses(times=TRIES + 1, on="upload")
    states = await alice.follow(alice.export(document))
    assert (states[-1]["status"], states[-1]["attempt"]) == ("COMPLETED", 2)
    failures = [state["failure"] for state in states if state["failure"]]
    assert [(failure["code"], failure["retryable"]) for failure in failures] == [("STORAGE_UNAVAILABLE", True)]
    assert history_of(alice).count(states[-1]["id"]) == 1
    (path,) = server.objects().keys() - before
    assert path.split("/")[2] == "2", "the first attempt's file is not left behind"


async def test_nothing_is_lost_when_the_service_key_was_wrong_for_a_while(
    server: StorageServer, product: Product, alice: Person
) -> None:
    document, good, said_before = alice.save(), server.keys.secret, len(product.lines)
    server.keys.secret = secrets.token_hex(32)
    job_id = alice.export(document)
    try:
        product.wait_for("storage_misconfigured", after=said_before)
    finally:
        server.keys.secret = good
    states = await alice.follow(job_id)
    assert states[-1]["status"] == "COMPLETED"

    said = "".join(product.lines)
    assert "SUPABASE_SERVICE_KEY is not accepted" in said
    for key in (server.service_key, server.anon_key):
        assert key not in said
        assert key.rpartition(".")[2] not in said


BATCH = """mutation ($ids: [ID!]!) { exportBatch(input: {documentIds: $ids}) { batch { id } errors { message } } }"""
BATCH_PROGRESS = """subscription ($id: ID!) { batchProgress(id: $id) {
  sequence completed bundle { id status entryCount byteSize url } } }"""


async def test_a_bundle_survives_a_worker_killed_in_the_middle_of_it(
    server: StorageServer, product: Product, alice: Person
) -> None:
    documents = [alice.save(), alice.save()]
    held = server.faults.hold(on="download")  # what is read to be bundled
    batch = alice.ask(BATCH, ids=documents)["batch"]["id"]
    async with alice.session() as session:
        request = GraphQLRequest(gql(BATCH_PROGRESS), variable_values={"id": batch})
        alive = True
        async for event in session.subscribe(request):
            bundle = event["batchProgress"]["bundle"]
            if alive and bundle and bundle["status"] == "PROCESSING":
                await asyncio.to_thread(held.wait)
                product.child("resumepair-worker").send_signal(signal.SIGKILL)
                alive = False
                held.let_go()
    assert (bundle["status"], bundle["entryCount"]) == ("COMPLETED", 2)
    (path,) = (path for path in server.objects() if path.endswith(".zip"))
    assert path.split("/")[2] == "2", "it was made by the second attempt"
    content = httpx.get(bundle["url"]).content
    assert len(content) == bundle["byteSize"]
    with ZipFile(BytesIO(content)) as file:
        assert file.testzip() is None
        assert len(file.namelist()) == 4
    link = alice.ask(DOWNLOAD, id=bundle["id"])
    assert httpx.get(link["url"]).headers["content-type"] == "application/zip"
