"""Who visits pages; and what the docs page is opened against."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from local_cognito.process import RunningCognito
from tests.browser.visits import Visitor
from tests.servers import Service, serving, settings_for


@pytest.fixture(scope="session")
def visitor() -> Iterator[Visitor]:
    with closing(Visitor()) as one:
        yield one


@pytest.fixture(scope="module", params=["firefox", "webkit"])
def other_visitor(request: pytest.FixtureRequest) -> Iterator[Visitor]:
    with closing(Visitor(request.param)) as one:
        yield one


@pytest.fixture(scope="session")
def service_with_sign_in(cognito_server: RunningCognito) -> Iterator[Service]:
    """A service that offers the demo sign-in."""
    sign_in = {"DOCS_SIGN_IN_URL": f"{cognito_server.url}/_local/sign-in"}
    with serving(settings_for(cognito_server) | sign_in) as service:
        yield service
