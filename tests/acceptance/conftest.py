"""The started product, seen only from outside: a command, HTTP and WebSocket. Nothing here imports the app."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from gql import Client, GraphQLRequest, gql
from gql.client import AsyncClientSession
from gql.transport.websockets import WebsocketsTransport

ROOT = Path(__file__).parents[2]
START_SECONDS = 90
STOP_SECONDS = 30

RESUME: dict[str, Any] = {
    "profile": {"fullName": "Grace Hopper", "email": "grace@example.org"},
    "summary": "Wrote the first compiler.",
    "work": [
        {
            "company": "Remington Rand",
            "role": "Systems Engineer",
            "startDate": "1949-06",
            "endDate": "1967",
            "descriptionBullets": ["Led the work on FLOW-MATIC", "Argued for words instead of symbols"],
        }
    ],
    "education": [{"school": "Yale University", "degree": "Ph.D.", "field": "Mathematics", "endDate": "1934"}],
    "skills": [{"category": "Languages", "items": ["COBOL", {"name": "Assembly", "level": 5}]}],
}

SAVE = """mutation ($input: SaveDocumentInput!) {
  saveDocument(input: $input) { document { id version } errors { code message path } } }"""
EXPORT = """mutation ($input: ExportPdfInput!) {
  exportPdf(input: $input) { job { id status } replayed errors { code message path } } }"""
JOB = """query ($id: ID!) { job(id: $id) {
  id status attempt maxAttempts progress { percent stage sequence } document { id title }
  artifact { url byteSize pageCount sha256 exportId } failure { code message retryable } } }"""
PROGRESS = """subscription ($id: ID!, $after: Int) { jobProgress(id: $id, afterSequence: $after) {
  id status attempt progress { percent stage sequence }
  artifact { url byteSize pageCount exportId } failure { code message retryable } } }"""
DOWNLOAD = """mutation ($id: ID!) {
  createDownloadUrl(input: {exportId: $id}) { url expiresAt errors { code message } } }"""
HISTORY = """query ($first: Int! = 20, $after: String, $filter: HistoryFilter) {
  history(first: $first, after: $after, filter: $filter) {
    edges { node { id fileName byteSize pageCount downloadCount expiresAt job { id } } }
    pageInfo { hasNextPage endCursor } } }"""

SCHEDULE = """mutation ($input: ScheduleExportInput!) {
  scheduleExport(input: $input) { schedule { id } errors { code message path } } }"""
SCHEDULES = "{ schedules { edges { node { id nextRunAt lastJob { id } } } } }"

JobState = dict[str, Any]


@dataclass
class Product:
    """`python -m dev.run`, which is what `make run` runs."""

    state: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict[str, str])
    lines: list[str] = field(default_factory=list[str])
    _said: threading.Condition = field(default_factory=threading.Condition)
    _process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "LOCAL_STATE_DIR": str(self.state),
            "PORT": str(self.port),
            "RETRY_BASE_SECONDS": "0.2",
            **self.settings,
        }

    def start(self) -> None:
        """Start it and wait for the line that says how to stop it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dev.run"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said_before = len(self.lines)
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        self.wait_for("Stop: Ctrl-C", after=said_before)

    def wait_for(self, words: str, after: int) -> None:
        """Wait until it says this, in a line later than the first `after` ones."""
        with self._said:
            assert self._said.wait_for(lambda: any(words in line for line in self.lines[after:]), START_SECONDS), (
                f"never said {words!r}:\n" + "".join(self.lines)
            )

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with process.stdout as lines:
            for line in lines:
                with self._said:
                    self.lines.append(line)
                    self._said.notify_all()

    def processes(self) -> list[psutil.Process]:
        """It and all below it."""
        assert self._process
        supervisor = psutil.Process(self._process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def child(self, name: str) -> psutil.Process:
        """The process of a console script."""
        return next(process for process in self.processes() if any(name in part for part in process.cmdline()[:3]))

    def browsers(self) -> list[psutil.Process]:
        """The main processes of the worker's browser; there is one."""
        found = [
            p for p in self.processes() if "--headless" in p.cmdline() and "--remote-debugging-pipe" in p.cmdline()
        ]
        assert found
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait until neither it nor anything below it is left; its exit status."""
        assert self._process
        alive = self.processes()
        self._process.send_signal(number)
        status = self._process.wait(STOP_SECONDS)
        _, left = psutil.wait_procs(alive, STOP_SECONDS)
        assert left == []
        return status

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def token(self, user: str) -> str:
        """As `make token` prints it."""
        printed = subprocess.run(
            [sys.executable, "-m", "dev.tokens", user],
            cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return printed.stdout.strip()

    def person(self, user: str) -> "Person":
        return Person(self.url, self.token(user))


@dataclass(frozen=True)
class Person:
    """A client with a token (or with none)."""

    url: str
    token: str | None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def post(self, query: str, **variables: object) -> httpx.Response:
        body = {"query": query, "variables": variables}
        return httpx.post(f"{self.url}/graphql", json=body, headers=self.headers, timeout=30)

    def ask(self, query: str, **variables: object) -> Any:  # noqa: ANN401
        """The data of an operation without errors, without its root field's name."""
        response = self.post(query, **variables)
        body = response.json()
        assert "errors" not in body, body
        (root,) = body["data"].values()
        return root

    def save(self, data: dict[str, Any] | None = None, title: str = "CV") -> str:
        payload = self.ask(SAVE, input={"title": title, "data": data or RESUME})
        assert payload["errors"] == []
        return str(payload["document"]["id"])

    def export(self, document_id: str, *, fresh: bool = True, **options: str) -> str:
        """A job that prints, unless it may be answered with the file of an earlier test's."""
        payload = self.ask(EXPORT, input={"documentId": document_id, "options": options, "fresh": fresh})
        assert payload["errors"] == [], payload
        return str(payload["job"]["id"])

    def schedule(self, document_id: str, *, seconds: float) -> str:
        """A schedule for one export, so many seconds from now."""
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        payload = self.ask(SCHEDULE, input={"documentId": document_id, "at": at.isoformat()})
        assert payload["errors"] == [], payload
        return str(payload["schedule"]["id"])

    def scheduled_job(self, schedule_id: str) -> str:
        """The job that came of this schedule, which has nothing to come."""
        nodes = [edge["node"] for edge in self.ask(SCHEDULES)["edges"]]
        (schedule,) = (node for node in nodes if node["id"] == schedule_id)
        assert schedule["nextRunAt"] is None
        return str(schedule["lastJob"]["id"])

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[AsyncClientSession, None]:
        transport = WebsocketsTransport(
            f"{self.url.replace('http', 'ws')}/graphql",
            init_payload={"authorization": f"Bearer {self.token}"} if self.token else {},
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        )
        async with Client(transport=transport, fetch_schema_from_transport=False) as session:
            yield session

    async def follow(self, job_id: str, after: int | None = None) -> list[JobState]:
        """Every state that `jobProgress` sends until it completes by itself."""
        async with self.session() as session:
            return [state async for state in subscribe(session, job_id, after)]


async def subscribe(
    session: AsyncClientSession, job_id: str, after: int | None = None
) -> AsyncGenerator[JobState, None]:
    request = GraphQLRequest(gql(PROGRESS), variable_values={"id": job_id, "after": after})
    async for result in session.subscribe(request):
        yield result["jobProgress"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def product() -> Generator[Product, None, None]:
    """The running product with a state of its own; one for the tests of a module."""
    with running({}) as product:
        yield product


@contextmanager
def running(settings: dict[str, str]) -> Generator[Product, None, None]:
    """The product with these settings; nothing of it is left afterwards."""
    state = Path(tempfile.mkdtemp(prefix="resumepair-acceptance-"))
    product = Product(state, free_port(), settings)
    try:
        product.start()
        yield product
    finally:
        if product.is_running:
            product.stop()
        subprocess.run([sys.executable, "-m", "dev.state"], cwd=ROOT, env=product.environment, check=True)
        shutil.rmtree(state)


@pytest.fixture
def alice(product: Product) -> Person:
    return product.person("alice")


@pytest.fixture
def bob(product: Product) -> Person:
    return product.person("bob")


@pytest.fixture
def nobody(product: Product) -> Person:
    return Person(product.url, None)
