"""Attacks on the API: after how long each is answered, and what an ordinary client notices of it meanwhile.

The attackers are a process of their own, and so is the API. No budget stops them: each attack costs what it costs.
"""

import asyncio
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median, quantiles
from typing import Any, Final
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from dev.bench import http_load
from dev.bench.attacks import ATTACKS, Target
from dev.bench.served import Served, serve, token_of
from dev.throwaway import throwaway

ATTACKERS: Final = 4
CLIENT_SECONDS: Final = 2
QUESTION: Final = "{ documents(first: 1) { edges { node { id } } } }"
COLUMNS: Final = ("attack", "sends", "is answered", "after, ms", "a second", "others p50, ms", "others p99, ms")


@dataclass(frozen=True)
class Answer:
    """What one attack was told, and after how long."""

    text: str
    seconds: float


def measure_abuse(*, seconds: float) -> None:
    """Print a table: each attack, its answer, and the other client's latency meanwhile."""
    with ExitStack() as stack:
        place = stack.enter_context(throwaway())
        served = stack.enter_context(serve(place, "resumepair_graphql.app", CLIENT_TIMEOUT_SECONDS=str(CLIENT_SECONDS)))
        attackers = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
        Console(width=160).print(asyncio.run(_measured(served, attackers, seconds)))


async def _measured(served: Served, attackers: ProcessPoolExecutor, seconds: float) -> Table:
    table = Table(title=f"{ATTACKERS} attackers, and another client that asks for its documents without a pause")
    for heading in COLUMNS:
        table.add_column(heading, justify="right" if heading.endswith(("ms", "second")) else "left")
    loop = asyncio.get_running_loop()
    await _latencies(served, loop.run_in_executor(attackers, time.sleep, seconds))  # warms everything up
    at_rest = await _latencies(served, loop.run_in_executor(attackers, time.sleep, seconds))
    table.add_row("none", "", "", "", "", *_shown(at_rest))
    for number, attack in enumerate(ATTACKS):
        target = Target(served.port, token_of(uuid4()))
        attacking = loop.run_in_executor(attackers, carry_out, number, target, seconds)
        meanwhile = await _latencies(served, attacking)
        answers = await attacking
        texts = sorted({answer.text for answer in answers})
        verdict = "" if texts == [attack.answer] else f": MISSED, should be {attack.answer}"
        table.add_row(
            attack.name, attack.sends, ", ".join(texts) + verdict,
            f"{median(answer.seconds for answer in answers) * 1000:,.1f}", f"{len(answers) / seconds:,.0f}",
            *_shown(meanwhile),
        )  # fmt: skip
    return table


def carry_out(number: int, target: Target, seconds: float) -> list[Answer]:
    """The attack of this number, from so many attackers, each of whom begins again when it is answered."""

    async def attacker(until: float) -> list[Answer]:
        answers: list[Answer] = []
        while (begun := time.perf_counter()) < until:
            answers.append(Answer(await ATTACKS[number].once(target), time.perf_counter() - begun))
        return answers

    async def attack() -> list[Answer]:
        until = time.perf_counter() + seconds
        return [
            answer for each in await asyncio.gather(*(attacker(until) for _ in range(ATTACKERS))) for answer in each
        ]

    return asyncio.run(attack())


async def _latencies(served: Served, going_on: asyncio.Future[Any]) -> list[float]:
    """How long another client waits for each of its answers while something goes on, in seconds."""
    request = http_load.Target(served, "/graphql", token_of(uuid4()), {"query": QUESTION}).request()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    waited: list[float] = []
    while not going_on.done():
        begun = time.perf_counter()
        writer.write(request)
        await http_load.take_answer(reader)
        waited.append(time.perf_counter() - begun)
    writer.close()
    await writer.wait_closed()
    return waited


def _shown(waited: list[float]) -> tuple[str, str]:
    """The median and the 99th percentile."""
    return f"{median(waited) * 1000:.1f}", f"{quantiles(waited, n=100)[98] * 1000:.1f}"
