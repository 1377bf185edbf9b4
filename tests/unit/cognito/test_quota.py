"""Our share of Cognito's quota: by Cognito's own categories, a worker's part where it is alone."""

import pytest
from limits import RateLimitItem, RateLimitItemPerHour

from app.cognito.quota import QuotaBudget
from app.counters import Counters, Window
from app.domain import operations
from app.domain.errors import ErrorCode, ServiceError
from app.domain.operations import OPERATIONS, Operation


class Frozen(Counters):
    """Counts as ever, in a window that does not end during a test."""

    def hit(self, limit: RateLimitItem, *key: str, alone: RateLimitItem | None = None) -> Window:
        return super().hit(RateLimitItemPerHour((alone or limit).amount), *key)


def taken(budget: QuotaBudget, *asked: Operation) -> int:
    """How many of these calls in a row were let through."""
    for number, operation in enumerate(asked):
        try:
            budget.take(operation)
        except ServiceError:
            return number
    return len(asked)


def a_budget(workers: int = 1) -> QuotaBudget:
    per_second = {operations.READS: 3, operations.UPDATES: 2, operations.SIGN_OUTS: 1}
    return QuotaBudget(per_second, Frozen(None), workers)


def test_each_operation_is_counted_as_cognito_counts_it() -> None:
    """Developer Guide, "Quotas": categories of API operations."""
    assert {operation.name: operation.quota for operation in OPERATIONS} == {
        "GetDevice": "UserResourceRead",
        "ListDevices": "UserResourceRead",
        "ListUserSessions": "UserResourceRead",
        "ConfirmDevice": "UserResourceUpdate",
        "UpdateDeviceStatus": "UserResourceUpdate",
        "ForgetDevice": "UserResourceUpdate",
        "RevokeUserSession": "UserResourceUpdate",
        "GlobalSignOut": "UserUpdate",
    }


def test_a_category_is_shared_by_its_operations_and_leaves_the_others_alone() -> None:
    budget = a_budget()
    reads = (operations.GET_DEVICE, operations.LIST_DEVICES, operations.LIST_USER_SESSIONS)
    assert taken(budget, *reads * 2) == 3
    assert taken(budget, operations.FORGET_DEVICE, operations.REVOKE_USER_SESSION) == 2
    assert taken(budget, *[operations.GLOBAL_SIGN_OUT] * 2) == 1


@pytest.mark.parametrize(("workers", "allowed"), [(1, 3), (2, 1), (3, 1), (4, 1)])
def test_workers_that_count_alone_share_the_budget_out(workers: int, allowed: int) -> None:
    assert taken(a_budget(workers), *[operations.GET_DEVICE] * 9) == allowed


def test_a_part_of_less_than_a_call_is_one_call_in_more_seconds() -> None:
    budget = QuotaBudget({operations.READS: 1}, Counters(None), 600)
    budget.take(operations.GET_DEVICE)
    with pytest.raises(ServiceError) as refused:
        budget.take(operations.GET_DEVICE)
    assert refused.value.code is ErrorCode.QUOTA_EXCEEDED
    assert (refused.value.retry_after or 0) > 500
