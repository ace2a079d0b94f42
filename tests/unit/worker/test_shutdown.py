from resumepair_worker.app import GRACE_SECONDS
from resumepair_worker.attempt import DELIVER_SECONDS, HAND_BACK_SECONDS
from resumepair_worker.rescue import HEARTBEAT_SECONDS, STALLED_AFTER_SECONDS


def test_a_stopping_worker_is_done_before_it_is_taken_for_dead() -> None:
    longest = HEARTBEAT_SECONDS + GRACE_SECONDS + DELIVER_SECONDS + HAND_BACK_SECONDS
    assert longest < STALLED_AFTER_SECONDS
