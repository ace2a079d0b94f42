from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resumepair_worker.backoff import DELIVERY_FACTORS, LONGEST_DELIVERY_PAUSE, delay_after, pause_before_delivery

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("attempt", "minutes"), list(enumerate((1, 2, 4, 8, 16, 32, 60, 60, 60), start=1)))
def test_pauses_double_up_to_an_hour(attempt: int, minutes: int) -> None:
    assert delay_after(attempt, MINUTE, jitter=lambda: 0) == minutes * MINUTE


@given(st.integers(1, 200), st.floats(0, 1))
def test_jitter_adds_at_most_a_tenth(attempt: int, jitter: float) -> None:
    plain = delay_after(attempt, MINUTE, jitter=lambda: 0)
    assert plain <= delay_after(attempt, MINUTE, jitter=lambda: jitter) <= plain * 1.1 + timedelta(milliseconds=1)


def test_deliveries_come_again_as_standard_webhooks_recommends() -> None:
    base = timedelta(seconds=5)
    pauses = [pause_before_delivery(left, base, jitter=lambda: 0) for left in range(7, 0, -1)]
    assert pauses == [
        timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
        timedelta(hours=10), timedelta(hours=10),
    ]  # fmt: skip
    assert pause_before_delivery(8, base, jitter=lambda: 0) == base, "one that was handed back does not count"
    assert pause_before_delivery(1, base, jitter=lambda: 1) == pauses[-1] * 1.1
    assert base * max(DELIVERY_FACTORS) == LONGEST_DELIVERY_PAUSE


def test_the_database_gives_as_many_attempts_as_there_are_pauses_and_one() -> None:
    sql = (Path(__file__).parents[3] / "schema.sql").read_text()
    attempts = len(DELIVERY_FACTORS) + 1
    assert f"v_event, v_payload, {attempts});" in sql
    assert f"when 'webhook.test' then 1 else {attempts} end" in sql
