"""What the contract says that no code says: the words of the OpenAPI document's shared parts."""

from typing import Any, NamedTuple

from app.auth.token import DEVICES_SCOPE
from app.errors import ErrorCode
from app.http.problems import PROBLEM_TYPES, TYPE_PREFIX

TITLE = "Device BFF"
VERSION = "1.0.0"
SUMMARY = "A signed-in user's devices in Amazon Cognito, for any frontend."

DESCRIPTION = """\
Build "Your devices" screens: list the devices a user signs in with, name and remember new ones,
forget lost ones, sign out everywhere. Made for browsers and apps; no AWS SDK needed.

## Signing in

Sign the user in with Cognito as you do already, and send the **access token** (not the ID token)
as `Authorization: Bearer <token>`. It must carry the scope `aws.cognito.signin.user.admin`, which
tokens of Cognito's own sign-in calls have. Federated and Hosted UI sign-ins have no device.

## Words

| word | meaning |
| --- | --- |
| **tracked** | Cognito knows the device: its name, when and from where it last signed in. |
| **remembered** | Tracked, and trusted: the device's own secret stands in for the second factor. |
| **not remembered** | Tracked, but the second factor is asked for at every sign-in. |
| **forgotten** | Gone. The device's refresh tokens stop working; its access token works on until \
it expires, an hour by default. |
| **current** | The device that this access token was issued to. |

Whether a tracked device is remembered at once or only after the user **opts in** is a setting of
the user pool. `trackDevice` tells which, in `userConfirmationNecessary`: when true, ask the user,
then call `updateCurrentDevice`. Cognito lists and shows remembered devices only; one that is
tracked and not remembered can be updated and forgotten, but answers 404 when it is asked for.

## Problems

Every error is an [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem. Branch on `code`,
show your own words, and log `requestId`.

Besides the codes that each call lists, an address that does not exist answers 404 `not-found`, and
a method that it does not have 405 `method-not-allowed`. What never became a call, because it is
not HTTP, too large or too slow, answers 400 `malformed-request`, 408 `request-timeout`,
414 `uri-too-long` or 431 `headers-too-large`.

Retry on 429, 502, 503 and 504 only; wait for `Retry-After` seconds where it is sent.

## Compatibility

Within one major version nothing is taken away. New members and new problem codes may come:
ignore those you do not know. Requests are the other way round: an unknown member is refused, so
that a misspelt one does not go unnoticed.
"""

TAGS = [
    {"name": "devices", "description": "The devices of the user whose access token is sent."},
    {"name": "health", "description": "For those who run the service, and their load balancers."},
]

SERVERS = [
    {"url": "/", "description": "The service that this document came from"},
    {"url": "http://127.0.0.1:8000", "description": "The service on your machine, by `make run`"},
]

ACCESS_TOKEN = "accessToken"  # noqa: S105
SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": f"The user's Cognito access token, with the scope `{DEVICES_SCOPE}`.",
}

EXAMPLE_DEVICE = "/devices/eu-west-1_5f0c7a52-3d1e-4b7a-9c55-0c6a3e1d9f42"

REQUEST_ID = "X-Request-ID"
RATE_LIMIT_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")

HEADERS: dict[str, dict[str, Any]] = {
    "Link": {
        "description": "The next page, while there is one (RFC 8288). `nextCursor` says the same.",
        "schema": {"type": "string", "minLength": 1},
        "example": '</devices?limit=20&cursor=CAISYWV1>; rel="next"',
    },
    "Location": {
        "description": "Where the device is found.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": EXAMPLE_DEVICE,
    },
    REQUEST_ID: {
        "description": "The request's id, in our logs too: yours if you sent a well-formed one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
        "example": "7b2d6f0a-54c1-4d0e-9d0b-3a1f2f7c9e11",
    },
    "RateLimit-Limit": {
        "description": "How many calls this caller may make in the current window.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 120,
    },
    "RateLimit-Remaining": {
        "description": "How many of them are left.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 117,
    },
    "RateLimit-Reset": {
        "description": "Seconds until the window ends.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 42,
    },
    "Retry-After": {
        "description": "Seconds to wait before trying again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "example": 1,
    },
    "WWW-Authenticate": {
        "description": "What the token is short of (RFC 6750, section 3).",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer"},
        "example": 'Bearer error="invalid_token", '
        'error_description="The access token has expired. Refresh it."',
    },
}


class ProblemText(NamedTuple):
    """`when` it happens, in the words of a heading; `detail` of its example."""

    when: str
    detail: str
    instance: str = "/devices"
    errors: dict[str, list[str]] | None = None


