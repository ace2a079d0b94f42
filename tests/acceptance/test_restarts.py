"""Kill what runs, and start again: nothing accepted is lost, nothing is left behind."""

import asyncio
import signal

import psutil

from tests.acceptance.conftest import HISTORY, JOB, Person, Product

STEPS = [0, 10, 30, 60, 80, 90, 100]


def history_of(person: Person) -> list[str]:
    return [edge["node"]["job"]["id"] for edge in person.ask(HISTORY)["edges"]]


async def test_exports_survive_a_worker_killed_in_the_middle(product: Product, alice: Person) -> None:
    documents = [alice.save() for _ in range(3)]
    watches = [asyncio.create_task(alice.follow(alice.export(document))) for document in documents]

    product.child("resumepair-worker").send_signal(signal.SIGKILL)

    ends = [states[-1] for states in await asyncio.gather(*watches)]
    assert [end["status"] for end in ends] == ["COMPLETED"] * 3
    jobs = history_of(alice)
    assert [jobs.count(end["id"]) for end in ends] == [1, 1, 1]


async def test_exports_survive_a_killed_browser(product: Product, alice: Person) -> None:
    for process in product.processes():
        if "headless" in process.name() or "chrom" in process.name():
            process.send_signal(signal.SIGKILL)
            break
    states = await alice.follow(alice.export(alice.save()))
    assert states[-1]["status"] == "COMPLETED"


async def test_the_api_is_back_after_being_killed(product: Product, alice: Person) -> None:
    job_id = alice.export(alice.save())
    said_before = len(product.lines)
    product.child("resumepair-graphql").send_signal(signal.SIGKILL)
    product.wait_for("graphql_ready", after=said_before)
    states = await alice.follow(job_id)
    assert states[-1]["status"] == "COMPLETED"


async def test_everything_survives_a_kill_of_the_whole_product(product: Product, alice: Person) -> None:
    accepted = [alice.export(alice.save()) for _ in range(3)]
    everything = product.processes()

    assert product.stop(signal.SIGKILL) == -signal.SIGKILL
    assert not [process for process in everything if process.is_running()]

    product.start()
    for job_id in accepted:
        states = await alice.follow(job_id)
        assert states[-1]["status"] == "COMPLETED"
        assert alice.ask(JOB, id=job_id)["attempt"] <= 2


async def test_ctrl_c_stops_all_and_the_data_stays(product: Product, alice: Person) -> None:
    document = alice.save(title="kept")
    everything = product.processes()

    assert product.stop(signal.SIGINT) == 0
    assert not [process for process in everything if psutil.pid_exists(process.pid) and process.is_running()]

    product.start()
    documents = alice.ask("{ documents { edges { node { id title } } } }")
    assert {"id": document, "title": "kept"} in [edge["node"] for edge in documents["edges"]]
