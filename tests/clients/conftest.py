"""The clients of other people, put before the running product; seen only from outside, as in tests/acceptance."""

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest

from dev.npm import CLIENTS, NODE, install
from tests.acceptance.conftest import Person, Product, running

ROOT = Path(__file__).parents[2]
SECRET = "the-secret-of-the-clients-auth-server"
ANSWER_SECONDS = 60


@dataclass(frozen=True)
class Author:
    """Somebody who writes a client: a user of their own, with nothing saved yet."""

    product: Product
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def token(self, seconds: int = 3600) -> str:
        claims = {"sub": self.id, "role": "authenticated", "aud": "authenticated", "exp": int(time.time()) + seconds}
        return jwt.encode(claims, SECRET, algorithm="HS256")

    def person(self) -> Person:
        return Person(self.product.url, self.token())

    @contextmanager
    def waiting(self) -> Iterator[Callable[[], None]]:
        """The worker stands still until what this gives is called, or the block ends."""
        worker = self.product.child("resumepair-worker")
        worker.suspend()
        try:
            yield worker.resume
        finally:
            worker.resume()


@dataclass(frozen=True)
class Node:
    """Runs TypeScript, with the packages that package-lock.json names."""

    program: Path

    @contextmanager
    def started(self, *arguments: str, folder: Path = CLIENTS, **environment: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [self.program, *arguments],
            cwd=folder, env={**os.environ, **environment}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        with process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *arguments: str, folder: Path = CLIENTS, **environment: str) -> str:
        """What it printed; it has to end well."""
        with self.started(*arguments, folder=folder, **environment) as process:
            printed, _ = process.communicate(timeout=ANSWER_SECONDS)
        assert process.returncode == 0, printed
        return printed

    def walk(self, client: str, author: Author) -> dict[str, Any]:
        """All that a client found on the main path, by name."""
        found: dict[str, Any] = {}
        document = ROOT / "tests" / "documents" / "ada.json"
        with (
            author.waiting() as release,
            self.started(
                "main-path.ts", client, URL=author.product.url, SECRET=SECRET, USER=author.id, DOCUMENT=str(document)
            ) as process,
        ):
            assert process.stdin
            assert process.stdout
            for line in process.stdout:
                assert line.startswith("{"), line + process.stdout.read()
                found |= json.loads(line)
                if "release" in found:
                    del found["release"]
                    release()
                    process.stdin.write("released\n")
                    process.stdin.flush()
        return found


@pytest.fixture(scope="session")
def node() -> Node:
    install(CLIENTS)
    return Node(NODE)


@pytest.fixture(scope="package")
def product() -> Generator[Product, None, None]:
    """One product for all clients; each test is a user of its own."""
    with running({"SUPABASE_JWT_SECRET": SECRET}) as product:
        yield product


@pytest.fixture
def author(product: Product) -> Author:
    return Author(product)
