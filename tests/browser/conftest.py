"""What the docs page is opened against: a service that offers the demo sign-in."""

from collections.abc import Iterator

import pytest

from local_cognito.process import RunningCognito
from tests.servers import Service, serving, settings_for


@pytest.fixture(scope="session")
def service_with_sign_in(cognito_server: RunningCognito) -> Iterator[Service]:
    sign_in = {"DOCS_SIGN_IN_URL": f"{cognito_server.url}/_local/sign-in"}
    with serving(settings_for(cognito_server) | sign_in) as service:
        yield service
