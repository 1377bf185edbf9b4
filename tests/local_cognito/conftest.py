"""The local Cognito and its clients."""

from collections.abc import Iterator
from typing import Any

import pytest

from local_cognito.process import RunningCognito
from tests.local_cognito.clients import Aws


@pytest.fixture(scope="session")
def shared_aws(cognito_server: RunningCognito) -> Iterator[Aws]:
    aws = Aws(cognito_server)
    yield aws
    aws.close()


@pytest.fixture
def aws(cognito: RunningCognito, shared_aws: Aws) -> Aws:
    """Clients of a server that is as new."""
    return shared_aws


@pytest.fixture
def device(aws: Aws) -> dict[str, Any]:
    """The demo user's sign-in from a device that is remembered."""
    return aws.on_device(device_name="Phone")
