"""What there is besides /devices, as the settings say; its content is specified elsewhere."""

import pytest

from tests.api.client import ApiClient, assert_problem
from tests.api.conftest import Start
from tests.api.fake_cognito import FakeCognito

ON_METRICS_PORT = {"SERVER_PORT": "9091"}


def test_healthz_needs_no_token(api: ApiClient, fake_cognito: FakeCognito) -> None:
    response = api.with_authorization(None).get("/healthz")
    assert (response.status_code, response.get_json()) == (200, {"status": "ok"})
    assert fake_cognito.calls == []


def test_readyz_says_what_it_looked_at(api: ApiClient, fake_cognito: FakeCognito) -> None:
    response = api.with_authorization(None).get("/readyz")
    assert (response.status_code, response.get_json()) == (
        200,
        {"ready": True, "checks": {"accepting": True, "keys": True, "cognito": True}},
    )
    assert fake_cognito.calls == []


@pytest.mark.parametrize(
    ("address", "content_type"),
    [
        ("/openapi.json", "application/json"),
        ("/docs", "text/html"),
        ("/metrics", "text/plain"),
    ],
)
def test_it_is_there_for_everybody(api: ApiClient, address: str, content_type: str) -> None:
    response = api.with_authorization(None).get(address, follow_redirects=True)
    assert response.status_code == 200
    assert response.content_type.startswith(content_type)


@pytest.mark.parametrize("address", ["/metrics", "/%2Fmetrics", "/%6Detrics"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_metrics_kept_to_a_port_of_their_own_are_at_no_other(
    start: Start, method: str, address: str
) -> None:
    response = start(METRICS_PORT="9091").open(address, method=method)
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"


def test_on_a_port_of_their_own_metrics_are_for_everybody(start: Start) -> None:
    api = start(METRICS_PORT="9091").with_authorization(None)
    assert api.get("/metrics", environ_overrides=ON_METRICS_PORT).status_code == 200


@pytest.mark.parametrize("address", ["/devices", "/devices/current", "/healthz", "/", "/nowhere"])
@pytest.mark.parametrize("authorized", [True, False])
def test_nothing_else_is_on_that_port(
    start: Start, fake_cognito: FakeCognito, address: str, authorized: bool
) -> None:
    api = start(METRICS_PORT="9091")
    if not authorized:
        api = api.with_authorization(None)
    assert_problem(api.get(address, environ_overrides=ON_METRICS_PORT), 404, "not-found")
    assert fake_cognito.calls == []


def test_the_documentation_can_be_turned_off(start: Start) -> None:
    assert_problem(start(DOCS_ENABLED="false").get("/docs"), 404, "not-found")
