"""Our share of Cognito's quota: counted a second at a time, by Cognito's own categories."""

import time

import pytest

from app.cognito.quota import OPERATION_CATEGORIES, QuotaBudget
from app.counters import counters_at
from app.domain.errors import ServiceError, ErrorCode
from tests.redis_server import RedisServer

PER_SECOND = {"UserResourceRead": 3, "UserResourceUpdate": 2, "UserUpdate": 1}


def budget(redis_url: str | None = None) -> QuotaBudget:
    return QuotaBudget(PER_SECOND, counters_at(redis_url))


def budgets(workers: int, redis_url: str | None = None) -> list[QuotaBudget]:
    """One for each worker of a machine."""
    return [QuotaBudget(PER_SECOND, counters_at(redis_url), workers) for _ in range(workers)]


def taken(of: QuotaBudget, *operations: str) -> int:
    """How many of these calls in a row were let through."""
    for number, operation in enumerate(operations):
        try:
            of.take(operation)
        except ServiceError:
            return number
    return len(operations)


def test_each_operation_is_counted_as_cognito_counts_it() -> None:
    """Developer Guide, "Quotas": categories of API operations."""
    assert OPERATION_CATEGORIES == {
        "GetDevice": "UserResourceRead",
        "ListDevices": "UserResourceRead",
        "ConfirmDevice": "UserResourceUpdate",
        "UpdateDeviceStatus": "UserResourceUpdate",
        "ForgetDevice": "UserResourceUpdate",
        "GlobalSignOut": "UserUpdate",
    }


@pytest.mark.parametrize(
    ("operations", "allowed"),
    [
        (("GetDevice", "ListDevices") * 2, 3),
        (("ConfirmDevice", "UpdateDeviceStatus", "ForgetDevice"), 2),
        (("GlobalSignOut",) * 2, 1),
    ],
)
def test_a_category_is_shared_by_its_operations(operations: tuple[str, ...], allowed: int) -> None:
    assert taken(budget(), *operations) == allowed


def test_one_category_leaves_the_others_alone() -> None:
    one = budget()
    taken(one, *("GetDevice",) * 9)
    assert taken(one, "ForgetDevice", "GlobalSignOut") == 2


def test_over_the_budget_the_wait_is_told() -> None:
    one = budget()
    one.take("GlobalSignOut")
    with pytest.raises(ServiceError) as refused:
        one.take("GlobalSignOut")
    assert refused.value.code is ErrorCode.QUOTA_EXCEEDED
    assert refused.value.retry_after == 1


def test_after_the_wait_there_is_a_fresh_share() -> None:
    one = budget()
    one.take("GlobalSignOut")
    time.sleep(1.01)
    one.take("GlobalSignOut")


def test_without_redis_each_has_a_budget_of_its_own() -> None:
    assert taken(budget(), "GlobalSignOut") + taken(budget(), "GlobalSignOut") == 2


def test_with_redis_there_is_one_budget_for_all(redis: RedisServer) -> None:
    assert taken(budget(redis.url), *("GetDevice",) * 2) == 2
    assert taken(budget(redis.url), *("GetDevice",) * 3) == 1


def test_with_redis_a_worker_may_use_what_others_leave(redis: RedisServer) -> None:
    one, _ = budgets(2, redis.url)
    assert taken(one, *("GetDevice",) * 9) == 3


def test_without_redis_workers_share_it_out() -> None:
    assert [taken(one, *("GetDevice",) * 9) for one in budgets(3)] == [1, 1, 1]


def test_while_redis_is_away_workers_share_it_out(redis: RedisServer) -> None:
    workers = budgets(2, redis.url)
    redis.kill()
    assert [taken(one, *("GetDevice",) * 9) for one in workers] == [1, 1]


def test_a_part_of_less_than_a_call_is_one_call_in_more_seconds() -> None:
    workers = budgets(4)
    assert [taken(one, "ForgetDevice", "ForgetDevice") for one in workers] == [1] * 4
    time.sleep(1.01)
    assert [taken(one, "ForgetDevice") for one in workers] == [0] * 4
    time.sleep(1)
    assert [taken(one, "ForgetDevice") for one in workers] == [1] * 4
