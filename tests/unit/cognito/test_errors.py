"""Cognito's exceptions → our codes, held against the botocore model of cognito-idp."""

import botocore.session
import pytest

from app.cognito.errors import to_service_error
from app.domain import operations
from app.domain.errors import ErrorCode
from app.domain.operations import OPERATIONS, Operation

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
    ("ListUserSessions", "OperationNotEnabledException"): SESSIONS_OFF,
    ("RevokeUserSession", "ResourceNotFoundException"): ErrorCode.SESSION_NOT_FOUND,
    ("RevokeUserSession", "InvalidParameterException"): ErrorCode.CURRENT_SESSION,
    ("RevokeUserSession", "OperationNotEnabledException"): SESSIONS_OFF,
}
WORDS = "Access Token of Ana has been revoked"
MODEL = botocore.session.get_session().get_service_model("cognito-idp")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_exception_of_every_operation_has_its_meaning(operation: Operation) -> None:
    for shape in MODEL.operation_model(operation.name).error_shapes:
        error = to_service_error(operation, shape.name, WORDS)
        meaning = BY_OPERATION.get((operation.name, shape.name)) or MEANINGS[shape.name]
        assert error.code is meaning, shape.name
        assert WORDS not in error.detail
        assert (error.retry_after is not None) == (error.code is ErrorCode.QUOTA_EXCEEDED)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("LimitExceededException", ErrorCode.QUOTA_EXCEEDED),
        ("ThrottlingException", ErrorCode.QUOTA_EXCEEDED),
        ("AccessDeniedException", ErrorCode.BLOCKED),
        ("SomethingNewException", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_what_the_model_does_not_list(kind: str, code: ErrorCode) -> None:
    assert to_service_error(operations.GET_DEVICE, kind, "").code is code


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (operations.LIST_USER_SESSIONS, SESSIONS_OFF),
        (operations.REVOKE_USER_SESSION, ErrorCode.CURRENT_SESSION),
    ],
)
def test_what_is_not_authorized_is_not_always_a_bad_token(
    operation: Operation, code: ErrorCode
) -> None:
    """How Cognito refuses the caller's own session, and a list while tracking is off, is not
    documented. A wrong 401 makes a page throw good tokens away."""
    for message in ("", "Session tracking is not enabled.", "Cannot revoke the current session."):
        assert to_service_error(operation, "NotAuthorizedException", message).code is code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Access Token has been revoked", ErrorCode.INVALID_TOKEN),
        ("Access Token does not have required scopes", ErrorCode.INSUFFICIENT_SCOPE),
    ],
)
def test_a_missing_scope_is_told_from_a_bad_token_by_the_message(
    message: str, code: ErrorCode
) -> None:
    error = to_service_error(operations.GET_DEVICE, "NotAuthorizedException", message)
    assert error.code is code
    assert message not in error.detail
