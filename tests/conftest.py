"""The servers that tests share: started once, cleaned between tests, stopped at the end."""

import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import NoReturn

import psutil
import pytest
from hypothesis import settings as hypothesis

from local_cognito.process import RunningCognito, running
from tests.local_cognito.clients import Aws
from tests.raw_server import RawServer, raw_server
from tests.servers import Service, serving, settings_for

hypothesis.register_profile("any machine", deadline=None)  # a busy one is no failure
hypothesis.load_profile("any machine")


def pytest_configure() -> None:
    """SIGTERM ends the tests as Ctrl-C does, with all that they started."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: object) -> NoReturn:
    for child in psutil.Process().children():  # pytest-xdist's workers would end seconds later
        with suppress(psutil.NoSuchProcess):
            child.terminate()
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def cognito_server() -> Iterator[RunningCognito]:
    """The local Cognito, with whatever the tests before left in it."""
    with running() as cognito:
        yield cognito


@pytest.fixture
def cognito(cognito_server: RunningCognito) -> RunningCognito:
    """The local Cognito as it was seeded: no devices, no faults, no calls counted."""
    cognito_server.control("POST", "/_local/reset")
    return cognito_server


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawServer]:
    """A server that answers what a test of the module has written down."""
    with raw_server() as server:
        yield server


@pytest.fixture(scope="session")
def shared_aws(cognito_server: RunningCognito) -> Iterator[Aws]:
    with closing(Aws(cognito_server)) as aws:
        yield aws


@pytest.fixture
def aws(cognito: RunningCognito, shared_aws: Aws) -> Aws:
    """Clients of a local Cognito as it was seeded."""
    return shared_aws


@pytest.fixture(scope="session")
def shared_service(cognito_server: RunningCognito) -> Iterator[Service]:
    """gunicorn with the service, over the seeded pool that always remembers."""
    settings = settings_for(cognito_server) | {"CORS_ORIGINS": "https://app.example.com"}
    with serving(settings) as service:
        yield service


@pytest.fixture
def service(cognito: RunningCognito, shared_service: Service) -> Service:
    """The service, over a local Cognito as it was seeded."""
    return shared_service
