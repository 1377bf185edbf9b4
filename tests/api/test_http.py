"""What holds for every call: methods, addresses, bodies, request ids, headers."""

import json
import re
import uuid
from typing import Any

import pytest

from tests.api.client import ApiClient, assert_problem
from tests.api.conftest import CURRENT, OTHER
from tests.api.fake_cognito import FakeCognito

DEVICE = {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}
METHODS = {
    "/devices": {"GET", "HEAD", "POST", "DELETE", "OPTIONS"},
    f"/devices/{OTHER}": DEVICE,
    "/devices/current": DEVICE,
    "/devices/sign-out": {"POST", "OPTIONS"},
    "/sessions": {"GET", "HEAD", "DELETE", "OPTIONS"},
    "/sessions/tkn": {"DELETE", "OPTIONS"},
}
EVERY_METHOD = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE"}


@pytest.mark.parametrize("address", METHODS)
def test_a_method_that_a_resource_has_not_is_405_and_names_those_it_has(
    api: ApiClient, fake_cognito: FakeCognito, address: str
) -> None:
    for method in EVERY_METHOD - METHODS[address]:
        response = api.open(address, method=method)
        if method == "HEAD":
            assert (response.status_code, response.data) == (405, b"")
        else:
            assert_problem(response, 405, "method-not-allowed")
        assert set(response.headers["Allow"].split(", ")) == METHODS[address]
    options = api.with_authorization(None).options(address)
    assert (options.status_code, options.data) == (200, b"")
    assert set(options.headers["Allow"].split(", ")) == METHODS[address]
    assert fake_cognito.calls == []


@pytest.mark.parametrize(
    "address",
    [
        "/device",
        "/devices/",
        "/Devices",
        f"/devices/{OTHER}/name",
        "/devices/a%2Fb",
        "/devices/current/",
        "/sessions/",
        "/sessions/tkn/more",
        "/static/app.js",
        "/.env",
    ],
)
def test_an_address_with_nothing_at_it_is_not_found(
    api: ApiClient, fake_cognito: FakeCognito, address: str
) -> None:
    assert_problem(api.get(address), 404, "not-found")
    assert fake_cognito.calls == []


@pytest.mark.parametrize("path", ["//devices", "//evil.example/devices", "/devices//current"])
def test_no_redirect_leads_where_a_header_says(api: ApiClient, path: str) -> None:
    response = api.get("/", headers={"Host": "evil.example"}, environ_overrides={"PATH_INFO": path})
    assert response.status_code in (200, 404)
    assert "Location" not in response.headers


@pytest.mark.parametrize("host", ["", "a b", "exa<mple", "example:port", "[::1", "é.example"])
def test_a_strange_host_is_no_error_of_ours(api: ApiClient, host: str) -> None:
    assert api.get("/devices", headers={"Host": host}).status_code == 200


# Bodies


CALLS_WITH_BODIES = [("POST", "/devices"), ("PATCH", "/devices/current")]
NOT_JSON = (
    b"{",
    b"{'status': 'remembered'}",
    b'{"status": "remembered"} {}',
    b"status=remembered",
    b'{"status": "\xc3"}',
    b"[" * 8000,
    b'{"status": NaN}',
    b'{"status": "\\ud800"}',
)


@pytest.mark.parametrize(("method", "address"), CALLS_WITH_BODIES)
@pytest.mark.parametrize("sent", NOT_JSON, ids=lambda sent: repr(sent[:24]))
def test_a_body_that_is_not_json_is_malformed(
    api: ApiClient, fake_cognito: FakeCognito, method: str, address: str, sent: bytes
) -> None:
    response = api.open(address, method=method, data=sent, content_type="application/json")
    assert_problem(response, 400, "malformed-body")
    assert fake_cognito.calls == []


@pytest.mark.parametrize(("method", "address"), CALLS_WITH_BODIES)
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
def test_a_body_that_does_not_say_it_is_json_is_malformed(
    api: ApiClient, method: str, address: str, content_type: str | None
) -> None:
    body = json.dumps({"status": "remembered"})
    response = api.open(address, method=method, data=body, content_type=content_type)
    assert_problem(response, 400, "malformed-body")


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"],
)
def test_json_by_another_of_its_names_is_json(
    api: ApiClient, three_devices: tuple[str, ...], content_type: str
) -> None:
    body = json.dumps({"status": "remembered"})
    assert api.patch("/devices/current", data=body, content_type=content_type).status_code == 200


@pytest.mark.parametrize(("method", "address"), CALLS_WITH_BODIES)
def test_a_body_of_16_kib_is_too_large(
    api: ApiClient, fake_cognito: FakeCognito, method: str, address: str
) -> None:
    body = json.dumps({"name": "x" * 16 * 1024})
    response = api.open(address, method=method, data=body, content_type="application/json")
    assert_problem(response, 413, "body-too-large")
    assert fake_cognito.calls == []


def test_the_token_is_judged_before_the_body(api: ApiClient) -> None:
    anonymous = api.with_authorization(None)
    response = anonymous.post("/devices", data=b"{", content_type="application/json")
    assert_problem(response, 401, "missing-token", challenge="Bearer")


# Request ids and instances


@pytest.mark.parametrize("sent", ["a", "req-1.2:3_4", "A" * 128])
def test_a_callers_request_id_comes_back(api: ApiClient, sent: str) -> None:
    assert api.get("/devices", headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", "A" * 129, "a b", "<script>", "é"], ids=repr)
def test_one_that_is_not_well_formed_is_replaced(api: ApiClient, sent: str) -> None:
    ids = {
        api.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"] for _ in "ab"
    }
    assert len(set(map(uuid.UUID, ids))) == 2


@pytest.mark.parametrize("address", ["/devices/a%20b", "/devices/caf%C3%A9", "/a%22b"])
def test_instance_is_a_uri_reference(api: ApiClient, address: str) -> None:
    """RFC 9457 section 3.1.5: a URI reference has no blanks, quotes or letters beyond ASCII."""
    instance: Any = api.get(address).get_json()["instance"]
    assert re.fullmatch(r"[A-Za-z0-9/%._~!$&'()*+,;=:@-]+", instance)
    assert instance == address


# Headers


EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "no-store",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/devices", 200),
        ("GET", f"/devices/{CURRENT}", 200),
        ("GET", "/sessions", 200),
        ("DELETE", "/devices/current", 204),
        ("GET", "/devices/nonsense", 404),
        ("PUT", "/devices", 405),
        ("DELETE", "/devices", 422),
        ("OPTIONS", "/devices", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/healthz", 200),
    ],
)
def test_every_answer_is_protected_and_kept_by_nobody(
    api: ApiClient, three_devices: tuple[str, ...], method: str, path: str, status: int
) -> None:
    for caller in (api, api.with_authorization(None)):
        answer = caller.open(path, method=method)
        assert answer.status_code in (status, 401)
        assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
        assert not {"Server", "X-Powered-By", "Via"} & {name for name, _ in answer.headers}


@pytest.mark.parametrize(
    ("url", "hsts"),
    [
        ("https://api.example.com", "max-age=31536000"),
        ("http://api.example.com", None),
        ("https://localhost", None),
        ("https://localhost:8443", None),
    ],
)
def test_hsts_is_for_https_and_not_for_localhost(
    api: ApiClient, url: str, hsts: str | None
) -> None:
    headers = api.get("/healthz", base_url=url).headers
    assert headers.get("Strict-Transport-Security") == hsts
