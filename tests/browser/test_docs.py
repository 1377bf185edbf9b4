"""How the docs page is served. What it shows: test_reference.py."""

import pytest
import requests

from local_cognito.process import RunningCognito
from tests.servers import Service


def test_scripts_come_from_this_server_and_calls_go_to_the_sign_in_only_where_it_is_set(
    cognito: RunningCognito, service: Service, service_with_sign_in: Service
) -> None:
    without, with_it = (
        requests.get(f"{it.url}/docs", timeout=30) for it in (service, service_with_sign_in)
    )
    policy = without.headers["Content-Security-Policy"]
    assert policy.split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    assert with_it.headers["Content-Security-Policy"] == policy.replace(
        "connect-src 'self'", f"connect-src 'self' {cognito.url}"
    )
    assert "sign-in" in with_it.text
    assert "sign-in" not in without.text


@pytest.mark.parametrize(
    "path", ["/docs/swagger-ui.js.map", "/docs/..%2Fdocs.py", "/docs/docs.html"]
)
def test_no_other_file_is_served(service: Service, path: str) -> None:
    assert requests.get(service.url + path, timeout=30).status_code == 404
