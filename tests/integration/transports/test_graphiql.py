"""GraphiQL in a real browser that can reach nothing but the API."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, Route, async_playwright, expect

from dev.graphiql_assets import PACKAGES, VENDOR, contents
from dev.npm import install
from graphql import parse, validate
from resumepair_graphql.graphiql import read_examples
from resumepair_graphql.schema import build_schema
from tests.integration.conftest import Person, WorkerVoice
from tests.integration.transports.conftest import Server, Start, job_id, token_of

HTML = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
async def page(chromium_path: Path) -> AsyncIterator[Page]:
    """A page of a browser without a network; what it complains about fails the test."""
    complaints: list[str] = []

    async def only_here(route: Route) -> None:
        if "//127.0.0.1:" in route.request.url or route.request.url.startswith("data:"):
            await route.continue_()
        else:
            complaints.append(f"asked for {route.request.url}")
            await route.abort()

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        page = await browser.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.route("**/*", only_here)
        yield page
        await browser.close()
    assert complaints == []


async def test_the_page_runs_a_query_and_shows_a_subscriptions_events(
    start: Start, page: Page, alice: Person, worker: WorkerVoice
) -> None:
    server = start(ENVIRONMENT="development")
    alice.save_document("My very own CV")
    key = alice.export()
    answer = page.locator(".result-window")

    await page.goto(f"{server.graphql}#token={token_of(alice)}")
    await expect(page.locator("#who")).to_contain_text("authenticated")
    await page.get_by_role("button", name="Execute query").click()
    await expect(answer).to_contain_text("My very own CV")

    await page.get_by_role("tab", name="Watch").click()
    await page.locator(".graphiql-editor-tool .CodeMirror").first.click()
    await page.keyboard.press("ControlOrMeta+A")
    await page.keyboard.insert_text(f'{{"jobId": "{job_id(key)}"}}')
    await page.get_by_role("button", name="Execute query").click()
    await expect(answer).to_contain_text("PENDING")
    worker.claim(key)
    await expect(answer).to_contain_text("PROCESSING")
    worker.publish(key, 1)
    await expect(answer).to_contain_text("COMPLETED")


async def test_a_tab_can_be_run_before_the_editor_was_read(start: Start, page: Page, alice: Person) -> None:
    server = start(ENVIRONMENT="development")
    await page.clock.install()
    await page.goto(f"{server.graphql}#token={token_of(alice)}")
    await expect(page.locator("#who")).to_contain_text("authenticated")
    await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))  # GraphiQL reads an editor after a pause

    await page.get_by_role("tab", name="History").click()
    await page.get_by_role("button", name="Execute query").click()

    await expect(page.locator(".result-window")).to_contain_text("hasNextPage")


async def test_the_token_can_be_typed_in(start: Start, page: Page, alice: Person) -> None:
    server = start(ENVIRONMENT="development")
    alice.save_document("Typed in")
    await page.goto(server.graphql)
    await expect(page.locator("#who")).to_have_text("not signed in")
    await page.get_by_label("Token").fill(token_of(alice))
    await page.get_by_role("button", name="Execute query").click()
    await expect(page.locator(".result-window")).to_contain_text("Typed in")


def test_in_production_there_is_no_page(server: Server) -> None:
    answer = httpx.get(server.graphql, headers=HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json; charset=utf-8")
    assert httpx.get(f"{server.url}/graphiql/page.js").status_code == 404


def test_in_development_a_query_is_answered_all_the_same(start: Start) -> None:
    server = start(ENVIRONMENT="development")
    answer = httpx.get(server.graphql, params={"query": "{ __typename }"}, headers=HTML)
    assert answer.json()["data"] == {"__typename": "Query"}
    assert "unsafe" not in httpx.get(server.graphql, headers=HTML).headers["content-security-policy"]


def test_the_vendored_files_are_those_of_the_lock_file() -> None:
    install(PACKAGES)
    for name, content in contents(PACKAGES).items():
        assert (VENDOR / name).read_bytes() == content, f"{name}: make graphiql"


@pytest.mark.parametrize("example", read_examples(), ids=lambda example: example["query"].splitlines()[0][2:])
def test_examples_are_valid(example: dict[str, str]) -> None:
    assert validate(build_schema()._schema, parse(example["query"])) == []
