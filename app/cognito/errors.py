"""What Cognito's exceptions, and answers that do not come, mean to our callers: data, not a ladder
of `except`.

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

OUTAGES = (502, 503, 504)
"""Statuses that say that Cognito is down. A 500 is an answer, and may be one user's own."""


class Refused(Exception):
    """Cognito answered with an error. `status` is HTTP's; `code` and `message` are Cognito's."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


class NotConnected(Exception):
    """There was no connection to Cognito, because of `__cause__`; nothing was sent."""


class TooLate(BaseException):
    """An attempt took longer than it may. Not an Exception, so that no library swallows it."""


class AttemptFailed(ServiceError):
    """One request to Cognito failed: what to tell the caller if it was the last.

    `answer_lost`: Cognito may have done what it was asked. `outage`: it says that Cognito is down,
    unless others were answered meanwhile. `retryable`: another attempt may succeed.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str | None = None,
        *,
        answer_lost: bool = False,
        outage: bool = False,
    ) -> None:
        over_quota = code is ErrorCode.QUOTA_EXCEEDED
        # Cognito's quotas are per second, so the next one has a fresh share.
        retry_after = 1 if over_quota else None
        super().__init__(code, detail, retry_after=retry_after, answer_lost=answer_lost)
        self.outage = outage
        self.retryable = answer_lost or outage or over_quota


def to_attempt_failed(operation: Operation, error: Exception | TooLate) -> AttemptFailed:
    """What the end of an attempt means. An unreadable answer is whatever a parser raises over bytes
    that Cognito would not send."""
    unreachable = "Amazon Cognito could not be reached."
    match error:
        case Refused() if error.status < 500:
            return to_service_error(operation, error.code, error.message)
        case Refused():
            outage = error.status in OUTAGES
            return AttemptFailed(ErrorCode.UPSTREAM_ERROR, answer_lost=True, outage=outage)
        case NotConnected():
            if isinstance(error.__cause__, TimeoutError):
                return AttemptFailed(ErrorCode.UPSTREAM_TIMEOUT, outage=True)
            return AttemptFailed(ErrorCode.UPSTREAM_ERROR, unreachable, outage=True)
        case TimeoutError() | TooLate():
            return AttemptFailed(ErrorCode.UPSTREAM_TIMEOUT, answer_lost=True, outage=True)
        case OSError():
            return AttemptFailed(
                ErrorCode.UPSTREAM_ERROR, unreachable, answer_lost=True, outage=True
            )
    not_understood = "Amazon Cognito's answer could not be understood."
    return AttemptFailed(ErrorCode.UPSTREAM_ERROR, not_understood, answer_lost=True)


def to_service_error(operation: Operation, exception: str, message: str) -> AttemptFailed:
    """Our error for Cognito's `exception` (the `__type` of its answer).

    `message` is looked at and never passed on.
    """
    match exception:
        case "NotAuthorizedException" if ABOUT_SCOPE in message:
            return AttemptFailed(ErrorCode.INSUFFICIENT_SCOPE)
        case "NotAuthorizedException" if ABOUT_TOKEN not in message.lower():
            return AttemptFailed(operation.not_authorized)
        case "InvalidParameterException":
            return AttemptFailed(operation.invalid, operation.refused)
        case "ResourceNotFoundException":
            return AttemptFailed(operation.not_found)
        case "OperationNotEnabledException":
            return AttemptFailed(operation.unavailable)
    return AttemptFailed(CODES.get(exception, ErrorCode.UPSTREAM_ERROR))
