"""What a newcomer does: paste the printed command, watch, download."""

import asyncio
import hashlib
import json
import subprocess
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import httpx
import pypdfium2
import pytest
from gql import GraphQLRequest

from tests.acceptance.conftest import DOWNLOAD, EXPORT, HISTORY, JOB, RESUME, SAVE, JobState, Person, Product

ACTIVITY = "subscription ($since: DateTime) { activity(since: $since) { id status progress { percent } } }"
DELETE = "mutation ($id: ID!) { deleteDocument(input: {documentId: $id}) { deletedId errors { code } } }"
NODE = "query ($id: ID!) { node(id: $id) { id ... on Export { documentTitle document { id } status } } }"


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)
    finally:
        document.close()


def printed_command(product: Product) -> str:
    text = "".join(product.lines)
    return text[text.index("curl ") : text.index("}}'") + 3]


async def test_the_printed_curl_exports_a_document(product: Product, alice: Person) -> None:
    answer = subprocess.run(
        ["bash", "-c", printed_command(product)], check=True, capture_output=True, text=True, timeout=30
    )
    payload = json.loads(answer.stdout)["data"]["exportPdf"]
    assert payload["errors"] == []

    states = await alice.follow(payload["job"]["id"])

    assert states[-1]["status"] == "COMPLETED"
    assert httpx.get(states[-1]["artifact"]["url"]).content.startswith(b"%PDF-")


def test_both_demo_users_have_three_documents(alice: Person, bob: Person) -> None:
    for person in (alice, bob):
        documents = person.ask("{ documents { edges { node { title data } } } }")
        data = [edge["node"]["data"] for edge in documents["edges"]]
        assert len(data) >= 3
        assert sum("basics" in document for document in data) >= 1, "one is JSON Resume"


async def test_progress_is_a_snapshot_then_every_step_then_the_end(alice: Person) -> None:
    async with alice.session():  # the connection is warm before the job begins
        states = await alice.follow(alice.export(alice.save()))
    percents = [state["progress"]["percent"] for state in states]
    steps = [0, 10, 30, 60, 80, 90, 100]
    assert percents == steps[steps.index(percents[0]) :]
    sequences = [state["progress"]["sequence"] for state in states]
    assert sequences == sorted(set(sequences))
    assert (states[-1]["status"], states[-1]["attempt"], states[-1]["failure"]) == ("COMPLETED", 1, None)


async def test_one_subscription_tells_of_all_exports(alice: Person) -> None:
    since = datetime.now(UTC).isoformat()
    jobs = [alice.export(alice.save()) for _ in range(2)]
    seen: dict[str, JobState] = {}
    async with asyncio.timeout(60), alice.session() as session:
        request = GraphQLRequest(ACTIVITY, variable_values={"since": since})
        async with aclosing(session.subscribe(request)) as events:
            async for event in events:
                seen[event["activity"]["id"]] = event["activity"]
                if all(seen.get(job, {}).get("status") == "COMPLETED" for job in jobs):
                    break
    assert [seen[job]["progress"]["percent"] for job in jobs] == [100, 100]


async def test_a_deleted_document_leaves_its_export_behind(alice: Person) -> None:
    document = alice.save()
    states = await alice.follow(alice.export(document))
    assert alice.ask(DELETE, id=document)["deletedId"] == document
    export = alice.ask(NODE, id=states[-1]["artifact"]["exportId"])
    assert (export["documentTitle"], export["document"], export["status"]) == ("CV", None, "AVAILABLE")
    assert alice.ask(NODE, id=document) is None


async def test_a_finished_job_gives_its_state_and_completes(alice: Person) -> None:
    job_id = alice.export(alice.save())
    first = await alice.follow(job_id)
    assert [state["status"] for state in await alice.follow(job_id)] == ["COMPLETED"]
    assert await alice.follow(job_id, after=first[-1]["progress"]["sequence"]) == []


async def test_resuming_after_a_number_that_never_was_still_ends_with_the_job(alice: Person) -> None:
    """A client of another job's number must not wait for ever."""
    job_id = alice.export(alice.save())
    async with asyncio.timeout(20):
        states = await alice.follow(job_id, after=99)
    assert states == []


async def test_the_pdf_says_what_the_document_says(alice: Person) -> None:
    states = await alice.follow(alice.export(alice.save(), template="classic", pageSize="LETTER"))
    artifact = states[-1]["artifact"]
    pdf = httpx.get(artifact["url"]).content

    assert len(pdf) == artifact["byteSize"]
    text = text_of(pdf)
    places = [text.index(words) for words in ("Grace Hopper", "Remington Rand", "Led the work on FLOW-MATIC", "COBOL")]
    assert places == sorted(places)
    document = pypdfium2.PdfDocument(pdf)
    assert [round(side) for side in document[0].get_size()] == [612, 792]
    assert len(document) == artifact["pageCount"]
    document.close()


VERDICT = """query($id: ID!) { job(id: $id) { artifact {
  fit { requested fitted spacing lineHeight fontSize margin }
  warnings { path message }
  proof { score passed textsExpected textsFound linksExpected linksFound fonts missingGlyphs title language isTagged
          findings { code path message } }
} } }"""


