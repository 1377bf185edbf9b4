"""What two calls at once may share: the report of the same run of the very same token, no more."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.errors import ErrorCode, ServiceError
from tests.api.client import ApiClient
from tests.api.conftest import OTHER, Token
from tests.api.tokens import SUB
from tests.calls import assert_problem

FORGET_OTHERS = "DELETE /devices?scope=others"
NEW = "eu-west-1_dddddddd-4444-4444-8444-444444444444"
TRACK = {"deviceKey": NEW, "deviceGroupKey": "-AbCd1234"}


@contextmanager
def under_way(
    api: ApiClient, caller: ApiClient, call: str
) -> Iterator[tuple[ThreadPoolExecutor, "Future[TestResponse]"]]:
    """A call that has read the list, and is answered at the end of the block."""
    method, address = call.split()
    held = api.cognito.hold_list()
    with ThreadPoolExecutor() as pool:
        try:
            running = pool.submit(caller.open, address, method=method)
            assert held.begun.wait(30)
            yield pool, running
        finally:
            held.go.set()


@pytest.mark.parametrize("revoked", [False, True])
def test_who_asks_for_the_same_run_by_the_same_token_waits_and_is_told_the_same(
    api: ApiClient,
    three_devices: list[str],
    token: Token,
    monkeypatch: pytest.MonkeyPatch,
    revoked: bool,
) -> None:
    value, waits, result = token(), threading.Event(), Future.result

    def told(future: Any, timeout: float | None = None) -> Any:
        waits.set()
        return result(future, timeout)

    monkeypatch.setattr(Future, "result", told)
    method, address = FORGET_OTHERS.split()
    with under_way(api, api.with_token(value), FORGET_OTHERS) as (pool, running):
        joins = pool.submit(api.with_token(value).open, address, method=method)
        assert waits.wait(30)
        assert not joins.done()
        api.cognito.revoked |= {value} if revoked else set()
    first, second = running.result(30), joins.result(30)
    assert first.status_code == second.status_code == (401 if revoked else 200)
    answers = [it.get_json(force=True) for it in (first, second)]
    assert len({str(it.get("code") or it) for it in answers}) == 1
    assert api.cognito.operations().count("list_devices") == 1
    assert api.with_token(token()).get("/devices").status_code == 200
    assert api.cognito.operations().count("list_devices") == 2, "nothing is kept of it"


@pytest.mark.parametrize("revoked", ["the one that runs", "the one that comes"])
@pytest.mark.parametrize("call", [FORGET_OTHERS, "GET /devices"])
def test_a_call_under_way_is_never_told_to_another_token_of_the_user(
    api: ApiClient, three_devices: list[str], token: Token, call: str, revoked: str
) -> None:
    """Cognito alone knows which token is revoked, so each is asked with its own."""
    method, address = call.split()
    first, second = token(), token()
    bad = first if revoked == "the one that runs" else second
    api.cognito.revoked.add(bad)
    with under_way(api, api.with_token(first), call) as (_, running):
        came = api.with_token(second).open(address, method=method)
    answers = {first: running.result(30).status_code, second: came.status_code}
    assert answers == {first: 200, second: 200} | {bad: 401}


@pytest.mark.parametrize(
    ("call", "query"),
    [
        (FORGET_OTHERS, "scope=all"),
        (FORGET_OTHERS, "scope=others&reason=not-mine"),
        ("DELETE /devices?scope=inactive&days=3650", "scope=inactive&days=1"),
    ],
)
def test_a_run_that_asks_for_something_else_is_not_told_the_same_and_comes_later(
    api: ApiClient, three_devices: list[str], token: Token, call: str, query: str
) -> None:
    """One run of a sign-in at a time: another sign-in of the user need not wait for it."""
    first = api.with_token(token(origin_jti="one sign-in"))
    with under_way(api, first, call) as (_, running):
        came = first.delete(f"/devices?{query}")
        assert_problem(came, 429, "rate-limited")
        assert api.delete(f"/devices?{query}").get_json()["forgotten"]
    assert running.result(30).status_code == 200
    assert first.delete(f"/devices?{query}").status_code == 200


@pytest.mark.parametrize("failure", [None, ServiceError(ErrorCode.UPSTREAM_TIMEOUT)])
@pytest.mark.parametrize(
    ("operation", "call", "body"),
    [
        ("confirm_device", "POST /devices", TRACK),
        ("update_device_status", f"PATCH /devices/{OTHER}", {"status": "not_remembered"}),
        ("forget_device", f"DELETE /devices/{OTHER}", None),
        ("forget_device", FORGET_OTHERS, None),
        ("global_sign_out", "POST /devices/sign-out", None),
    ],
)
def test_a_list_asked_for_after_a_write_is_not_one_from_before_it(
    api: ApiClient,
    three_devices: list[str],
    operation: str,
    call: str,
    body: Any,
    failure: ServiceError | None,
) -> None:
    """Also when the write failed: it may have been done."""
    method, address = call.split()
    with under_way(api, api, "GET /devices") as (pool, before):
        api.cognito.fail(operation, failure)
        api.open(address, method=method, json=body)
        after = pool.submit(api.get, "/devices").result(30).get_json()["items"]
    shown = [item["id"] for item in before.result(30).get_json()["items"]]
    assert shown == three_devices
    assert [item["id"] for item in after] == [
        key for key, one in api.cognito.devices[SUB].items() if one.status == "remembered"
    ]


def test_a_run_is_not_told_to_a_refreshed_token_of_the_same_sign_in(
    api: ApiClient, three_devices: list[str], token: Token
) -> None:
    """Cognito has not said what it thinks of that one; and the sign-in has a run under way."""
    first, refreshed = (api.with_token(token(origin_jti="one sign-in")) for _ in range(2))
    with under_way(api, first, FORGET_OTHERS) as (_, running):
        came = refreshed.delete("/devices?scope=others")
        assert_problem(came, 429, "rate-limited")
    assert running.result(30).status_code == 200
