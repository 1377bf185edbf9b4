"""Every row of the contract's table of problems, made to happen over HTTP."""

import pytest

from app.domain.errors import ErrorCode, ServiceError
from tests.api.client import ApiClient
from tests.api.conftest import OTHER
from tests.calls import assert_problem

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
    retry_after = 7 if STATUSES[code] in (429, 503) else None
    failure = ServiceError(ErrorCode(code), "What went wrong.", retry_after=retry_after)
    api.cognito.fail("get_device", failure)
    response = api.get(f"/devices/{OTHER}")
    problem = assert_problem(response, STATUSES[code], code)
    assert problem["detail"] == "What went wrong."
    if retry_after:
        assert response.headers["Retry-After"] == "7"


def test_internal_error_tells_nothing(api: ApiClient) -> None:
    api.cognito.fail("forget_device", RuntimeError("the-secret-of-the-house"))
    response = api.delete(f"/devices/{OTHER}")
    assert_problem(response, 500, "internal-error")
    told = response.text + str(response.headers)
    assert api.authorization is not None
    for secret in ("the-secret", "RuntimeError", "Traceback", ".py", api.authorization[7:]):
        assert secret not in told
