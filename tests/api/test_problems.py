"""Every row of the contract's table of problems, made to happen over HTTP."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from werkzeug.test import TestResponse

from app.domain.errors import ErrorCode, ServiceError
from tests.api.client import ApiClient, assert_problem
from tests.api.conftest import CURRENT, OTHER, Start
from tests.api.fake_cognito import FakeCognito
from tests.api.jwks_server import JwksServer
from tests.api.tokens import DEVICES_SCOPE, OTHER_CLIENT_ID, SUB, SigningKey, access_claims, sign

Token = Callable[..., str]

INVALID_TOKEN = 'Bearer error="invalid_token"'
INSUFFICIENT_SCOPE = f'Bearer error="insufficient_scope", scope="{DEVICES_SCOPE}"'


class Row(NamedTuple):
    """What the table says of one code."""

    status: int
    challenge: str | None = None
    retry_after: bool = False


TABLE: dict[str, Row] = {
    "missing-token": Row(401, challenge="Bearer"),
    "invalid-token": Row(401, challenge=INVALID_TOKEN),
    "insufficient-scope": Row(403, challenge=INSUFFICIENT_SCOPE),
    "user-not-confirmed": Row(403),
    "password-reset-required": Row(403),
    "blocked": Row(403),
    "device-not-found": Row(404),
    "no-current-device": Row(404),
    "device-already-tracked": Row(409),
    "validation-failed": Row(422),
    "malformed-body": Row(400),
    "body-too-large": Row(413),
    "invalid-parameter": Row(400),
    "rate-limited": Row(429, retry_after=True),
    "quota-exceeded": Row(429, retry_after=True),
    "device-tracking-unavailable": Row(501),
    "upstream-error": Row(502),
    "upstream-timeout": Row(504),
    "upstream-unavailable": Row(503, retry_after=True),
    "not-found": Row(404),
    "method-not-allowed": Row(405),
    "internal-error": Row(500),
}

VERIFIER = {"passwordVerifier": "AAAAAAAA", "salt": "AAAAAAAA"}

CALLS: dict[str, Callable[[ApiClient], TestResponse]] = {
    "list_devices": lambda api: api.get("/devices"),
    "get_device": lambda api: api.get(f"/devices/{OTHER}"),
    "confirm_device": lambda api: api.post(
        "/devices", json={"deviceKey": OTHER, "secretVerifier": VERIFIER}
    ),
    "update_device_status": lambda api: api.patch(
        f"/devices/{OTHER}", json={"status": "remembered"}
    ),
    "forget_device": lambda api: api.delete(f"/devices/{OTHER}"),
    "global_sign_out": lambda api: api.post("/devices/sign-out"),
}
"""Operation of the port → the call of the API that leads to it."""


def assert_row(response: TestResponse, code: str, **more: dict[str, list[str]]) -> None:
    row = TABLE[code]
    assert_problem(
        response,
        row.status,
        code,
        challenge=row.challenge,
        retry_after=row.retry_after,
        errors=more.get("errors"),
    )


WHAT_IS_NOT_HTTP = {"malformed-request", "uri-too-long", "headers-too-large", "request-timeout"}
"""What gunicorn's worker refuses before the application is asked; tested over sockets."""


def test_the_table_has_every_code_of_the_service() -> None:
    assert set(TABLE) | WHAT_IS_NOT_HTTP == {code.value for code in ErrorCode}


