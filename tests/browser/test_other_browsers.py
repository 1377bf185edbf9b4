"""The main way of <your-devices> in Firefox and in WebKit: main_way_visits.mjs does what people do.
All else is tried in Chromium: test_elements.py."""

from collections.abc import Iterator

import pytest

from local_cognito import seed
from local_cognito.process import RunningCognito
from local_cognito.web import ServedPool, serving_page
from tests.browser.visits import ServedPage, Visitor
from tests.servers import free_port, serving, settings_for

pytestmark = pytest.mark.release


@pytest.fixture(scope="module")
def example_page(cognito_server: RunningCognito) -> Iterator[ServedPage]:
    """examples/web: <your-devices> behind a sign-in with password and code."""
    port = free_port()
    pool = (seed.ALWAYS_POOL_ID, seed.ALWAYS_CLIENT_ID)
    settings = settings_for(cognito_server, *pool) | {"CORS_ORIGINS": f"http://127.0.0.1:{port}"}
    with serving(settings) as service:
        pools = [ServedPool("Demo", service.url, *pool)]
        with serving_page(port, pools, cognito_server.url) as url:
            yield ServedPage(url, [cognito_server.url, service.url])


def test_somebody_signs_in_with_password_and_code(
    cognito: RunningCognito, example_page: ServedPage, other_visitor: Visitor
) -> None:
    other_visitor.visit("main_way_visits.mjs", "signIn", cognito, example_page)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("lists", id="somebody who is signed in sees both lists"),
        pytest.param("forget", id="a device is forgotten"),
        pytest.param("end", id="a session is ended"),
        pytest.param("stepUp", id="a new sign-in is asked for and the call repeated"),
    ],
)
def test_the_main_way(
    name: str, cognito: RunningCognito, element_page: ServedPage, other_visitor: Visitor
) -> None:
    other_visitor.visit("main_way_visits.mjs", name, cognito, element_page)
