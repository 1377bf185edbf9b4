"""Whatever Cognito answers, callers hear in time what is wrong, and all is well soon after."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from local_cognito.process import RunningCognito
from tests.calls import call
from tests.polling import until
from tests.raw_server import RawServer, Script, raw_server, silent, without_end
from tests.resilience.load import Caller, sign_in_callers, steady_load
from tests.servers import Service, serving, settings_for

UNAVAILABLE = "503 upstream-unavailable"
TIMEOUT = "504 upstream-timeout"
ERROR = "502 upstream-error"
QUOTA = "429 quota-exceeded"
IMPATIENT = {
    "COGNITO_CONNECT_TIMEOUT": "0.5",
    "COGNITO_READ_TIMEOUT": "0.5",
    "COGNITO_DEADLINE": "2",
    "BREAKER_OPEN_SECONDS": "1",
}
"""Time-outs that tests can wait for."""


@contextmanager
def misbehaving(cognito: RunningCognito, operation: str = "*", **fault: Any) -> Iterator[None]:
    cognito.control("POST", "/_local/faults", operation=operation, times=None, **fault)
    try:
        yield
    finally:
        cognito.control("DELETE", "/_local/faults")


@pytest.fixture(scope="module")
def enduring(cognito_server: RunningCognito) -> Iterator[Service]:
    """One service that lives through every fault, and is never restarted."""
    with serving(settings_for(cognito_server) | IMPATIENT) as service:
        yield service


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"fault": "hang", "seconds": 2}, {TIMEOUT, UNAVAILABLE}),
        ({"fault": "reset"}, {ERROR, UNAVAILABLE}),
        ({"fault": "throttle"}, {QUOTA}),
    ],
    ids=["hang", "reset", "throttle"],
)
def test_callers_are_told_while_cognito_misbehaves_and_served_after_it(
    cognito: RunningCognito,
    enduring: Service,
    callers: list[Caller],
    fault: dict[str, Any],
    expected: set[str],
) -> None:
    with steady_load(enduring.url, callers) as load:
        with misbehaving(cognito, **fault):
            seen = load.carry_on()
        assert seen & expected
        assert seen <= {"200", *expected, TIMEOUT, UNAVAILABLE}  # the last two on a busy machine
        load.until_well()


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawServer]:
    with raw_server() as server:
        yield server


@pytest.fixture(scope="module")
def bounded(cognito_server: RunningCognito, upstream: RawServer) -> Iterator[Service]:
    """One worker, with room for eight calls of Cognito, which is a script of the test's."""
    settings = settings_for(cognito_server) | IMPATIENT | {"COGNITO_ENDPOINT_URL": upstream.url}
    few = {"WORKERS": "1", "COGNITO_MAX_IN_FLIGHT": "8", "BREAKER_FAILURES": "1000"}
    with serving(settings | few) as service:
        yield service


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
LONG = b"Content-Length: 100000000000\r\n\r\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(silent, id="silent"),
        pytest.param(without_end(HEAD + b"X: ", b"x", pause=0.05), id="head byte by byte"),
        pytest.param(without_end(HEAD + LONG, b"x", pause=0.05), id="body byte by byte"),
        pytest.param(without_end(HEAD + LONG, b"x" * 65536), id="endless"),
    ],
)
def test_no_call_outlives_its_deadline_or_holds_up_a_probe(
    callers: list[Caller], bounded: Service, upstream: RawServer, script: Script
) -> None:
    """Cognito would go on for ever: that there are answers is what shows the deadline."""
    upstream.script = script
    with ThreadPoolExecutor(12) as crowd:
        asked = [
            crowd.submit(call, f"{bounded.url}/devices", headers=caller.bearer)
            for caller in callers * 2
        ]
        probes = 0
        while not all(one.done() for one in asked):
            assert call(f"{bounded.url}/healthz").status_code == 200
            probes += 1
    answers = {f"{one.result().status_code} {one.result().json()['code']}" for one in asked}
    assert answers <= {TIMEOUT, ERROR, UNAVAILABLE}
    assert probes > 1
    until("Cognito's connections are closed", lambda: upstream.open == 0)


def test_50_users_at_once_each_see_their_own(cognito: RunningCognito, service: Service) -> None:
    """`Load` compares every answer with its caller's devices and request id."""
    with steady_load(service.url, sign_in_callers(cognito, 50)) as load:
        assert load.carry_on(10) == {"200"}