FROM_COGNITO = {
    "invalid-token",
    "insufficient-scope",
    "user-not-confirmed",
    "password-reset-required",
    "blocked",
    "device-not-found",
    "device-already-tracked",
    "invalid-parameter",
    "quota-exceeded",
    "device-tracking-unavailable",
    "upstream-error",
    "upstream-timeout",
    "upstream-unavailable",
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("code", sorted(FROM_COGNITO))
def test_what_cognito_refuses_is_the_callers_problem_on_every_call(
    api: ApiClient, fake_cognito: FakeCognito, operation: str, code: str
) -> None:
    retry_after = 7 if TABLE[code].retry_after else None
    failure = ServiceError(ErrorCode(code), "What went wrong.", retry_after=retry_after)
    fake_cognito.fail(operation, failure)
    response = CALLS[operation](api)
    assert_row(response, code)
    assert response.get_json(force=True)["detail"] == "What went wrong."
    if retry_after:
        assert response.headers["Retry-After"] == "7"
    assert fake_cognito.operations() == [operation]


# The rows, in the table's order


@pytest.mark.parametrize("operation", CALLS)
def test_missing_token(api: ApiClient, fake_cognito: FakeCognito, operation: str) -> None:
    response = CALLS[operation](api.with_authorization(None))
    assert_row(response, "missing-token")
    assert fake_cognito.calls == []


def test_missing_token_when_the_header_is_malformed(api: ApiClient) -> None:
    assert_row(api.with_authorization("Basic amFuZTpzZWNyZXQ=").get("/devices"), "missing-token")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"iss": "https://elsewhere.example"}, id="wrong pool"),
        pytest.param({"client_id": OTHER_CLIENT_ID}, id="wrong client"),
        pytest.param({"token_use": "id"}, id="ID token"),
    ],
)
@pytest.mark.parametrize("operation", CALLS)
def test_invalid_token(
    api: ApiClient, fake_cognito: FakeCognito, token: Token, operation: str, changes: dict[str, Any]
) -> None:
    assert_row(CALLS[operation](api.with_token(token(**changes))), "invalid-token")
    assert fake_cognito.calls == []


def test_invalid_token_by_its_signature(api: ApiClient, strangers_key: SigningKey) -> None:
    assert_row(
        api.with_token(sign(access_claims(), strangers_key)).get("/devices"), "invalid-token"
    )


def test_insufficient_scope(api: ApiClient, fake_cognito: FakeCognito, token: Token) -> None:
    response = api.with_token(token(scope="openid email")).get("/devices")
    assert_row(response, "insufficient-scope")
    assert DEVICES_SCOPE in response.get_json(force=True)["detail"]
    assert fake_cognito.calls == []


def test_device_not_found(api: ApiClient) -> None:
    assert_row(api.get(f"/devices/{OTHER}"), "device-not-found")


def test_no_current_device(api: ApiClient, token: Token) -> None:
    response = api.with_token(token(device_key=...)).get("/devices/current")
    assert_row(response, "no-current-device")


def test_device_already_tracked(api: ApiClient, fake_cognito: FakeCognito) -> None:
    fake_cognito.add(SUB, OTHER)
    assert_row(CALLS["confirm_device"](api), "device-already-tracked")


def test_validation_failed_of_a_body(api: ApiClient) -> None:
    response = api.patch("/devices/current", json={"status": "lost", "colour": "red"})
    errors = {
        "status": ["Must be one of: remembered, not_remembered."],
        "colour": ["Unknown field."],
    }
    assert_row(response, "validation-failed", errors=errors)


def test_validation_failed_of_a_query(api: ApiClient) -> None:
    errors = {"scope": ["Missing data for required field."]}
    assert_row(api.delete("/devices"), "validation-failed", errors=errors)


def test_malformed_body(api: ApiClient) -> None:
    response = api.patch("/devices/current", data="{", content_type="application/json")
    assert_row(response, "malformed-body")


def test_body_too_large(api: ApiClient) -> None:
    body = b'{"status": "remembered"}' + b" " * 16 * 1024
    response = api.patch("/devices/current", data=body, content_type="application/json")
    assert_row(response, "body-too-large")


def test_invalid_parameter_of_a_stale_cursor(api: ApiClient, fake_cognito: FakeCognito) -> None:
    for device_key in (OTHER, CURRENT):
        fake_cognito.add(SUB, device_key)
    cursor = api.get("/devices?limit=1").get_json()["nextCursor"]
    api.delete(f"/devices/{OTHER}")
    response = api.get("/devices", query_string={"limit": 1, "cursor": cursor})
    assert_row(response, "invalid-parameter")


