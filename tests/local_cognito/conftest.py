"""Devices of the local Cognito."""

from typing import Any

import pytest

from tests.local_cognito.clients import Aws


@pytest.fixture
def device(aws: Aws) -> dict[str, Any]:
    """The demo user's sign-in from a device that is remembered."""
    return aws.on_device(device_name="Phone")
