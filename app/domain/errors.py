"""What can go wrong, as our callers know it. `app.http.problems` gives each code its status."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """Every kind of failure that the API tells apart; stable, for clients to branch on."""

    MISSING_TOKEN = "missing-token"  # noqa: S105
    INVALID_TOKEN = "invalid-token"  # noqa: S105
    INSUFFICIENT_SCOPE = "insufficient-scope"
    USER_NOT_CONFIRMED = "user-not-confirmed"
    PASSWORD_RESET_REQUIRED = "password-reset-required"  # noqa: S105
    BLOCKED = "blocked"
    DEVICE_NOT_FOUND = "device-not-found"
    NO_CURRENT_DEVICE = "no-current-device"
    DEVICE_ALREADY_TRACKED = "device-already-tracked"
    VALIDATION_FAILED = "validation-failed"
    MALFORMED_BODY = "malformed-body"
    BODY_TOO_LARGE = "body-too-large"
    MALFORMED_REQUEST = "malformed-request"
    URI_TOO_LONG = "uri-too-long"
    HEADERS_TOO_LARGE = "headers-too-large"
    REQUEST_TIMEOUT = "request-timeout"
    INVALID_PARAMETER = "invalid-parameter"
    RATE_LIMITED = "rate-limited"
    QUOTA_EXCEEDED = "quota-exceeded"
    DEVICE_TRACKING_UNAVAILABLE = "device-tracking-unavailable"
    UPSTREAM_ERROR = "upstream-error"
    UPSTREAM_TIMEOUT = "upstream-timeout"
    UPSTREAM_UNAVAILABLE = "upstream-unavailable"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    INTERNAL_ERROR = "internal-error"


class DeviceError(Exception):
    """A failure with a code that the caller can act on.

    `detail` is a sentence for the caller: what went wrong here and what to change. It never
    holds a token, a secret or Cognito's own message. `retry_after` is in seconds.
    `errors` maps a field to its messages, on validation only. `answer_lost`: Cognito may have done
    what it was asked, and nobody heard.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        retry_after: int | None = None,
        errors: Mapping[str, Any] | None = None,
        answer_lost: bool = False,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.errors = errors
        self.answer_lost = answer_lost
