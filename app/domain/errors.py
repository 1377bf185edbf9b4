"""What can go wrong, as callers know it: one row a code, and the exception that carries it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

BODY_MAX_BYTES = 16 * 1024
USER_ADMIN_SCOPE = "aws.cognito.signin.user.admin"
"""The scope that Cognito's operations for users ask for; a Hosted UI token may lack it."""


class ErrorCode(StrEnum):
    """The codes that problems have today, for clients to branch on. More may come."""

    # A row: the code; its HTTP status; the heading (`title`) of its problems; what is wrong and
    # what to do, which is their `detail` where the place that raises one does not know better.

    status: int
    heading: str
    detail: str

    def __new__(cls, value: str, status: int = 0, heading: str = "", detail: str = "") -> Self:
        self = str.__new__(cls, value)
        self._value_ = value
        self.status, self.heading, self.detail = status, heading, detail
        return self

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later; docs/problems.md says so."""
        return self.status in (429, 502, 503, 504)

    # A table: the formatter would give each of its columns a line.
    # fmt: off
    MISSING_TOKEN = "missing-token", 401, "Access token missing", (
        "Send the signed-in user's Cognito access token as `Authorization: Bearer <token>`.")
    INVALID_TOKEN = "invalid-token", 401, "Access token not accepted", (
        "The access token expired, was revoked, or is not one of this user pool and app client. "
        "Refresh it, or sign in again.")
    INSUFFICIENT_SCOPE = "insufficient-scope", 403, "Access token lacks a scope", (
        f"Ask for the scope {USER_ADMIN_SCOPE} when the user signs in.")
    USER_NOT_CONFIRMED = "user-not-confirmed", 403, "User not confirmed", (
        "The user has not confirmed the sign-up. Confirm it, then sign in again.")
    PASSWORD_RESET_REQUIRED = "password-reset-required", 403, "Password reset required", (
        "The user must reset the password, then sign in again.")
    BLOCKED = "blocked", 403, "Request blocked", (
        "The user pool's web application firewall (AWS WAF) blocked the request.")
    NOT_THIS_DEVICE = "not-this-device", 403, "Not this device", (
        "Only the device that signed in can be remembered: call `updateCurrentDevice` there.")
    REAUTHENTICATION_REQUIRED = "reauthentication-required", 401, "Sign-in too old or too weak", (
        "`maxAge` and `acrValues` say which sign-in this call asks for. Have the user sign in "
        "again, then repeat the call with the new access token.")
    DEVICE_NOT_FOUND = "device-not-found", 404, "Device not found", (
        "No such device: it is unknown, was forgotten or is not remembered.")
    NO_CURRENT_DEVICE = "no-current-device", 404, "No current device", (
        "The access token names no device: the sign-in was federated or through the Hosted UI, or "
        "the user pool tracks no devices. `listSessions` shows such sign-ins.")
    SESSION_NOT_FOUND = "session-not-found", 404, "Session not found", (
        "No such session: it is unknown or has ended.")
    DEVICE_ALREADY_TRACKED = "device-already-tracked", 409, "Device already tracked", (
        "If one of Amplify's libraries confirmed the device after the sign-in, nothing is left to "
        "do. Otherwise sign in again to get a new device key.")
    CURRENT_SESSION = "current-session", 409, "Current session", (
        "Cognito does not end the session that makes the call. Sign out in the client instead, or "
        "call `signOutEverywhere`.")
    VALIDATION_FAILED = "validation-failed", 422, "Request not valid", (
        "A member or a parameter is wrong; `errors` says what to change, field by field.")
    MALFORMED_BODY = "malformed-body", 400, "Body is not JSON", (
        "The body is not JSON, or is not sent as application/json.")
    BODY_TOO_LARGE = "body-too-large", 413, "Body too large", (
        f"The body may take {BODY_MAX_BYTES // 1024} KiB at most.")
    MALFORMED_REQUEST = "malformed-request", 400, "Request is not HTTP", (
        "The request is not well-formed HTTP.")
    URI_TOO_LONG = "uri-too-long", 414, "Address too long", "The request line is too long."
    HEADERS_TOO_LARGE = "headers-too-large", 431, "Headers too large", (
        "The request has too many header fields, or too large ones.")
    REQUEST_TIMEOUT = "request-timeout", 408, "Request took too long", (
        "The request did not arrive in time. Send it again.")
    INVALID_PARAMETER = "invalid-parameter", 400, "Parameter refused by Cognito", (
        "Cognito refused a parameter of the request.")
    RATE_LIMITED = "rate-limited", 429, "Too many requests", (
        "The caller made too many calls. Wait, then try again.")
    QUOTA_EXCEEDED = "quota-exceeded", 429, "Cognito quota exceeded", (
        "Cognito's request quota, which all users share, is used up. Try again shortly.")
    DEVICE_TRACKING_UNAVAILABLE = "device-tracking-unavailable", 501, "Devices not tracked", (
        "The user pool does not track devices, or has this operation turned off. Its administrator "
        "can turn device tracking on.")
    SESSION_TRACKING_UNAVAILABLE = "session-tracking-unavailable", 501, "Sessions not tracked", (
        "The user pool does not track sessions, or has this operation turned off. Its "
        "administrator can turn session tracking on (SetUserPoolSessionConfiguration).")
    UPSTREAM_ERROR = "upstream-error", 502, "Bad response from Cognito", (
        "Cognito failed, or its answer could not be understood.")
    UPSTREAM_TIMEOUT = "upstream-timeout", 504, "Cognito did not answer in time", (
        "Cognito did not answer in time.")
    UPSTREAM_UNAVAILABLE = "upstream-unavailable", 503, "Cognito unavailable", (
        "Cognito is down, or too many calls of it are under way. Nothing was changed. Try later.")
    NOT_FOUND = "not-found", 404, "No such resource", "There is nothing at this address."
    METHOD_NOT_ALLOWED = "method-not-allowed", 405, "Method not allowed", (
        "This resource has no such method; see Allow.")
    INTERNAL_ERROR = "internal-error", 500, "Internal error", (
        "Something went wrong on our side. The request id helps us to find out what.")
    # fmt: on


class ServiceError(Exception):
    """A failure with a code that the caller can act on.

    `detail`: a sentence for the caller, what went wrong here and what to change; the code's own
    unless given. It never holds a token, a secret or Cognito's own message. `retry_after`: seconds.
    `errors`: field → messages, on validation only. `members`: more of the problem's. `answer_lost`:
    Cognito may have done what it was asked.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str | None = None,
        *,
        retry_after: int | None = None,
        errors: Mapping[str, Any] | None = None,
        members: Mapping[str, Any] | None = None,
        answer_lost: bool = False,
    ) -> None:
        super().__init__(f"{code}: {detail or code.detail}")
        self.code = code
        self.detail = detail or code.detail
        self.retry_after = retry_after
        self.errors = errors
        self.members = members or {}
        self.answer_lost = answer_lost
