"""What holds for every call: methods, addresses, bodies, request ids, headers."""

import json
import uuid

import pytest

from tests.api.client import ApiClient
from tests.api.conftest import OTHER
from tests.calls import assert_problem

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
    api: ApiClient, address: str
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
    assert api.cognito.calls == []


@pytest.mark.parametrize(
    "address",
    [
        "/device",
        "/devices/",
        "/Devices",
        f"/devices/{OTHER}/name",
        "/devices/a%2Fb",
        "/sessions/tkn/more",
        "/static/app.js",
    ],
)
def test_an_address_with_nothing_at_it_is_not_found(api: ApiClient, address: str) -> None:
    assert_problem(api.get(address), 404, "not-found")
    assert api.cognito.calls == []


def test_no_host_or_path_of_a_callers_own_is_an_error_or_leads_elsewhere(api: ApiClient) -> None:
    for host in ("", "a b", "exa<mple", "example:port", "[::1", "é.example"):
        assert api.get("/devices", headers={"Host": host}).status_code == 200
    for path in ("//devices", "//evil.example/devices", "/devices//current"):
        sent = {"PATH_INFO": path}
        response = api.get("/", headers={"Host": "evil.example"}, environ_overrides=sent)
        assert response.status_code in (200, 404)
        assert "Location" not in response.headers


# Bodies


JSON = "application/json"
REMEMBER = b'{"status": "remembered"}'


@pytest.mark.parametrize(
    ("sent", "content_type", "status", "code"),
    [
        (b"{", JSON, 400, "malformed-body"),
        (REMEMBER + b" {}", JSON, 400, "malformed-body"),
        (b'{"status": "\xc3"}', JSON, 400, "malformed-body"),
        (b"[" * 8000, JSON, 400, "malformed-body"),
        (b'{"status": NaN}', JSON, 400, "malformed-body"),
        (b'{"status": "\\ud800"}', JSON, 400, "malformed-body"),
        (REMEMBER, "text/plain", 400, "malformed-body"),
        (b"status=remembered", "application/x-www-form-urlencoded", 400, "malformed-body"),
        (REMEMBER, None, 400, "malformed-body"),
        (b'{"name": "' + b"x" * 16 * 1024 + b'"}', JSON, 413, "body-too-large"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_body_that_is_not_json_or_does_not_say_so_or_is_of_16_kib_is_refused(
    api: ApiClient, sent: bytes, content_type: str | None, status: int, code: str
) -> None:
    response = api.patch("/devices/current", data=sent, content_type=content_type)
    assert_problem(response, status, code)
    assert api.cognito.calls == []


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"],
)
def test_json_by_another_of_its_names_is_json(
    api: ApiClient, three_devices: list[str], content_type: str
) -> None:
    body = json.dumps({"status": "remembered"})
    assert api.patch("/devices/current", data=body, content_type=content_type).status_code == 200


def test_the_token_is_judged_before_the_body(api: ApiClient) -> None:
    anonymous = api.with_authorization(None)
    response = anonymous.post("/devices", data=b"{", content_type="application/json")
    assert_problem(response, 401, "missing-token")


# Request ids and instances


def test_a_callers_request_id_comes_back_if_it_is_well_formed(api: ApiClient) -> None:
    def answered(sent: str) -> str:
        return api.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"]

    for sent in ("a", "req-1.2:3_4", "A" * 128):
        assert answered(sent) == sent
    ours = {uuid.UUID(answered(sent)) for sent in ("", "A" * 129, "a b", "<script>", "é")}
    assert len(ours) == 5


@pytest.mark.parametrize("address", ["/devices/a%20b", "/devices/caf%C3%A9", "/a%22b"])
def test_instance_is_the_address_as_a_uri_reference(api: ApiClient, address: str) -> None:
    """RFC 9457 section 3.1.5: without blanks, quotes or letters beyond ASCII."""
    assert api.get(address).get_json()["instance"] == address


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
        ("DELETE", "/devices/current", 204),
        ("GET", "/devices/nonsense", 404),
        ("DELETE", "/devices", 422),
        ("GET", "/nowhere", 404),
        ("GET", "/healthz", 200),
    ],
)
def test_every_answer_is_protected_and_kept_by_nobody(
    api: ApiClient, three_devices: list[str], method: str, path: str, status: int
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
        ("https://localhost:8443", None),
    ],
)
def test_hsts_is_for_https_and_not_for_localhost(
    api: ApiClient, url: str, hsts: str | None
) -> None:
    headers = api.get("/healthz", base_url=url).headers
    assert headers.get("Strict-Transport-Security") == hsts
