from datetime import UTC, datetime, timedelta
from uuid import UUID

from resumepair_graphql import rate_limit
from resumepair_graphql.auth import ANONYMOUS, Identity
from resumepair_graphql.rate_limit import CostBudget, payer_of

ALICE = UUID("aaaaaaaa-0000-4000-8000-000000000001")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_points_are_taken_and_come_back() -> None:
    clock = Clock()
    budget = CostBudget(600, clock)
    assert budget.take("alice", 500).remaining == 100
    refused = budget.take("alice", 200)
    assert refused.remaining == 100
    assert refused.retry_at
    assert refused.retry_at - datetime.now(UTC) <= timedelta(seconds=10)
    clock.now += 10
    assert budget.take("alice", 200).retry_at is None


def test_each_user_has_their_own() -> None:
    budget = CostBudget(600, Clock())
    budget.take("alice", 600)
    assert budget.take("bob", 600).retry_at is None


def test_there_is_never_more_than_the_whole() -> None:
    clock = Clock()
    budget = CostBudget(600, clock)
    budget.take("alice", 1)
    clock.now += 3600
    assert budget.take("alice", 0).remaining == 600


def test_what_costs_more_than_the_whole_needs_all_of_it() -> None:
    clock = Clock()
    budget = CostBudget(600, clock)
    assert budget.take("alice", 1000).remaining == 0
    assert budget.take("alice", 1000).retry_at is not None
    clock.now += 60
    assert budget.take("alice", 1000).retry_at is None


def test_users_of_long_ago_are_forgotten() -> None:
    clock = Clock()
    budget = CostBudget(600, clock)
    for number in range(rate_limit.MAX_BUCKETS):
        budget.take(str(number), 1)
    clock.now += 61
    budget.take("last", 1)
    assert list(budget._buckets) == ["last"]


def test_the_number_of_users_in_memory_is_bounded() -> None:
    budget = CostBudget(600, Clock())
    for number in range(3 * rate_limit.MAX_BUCKETS):
        budget.take(str(number), 1)
    assert len(budget._buckets) <= rate_limit.MAX_BUCKETS


def test_users_pay_for_themselves_others_by_address_and_the_operator_not_at_all() -> None:
    small, large = (Identity("authenticated", f'{{"sub": "{sub}"}}') for sub in (str(ALICE), str(ALICE).upper()))
    assert payer_of(small, "192.0.2.1") == payer_of(large, "192.0.2.2") == f"user {ALICE}"
    assert payer_of(ANONYMOUS, "192.0.2.1") != payer_of(ANONYMOUS, "192.0.2.2")
    assert payer_of(ANONYMOUS, "2001:db8::1") == payer_of(ANONYMOUS, "2001:db8::2")
    assert payer_of(Identity("anon", f'{{"role": "anon", "sub": "{ALICE}"}}'), "::1") == payer_of(ANONYMOUS, "::1")
    assert payer_of(ANONYMOUS, None) is None
    assert payer_of(Identity("service_role", '{"role": "service_role"}'), "192.0.2.1") is None
