"""Every row of the contract's table of problems, made to happen over HTTP."""

import pytest
from werkzeug.test import TestResponse

from app.domain.errors import ErrorCode, ServiceError
from tests.api.client import INSUFFICIENT_SCOPE, INVALID_TOKEN, ApiClient, assert_problem
from tests.api.conftest import OTHER

TABLE = {
    400: {"malformed-body", "invalid-parameter"},
    401: {"missing-token", "invalid-token", "reauthentication-required"},
    403: {
        *("insufficient-scope", "user-not-confirmed", "password-reset-required", "blocked"),
        "not-this-device",
    },
    404: {"device-not-found", "no-current-device", "session-not-found", "not-found"},
    405: {"method-not-allowed"},
    409: {"device-already-tracked", "current-session"},
    413: {"body-too-large"},
    422: {"validation-failed"},
    429: {"rate-limited", "quota-exceeded"},
    500: {"internal-error"},
    501: {"device-tracking-unavailable", "session-tracking-unavailable"},
    502: {"upstream-error"},
    503: {"upstream-unavailable"},
    504: {"upstream-timeout"},
}
STATUSES = {code: status for status, codes in TABLE.items() for code in codes}
CHALLENGES = {
    "missing-token": "Bearer",
    "invalid-token": INVALID_TOKEN,
    "insufficient-scope": INSUFFICIENT_SCOPE,
    "reauthentication-required": 'Bearer error="insufficient_user_authentication"',
}
TO_BE_REPEATED = {"rate-limited", "quota-exceeded", "upstream-unavailable"}
"""Codes that tell when, in Retry-After."""


def assert_row(response: TestResponse, code: str) -> None:
    repeat, challenge = code in TO_BE_REPEATED, CHALLENGES.get(code)
    assert_problem(response, STATUSES[code], code, challenge=challenge, retry_after=repeat)


WHAT_IS_NOT_HTTP = {"malformed-request", "uri-too-long", "headers-too-large", "request-timeout"}
"""What gunicorn's worker refuses before the application is asked; tested over sockets."""


def test_the_table_has_every_code_of_the_service() -> None:
    assert set(STATUSES) | WHAT_IS_NOT_HTTP == {code.value for code in ErrorCode}


OURS = {
    *("missing-token", "no-current-device", "validation-failed", "malformed-body"),
    *("body-too-large", "rate-limited", "not-found", "method-not-allowed", "internal-error"),
    *("not-this-device", "reauthentication-required"),
}
"""Codes that come before Cognito is asked."""


@pytest.mark.parametrize("code", sorted(STATUSES.keys() - OURS))
def test_what_cognito_refuses_is_the_callers_problem(api: ApiClient, code: str) -> None:
    retry_after = 7 if code in TO_BE_REPEATED else None
    failure = ServiceError(ErrorCode(code), "What went wrong.", retry_after=retry_after)
    api.cognito.fail("get_device", failure)
    response = api.get(f"/devices/{OTHER}")
    assert_row(response, code)
    assert response.get_json(force=True)["detail"] == "What went wrong."
    if retry_after:
        assert response.headers["Retry-After"] == "7"


def test_internal_error_tells_nothing(api: ApiClient) -> None:
    api.cognito.fail("forget_device", RuntimeError("the-secret-of-the-house"))
    response = api.delete(f"/devices/{OTHER}")
    assert_row(response, "internal-error")
    told = response.text + str(response.headers)
    assert api.authorization is not None
    for secret in ("the-secret", "RuntimeError", "Traceback", ".py", api.authorization[7:]):
        assert secret not in told
