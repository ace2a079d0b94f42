"""The whole product where LISTEN does not get through: everything arrives, at an interval instead of at once."""

import signal
from collections.abc import Generator

import pytest

from tests.acceptance.conftest import RESUME, Person, Product, running, subscribe


@pytest.fixture(scope="module")
def product() -> Generator[Product, None, None]:
    with running({"POLLING_MODE": "true", "POLLING_INTERVAL_SECONDS": "0.2"}) as product:
        yield product


async def test_an_export_is_made_and_followed(alice: Person) -> None:
    states = await alice.follow(alice.export(alice.save()))
    assert states[-1]["status"] == "COMPLETED"


async def test_a_restart_of_postgres_is_a_pause(product: Product, alice: Person) -> None:
    document = alice.save({**RESUME, "work": RESUME["work"] * 60})
    async with alice.session() as session:
        states = subscribe(session, alice.export(document))
        seen = [await anext(states)]
        said_before = len(product.lines)
        product.child("postgres").send_signal(signal.SIGKILL)
        product.wait_for("PostgreSQL is ready again", after=said_before)
        seen += [state async for state in states]
    assert seen[-1]["status"] == "COMPLETED"
    assert (await alice.follow(alice.export(document)))[-1]["status"] == "COMPLETED"
