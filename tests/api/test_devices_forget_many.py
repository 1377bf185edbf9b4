"""DELETE /devices: forget all the user's devices, or all but the one that calls.

The pace, and what lost answers mean: tests/unit/domain/test_bulk.py.
"""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.errors import ErrorCode, ServiceError
from tests.api.client import ApiClient
from tests.api.conftest import CURRENT, OTHER, THIRD, Start, Token
from tests.api.tokens import SUB
from tests.calls import assert_problem


def many(api: ApiClient, count: int) -> list[str]:
    keys = [f"eu-west-1_{number:08x}-0000" for number in range(count)]
    for key in keys:
        api.cognito.add(key)
    return keys


@pytest.mark.parametrize(
    ("scope", "forgotten"), [("others", [OTHER, THIRD]), ("all", [OTHER, THIRD, CURRENT])]
)
def test_others_are_forgotten_or_all_the_calling_device_last(
    api: ApiClient, three_devices: list[str], scope: str, forgotten: list[str]
) -> None:
    response = api.delete(f"/devices?scope={scope}")
    assert response.status_code == 200
    assert response.get_json() == {"forgotten": forgotten, "failed": []}
    assert set(api.cognito.devices[SUB]) == set(three_devices) - set(forgotten)


def test_every_page_is_read_before_any_device_is_forgotten(api: ApiClient) -> None:
    """A cursor points at a device, and would be stale once that is forgotten."""
    api.cognito.add(CURRENT)
    others = many(api, 130)
    report = api.delete("/devices?scope=all").get_json()
    assert report == {"forgotten": [*others, CURRENT], "failed": []}
    assert api.cognito.operations() == ["list_devices"] * 3 + ["forget_device"] * 131
    assert {call.arguments["limit"] for call in api.cognito.calls[:3]} == {60}


def long_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days)


def test_those_not_signed_in_for_so_many_days_are_forgotten_but_this_one(api: ApiClient) -> None:
    """A device without that date may be in use."""
    api.cognito.add(OTHER, last_authenticated_at=long_ago(90.1))
    api.cognito.add(THIRD, last_authenticated_at=long_ago(89.9))
    api.cognito.add(CURRENT, last_authenticated_at=long_ago(400))
    api.cognito.add("eu-west-1_dddd", last_authenticated_at=None)
    report = api.delete("/devices?scope=inactive&days=90").get_json()
    assert report == {"forgotten": [OTHER], "failed": []}


def test_trust_ends_so_many_days_after_tracking_and_those_devices_are_forgotten_but_this_one(
    start: Start,
) -> None:
    api = start(TRUST_DAYS="30")
    tracked = {OTHER: long_ago(30.1), THIRD: long_ago(29.9), CURRENT: long_ago(31)}
    for key, created_at in tracked.items():
        api.cognito.add(key, created_at=created_at)
    api.cognito.add("eu-west-1_dddd", created_at=None)
    api.cognito.add("eu-west-1_eeee", created_at=datetime.max.replace(tzinfo=UTC))
    listed = {it["id"]: it["trustExpiresAt"] for it in api.get("/devices").get_json()["items"]}
    ends = (tracked[OTHER] + timedelta(30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert listed[OTHER] == ends
    assert listed["eu-west-1_dddd"] is listed["eu-west-1_eeee"] is None
    report = api.delete("/devices?scope=expired").get_json()
    assert report == {"forgotten": [OTHER], "failed": []}


def test_a_token_without_a_device_has_only_others(
    api: ApiClient, three_devices: list[str], token: Token
) -> None:
    federated = api.with_token(token(device_key=...))
    assert federated.delete("/devices?scope=others").get_json()["forgotten"] == three_devices


def test_a_device_that_fails_is_reported_and_the_rest_goes_on(
    api: ApiClient, three_devices: list[str]
) -> None:
    api.cognito.fail("forget_device", ServiceError(ErrorCode.UPSTREAM_TIMEOUT, "Too late."))
    response = api.delete("/devices?scope=all", headers={"X-Request-ID": "req-1"})
    assert response.status_code == 200
    problem = {
        "type": "urn:device-bff:problem:upstream-timeout",
        "title": "Cognito did not answer in time",
        "status": 504,
        "detail": "Too late.",
        "instance": f"/devices/{OTHER}",
        "code": "upstream-timeout",
        "requestId": "req-1",
    }
    assert response.get_json() == {
        "forgotten": [THIRD, CURRENT],
        "failed": [{"id": OTHER, "problem": problem}],
    }


@pytest.mark.parametrize(
    ("failure", "status"), [(ErrorCode.UPSTREAM_ERROR, 502), (ErrorCode.INVALID_PARAMETER, 400)]
)
def test_when_the_devices_cannot_be_listed_nothing_is_forgotten(
    api: ApiClient, failure: ErrorCode, status: int
) -> None:
    many(api, 70)
    api.cognito.fail("list_devices", None, ServiceError(failure, "Bad cursor."))
    problem = assert_problem(api.delete("/devices?scope=all"), status, failure.value)
    assert len(api.cognito.devices[SUB]) == 70
    if failure is ErrorCode.INVALID_PARAMETER:  # the caller sent no cursor
        assert "The list changed while it was read" in problem["detail"]