def test_rate_limited_per_user(start: Start, fake_cognito: FakeCognito, token: Token) -> None:
    api = start(RATE_LIMIT_PER_USER="2 per minute", RATE_LIMIT_PER_ADDRESS="1 per minute")
    for remaining in ("1", "0"):
        response = api.get("/devices")
        assert response.status_code == 200
        assert response.headers["RateLimit-Limit"] == "2"
        assert response.headers["RateLimit-Remaining"] == remaining
        assert 1 <= int(response.headers["RateLimit-Reset"]) <= 60
    refused = api.get("/devices")
    assert_row(refused, "rate-limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert refused.headers["Cache-Control"] == "no-store"

    another_session = api.with_token(token(jti="another"))
    assert_row(another_session.get("/devices"), "rate-limited")
    assert len(fake_cognito.calls) == 2
    another_user = api.with_token(token(sub="another"))
    assert another_user.get("/devices").status_code == 200


def test_rate_limited_per_address_without_a_good_token(
    start: Start, fake_cognito: FakeCognito, token: Token
) -> None:
    api = start(RATE_LIMIT_PER_USER="100 per minute", RATE_LIMIT_PER_ADDRESS="2 per minute")
    assert_row(api.with_authorization(None).get("/devices"), "missing-token")
    assert_row(api.with_token("guess.guess.guess").get("/devices"), "invalid-token")
    assert_row(api.with_token("guess.guess.again").get("/devices"), "rate-limited")
    assert_row(api.with_authorization(None).post("/devices/sign-out"), "rate-limited")
    assert api.get("/devices").status_code == 200, "a good token counts against its user"


def test_what_is_no_call_about_devices_is_not_rate_limited(start: Start) -> None:
    api = start(RATE_LIMIT_PER_USER="1 per minute", RATE_LIMIT_PER_ADDRESS="1 per minute")
    for _ in range(3):
        assert api.get("/healthz").status_code == 200
        assert api.options("/devices").status_code == 200
        assert_row(api.get("/nowhere"), "not-found")


def test_upstream_unavailable_when_no_key_can_be_had(
    start: Start, jwks: JwksServer, fake_cognito: FakeCognito
) -> None:
    jwks.go_down()
    response = start().get("/devices")
    assert_row(response, "upstream-unavailable")
    assert 1 <= int(response.headers["Retry-After"]) <= 10
    assert fake_cognito.calls == []


def test_not_found(api: ApiClient) -> None:
    assert_row(api.get("/nowhere"), "not-found")


def test_method_not_allowed(api: ApiClient) -> None:
    response = api.put("/devices/current", json={})
    assert_row(response, "method-not-allowed")
    assert set(response.headers["Allow"].split(", ")) >= {"GET", "PATCH", "DELETE"}


@pytest.mark.parametrize("operation", CALLS)
def test_internal_error_tells_nothing(
    api: ApiClient, fake_cognito: FakeCognito, operation: str
) -> None:
    fake_cognito.fail(operation, RuntimeError("the-secret-of-the-house"))
    response = CALLS[operation](api)
    assert_row(response, "internal-error")
    assert response.headers["Cache-Control"] == "no-store"
    told = response.text + str(response.headers)
    assert api.authorization is not None
    for secret in ("the-secret", "RuntimeError", "Traceback", ".py", api.authorization[7:]):
        assert secret not in told


def test_the_next_call_after_an_internal_error_is_served(
    api: ApiClient, fake_cognito: FakeCognito
) -> None:
    fake_cognito.fail("list_devices", RuntimeError("out of order"))
    assert api.get("/devices").status_code == 500
    assert api.get("/devices").status_code == 200


@pytest.mark.parametrize("host", ["", "a b", "exa<mple", "example:port", "[::1", "é.example"])
def test_a_strange_host_header_is_no_error_of_ours(api: ApiClient, host: str) -> None:
    assert api.get("/devices", headers={"Host": host}).status_code == 200