PROBLEMS: dict[ErrorCode, ProblemText] = {
    ErrorCode.MISSING_TOKEN: ProblemText(
        "The Authorization header is missing or malformed.",
        "Send the signed-in user's Cognito access token as 'Authorization: Bearer <token>'.",
    ),
    ErrorCode.INVALID_TOKEN: ProblemText(
        "The token expired, was revoked, is an ID token, or is another pool's or app client's. "
        "Refresh it, or sign in again.",
        "The access token has expired. Refresh it.",
    ),
    ErrorCode.INSUFFICIENT_SCOPE: ProblemText(
        f"The token lacks the scope `{DEVICES_SCOPE}`.",
        f"The access token lacks the scope {DEVICES_SCOPE}. Ask for it when the user signs in.",
    ),
    ErrorCode.USER_NOT_CONFIRMED: ProblemText(
        "The user has not confirmed the sign-up.",
        "The user has not confirmed the sign-up. Confirm it, then sign in again.",
    ),
    ErrorCode.PASSWORD_RESET_REQUIRED: ProblemText(
        "The user must reset the password first.",
        "The user must reset the password, then sign in again.",
    ),
    ErrorCode.BLOCKED: ProblemText(
        "The user pool's firewall (AWS WAF) blocked the request.",
        "The user pool's web application firewall blocked the request.",
    ),
    ErrorCode.DEVICE_NOT_FOUND: ProblemText(
        "The device is unknown, was forgotten, or is not remembered.",
        "No such device: it is unknown, was forgotten or is not remembered.",
        EXAMPLE_DEVICE,
    ),
    ErrorCode.NO_CURRENT_DEVICE: ProblemText(
        "The token names no device: the sign-in was federated or through the Hosted UI, or the "
        "pool tracks none.",
        "The access token names no device: the sign-in was federated or through the Hosted UI, "
        "or the user pool tracks no devices.",
        "/devices/current",
    ),
    ErrorCode.DEVICE_ALREADY_TRACKED: ProblemText(
        "The device key has been tracked before.",
        "This device key has been confirmed before. Sign in anew to be given another.",
    ),
    ErrorCode.VALIDATION_FAILED: ProblemText(
        "A member or a parameter is wrong; `errors` says which.",
        "The request is not valid; 'errors' says what to change, field by field.",
        errors={"status": ["Must be one of: remembered, not_remembered."]},
    ),
    ErrorCode.MALFORMED_BODY: ProblemText(
        "The body is not JSON, or is not sent as application/json.",
        "The body is not valid JSON.",
    ),
    ErrorCode.BODY_TOO_LARGE: ProblemText(
        "The body takes more than 16 KiB.",
        "The body may take 16 KiB at most.",
    ),
    ErrorCode.INVALID_PARAMETER: ProblemText(
        "Cognito refused what was well-formed: a stale cursor, a device key of another sign-in.",
        "Cognito refused a parameter of the request.",
    ),
    ErrorCode.RATE_LIMITED: ProblemText(
        "The caller made too many calls.",
        "More than 120 per minute from this user. Wait, then try again.",
    ),
    ErrorCode.QUOTA_EXCEEDED: ProblemText(
        "Cognito's quota, which all users share, is used up for this second.",
        "Cognito's request quota for the account is used up. Try again shortly.",
    ),
    ErrorCode.DEVICE_TRACKING_UNAVAILABLE: ProblemText(
        "The user pool tracks no devices, or has the operation turned off.",
        "The user pool does not track devices. Its administrator can turn device tracking on.",
    ),
    ErrorCode.UPSTREAM_ERROR: ProblemText(
        "Cognito failed, or answered what could not be understood.",
        "Amazon Cognito failed to serve the request.",
    ),
    ErrorCode.UPSTREAM_TIMEOUT: ProblemText(
        "Cognito did not answer in time.",
        "Amazon Cognito did not answer in time.",
    ),
    ErrorCode.UPSTREAM_UNAVAILABLE: ProblemText(
        "Cognito is known to be down, or too many calls of it are under way. Nothing was changed.",
        "Amazon Cognito is not answering at the moment. Nothing was changed. Try again later.",
    ),
    ErrorCode.INTERNAL_ERROR: ProblemText(
        "A fault of ours. The request id tells us what.",
        "Something went wrong on our side. The request id tells us what.",
    ),
}
"""The codes that are not here are in `DESCRIPTION`: no call of the contract answers with them."""

EVERY_DEVICES_CALL = (
    ErrorCode.INVALID_PARAMETER,
    ErrorCode.MISSING_TOKEN,
    ErrorCode.INVALID_TOKEN,
    ErrorCode.INSUFFICIENT_SCOPE,
    ErrorCode.USER_NOT_CONFIRMED,
    ErrorCode.PASSWORD_RESET_REQUIRED,
    ErrorCode.BLOCKED,
    ErrorCode.RATE_LIMITED,
    ErrorCode.QUOTA_EXCEEDED,
    ErrorCode.INTERNAL_ERROR,
    ErrorCode.DEVICE_TRACKING_UNAVAILABLE,
    ErrorCode.UPSTREAM_ERROR,
    ErrorCode.UPSTREAM_UNAVAILABLE,
    ErrorCode.UPSTREAM_TIMEOUT,
)
"""What each of Cognito's six operations may answer (their botocore model), and what we check."""


def example_problem(code: ErrorCode, instance: str | None = None) -> dict[str, Any]:
    """The members of a problem of `code`, as a caller may be told them."""
    status, title = PROBLEM_TYPES[code]
    text = PROBLEMS[code]
    members: dict[str, Any] = {
        "type": f"{TYPE_PREFIX}{code}",
        "title": title,
        "status": status,
        "detail": text.detail,
        "instance": instance or text.instance,
        "code": str(code),
        "requestId": HEADERS[REQUEST_ID]["example"],
    }
    return members | ({"errors": text.errors} if text.errors else {})
