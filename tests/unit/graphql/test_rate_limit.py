from datetime import UTC, datetime, timedelta

from resumepair_graphql import rate_limit
from resumepair_graphql.auth import ANONYMOUS, Identity
from resumepair_graphql.rate_limit import CostBudget, user_of


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
    for number in range(rate_limit.MAX_USERS):
        budget.take(str(number), 1)
    clock.now += 61
    budget.take("last", 1)
    assert list(budget._buckets) == ["last"]


def test_the_number_of_users_in_memory_is_bounded() -> None:
    budget = CostBudget(600, Clock())
    for number in range(3 * rate_limit.MAX_USERS):
        budget.take(str(number), 1)
    assert len(budget._buckets) <= rate_limit.MAX_USERS


def test_only_users_are_counted() -> None:
    assert user_of(Identity("authenticated", '{"sub": "A"}')) == "A"
    assert user_of(ANONYMOUS) is None
    assert user_of(Identity("service_role", '{"role": "service_role"}')) is None
