"""One user with many exports against many users with one."""

from collections.abc import Sequence
from uuid import UUID

from dev.chaos.balance import audit
from dev.chaos.faults import Scene
from dev.chaos.report import Row
from dev.chaos.run import drain

USERS = 100


def crowd(scene: Scene, users: int = USERS) -> tuple[Row, list[tuple[str, Sequence[float]]]]:
    """As many exports of one user as others come after with one each: the balance, and who waited how long."""
    batch = scene.ledger.enqueue(scene.ledger.new_user(), users)
    singles: list[UUID] = []
    for _ in range(users):
        singles += scene.ledger.enqueue(scene.ledger.new_user(), 1)
    jobs = batch + singles
    drain(scene, jobs)
    row = Row(f"{users} exports of one user, {users} users with one", 1, audit(scene.ledger, scene.fleet.storage, jobs))
    return row, [
        ("the one with many", scene.ledger.waits(batch)),
        ("those with one", scene.ledger.waits(singles)),
    ]
