"""Whatever Cognito answers, callers hear in time what is wrong, and all is well soon after."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from local_cognito.process import RunningCognito
from tests.resilience.conftest import DEADLINE, FAULT_SECONDS
from tests.resilience.load import Load
from tests.resilience.relay import Relay, Weather
from tests.resilience.table import ChaosTable, Outcome

MARGIN = 1.0
"""Seconds on top of the deadline: the machine is busy."""

RECOVERY_SECONDS = 5.0

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


@contextmanager
def bursts(cognito: RunningCognito, **fault: Any) -> Iterator[None]:
    """Every operation goes wrong in that way for 0.3 s, again and again."""
    over = threading.Event()

    def burst() -> None:
        while not over.is_set():
            with misbehaving(cognito, **fault):
                over.wait(0.3)
            over.wait(1.7)

    thread = threading.Thread(target=burst, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def assert_weathered(outcome: Outcome, *expected: str) -> None:
    """Nobody waited too long, got what is wrong or not theirs, or an answer not expected."""
    assert outcome.wrong == []
    assert outcome.cross_talk == 0
    assert set(outcome.answers) <= {"200", *expected}, outcome.answers
    assert any(outcome.answers[answer] for answer in expected), "the fault did not show"
    assert outcome.worst_latency < DEADLINE + MARGIN
    assert outcome.recovered_in < RECOVERY_SECONDS


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param({"fault": "delay", "seconds": 10}, (TIMEOUT, UNAVAILABLE), id="delay 10 s"),
        pytest.param({"fault": "hang", "seconds": 10}, (TIMEOUT, UNAVAILABLE), id="hang"),
        pytest.param({"fault": "reset"}, (ERROR, UNAVAILABLE), id="reset in mid-answer"),
        pytest.param({"fault": "drop"}, (ERROR, UNAVAILABLE), id="close without an answer"),
        pytest.param({"fault": "internal_error"}, (ERROR, UNAVAILABLE), id="HTTP 500"),
        pytest.param({"fault": "throttle"}, (QUOTA,), id="TooManyRequestsException"),
        pytest.param({"fault": "truncate"}, (ERROR,), id="truncated JSON"),
        pytest.param({"fault": "html"}, (ERROR,), id="HTML"),
        pytest.param({"fault": "empty"}, (ERROR,), id="empty body"),
        pytest.param({"fault": "wrong_shape"}, (ERROR,), id="200 with the wrong shape"),
        pytest.param({"fault": "huge"}, (ERROR,), id="5 MiB answer"),
    ],
)
def test_callers_are_told_while_cognito_misbehaves(
    cognito: RunningCognito,
    load: Load,
    chaos_table: ChaosTable,
    fault: dict[str, Any],
    expected: tuple[str, ...],
    request: pytest.FixtureRequest,
) -> None:
    name = request.node.callspec.id
    outcome = chaos_table.measure(name, load, misbehaving(cognito, **fault), FAULT_SECONDS)
    assert_weathered(outcome, *expected)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param("internal_error", (ERROR, UNAVAILABLE), id="bursts of HTTP 500"),
        pytest.param("throttle", (QUOTA,), id="bursts of TooManyRequestsException"),
    ],
)
def test_callers_get_through_between_bursts(
    cognito: RunningCognito,
    load: Load,
    chaos_table: ChaosTable,
    fault: str,
    expected: tuple[str, ...],
    request: pytest.FixtureRequest,
) -> None:
    name = request.node.callspec.id
    several_bursts = max(FAULT_SECONDS, 4.5)
    outcome = chaos_table.measure(name, load, bursts(cognito, fault=fault), several_bursts)
    assert_weathered(outcome, *expected)
    failures = [call.begun for call in outcome.calls if call.failed]
    between = [call for call in outcome.calls if min(failures) < call.begun < max(failures)]
    assert any(not call.failed for call in between)


def broken_network(network: Relay, how: Weather | None) -> AbstractContextManager[None]:
    return network.refusing() if how is None else network.weather(how)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param(None, (ERROR, UNAVAILABLE), id="connections refused"),
        pytest.param(Weather.CUT, (ERROR, UNAVAILABLE), id="half a packet, then a reset"),
        pytest.param(Weather.STALLED, (TIMEOUT, UNAVAILABLE), id="answers kept back"),
        pytest.param(Weather.TRICKLING, (TIMEOUT, UNAVAILABLE), id="answers byte by byte"),
    ],
)
def test_callers_are_told_while_the_network_is_broken(
    network: Relay,
    load: Load,
    chaos_table: ChaosTable,
    how: Weather | None,
    expected: tuple[str, ...],
    request: pytest.FixtureRequest,
) -> None:
    name = request.node.callspec.id
    longer_than_a_call = max(FAULT_SECONDS, DEADLINE + MARGIN)
    outcome = chaos_table.measure(name, load, broken_network(network, how), longer_than_a_call)
    assert_weathered(outcome, *expected)


def test_an_answer_within_the_time_out_is_waited_for(
    cognito: RunningCognito, load: Load, chaos_table: ChaosTable
) -> None:
    slow = misbehaving(cognito, fault="delay", seconds=0.2)
    outcome = chaos_table.measure("delay 0.2 s", load, slow, FAULT_SECONDS)
    assert set(outcome.answers) == {"200"}
    assert outcome.wrong == []
    assert outcome.cross_talk == 0
