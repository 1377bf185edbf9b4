"""How often Cognito is asked, and that it is left alone while it is down."""

import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import circuitbreaker
import pytest

from tests.api.client import ApiClient
from tests.api.cognito.conftest import (
    ScriptedCognito,
    answer,
    call,
    counted,
    cut,
    refusal,
)
from tests.api.conftest import Start
from tests.calls import assert_problem
from tests.raw_server import Script, silent


@pytest.mark.parametrize(
    ("variables", "attempts"),
    [
        ({"COGNITO_MAX_ATTEMPTS": "1"}, 1),
        ({"COGNITO_MAX_ATTEMPTS": "5"}, 5),
        # No attempt begins that could not end before the deadline.
        ({"COGNITO_MAX_ATTEMPTS": "5", "COGNITO_DEADLINE": "60"}, 1),
    ],
)
def test_so_many_attempts_are_made(
    cognito: ScriptedCognito, over: Start, variables: dict[str, str], attempts: int
) -> None:
    cognito.always = cut
    over(**variables).get("/devices")
    assert cognito.count() == attempts


def test_pauses_between_attempts_double_up_to_a_second(
    cognito: ScriptedCognito, over: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, pauses = over(COGNITO_MAX_ATTEMPTS="6"), list[float]()
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    monkeypatch.setattr(time, "sleep", lambda seconds: pauses.append(seconds) if seconds else None)
    cognito.always = cut
    api.get("/devices")
    assert pauses == [0.2, 0.4, 0.8, 1.0, 1.0]


def test_cognitos_throttle_says_when_and_the_log_what_it_cost(
    cognito: ScriptedCognito, api: ApiClient, capsys: pytest.CaptureFixture[str]
) -> None:
    before = counted("rate_limited_total", by="cognito")
    cognito.always = answer(
        {"__type": "ThrottlingException"}, "400 Bad Request", x_amzn_RequestId="id-of-cognito"
    )
    assert api.get("/devices").headers["Retry-After"] == "1"
    assert counted("rate_limited_total", by="cognito") == before + 3
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "duration_ms" in line)
    assert "code=quota-exceeded" in line
    assert "cognito_attempts=3" in line
    assert str(["id-of-cognito"] * 3) in line
    assert "cognito_ms=0.0" not in line


def test_our_share_of_the_quota_is_counted_as_cognito_counts_and_shared_out_among_workers(
    cognito: ScriptedCognito, over: Start
) -> None:
    """Developer Guide, "Quotas": categories of API operations. A part of less than a call a second
    is one call in more seconds."""
    quotas = {"COGNITO_READ_QUOTA": "3", "COGNITO_UPDATE_QUOTA": "2"}
    shares = {"Read": 34, "Update": 50, "SignOut": 100}
    categories = {
        "Read": ["ListDevices", "GetDevice", "ListUserSessions"],
        "Update": ["ForgetDevice", "ConfirmDevice", "UpdateDeviceStatus", "RevokeUserSession"],
        "SignOut": ["GlobalSignOut", "GlobalSignOut"],
    }
    before = counted("rate_limited_total", by="quota")
    api = over(**quotas, COGNITO_USER_UPDATE_QUOTA="1", WORKERS="100")
    for category, (first, *others) in categories.items():
        assert call(api, first).status_code < 300
        for operation in others:
            refused = call(api, operation)
            assert_problem(refused, 429, "quota-exceeded")
            assert shares[category] - 5 < int(refused.headers["Retry-After"]) <= shares[category]
    assert cognito.count() == 3
    assert counted("rate_limited_total", by="quota") == before + 6


def test_a_write_cut_short_by_the_quota_after_a_lost_answer_is_told_by_the_code_of_that(
    cognito: ScriptedCognito, over: Start
) -> None:
    """The quota's own code says that nothing was changed."""
    cognito.always = cut
    api = over(COGNITO_UPDATE_QUOTA="1", WORKERS="128", COGNITO_DEADLINE="90")
    response = call(api, "ForgetDevice")
    detail = assert_problem(response, 502, "upstream-error")["detail"]
    assert "may have been forgotten already" in detail
    assert cognito.count() == 1


def test_who_finds_no_place_in_a_crowd_is_soon_told_to_come_back(
    cognito: ScriptedCognito, over: Start
) -> None:
    unsent = counted("cognito_calls_refused_total", by="in_flight")
    api = over(COGNITO_MAX_IN_FLIGHT="1", COGNITO_DEADLINE="86400")
    asked, go = threading.Event(), threading.Event()

    def slow(connection: socket.socket) -> None:
        asked.set()
        go.wait(60)
        answer({"Devices": []})(connection)

    cognito.then(slow)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(api.get, "/devices")
        assert asked.wait(30)
        assert counted("cognito_calls_in_flight") == 1
        crowded = api.get("/sessions")
        go.set()
        assert first.result(30).status_code == 200
    assert_problem(crowded, 503, "upstream-unavailable")
    assert crowded.headers["Retry-After"] == "1"
    assert counted("cognito_calls_refused_total", by="in_flight") == unsent + 1
    assert counted("cognito_calls_in_flight") == 0
    cognito.then(refusal("ForbiddenException"))
    assert [api.get("/sessions").status_code for _ in range(2)] == [403, 200], (
        "places are given back"
    )


