"""The service under steady load, over a Cognito and a network that can be made to fail.

CHAOS_SECONDS (default 1) is how long each fault lasts; `make chaos` makes it longer.
"""

import os
from collections.abc import Iterator

import pytest

from local_cognito.process import RunningCognito, running
from local_cognito.seed import POOL_ID
from tests.resilience.load import Caller, Load, sign_in_callers, steady_load
from tests.resilience.relay import Relay, relaying
from tests.resilience.table import ChaosTable
from tests.servers import Service, serving, settings_for

FAULT_SECONDS = float(os.environ.get("CHAOS_SECONDS", "1"))

DEADLINE = 2.0
"""Seconds that one call may take, as these tests set it; production has more patience."""

IMPATIENT = {
    "COGNITO_CONNECT_TIMEOUT": "0.3",
    "COGNITO_READ_TIMEOUT": "0.5",
    "COGNITO_DEADLINE": str(DEADLINE),
    "BREAKER_OPEN_SECONDS": "1",
    "JWKS_REFETCH_INTERVAL": "1",
}

CALLERS = 6

_table = ChaosTable()


@pytest.fixture(scope="session")
def chaos_table() -> ChaosTable:
    """Where each fault's outcome goes."""
    return _table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the table, if any fault was measured."""
    if _table.outcomes:
        terminalreporter.section("chaos")
        for line in _table.lines():
            terminalreporter.line(line)


@pytest.fixture(scope="package")
def cognito_server() -> Iterator[RunningCognito]:
    """A local Cognito of our own: its threads are worn by faults that hang."""
    with running() as cognito:
        yield cognito


@pytest.fixture(scope="package")
def network(cognito_server: RunningCognito) -> Iterator[Relay]:
    """The relay between the service and Cognito."""
    with relaying(cognito_server.url) as relay:
        yield relay


def settings_over(network: Relay, cognito: RunningCognito) -> dict[str, str]:
    """The service's settings, with Cognito's operations behind the relay."""
    return settings_for(cognito) | {"COGNITO_ENDPOINT_URL": network.url} | IMPATIENT


@pytest.fixture(scope="package")
def enduring_service(network: Relay, cognito_server: RunningCognito) -> Iterator[Service]:
    """One service that lives through every fault of Cognito's, and is never restarted."""
    with serving(settings_over(network, cognito_server)) as service:
        yield service


@pytest.fixture
def callers(cognito: RunningCognito) -> list[Caller]:
    """Users of a Cognito as it was seeded."""
    return sign_in_callers(cognito, CALLERS)


@pytest.fixture
def load(enduring_service: Service, callers: list[Caller]) -> Iterator[Load]:
    """Steady load on the service that lives through everything."""
    with steady_load(enduring_service.url, callers) as load:
        yield load


@pytest.fixture
def patient_service(cognito: RunningCognito) -> Iterator[Service]:
    """A service of the test's own, with the time-outs of production."""
    with serving(settings_for(cognito)) as service:
        yield service


def jwks_behind(network: Relay) -> dict[str, str]:
    """The setting that has the pool's keys fetched through the relay too."""
    return {"COGNITO_JWKS_URL": f"{network.url}/{POOL_ID}/.well-known/jwks.json"}
