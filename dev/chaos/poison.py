"""A document that kills its browser: every time that it is printed, every Chromium of the fleet is killed."""

import time
from contextlib import suppress
from uuid import UUID

import psutil

from dev.chaos.balance import audit
from dev.chaos.faults import Scene
from dev.chaos.ledger import RESUME
from dev.chaos.report import Row
from dev.chaos.run import drain

ATTEMPTS = 5
# Long, so that it is at the printer when it is seen there.
DOCUMENT = {**RESUME, "work": RESUME["work"] * 150}
# What is allowed to be said of it.
CODES = {"BROWSER_UNAVAILABLE", "WORKER_LOST"}
LOAD_EVERY_SECONDS = 0.5
LOOK_SECONDS = 0.005
BETWEEN_SECONDS = 0.15
LONGEST_SECONDS = 90.0


def poison(scene: Scene) -> Row:
    """One such document among others, who have no more attempts than it has; it is to fail, and nothing else."""
    poisoned, others = scene.ledger.new_user(ATTEMPTS), scene.ledger.new_user(ATTEMPTS)
    (job,) = scene.ledger.enqueue(poisoned, 1, DOCUMENT)
    jobs = [job]
    end = time.monotonic() + LONGEST_SECONDS
    next_load = time.monotonic()
    browsers = scene.fleet.browsers()
    while scene.ledger.open_jobs([job]) and time.monotonic() < end:
        if time.monotonic() >= next_load:
            jobs += scene.ledger.enqueue(others, 1)
            next_load += LOAD_EVERY_SECONDS
            browsers = scene.fleet.browsers()  # which takes a while, too long when the document is there
        if _is_at_the_printer(scene, job):
            for browser in browsers:
                with suppress(psutil.NoSuchProcess):
                    browser.kill()
            time.sleep(BETWEEN_SECONDS)  # it was waiting for a browser that has just been started, should it go on
            browsers = scene.fleet.browsers()
        time.sleep(LOOK_SECONDS)
    drain(scene, jobs)
    (row,) = scene.ledger.query("select attempt, failure_code from resumepair.export_jobs where id = %s", job)
    is_as_expected = row["attempt"] == ATTEMPTS and row["failure_code"] in CODES
    balance = audit(scene.ledger, scene.fleet.storage, jobs, doomed=[job] if is_as_expected else [])
    return Row("a document that kills its Chromium", ATTEMPTS, balance)


def _is_at_the_printer(scene: Scene, job: UUID) -> bool:
    (row,) = scene.ledger.query("select stage from resumepair.export_jobs where id = %s", job)
    return bool(row["stage"] == "rendering")