async def test_the_artifact_tells_what_was_found_in_it(alice: Person) -> None:
    data = {**RESUME, "settings": {"locale": "en"}, "appearance": {"theme": {"text": "#fefefe"}}}
    job_id = alice.export(alice.save(data), template="modern", fit="ONE_PAGE")
    await alice.follow(job_id)
    artifact = alice.ask(VERDICT, id=job_id)["artifact"]

    proof = artifact["proof"]
    assert (proof["score"], proof["passed"], proof["findings"], proof["missingGlyphs"]) == (100, True, [], [])
    assert proof["textsFound"] == proof["textsExpected"] > 5
    assert (proof["title"], proof["language"], proof["isTagged"]) == ("Grace Hopper – Résumé", "en", True)
    assert proof["fonts"]
    assert (artifact["fit"]["requested"], artifact["fit"]["fitted"]) == ("ONE_PAGE", True)
    assert [warning["path"] for warning in artifact["warnings"]] == ["appearance.theme.text"]


@pytest.mark.parametrize(
    ("name", "language"),
    [("Αλίκη Παπαδοπούλου", "el"), ("Софія Коваль", "uk"), ("山田花子", "ja"), ("김민서", "ko"), ("李小龙", "zh")],
)
async def test_scripts_beyond_latin_come_through(alice: Person, name: str, language: str) -> None:
    data = {**RESUME, "profile": {"fullName": name}, "settings": {"locale": language}}
    states = await alice.follow(alice.export(alice.save(data)))
    assert name in text_of(httpx.get(states[-1]["artifact"]["url"]).content)


async def test_a_json_resume_is_accepted(alice: Person) -> None:
    data = {
        "basics": {"name": "Jean Bartik", "label": "Programmer"},
        "work": [{"name": "Moore School", "position": "Programmer", "startDate": "1945", "highlights": ["Ran ENIAC"]}],
    }
    states = await alice.follow(alice.export(alice.save(data)))
    text = text_of(httpx.get(states[-1]["artifact"]["url"]).content)
    assert "Jean Bartik" in text
    assert "Ran ENIAC" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"work": [{"company": "X", "role": "Y", "startDate": "soon"}]}, 'work[0].startDate: not a date: "soon"'),
        ({"profile": None}, "profile"),
        ({"skills": "many"}, "skills"),
    ],
)
async def test_an_invalid_document_fails_once_and_names_the_path(
    alice: Person, change: dict[str, Any], message: str
) -> None:
    (*_, last) = await alice.follow(alice.export(alice.save({**RESUME, **change})))
    assert (last["status"], last["attempt"]) == ("FAILED", 1)
    assert (last["failure"]["code"], last["failure"]["retryable"]) == ("INVALID_DOCUMENT", False)
    assert message in last["failure"]["message"]


async def test_a_download_link_works_without_token_and_is_counted(alice: Person) -> None:
    states = await alice.follow(alice.export(alice.save()))
    export_id = states[-1]["artifact"]["exportId"]

    link = alice.ask(DOWNLOAD, id=export_id)
    alice.ask(DOWNLOAD, id=export_id)

    answer = httpx.get(link["url"])
    assert answer.headers["content-type"] == "application/pdf"
    assert 'filename="grace-hopper-resume.pdf"' in answer.headers["content-disposition"]
    assert httpx.get(link["url"], headers={"Range": "bytes=0-3"}).content == b"%PDF"
    assert httpx.get(link["url"].replace("signature=", "signature=0")).status_code == 403
    entries = {edge["node"]["id"]: edge["node"] for edge in alice.ask(HISTORY)["edges"]}
    assert entries[export_id]["downloadCount"] == 2
    assert entries[export_id]["job"]["id"] == states[-1]["id"]


async def test_the_history_is_read_page_by_page(alice: Person) -> None:
    document = alice.save()
    for _ in range(3):
        await alice.follow(alice.export(document))

    only = {"documentId": document}
    first = alice.ask(HISTORY, first=2, filter=only)
    second = alice.ask(HISTORY, first=2, after=first["pageInfo"]["endCursor"], filter=only)

    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    ids = [edge["node"]["id"] for page in (first, second) for edge in page["edges"]]
    assert len(set(ids)) == 3


def test_the_same_key_gives_the_same_job(alice: Person) -> None:
    wanted = {"documentId": alice.save(), "idempotencyKey": "once", "options": {"template": "classic"}}
    first, second = alice.ask(EXPORT, input=wanted), alice.ask(EXPORT, input=wanted)
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["job"]["id"] == second["job"]["id"]
    other = alice.ask(EXPORT, input={**wanted, "options": {"pageSize": "A4"}})
    assert (other["job"], other["errors"][0]["code"]) == (None, "IDEMPOTENCY_KEY_REUSED")
    assert other["errors"][0]["path"] == ["input", "idempotencyKey"]


async def test_a_changed_document_is_a_new_version_and_exported_as_such(alice: Person) -> None:
    document = alice.save()
    changed = {**RESUME, "profile": {"fullName": "Mary Kenneth Keller"}}
    payload = alice.ask(SAVE, input={"id": document, "data": changed})
    assert payload["document"] == {"id": document, "version": 2}
    states = await alice.follow(alice.export(document))
    assert "Mary Kenneth Keller" in text_of(httpx.get(states[-1]["artifact"]["url"]).content)


async def test_the_file_is_the_one_that_the_history_describes(alice: Person) -> None:
    states = await alice.follow(alice.export(alice.save()))
    artifact = alice.ask(JOB, id=states[-1]["id"])["artifact"]
    assert hashlib.sha256(httpx.get(artifact["url"]).content).hexdigest() == artifact["sha256"]


async def test_a_scheduled_export_arrives_by_itself(product: Product, alice: Person) -> None:
    said_before = len(product.lines)
    schedule = alice.schedule(alice.save(), seconds=0.5)
    product.wait_for("schedule_ran", after=said_before)
    states = await alice.follow(alice.scheduled_job(schedule))
    assert states[-1]["status"] == "COMPLETED"
