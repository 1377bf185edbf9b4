"""What Cognito's exceptions mean to our callers: data, not a ladder of `except`.

The exceptions of each operation are those of the botocore model of cognito-idp; their meaning is
the API reference's, "Common errors" included.
"""

from app.domain.access_token import SCOPE_LACKING
from app.domain.errors import DeviceError, ErrorCode

_MEANINGS: dict[str, tuple[ErrorCode, str]] = {
    "NotAuthorizedException": (
        ErrorCode.INVALID_TOKEN,
        "Cognito no longer accepts the access token: it was revoked, it expired or its user is "
        "disabled. Sign in again.",
    ),
    "UserNotFoundException": (
        ErrorCode.INVALID_TOKEN,
        "The user of the access token does not exist any more.",
    ),
    "UserNotConfirmedException": (
        ErrorCode.USER_NOT_CONFIRMED,
        "The user has not confirmed the sign-up. Confirm it, then sign in again.",
    ),
    "PasswordResetRequiredException": (
        ErrorCode.PASSWORD_RESET_REQUIRED,
        "The user must reset the password, then sign in again.",
    ),
    "ForbiddenException": (
        ErrorCode.BLOCKED,
        "The user pool's web application firewall blocked the request.",
    ),
    "ResourceNotFoundException": (
        ErrorCode.DEVICE_NOT_FOUND,
        "No such device: it is unknown, was forgotten or is not remembered.",
    ),
    "DeviceKeyExistsException": (
        ErrorCode.DEVICE_ALREADY_TRACKED,
        "This device key has been confirmed before. Sign in anew to be given another.",
    ),
    "InvalidParameterException": (
        ErrorCode.INVALID_PARAMETER,
        "Cognito refused a parameter of the request.",
    ),
    "InvalidPasswordException": (
        ErrorCode.INVALID_PARAMETER,
        "Cognito refused the device's secret verifier.",
    ),
    "TooManyRequestsException": (
        ErrorCode.QUOTA_EXCEEDED,
        "Cognito's request quota for the account is used up. Try again shortly.",
    ),
    "InvalidUserPoolConfigurationException": (
        ErrorCode.DEVICE_TRACKING_UNAVAILABLE,
        "The user pool does not track devices. Its administrator can turn device tracking on.",
    ),
    "OperationNotEnabledException": (
        ErrorCode.DEVICE_TRACKING_UNAVAILABLE,
        "The user pool has this operation turned off.",
    ),
}
_ALIASES = {
    "LimitExceededException": "TooManyRequestsException",
    "ThrottlingException": "TooManyRequestsException",
    "AccessDeniedException": "ForbiddenException",
}

_SCOPE_MESSAGE = "does not have required scopes"
"""The one NotAuthorizedException that is not about the token's validity, told by its message."""

_REFUSED_PARAMETERS = {
    "ListDevices": "Cognito refused the cursor: it is stale or not one of this user's. "
    "Start again from the first page.",
    "ConfirmDevice": "Cognito refused the device key, its name or its secret verifier. The key "
    "must be the one that this sign-in was given.",
}

QUOTA_RETRY_AFTER = 1
"""Seconds. Cognito's quotas are per second, so the next one has a fresh share."""


def to_device_error(operation: str, kind: str, message: str) -> DeviceError:
    """Our error for Cognito's `kind` (the `__type` of its answer) of `operation`.

    `message` is looked at and never passed on.
    """
    kind = _ALIASES.get(kind, kind)
    if kind == "NotAuthorizedException" and _SCOPE_MESSAGE in message:
        return DeviceError(ErrorCode.INSUFFICIENT_SCOPE, SCOPE_LACKING)
    if kind == "InvalidParameterException" and operation in _REFUSED_PARAMETERS:
        return DeviceError(ErrorCode.INVALID_PARAMETER, _REFUSED_PARAMETERS[operation])
    if kind == "ResourceNotFoundException" and operation in ("ListDevices", "GlobalSignOut"):
        kind = "no device was asked for"
    if kind not in _MEANINGS:
        return DeviceError(
            ErrorCode.UPSTREAM_ERROR, "Amazon Cognito failed to answer the request properly."
        )
    code, detail = _MEANINGS[kind]
    retry_after = QUOTA_RETRY_AFTER if code is ErrorCode.QUOTA_EXCEEDED else None
    return DeviceError(code, detail, retry_after=retry_after)
