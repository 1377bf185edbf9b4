"""The page "Your devices" (examples/web) in a real browser, where page_visits.mjs does what people
do; against gunicorn and the local Cognito. And how it is built and served."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from local_cognito import seed
from local_cognito.process import RunningCognito
from local_cognito.web import BUILT_PAGE, ServedPool, serving_page
from tests.browser.built import differences
from tests.browser.visits import ServedPage, Visitor
from tests.servers import free_port, serving, settings_for

SOURCE = BUILT_PAGE.parent


@pytest.fixture(scope="module")
def served_page(cognito_server: RunningCognito) -> Iterator[ServedPage]:
    """The page, with a service for each pool, and a third one that allows few calls."""
    port = free_port()
    always = (seed.ALWAYS_POOL_ID, seed.ALWAYS_CLIENT_ID)
    opt_in = (seed.OPT_IN_POOL_ID, seed.OPT_IN_CLIENT_ID)
    settings = {"CORS_ORIGINS": f"http://127.0.0.1:{port}", "WORKERS": "1"}
    with ExitStack() as started:
        pools = [
            ServedPool(
                label,
                started.enter_context(serving(settings_for(cognito_server, *pool) | own)).url,
                *pool,
            )
            for label, pool, own in (
                ("Always remembers devices", always, settings),
                ("Asks before it remembers", opt_in, settings),
                (
                    "Few calls a minute",
                    always,
                    settings | {"RATE_LIMIT_PER_SIGN_IN": "4 per minute"},
                ),
            )
        ]
        url = started.enter_context(serving_page(port, pools, cognito_server.url))
        yield ServedPage(url, [cognito_server.url, *(pool.api_url for pool in pools)])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            "twoDevices", id="two browsers see both by readable names each its own marked"
        ),
        pytest.param("forgetAnother", id="a device forgotten by another is asked for a code again"),
        pytest.param("endAnothersSession", id="a session ended by another leads to the sign-in"),
        pytest.param("optIn", id="a yes to the opt-in prompt spares the next code"),
        pytest.param("optInDeclined", id="a no to the opt-in prompt is kept"),
        pytest.param("undo", id="no longer remembering can be undone"),
        pytest.param("allOthers", id="all others are forgotten or ended and everything signed out"),
        pytest.param("theOnlyOther", id="one other is told of as one"),
        pytest.param(
            "sessionsOfOneName", id="sessions of one name are told apart before one is ended"
        ),
        pytest.param("focusStays", id="the focus is on the heading then stays where a button was"),
        pytest.param("endLinkedSessions", id="a session ends with those that are linked to it"),
        pytest.param("stepUp", id="a fresh sign-in is asked for in a dialog and the call repeated"),
        pytest.param("signInAgain", id="a device no longer trusted asks and signs in as a new one"),
        pytest.param("twoTabs", id="signing in and out is seen in another tab"),
        pytest.param("oddDevices", id="long names and unnamed devices fit a phone"),
        pytest.param("wrongCredentials", id="wrong passwords and codes say so"),
        pytest.param("failures", id="failures are told in their place and can be tried again"),
        pytest.param("rateLimited", id="too many calls name the time to wait"),
        pytest.param("offline", id="offline is told and ends by itself"),
        pytest.param("accessibility", id="axe finds no violation in any state theme or width"),
    ],
)
def test_on_the_page(
    name: str, cognito: RunningCognito, served_page: ServedPage, visitor: Visitor
) -> None:
    """Over a local Cognito as it was seeded."""
    visitor.visit("page_visits.mjs", name, cognito, served_page)


def test_the_page_may_call_its_services_and_cognito_alone(served_page: ServedPage) -> None:
    policy = requests.get(served_page.url, timeout=5).headers["Content-Security-Policy"]
    assert f"connect-src 'self' {' '.join(served_page.asks)};" in policy
    assert "script-src 'self';" in policy


def test_the_built_page_is_of_this_source(tmp_path: Path) -> None:
    """`make web` builds it; Vite's output is the same for the same source and packages."""
    assert differences(SOURCE, BUILT_PAGE, tmp_path) == [], "run `make web` and commit it"
