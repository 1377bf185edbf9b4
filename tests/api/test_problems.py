"""Every row of the contract's table of problems, made to happen over HTTP."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from werkzeug.test import TestResponse

from app.domain.errors import ErrorCode, ServiceError
from tests.api.client import INSUFFICIENT_SCOPE, INVALID_TOKEN, ApiClient, assert_problem
from tests.api.conftest import OTHER
from tests.api.fake_cognito import FakeCognito


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
    "session-not-found": Row(404),
    "device-already-tracked": Row(409),
    "current-session": Row(409),
    "validation-failed": Row(422),
    "malformed-body": Row(400),
    "body-too-large": Row(413),
    "invalid-parameter": Row(400),
    "rate-limited": Row(429, retry_after=True),
    "quota-exceeded": Row(429, retry_after=True),
    "device-tracking-unavailable": Row(501),
    "session-tracking-unavailable": Row(501),
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
    "list_user_sessions": lambda api: api.get("/sessions"),
    "revoke_user_session": lambda api: api.delete(f"/sessions/tkn{'a' * 25}"),
}
"""Operation of the port → the call of the API that leads to it."""


def assert_row(response: TestResponse, code: str) -> None:
    status, challenge, retry_after = TABLE[code]
    assert_problem(response, status, code, challenge=challenge, retry_after=retry_after)


WHAT_IS_NOT_HTTP = {"malformed-request", "uri-too-long", "headers-too-large", "request-timeout"}
"""What gunicorn's worker refuses before the application is asked; tested over sockets."""


def test_the_table_has_every_code_of_the_service() -> None:
    assert set(TABLE) | WHAT_IS_NOT_HTTP == {code.value for code in ErrorCode}


OURS = {
    *("missing-token", "no-current-device", "validation-failed", "malformed-body"),
    *("body-too-large", "rate-limited", "not-found", "method-not-allowed", "internal-error"),
}
"""Codes that come before Cognito is asked."""


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        *(("get_device", code) for code in sorted(TABLE.keys() - OURS)),
        *((operation, "quota-exceeded") for operation in CALLS),
    ],
)
def test_what_cognito_refuses_is_the_callers_problem(
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


# What comes before Cognito is asked; the other rows are where their calls are tested


@pytest.mark.parametrize("operation", CALLS)
def test_each_call_asks_cognito_with_the_callers_own_token_and_without_one_does_not(
    api: ApiClient, fake_cognito: FakeCognito, operation: str
) -> None:
    assert_row(CALLS[operation](api.with_authorization(None)), "missing-token")
    assert fake_cognito.calls == []
    CALLS[operation](api)
    (call,) = fake_cognito.calls
    assert (call.operation, f"Bearer {call.access_token}") == (operation, api.authorization)


def test_internal_error_tells_nothing(api: ApiClient, fake_cognito: FakeCognito) -> None:
    fake_cognito.fail("forget_device", RuntimeError("the-secret-of-the-house"))
    response = CALLS["forget_device"](api)
    assert_row(response, "internal-error")
    told = response.text + str(response.headers)
    assert api.authorization is not None
    for secret in ("the-secret", "RuntimeError", "Traceback", ".py", api.authorization[7:]):
        assert secret not in told
