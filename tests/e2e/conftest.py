"""A second service, for the pool whose users opt in."""

from collections.abc import Iterator

import pytest

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.servers import Service, serving, settings_for


@pytest.fixture(scope="session")
def shared_opt_in_service(cognito_server: RunningCognito) -> Iterator[Service]:
    settings = settings_for(cognito_server, seed.OPT_IN_POOL_ID, seed.OPT_IN_CLIENT_ID)
    with serving(settings) as service:
        yield service


@pytest.fixture
def opt_in_service(cognito: RunningCognito, shared_opt_in_service: Service) -> Service:
    """The service over the pool where a tracked device waits for its user to remember it."""
    return shared_opt_in_service
