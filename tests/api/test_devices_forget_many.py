"""DELETE /devices: forget all the user's devices, or all but the one that calls.

The pace, and what lost answers mean: tests/unit/domain/test_bulk.py.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.devices import DevicePage
from app.domain.errors import ErrorCode, ServiceError
from tests.api.client import ApiClient, assert_problem
from tests.api.conftest import CURRENT, OTHER, THIRD, Start, Token
from tests.api.tokens import SUB


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


@pytest.mark.parametrize("revoked", ["the one that runs", "the one that comes"])
@pytest.mark.parametrize("call", ["DELETE /devices?scope=others", "GET /devices"])
def test_a_call_under_way_is_never_told_to_another_token_of_the_user(
    api: ApiClient,
    three_devices: list[str],
    token: Token,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    revoked: str,
) -> None:
    """Cognito alone knows which token is revoked, so each is asked with its own."""
    method, address = call.split()
    first, second = token(), token()
    bad = first if revoked == "the one that runs" else second
    listing, go = threading.Event(), threading.Event()
    list_devices = api.cognito.list_devices

    def slow(access_token: str, *more: Any) -> DevicePage:
        if access_token == first:
            listing.set()
            assert go.wait(30)
        if access_token == bad:
            raise ServiceError(ErrorCode.INVALID_TOKEN)
        return list_devices(access_token, *more)

    monkeypatch.setattr(api.cognito, "list_devices", slow)
    with ThreadPoolExecutor() as pool:
        try:
            running = pool.submit(api.with_token(first).open, address, method=method)
            assert listing.wait(30)
            came = api.with_token(second).open(address, method=method)
        finally:
            go.set()
        answers = {first: running.result(30).status_code, second: came.status_code}
    assert answers == {first: 200, second: 200} | {bad: 401}


@pytest.mark.parametrize(
    ("under_way", "query"),
    [
        ("scope=others", "scope=all"),
        ("scope=others", "scope=others&reason=not-mine"),
        ("scope=inactive&days=3650", "scope=inactive&days=1"),
    ],
)
def test_a_call_that_asks_for_something_else_is_not_told_the_same_and_comes_later(
    api: ApiClient,
    three_devices: list[str],
    token: Token,
    monkeypatch: pytest.MonkeyPatch,
    under_way: str,
    query: str,
) -> None:
    """One run of a sign-in at a time: another sign-in of the user need not wait for it."""
    first = token(origin_jti="one sign-in")
    listing, go = threading.Event(), threading.Event()
    list_devices = api.cognito.list_devices

    def slow_once(*call: Any) -> DevicePage:
        monkeypatch.setattr(api.cognito, "list_devices", list_devices)
        listing.set()
        assert go.wait(30)
        return list_devices(*call)

    monkeypatch.setattr(api.cognito, "list_devices", slow_once)
    with ThreadPoolExecutor() as pool:
        try:
            running = pool.submit(api.with_token(first).delete, f"/devices?{under_way}")
            assert listing.wait(30)
            came = api.with_token(first).delete(f"/devices?{query}")
            assert_problem(came, 429, "rate-limited", retry_after=True)
            assert api.delete(f"/devices?{query}").get_json()["forgotten"]
        finally:
            go.set()
        assert running.result(30).status_code == 200
    assert api.with_token(first).delete(f"/devices?{query}").status_code == 200
