"""Whatever Cognito answers, callers hear in time what is wrong, and all is well soon after."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from local_cognito.process import RunningCognito
from tests.calls import SignedIn, assert_problem, call
from tests.raw_server import Script, raw_server, without_end
from tests.resilience.conftest import IMPATIENT
from tests.resilience.load import Caller, Load, sign_in_callers, steady_load
from tests.servers import Service, serving, settings_for

UNAVAILABLE = "503 upstream-unavailable"
TIMEOUT = "504 upstream-timeout"
ERROR = "502 upstream-error"
QUOTA = "429 quota-exceeded"


@contextmanager
def misbehaving(cognito: RunningCognito, **fault: Any) -> Iterator[None]:
    """Every operation goes wrong in that way."""
    cognito.control("POST", "/_local/faults", operation="*", times=None, **fault)
    try:
        yield
    finally:
        cognito.control("DELETE", "/_local/faults")


@pytest.fixture(scope="module")
def enduring_service(cognito_server: RunningCognito) -> Iterator[Service]:
    """One service that lives through every fault, and is never restarted."""
    with serving(settings_for(cognito_server) | IMPATIENT) as service:
        yield service


@pytest.fixture
def load(enduring_service: Service, callers: list[Caller]) -> Iterator[Load]:
    with steady_load(enduring_service.url, callers) as load:
        yield load


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"fault": "hang", "seconds": 10}, {TIMEOUT, UNAVAILABLE}),
        ({"fault": "reset"}, {ERROR, UNAVAILABLE}),
        ({"fault": "drop"}, {ERROR, UNAVAILABLE}),
        ({"fault": "internal_error"}, {ERROR, UNAVAILABLE}),
        ({"fault": "throttle"}, {QUOTA}),
        ({"fault": "truncate"}, {ERROR}),
        ({"fault": "html"}, {ERROR}),
        ({"fault": "wrong_shape"}, {ERROR}),
    ],
    ids=lambda value: value["fault"] if isinstance(value, dict) else "",
)
def test_callers_are_told_while_cognito_misbehaves_and_served_after_it(
    cognito: RunningCognito, load: Load, fault: dict[str, Any], expected: set[str]
) -> None:
    with misbehaving(cognito, **fault):
        began = time.monotonic()
        load.carry_on()
    seen = set(load.seen(began))
    assert seen & expected
    assert seen <= {"200", *expected, TIMEOUT}  # the last on a busy machine
    load.until_well()


def silent(connection: socket.socket) -> None:
    connection.recv(1)  # comes when the service has hung up


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
def test_no_call_outlives_its_deadline(
    cognito: RunningCognito, user: SignedIn, script: Script
) -> None:
    """Cognito would go on for ever: that there is an answer is what shows the deadline."""
    with raw_server() as upstream:
        upstream.script = script
        settings = settings_for(cognito) | IMPATIENT | {"COGNITO_ENDPOINT_URL": upstream.url}
        with serving(settings | {"BREAKER_FAILURES": "1000", "WORKERS": "1"}) as service:
            answer = call(f"{service.url}/devices", headers=user.bearer)
            assert f"{answer.status_code} {answer.json()['code']}" in {TIMEOUT, ERROR}
            assert call(f"{service.url}/healthz").status_code == 200


def test_a_slow_cognito_keeps_no_probe_waiting(
    cognito: RunningCognito, callers: list[Caller]
) -> None:
    """With more calls of it under way than a worker has room for."""
    settings = settings_for(cognito) | {
        "WORKERS": "1",
        "COGNITO_MAX_IN_FLIGHT": "8",
        "COGNITO_READ_TIMEOUT": "5",
        "BREAKER_FAILURES": "1000",
    }
    with serving(settings) as service, ThreadPoolExecutor(32) as crowd:

        def ask(number: int) -> str:
            bearer = {"Authorization": f"Bearer {callers[number % len(callers)].token}"}
            answer = call(f"{service.url}/devices", headers=bearer)
            return f"{answer.status_code} {'' if answer.ok else answer.json()['code']}".strip()

        with misbehaving(cognito, fault="delay", seconds=3):
            asked = [crowd.submit(ask, number) for number in range(32)]
            probes = 0
            while not all(one.done() for one in asked):
                assert call(f"{service.url}/healthz").status_code == 200
                probes += 1
            answers = Counter(one.result() for one in asked)
    assert probes > 10
    assert set(answers) <= {"200", UNAVAILABLE, TIMEOUT}
    assert answers["200"] >= 8


def test_50_users_at_once_each_see_their_own(cognito: RunningCognito, service: Service) -> None:
    """`Load` compares every answer with its caller's devices and request id."""
    with steady_load(service.url, sign_in_callers(cognito, 50)) as load:
        began = time.monotonic()
        load.carry_on(10)
        assert set(load.seen(began)) == {"200"}


def test_a_call_that_waits_holds_nobody_up(
    cognito: RunningCognito, service: Service, user: SignedIn
) -> None:
    cognito.control("POST", "/_local/faults", operation="ListDevices", fault="delay", seconds=2)
    over = threading.Event()

    def wait() -> None:
        assert call(f"{service.url}/devices", headers=user.bearer).status_code == 200
        over.set()

    thread = threading.Thread(target=wait)
    thread.start()
    served = 0
    while not over.is_set():
        answer = call(f"{service.url}/devices/no-such", headers=user.bearer)
        assert_problem(answer, 404, "device-not-found")
        served += 1
    thread.join()
    assert served > 2
