"""What attackers send: each is answered or shed as it has to be, and others are served while it goes on."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from dev.bench.attacks import ATTACKS, Attack, Target
from tests.conftest import Database
from tests.integration.conftest import Person
from tests.integration.transports.conftest import (
    DOCUMENTS,
    Server,
    Start,
    ask,
    bearer,
    greet,
    hear,
    running,
    token_of,
    until,
)

ATTACKERS = 2
QUESTIONS = 5


@pytest.fixture(scope="module")
def attacked(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Impatient, so that the tests need not wait; without a budget, so that each thing is refused for what it is.

    At the end it is looked whether any of all this left an error in the log.
    """
    settings = {"CLIENT_TIMEOUT_SECONDS": "0.5", "RATE_LIMIT_COST_PER_MINUTE": "0"}
    with running(database, tmp_path_factory.mktemp("storage"), **settings) as server:
        yield server


@asynccontextmanager
async def going_on(attack: Attack, target: Target) -> AsyncIterator[list[str]]:
    """Attackers who begin again as soon as they are answered, until the block ends; what they were answered."""
    answers: list[str] = []
    over = asyncio.Event()

    async def attacker() -> None:
        while not over.is_set():
            answers.append(await attack.once(target))

    async with asyncio.TaskGroup() as attackers:
        for _ in range(ATTACKERS):
            attackers.create_task(attacker())
        yield answers
        over.set()


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
async def test_an_attack_is_answered_as_it_has_to_be_and_others_while_it_goes_on(
    attacked: Server, alice: Person, bob: Person, attack: Attack
) -> None:
    async with httpx.AsyncClient(headers=bearer(token_of(bob)), timeout=30) as other:
        async with going_on(attack, Target(attacked.port, token_of(alice))) as answers:
            for _ in range(QUESTIONS):
                answer = await other.post(attacked.graphql, json={"query": DOCUMENTS})
                assert answer.json()["data"] == {"documents": {"edges": []}}
        assert len(answers) >= ATTACKERS
        assert set(answers) == {attack.answer}


async def test_a_connection_that_was_there_before_an_attack_is_there_after_it(
    attacked: Server, alice: Person, bob: Person
) -> None:
    (garbage,) = (attack for attack in ATTACKS if attack.name == "garbage frames")
    async with attacked.websocket() as victim:
        await greet(victim, token_of(bob))
        async with going_on(garbage, Target(attacked.port, token_of(alice))):
            await ask(victim, "1", "{ __typename }")
            assert (await hear(victim))["payload"]["data"] == {"__typename": "Query"}


async def test_the_subscriptions_of_who_never_reads_end(attacked: Server, alice: Person) -> None:
    (unread,) = (attack for attack in ATTACKS if attack.name == "never reads")
    async with asyncio.TaskGroup() as attackers:
        attackers.create_task(unread.once(Target(attacked.port, token_of(alice))))
        await until(lambda: (attacked.watchers, attacked.connections("websocket")) == (1, 1))
    await until(lambda: (attacked.watchers, attacked.connections("websocket")) == (0, 0))


async def test_connections_that_say_nothing_are_given_up(start: Start, token: str) -> None:
    server = start(CLIENT_TIMEOUT_SECONDS="0.5")
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    assert server.is_well(token)
    for one in silent:
        assert await asyncio.to_thread(one.recv, 1) == b""
        one.close()


def test_a_bad_token_is_not_repeated(server: Server) -> None:
    answer = server.post({"query": "{ __typename }"}, **bearer("<script>x</script>"))
    assert answer.status_code == 401
    assert "script" not in answer.text