# Cognito is down


class Clock:
    """The breaker's seconds."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(circuitbreaker, "monotonic", lambda: clock.now)
    return clock


def opened(over: Start, cognito: ScriptedCognito, **variables: str) -> ApiClient:
    """A service whose breaker opens after three failures for ten seconds, and has."""
    open_soon = {"BREAKER_FAILURES": "3", "BREAKER_OPEN_SECONDS": "10"}
    api = over(**open_soon | variables)
    cognito.always = cut
    assert api.get("/devices").status_code in (502, 503)
    cognito.reset()
    return api


def wait_told(api: ApiClient) -> int:
    response = api.get("/sessions")
    assert_problem(response, 503, "upstream-unavailable")
    return int(response.headers["Retry-After"])


OUTAGES = {
    "no answer": cut,
    "no answer in time": silent,
    **{str(status): answer({}, f"{status} Bad") for status in (502, 503, 504)},
}
# One user for whom Cognito answers 500 must not take the service from everybody.
NONE = {
    **{str(status): answer({}, f"{status} Bad") for status in (500, 501)},
    "HTML": answer(b"<html>"),
    "a refusal": refusal("NotAuthorizedException", "Access Token has been revoked"),
}


@pytest.mark.parametrize(
    ("fault", "opens"),
    [*((it, True) for it in OUTAGES.values()), *((it, False) for it in NONE.values())],
    ids=[*OUTAGES, *NONE],
)
def test_what_is_an_outage(
    cognito: ScriptedCognito, over: Start, fault: Script, opens: bool
) -> None:
    hasty = {"COGNITO_READ_TIMEOUT": "0.1"} if fault is silent else {}
    api = over(BREAKER_FAILURES="3", COGNITO_MAX_ATTEMPTS="1", **hasty)
    cognito.always = fault
    for _ in range(3):
        assert api.get("/devices").status_code != 503
    readiness = api.get("/readyz")
    assert readiness.status_code == 200, "another process would not help"
    assert readiness.get_json()["checks"]["cognito"] is not opens
    cognito.always = None
    assert api.get("/devices").status_code == (503 if opens else 200)


def test_once_cognito_is_known_to_be_down_nothing_is_sent_and_no_quota_spent(
    cognito: ScriptedCognito, over: Start, clock: Clock
) -> None:
    unsent = counted("cognito_calls_refused_total", by="breaker")
    api = opened(over, cognito, COGNITO_READ_QUOTA="3", WORKERS="1")
    for elapsed, retry_after in ((0, 10), (3, 7), (9.5, 1), (9.99, 1)):
        clock.now = 1000.0 + elapsed
        assert [wait_told(api) for _ in range(5)] == [retry_after] * 5
    assert cognito.count() == 0
    assert counted("cognito_calls_refused_total", by="breaker") >= unsent + 20
    assert counted("cognito_breaker_open") == 1


def test_after_its_time_a_call_probes_and_its_outcome_counts(
    cognito: ScriptedCognito, over: Start, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    api = opened(over, cognito)
    clock.now += 10
    cognito.then(cut)
    assert wait_told(api) == 10, "for as long again"
    clock.now += 10
    cognito.then(answer(b"<html>"))  # neither a success nor an outage: closed
    assert api.get("/devices").status_code == 200
    assert counted("cognito_breaker_open") == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "cognito_breaker" in line]
    states = [line.rpartition("state=")[2].strip() for line in told]
    assert states == ["open", "half_open", "open", "half_open", "closed"]


def test_one_call_probes_and_the_others_are_told_to_come_back(
    cognito: ScriptedCognito, over: Start, clock: Clock
) -> None:
    api = opened(over, cognito)
    clock.now += 10
    told: list[int] = []

    def probed(connection: socket.socket) -> None:
        told.append(wait_told(api))
        answer({"Devices": []})(connection)

    cognito.then(probed)
    assert api.get("/devices").status_code == 200
    assert told == [1]
    assert api.get("/devices").status_code == 200


def test_a_failure_is_no_outage_while_others_are_answered_and_closes_no_open_breaker(
    cognito: ScriptedCognito, over: Start
) -> None:
    """Where others are answered, Cognito is up and this process is busy."""
    api = over(BREAKER_FAILURES="1", COGNITO_MAX_ATTEMPTS="1")
    statuses: list[int] = []

    def others_first(*scripts: Script) -> Script:
        def play(connection: socket.socket) -> None:
            cognito.then(*scripts)
            statuses.extend(api.get("/sessions").status_code for _ in scripts)
            cut(connection)

        return play

    well = answer({"Sessions": []})
    cognito.then(others_first(well))
    assert [api.get("/devices").status_code for _ in range(2)] == [502, 200]
    cognito.then(others_first(well, cut))
    assert [api.get("/devices").status_code for _ in range(2)] == [502, 503]
    assert statuses == [200, 200, 502]


def test_a_write_cut_short_by_the_breaker_after_a_lost_answer_may_have_been_done(
    cognito: ScriptedCognito, over: Start
) -> None:
    cognito.always = cut
    response = call(over(BREAKER_FAILURES="1"), "ForgetDevice")
    detail = assert_problem(response, 502, "upstream-error")["detail"]
    assert "may have been forgotten already" in detail
    assert cognito.count() == 1
