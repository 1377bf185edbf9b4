"""The service under load, over a Cognito and a network that can be made to fail."""

from collections.abc import Iterator

import pytest

from local_cognito.process import RunningCognito, running
from tests.calls import SignedIn, sign_in
from tests.resilience.load import Caller, Load, sign_in_callers, steady_load
from tests.servers import Service, serving, settings_for

IMPATIENT = {
    "COGNITO_CONNECT_TIMEOUT": "1",
    "COGNITO_READ_TIMEOUT": "1",
    "COGNITO_DEADLINE": "3",
    "BREAKER_OPEN_SECONDS": "1",
    "JWKS_REFETCH_INTERVAL": "1",
}
"""Time-outs that tests can wait for."""


@pytest.fixture(scope="package")
def cognito_server() -> Iterator[RunningCognito]:
    """A local Cognito of our own: faults that hang wear its threads out."""
    with running() as cognito:
        yield cognito


@pytest.fixture(scope="package")
def service(cognito_server: RunningCognito) -> Iterator[Service]:
    """One with the settings of production, that lives through what its callers do."""
    with serving(settings_for(cognito_server)) as service:
        yield service


@pytest.fixture
def user(cognito: RunningCognito) -> SignedIn:
    """Somebody with a good token and one remembered device."""
    return sign_in(cognito)


@pytest.fixture
def callers(cognito: RunningCognito) -> list[Caller]:
    return sign_in_callers(cognito, 6)


@pytest.fixture
def own_service(cognito: RunningCognito) -> Iterator[Service]:
    """A service of the test's own, to be signalled and stopped."""
    with serving(settings_for(cognito)) as service:
        yield service


@pytest.fixture
def own_load(own_service: Service, callers: list[Caller]) -> Iterator[Load]:
    with steady_load(own_service.url, callers) as load:
        yield load
