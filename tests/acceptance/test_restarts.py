"""Kill what runs, and start again: nothing accepted is lost, nothing is left behind."""

import signal
from typing import Any

import psutil

from tests.acceptance.conftest import HISTORY, JOB, RESUME, Person, Product, subscribe


def history_of(person: Person) -> list[str]:
    return [edge["node"]["job"]["id"] for edge in person.ask(HISTORY)["edges"]]


async def test_exports_survive_a_worker_killed_in_the_middle(product: Product, alice: Person) -> None:
    # Long enough that one of them is being printed when the first is heard of.
    documents = [alice.save(long_resume()) for _ in range(3)]
    async with alice.session() as session:
        jobs = [alice.export(document) for document in documents]
        async for state in subscribe(session, jobs[0]):
            if state["progress"]["percent"] >= 10:
                break
        product.child("resumepair-worker").send_signal(signal.SIGKILL)

    ends = [(await alice.follow(job_id))[-1] for job_id in jobs]
    assert [end["status"] for end in ends] == ["COMPLETED"] * 3
    assert max(end["attempt"] for end in ends) == 2
    history = history_of(alice)
    assert [history.count(job_id) for job_id in jobs] == [1, 1, 1]


async def test_exports_survive_a_browser_killed_in_the_middle(product: Product, alice: Person) -> None:
    document = alice.save(long_resume())
    async with alice.session() as session:
        job_id = alice.export(document)
        async for state in subscribe(session, job_id):
            if state["progress"]["stage"] == "RENDERING":
                for process in product.browsers():
                    process.send_signal(signal.SIGKILL)
                break
    (*_, end) = await alice.follow(job_id)
    assert (end["status"], end["attempt"]) == ("COMPLETED", 2)


def long_resume() -> dict[str, Any]:
    """Sixty jobs: a dozen pages, half a second."""
    return {**RESUME, "work": RESUME["work"] * 60}


async def test_the_api_is_back_after_being_killed(product: Product, alice: Person) -> None:
    job_id = alice.export(alice.save())
    said_before = len(product.lines)
    product.child("resumepair-graphql").send_signal(signal.SIGKILL)
    product.wait_for("graphql_ready", after=said_before)
    states = await alice.follow(job_id)
    assert states[-1]["status"] == "COMPLETED"


async def test_postgres_killed_with_everything_connected_comes_back(product: Product, alice: Person) -> None:
    document = alice.save(long_resume())
    async with alice.session() as session:
        job_id = alice.export(document)
        states = subscribe(session, job_id)
        seen = [await anext(states)]
        said_before = len(product.lines)
        product.child("postgres").send_signal(signal.SIGKILL)
        product.wait_for("PostgreSQL is ready again", after=said_before)
        seen += [state async for state in states]
    assert seen[-1]["status"] == "COMPLETED", "the subscription only paused"
    assert history_of(alice).count(job_id) == 1


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


async def test_a_schedule_survives_a_kill_of_the_whole_product(product: Product, bob: Person) -> None:
    schedule = bob.schedule(bob.save(), seconds=2)
    product.stop(signal.SIGKILL)

    said_before = len(product.lines)
    product.start()
    product.wait_for("schedule_ran", after=said_before)

    states = await bob.follow(bob.scheduled_job(schedule))
    assert states[-1]["status"] == "COMPLETED"
    assert history_of(bob).count(states[-1]["id"]) == 1


async def test_ctrl_c_stops_all_and_the_data_stays(product: Product, alice: Person) -> None:
    document = alice.save(title="kept")
    everything = product.processes()

    assert product.stop(signal.SIGINT) == 0
    assert not [process for process in everything if psutil.pid_exists(process.pid) and process.is_running()]

    product.start()
    documents = alice.ask("{ documents { edges { node { id title } } } }")
    assert {"id": document, "title": "kept"} in [edge["node"] for edge in documents["edges"]]
