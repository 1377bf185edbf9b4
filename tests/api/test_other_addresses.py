"""What there is besides /devices, as the settings say; its content is specified elsewhere."""

import pytest

from tests.api.client import ApiClient, assert_problem
from tests.api.conftest import Start
from tests.api.fake_cognito import FakeCognito


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


def test_metrics_may_be_kept_to_a_port_of_their_own(start: Start) -> None:
    assert_problem(start(METRICS_PORT="9091").get("/metrics"), 404, "not-found")


def test_the_documentation_can_be_turned_off(start: Start) -> None:
    assert_problem(start(DOCS_ENABLED="false").get("/docs"), 404, "not-found")
