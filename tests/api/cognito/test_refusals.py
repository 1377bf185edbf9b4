"""Cognito's exceptions → our codes, held against the botocore model of cognito-idp."""

import botocore.session
import pytest

from app.domain.errors import ErrorCode
from app.domain.operations import STALE_CURSOR
from tests.api.client import ApiClient
from tests.api.cognito.conftest import (
    EVERY_OPERATION,
    SESSION,
    ScriptedCognito,
    answer,
    call,
    refusal,
)
from tests.calls import assert_problem

UNKNOWN = ErrorCode.UPSTREAM_ERROR
DEVICES_OFF, SESSIONS_OFF = (
    ErrorCode.DEVICE_TRACKING_UNAVAILABLE,
    ErrorCode.SESSION_TRACKING_UNAVAILABLE,
)
MEANINGS = {
    "NotAuthorizedException": ErrorCode.INVALID_TOKEN,
    "UserNotFoundException": ErrorCode.INVALID_TOKEN,
    "UserNotConfirmedException": ErrorCode.USER_NOT_CONFIRMED,
    "PasswordResetRequiredException": ErrorCode.PASSWORD_RESET_REQUIRED,
    "ForbiddenException": ErrorCode.BLOCKED,
    "ResourceNotFoundException": ErrorCode.DEVICE_NOT_FOUND,
    "DeviceKeyExistsException": ErrorCode.DEVICE_ALREADY_TRACKED,
    "InvalidParameterException": ErrorCode.INVALID_PARAMETER,
    "InvalidPasswordException": ErrorCode.INVALID_PARAMETER,
    "TooManyRequestsException": ErrorCode.QUOTA_EXCEEDED,
    "InvalidUserPoolConfigurationException": DEVICES_OFF,
    "OperationNotEnabledException": DEVICES_OFF,
    # Cognito's own trouble, or what cannot come of these operations.
    "InternalErrorException": UNKNOWN,
    "InvalidLambdaResponseException": UNKNOWN,
    "UsernameExistsException": UNKNOWN,
}
BY_OPERATION = {
    ("ListDevices", "ResourceNotFoundException"): UNKNOWN,
    ("GlobalSignOut", "ResourceNotFoundException"): UNKNOWN,
    ("ListUserSessions", "ResourceNotFoundException"): SESSIONS_OFF,
    # Without a cursor there is no parameter that it could refuse.
    ("ListUserSessions", "InvalidParameterException"): SESSIONS_OFF,
    ("ListUserSessions", "OperationNotEnabledException"): SESSIONS_OFF,
    ("RevokeUserSession", "ResourceNotFoundException"): ErrorCode.SESSION_NOT_FOUND,
    ("RevokeUserSession", "InvalidParameterException"): ErrorCode.CURRENT_SESSION,
    ("RevokeUserSession", "OperationNotEnabledException"): SESSIONS_OFF,
}
WORDS = "Access Token of Ana has been revoked"
OWN_SESSION = answer({"Sessions": [{"SessionId": SESSION, "IsCurrentSession": True}]})
"""What is asked for where ending it was refused."""
MODEL = botocore.session.get_session().get_service_model("cognito-idp")


@EVERY_OPERATION
def test_every_exception_of_every_operation_has_its_meaning(
    cognito: ScriptedCognito, api: ApiClient, operation: str
) -> None:
    for shape in MODEL.operation_model(operation).error_shapes:
        meaning = BY_OPERATION.get((operation, shape.name)) or MEANINGS[shape.name]
        throttled = meaning is ErrorCode.QUOTA_EXCEEDED
        cognito.reset()
        cognito.then(*[refusal(shape.name, WORDS)] * (3 if throttled else 1), OWN_SESSION)
        response = call(api, operation)
        assert_problem(response, meaning.status, meaning)
        assert WORDS not in response.text
        assert ("Retry-After" in response.headers) == throttled


@pytest.mark.parametrize(
    ("operation", "kind", "message", "code"),
    [
        ("GetDevice", "AccessDeniedException", "", ErrorCode.BLOCKED),
        ("GetDevice", "SomethingNewException", "", UNKNOWN),
        ("GetDevice", "", "", UNKNOWN),
        (
            *("GetDevice", "NotAuthorizedException"),
            *("Access Token does not have required scopes", ErrorCode.INSUFFICIENT_SCOPE),
        ),
        # How Cognito refuses the caller's own session, and a list while tracking is off, is not
        # documented. A wrong 401 makes a page throw good tokens away.
        ("ListUserSessions", "NotAuthorizedException", "", SESSIONS_OFF),
        ("ListUserSessions", "NotAuthorizedException", "Tracking is not enabled.", SESSIONS_OFF),
        ("RevokeUserSession", "NotAuthorizedException", "", ErrorCode.CURRENT_SESSION),
        (
            *("RevokeUserSession", "NotAuthorizedException"),
            *("Cannot revoke the current session.", ErrorCode.CURRENT_SESSION),
        ),
    ],
)
def test_what_the_model_does_not_tell(
    cognito: ScriptedCognito,
    api: ApiClient,
    operation: str,
    kind: str,
    message: str,
    code: ErrorCode,
) -> None:
    cognito.then(refusal(kind, message), OWN_SESSION)
    assert_problem(call(api, operation), code.status, code)


@pytest.mark.parametrize("kind", ["LimitExceededException", "ThrottlingException"])
def test_other_words_for_a_throttle(cognito: ScriptedCognito, api: ApiClient, kind: str) -> None:
    cognito.always = refusal(kind)
    assert_problem(call(api, "GetDevice"), 429, "quota-exceeded")


def test_a_stale_cursor_is_a_refused_parameter(cognito: ScriptedCognito, api: ApiClient) -> None:
    cognito.then(refusal("InvalidParameterException"))
    problem = assert_problem(api.get("/sessions?cursor=stale"), 400, "invalid-parameter")
    assert problem["detail"] == STALE_CURSOR
