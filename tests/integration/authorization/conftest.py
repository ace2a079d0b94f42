"""One API process and one database for the whole matrix."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql

from dev.postgres import PostgresServer
from dev.roles import API_ROLE, WORKER_ROLE, role_url
from tests.conftest import PASSWORDS, Database
from tests.integration.authorization.callers import SECRET, auth_server
from tests.integration.authorization.transports import SECONDS
from tests.integration.authorization.world import World
from tests.integration.conftest import Person, WorkerVoice, connect


@pytest.fixture(scope="module")
def shared_database(postgres_server: PostgresServer, template_database: str) -> Generator[Database, None, None]:
    name = f"matrix_{uuid4().hex}"
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as admin:
        create = sql.SQL("create database {} template {}")
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(template_database)))
        url = postgres_server.url(name)
        yield Database(name, url, *(role_url(url, role, PASSWORDS[role]) for role in (API_ROLE, WORKER_ROLE)))
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def world(shared_database: Database) -> Generator[World, None, None]:
    with (
        closing(connect(shared_database.admin_url)) as admin,
        closing(connect(shared_database.api_url)) as api,
        closing(connect(shared_database.worker_url)) as worker,
    ):
        yield World(Person(api, uuid4()), WorkerVoice(worker, admin), admin)


@pytest.fixture(scope="module")
def client(shared_database: Database) -> Generator[httpx.Client, None, None]:
    """A client of a real `resumepair-graphql` that takes both kinds of tokens."""
    with (
        auth_server() as jwks_url,
        running_api(shared_database, {"SUPABASE_JWT_SECRET": SECRET, "SUPABASE_JWKS_URL": jwks_url}) as client,
    ):
        yield client


@contextmanager
def running_api(database: Database, settings: dict[str, str]) -> Generator[httpx.Client, None, None]:
    """A client of a real process with these settings."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": database.api_url,
            "PORT": str(free_port()),
            "STORAGE_DIR": folder,
            "STORAGE_SIGNING_KEY": "a-signing-key-of-thirty-two-characters",
            "LOG_FORMAT": "json",
            "RATE_LIMIT_COST_PER_MINUTE": "0",
            **settings,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "resumepair_graphql.app"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert process.stdout
        with process, process.stdout as lines:
            said: list[str] = []
            for line in lines:
                said.append(line)
                if "graphql_ready" in line:
                    break
            else:
                pytest.fail("".join(said))
            rest = threading.Thread(target=lines.read)  # a full pipe would stop it
            rest.start()
            try:
                with httpx.Client(base_url=f"http://127.0.0.1:{environment['PORT']}", timeout=SECONDS) as client:
                    yield client
            finally:
                process.terminate()
                rest.join()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
