"""Cognito's exceptions → our codes, held against the botocore model of cognito-idp."""

import botocore.session
import pytest

from app.cognito.errors import to_device_error
from app.domain.errors import ErrorCode

OPERATIONS = (
    "ListDevices",
    "GetDevice",
    "ConfirmDevice",
    "UpdateDeviceStatus",
    "ForgetDevice",
    "GlobalSignOut",
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
    "InvalidUserPoolConfigurationException": ErrorCode.DEVICE_TRACKING_UNAVAILABLE,
    "OperationNotEnabledException": ErrorCode.DEVICE_TRACKING_UNAVAILABLE,
    # Cognito's own trouble, or what cannot come of these operations.
    "InternalErrorException": ErrorCode.UPSTREAM_ERROR,
    "InvalidLambdaResponseException": ErrorCode.UPSTREAM_ERROR,
    "UsernameExistsException": ErrorCode.UPSTREAM_ERROR,
}
NO_DEVICE_ASKED_FOR = {
    (operation, "ResourceNotFoundException") for operation in ("ListDevices", "GlobalSignOut")
}


def exceptions_of_the_model() -> list[tuple[str, str]]:
    model = botocore.session.get_session().get_service_model("cognito-idp")
    return [
        (operation, shape.name)
        for operation in OPERATIONS
        for shape in model.operation_model(operation).error_shapes
    ]


@pytest.mark.parametrize(("operation", "kind"), exceptions_of_the_model())
def test_every_exception_of_every_operation_has_its_meaning(operation: str, kind: str) -> None:
    error = to_device_error(operation, kind, "Cognito's own words, with a user's name in them.")
    if (operation, kind) in NO_DEVICE_ASKED_FOR:
        assert error.code is ErrorCode.UPSTREAM_ERROR
    else:
        assert error.code is MEANINGS[kind]
    assert "own words" not in error.detail
    assert (error.retry_after is not None) == (error.code is ErrorCode.QUOTA_EXCEEDED)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("LimitExceededException", ErrorCode.QUOTA_EXCEEDED),
        ("ThrottlingException", ErrorCode.QUOTA_EXCEEDED),
        ("AccessDeniedException", ErrorCode.BLOCKED),
        ("SomethingNewException", ErrorCode.UPSTREAM_ERROR),
        ("", ErrorCode.UPSTREAM_ERROR),
        ("400", ErrorCode.UPSTREAM_ERROR),
    ],
)
def test_what_the_model_does_not_list(kind: str, code: ErrorCode) -> None:
    assert to_device_error("GetDevice", kind, "").code is code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Access Token has expired", ErrorCode.INVALID_TOKEN),
        ("Access Token has been revoked", ErrorCode.INVALID_TOKEN),
        ("Invalid Access Token", ErrorCode.INVALID_TOKEN),
        ("User is disabled.", ErrorCode.INVALID_TOKEN),
        ("Access Token does not have required scopes", ErrorCode.INSUFFICIENT_SCOPE),
    ],
)
def test_a_missing_scope_is_told_from_a_bad_token_by_the_message(
    message: str, code: ErrorCode
) -> None:
    error = to_device_error("GetDevice", "NotAuthorizedException", message)
    assert error.code is code
    assert message not in error.detail


def test_what_to_change_is_told_by_operation() -> None:
    details = {
        to_device_error(operation, "InvalidParameterException", "").detail
        for operation in ("ListDevices", "ConfirmDevice", "ForgetDevice")
    }
    assert len(details) == 3
