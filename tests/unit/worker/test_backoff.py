from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resumepair_worker.backoff import delay_after

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("attempt", "minutes"), list(enumerate((1, 2, 4, 8, 16, 32, 60, 60, 60), start=1)))
def test_pauses_double_up_to_an_hour(attempt: int, minutes: int) -> None:
    assert delay_after(attempt, MINUTE, jitter=lambda: 0) == minutes * MINUTE


@given(st.integers(1, 200), st.floats(0, 1))
def test_jitter_adds_at_most_a_tenth(attempt: int, jitter: float) -> None:
    plain = delay_after(attempt, MINUTE, jitter=lambda: 0)
    assert plain <= delay_after(attempt, MINUTE, jitter=lambda: jitter) <= plain * 1.1 + timedelta(milliseconds=1)
