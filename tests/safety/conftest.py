"""Services with settings of their own, over the one local Cognito."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from local_cognito.process import RunningCognito
from tests.redis_server import RedisServer, running_redis
from tests.safety.calls import SignedIn, sign_in
from tests.servers import Service, serving, settings_for

ONE_WORKER = {"WORKERS": "1"}


@pytest.fixture
def user(cognito: RunningCognito) -> SignedIn:
    """Somebody with a good token and one remembered device."""
    return sign_in(cognito)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


def service_with(cognito: RunningCognito, **variables: str) -> AbstractContextManager[Service]:
    """The service with one worker and these variables beside those it needs."""
    return serving(settings_for(cognito) | ONE_WORKER | variables)
