"""What Cognito's exceptions mean to our callers: data, not a ladder of `except`.

The exceptions of each operation are those of the botocore model of cognito-idp; their meaning is
the API reference's, "Common errors" included. What depends on the operation is in its row of
`app.domain.operations`.
"""

from app.domain.errors import ErrorCode, ServiceError
from app.domain.operations import Operation

CODES = {
    "NotAuthorizedException": ErrorCode.INVALID_TOKEN,
    "UserNotFoundException": ErrorCode.INVALID_TOKEN,
    "UserNotConfirmedException": ErrorCode.USER_NOT_CONFIRMED,
    "PasswordResetRequiredException": ErrorCode.PASSWORD_RESET_REQUIRED,
    "ForbiddenException": ErrorCode.BLOCKED,
    "AccessDeniedException": ErrorCode.BLOCKED,
    "DeviceKeyExistsException": ErrorCode.DEVICE_ALREADY_TRACKED,
    "InvalidPasswordException": ErrorCode.INVALID_PARAMETER,
    "TooManyRequestsException": ErrorCode.QUOTA_EXCEEDED,
    "LimitExceededException": ErrorCode.QUOTA_EXCEEDED,
    "ThrottlingException": ErrorCode.QUOTA_EXCEEDED,
    "InvalidUserPoolConfigurationException": ErrorCode.DEVICE_TRACKING_UNAVAILABLE,
}
"""Exceptions that mean the same whatever was asked."""

ABOUT_SCOPE, ABOUT_TOKEN = "does not have required scopes", "access token"
"""In a NotAuthorizedException, whose kind only its message tells: "Access Token has been revoked",
"Invalid Access Token", "Could not verify signature for Access Token" and so on are about the token.
"""

QUOTA_RETRY_AFTER = 1
"""Seconds. Cognito's quotas are per second, so the next one has a fresh share."""


def to_service_error(operation: Operation, exception: str, message: str) -> ServiceError:
    """Our error for Cognito's `exception` (the `__type` of its answer).

    `message` is looked at and never passed on.
    """
    match exception:
        case "NotAuthorizedException" if ABOUT_SCOPE in message:
            return ServiceError(ErrorCode.INSUFFICIENT_SCOPE)
        case "NotAuthorizedException" if ABOUT_TOKEN not in message.lower():
            return ServiceError(operation.not_authorized)
        case "InvalidParameterException":
            return ServiceError(operation.invalid, operation.refused)
        case "ResourceNotFoundException":
            return ServiceError(operation.not_found)
        case "OperationNotEnabledException":
            return ServiceError(operation.unavailable)
    code = CODES.get(exception, ErrorCode.UPSTREAM_ERROR)
    retry_after = QUOTA_RETRY_AFTER if code is ErrorCode.QUOTA_EXCEEDED else None
    return ServiceError(code, retry_after=retry_after)
