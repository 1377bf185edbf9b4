"""What holds for every call: methods, addresses, bodies, request ids."""

import json
import re
import uuid
from typing import Any

import pytest

from tests.api.client import ApiClient, assert_problem
from tests.api.conftest import CURRENT, OTHER
from tests.api.fake_cognito import FakeCognito

COLLECTION = {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}
DEVICE = {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}
METHODS = {
    "/devices": COLLECTION,
    f"/devices/{OTHER}": DEVICE,
    "/devices/current": DEVICE,
    "/devices/sign-out": {"POST", "OPTIONS"},
}
EVERY_METHOD = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"}


@pytest.mark.parametrize(
    ("address", "method"),
    [
        (address, method)
        for address, allowed in METHODS.items()
        for method in sorted(EVERY_METHOD - allowed)
    ],
)
def test_a_method_that_a_resource_has_not_is_405_and_names_those_it_has(
    api: ApiClient, fake_cognito: FakeCognito, address: str, method: str
) -> None:
    response = api.open(address, method=method)
    if method != "HEAD":
        assert_problem(response, 405, "method-not-allowed")
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == METHODS[address]
    assert fake_cognito.calls == []


def test_get_of_sign_out_is_no_device_called_sign_out(api: ApiClient) -> None:
    assert_problem(api.get("/devices/sign-out"), 405, "method-not-allowed")


@pytest.mark.parametrize("address", METHODS)
def test_options_tells_the_methods_and_needs_no_token(
    api: ApiClient, fake_cognito: FakeCognito, address: str
) -> None:
    response = api.with_authorization(None).options(address)
    assert response.status_code == 200
    assert set(response.headers["Allow"].split(", ")) == METHODS[address]
    assert response.data == b""
    assert fake_cognito.calls == []


@pytest.mark.parametrize("address", [f"/devices/{CURRENT}", "/devices/current", "/healthz"])
def test_head_answers_as_get_without_a_body(
    api: ApiClient, three_devices: tuple[str, ...], address: str
) -> None:
    got, head = api.get(address), api.head(address)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert head.content_type == got.content_type


@pytest.mark.parametrize("address", ["/devices", "/devices/current"])
def test_head_needs_a_token_too(api: ApiClient, address: str) -> None:
    response = api.with_authorization(None).head(address)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.data == b""


@pytest.mark.parametrize(
    "address",
    [
        "/device",
        "/devices/",
        "/Devices",
        f"/devices/{OTHER}/",
        f"/devices/{OTHER}/name",
        "/devices/a%2Fb",
        "/devices/current/",
        "/devices/sign-out/",
        "/favicon.ico",
        "/static/app.js",
        "/.env",
    ],
)
def test_an_address_with_nothing_at_it_is_not_found(
    api: ApiClient, fake_cognito: FakeCognito, address: str
) -> None:
    assert_problem(api.get(address), 404, "not-found")
    assert fake_cognito.calls == []


# Bodies


CALLS_WITH_BODIES = [("POST", "/devices"), ("PATCH", "/devices/current")]


@pytest.mark.parametrize(("method", "address"), CALLS_WITH_BODIES)
@pytest.mark.parametrize(
    "sent",
    [
        b"{",
        b"{'status': 'remembered'}",
        b'{"status": "remembered"} {}',
        b'{"status": remembered}',
        b"status=remembered",
        b"\xff\xfe\x00",
        b'{"status": "\xc3"}',
        b"[" * 8000,
        b'{"a":' * 3000,
        b"[" * 8000 + b"]" * 8000,
        b'{"a":' + b"[" * 16 + b"]" * 16 + b"}",
        b'{"status": ' + b"9" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
        b'{"status": NaN}',
        b'{"status": -Infinity}',
        b'{"status": "remembered", "status": "not_remembered"}',
    ],
    ids=lambda sent: repr(sent[:24]),
)
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
def test_an_empty_body_lacks_what_is_required(api: ApiClient, method: str, address: str) -> None:
    response = api.open(address, method=method, content_type="application/json")
    required = {"POST": "deviceKey", "PATCH": "status"}[method]
    errors = response.get_json()["errors"]
    assert_problem(response, 422, "validation-failed", errors=errors)
    assert required in errors


@pytest.mark.parametrize(("method", "address"), CALLS_WITH_BODIES)
def test_a_body_of_more_than_16_kib_is_too_large(
    api: ApiClient, fake_cognito: FakeCognito, method: str, address: str
) -> None:
    body = json.dumps({"name": "x" * 16 * 1024})
    response = api.open(address, method=method, data=body, content_type="application/json")
    assert_problem(response, 413, "body-too-large")
    assert fake_cognito.calls == []


def test_a_body_of_exactly_16_kib_is_looked_at(api: ApiClient) -> None:
    body = json.dumps({"status": "remembered"}).encode()
    padded = body + b" " * (16 * 1024 - len(body))
    response = api.patch("/devices/current", data=padded, content_type="application/json")
    assert_problem(response, 404, "device-not-found")


def test_the_token_is_judged_before_the_body(api: ApiClient) -> None:
    anonymous = api.with_authorization(None)
    response = anonymous.post("/devices", data=b"{", content_type="application/json")
    assert_problem(response, 401, "missing-token", challenge="Bearer")


# Request ids


@pytest.mark.parametrize(
    "sent", ["a", "req-1.2:3_4", "A" * 128, "330cba1c-2c1c-4476-aca7-046ea1d12d18"]
)
def test_a_callers_request_id_comes_back(api: ApiClient, sent: str) -> None:
    assert api.get("/devices", headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent


@pytest.mark.parametrize(
    "sent", ["", "A" * 129, "a b", "a;b", "<script>", "é", "a\tb", "{}"], ids=repr
)
def test_one_that_is_not_well_formed_is_replaced(api: ApiClient, sent: str) -> None:
    given = api.get("/devices", headers={"X-Request-ID": sent}).headers["X-Request-ID"]
    assert uuid.UUID(given)


def test_each_request_without_one_gets_its_own(api: ApiClient) -> None:
    ids = {api.get("/devices").headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("address", ["/devices/phone", "/nowhere", "/healthz"])
def test_every_answer_has_a_request_id(api: ApiClient, address: str) -> None:
    assert api.get(address).headers["X-Request-ID"]


# Problems


@pytest.mark.parametrize("address", ["/devices/a%20b", "/devices/caf%C3%A9", "/a%22b"])
def test_instance_is_a_uri_reference(api: ApiClient, address: str) -> None:
    """RFC 9457 section 3.1.5: a URI reference has no blanks, quotes or letters beyond ASCII."""
    instance: Any = api.get(address).get_json()["instance"]
    assert re.fullmatch(r"[A-Za-z0-9/%._~!$&'()*+,;=:@-]+", instance)
    assert instance == address
