"""Headers that keep browsers, caches and readers of banners from what is not theirs."""

import pytest

from local_cognito.process import RunningCognito
from tests.safety.calls import FORGED_TOKEN, SignedIn, call, send
from tests.servers import Service

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
EVERY_ANSWER = [
    ("GET", "/devices", 200),
    ("GET", "/devices/current", 200),
    ("PATCH", "/devices/current", 422),
    ("POST", "/devices", 422),
    ("GET", "/devices?limit=nonsense", 422),
    ("GET", "/devices/nonsense", 404),
    ("GET", "/devices/nonsense/more", 404),
    ("GET", "/devices/", 404),
    ("PUT", "/devices", 405),
    ("TRACE", "/devices", 405),
    ("GET", "/devices/sign-out", 405),
    ("DELETE", "/devices", 422),
    ("OPTIONS", "/devices", 200),
    ("GET", "/nowhere", 404),
    ("GET", "/healthz", 200),
]


@pytest.mark.parametrize(("method", "path", "status"), EVERY_ANSWER)
def test_every_answer_is_protected_and_kept_by_nobody(
    service: Service, user: SignedIn, method: str, path: str, status: int
) -> None:
    answer = call(service.url + path, method, headers=user.bearer)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE


@pytest.mark.parametrize("token", [None, FORGED_TOKEN])
def test_so_is_the_refusal_of_a_token(service: Service, token: str | None) -> None:
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    answer = call(f"{service.url}/devices", headers=sent)
    assert answer.status_code == 401
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE


def test_so_is_the_answer_to_what_is_not_http(service: Service) -> None:
    answer = send(service.url, b"GET / HTTP/1.1\r\nno colon here\r\n\r\n")
    assert answer.status == 400
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE


def test_so_is_a_failure_of_cognito(
    service: Service, user: SignedIn, cognito: RunningCognito
) -> None:
    cognito.control("POST", "/_local/faults", operation="ListDevices", fault="html", times=9)
    answer = call(f"{service.url}/devices", headers=user.bearer)
    assert answer.status_code == 502
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE


def test_no_version_of_anything_is_told(service: Service, user: SignedIn) -> None:
    headers = call(f"{service.url}/devices", headers=user.bearer).headers
    assert headers.get("Server", "gunicorn") == "gunicorn"
    assert not {"X-Powered-By", "Via", "X-Generator"} & set(headers)


def test_hsts_is_not_sent_over_plain_http(service: Service) -> None:
    assert "Strict-Transport-Security" not in call(f"{service.url}/healthz").headers


def test_no_redirect_leads_where_a_header_says(service: Service, user: SignedIn) -> None:
    for path in ("//devices", "//evil.example/devices", "/devices/", "/devices//current"):
        request = f"GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        answer = send(service.url, request.encode())
        assert not 300 <= answer.status < 400
        assert "Location" not in answer.headers
