"""Who visits pages; and what the docs page is opened against."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from local_cognito.process import RunningCognito
from tests.browser.element_page import serving_element_page
from tests.browser.visits import ServedPage, Visitor
from tests.servers import Service, free_port, serving, settings_for


@pytest.fixture(scope="session")
def visitor() -> Iterator[Visitor]:
    with closing(Visitor()) as one:
        yield one


@pytest.fixture(scope="module", params=["firefox", "webkit"])
def other_visitor(request: pytest.FixtureRequest) -> Iterator[Visitor]:
    with closing(Visitor(request.param)) as one:
        yield one


@pytest.fixture(scope="session")
def element_page(
    cognito_server: RunningCognito, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedPage]:
    port = free_port()
    settings = {"CORS_ORIGINS": f"http://127.0.0.1:{port}", "STEP_UP_MAX_AGE": "300"}
    settings |= {"FORGET_RATE": "2", "FORGET_DEADLINE": "4"}  # some of twelve in a call
    with (
        serving(settings_for(cognito_server) | settings) as service,
        serving_element_page(tmp_path_factory.mktemp("page"), port, service.url) as served,
    ):
        yield served


@pytest.fixture(scope="session")
def service_with_sign_in(cognito_server: RunningCognito) -> Iterator[Service]:
    """A service that offers the demo sign-in."""
    sign_in = {"DOCS_SIGN_IN_URL": f"{cognito_server.url}/_local/sign-in"}
    with serving(settings_for(cognito_server) | sign_in) as service:
        yield service
