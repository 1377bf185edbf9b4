"""The service under load, over a Cognito and a network that can be made to fail."""

import pytest

from local_cognito.process import RunningCognito
from tests.calls import SignedIn, sign_in
from tests.resilience.load import Caller, sign_in_callers


@pytest.fixture
def user(cognito: RunningCognito) -> SignedIn:
    """Somebody with a good token and one remembered device."""
    return sign_in(cognito)


@pytest.fixture
def callers(cognito: RunningCognito) -> list[Caller]:
    return sign_in_callers(cognito, 6)
