"""What the contract says that no code says: the words of the OpenAPI document's shared parts."""

from typing import Any, NamedTuple

from app.domain.access_token import DEVICES_SCOPE, SCOPE_LACKING
from app.domain.errors import ErrorCode
from app.http import request_ids
from app.http.body import TOO_LARGE
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

## Retrying

Only 429, 502, 503 and 504 are worth another try; wait for `Retry-After` seconds where it is sent.
When Cognito's answer was lost, the change may have been made: `detail` then says so. Reads are safe
to repeat, and so are all changes but one:

- `updateDevice` and `updateCurrentDevice` end in the same status, however often they are called.
- `forgetDevice` and `forgetCurrentDevice`: a 404 `device-not-found` after a repetition means that
  it is done.
- `signOutEverywhere`: after a 401 `invalid-token`, refresh the token. It is done if that fails,
  too; or else repeat the call with the new token.
- `forgetDevices` goes on with those that are left.
- **`trackDevice` with `deviceGroupKey` is not safe to repeat**: the first call may have tracked
  the device, and the `devicePassword` that it answered is lost. Forget the device and sign the
  user in anew. With `secretVerifier`, repeat it with the same verifier, and take 409
  `device-already-tracked` for success.

## Compatibility

Within one major version nothing is taken away. New members and new problem codes may come:
ignore those you do not know. Requests are the other way round: an unknown member is refused, so
that a misspelt one does not go unnoticed. So are an unknown query parameter and
one that is sent twice, by the calls that have a query; the others take no notice of a query.
"""

TAGS = [
    {"name": "devices", "description": "The devices of the user whose access token is sent."},
    {"name": "health", "description": "For those who run the service, and their load balancers."},
]

SERVERS = [{"url": "/", "description": "The service that this document came from"}]

ACCESS_TOKEN = "accessToken"  # noqa: S105
SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": f"The user's Cognito access token, with the scope `{DEVICES_SCOPE}`.",
}

EXAMPLE_DEVICE = "/devices/eu-west-1_5f0c7a52-3d1e-4b7a-9c55-0c6a3e1d9f42"

REQUEST_ID = request_ids.HEADER
CACHE_CONTROL = "Cache-Control"
RATE_LIMIT_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")

LINK_MAX_LENGTH = 16 * 1024
"""A cursor of 4096 characters, each of them percent-encoded, and then some."""
INSUFFICIENT_SCOPE = "WWW-Authenticate-Scope"
"""The component that describes WWW-Authenticate where it is sent for one of the codes only."""

HEADERS: dict[str, dict[str, Any]] = {
    CACHE_CONTROL: {
        "description": "Answers are about one user, and about now: nothing may keep a copy.",
        "required": True,
        "schema": {"type": "string", "enum": ["no-store"]},
        "example": "no-store",
    },
    "Link": {
        "description": "The next page, while there is one (RFC 8288). `nextCursor` says the same.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LINK_MAX_LENGTH},
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
        "schema": {"type": "string", "pattern": f"^{request_ids.PATTERN}$"},
        "example": "7b2d6f0a-54c1-4d0e-9d0b-3a1f2f7c9e11",
    },
    "RateLimit-Limit": {
        "description": "How many calls this caller may make in the current window.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 120,
    },
    "RateLimit-Remaining": {
        "description": "How many of them are left. Approximate where the processes of the service "
        "share no Redis: each then counts the calls that came to it.",
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
    INSUFFICIENT_SCOPE: {
        "description": "With `insufficient-scope` only: the scope to ask for (RFC 6750, "
        "section 3).",
        "schema": {"type": "string", "pattern": "^Bearer"},
        "example": f'Bearer error="insufficient_scope", scope="{DEVICES_SCOPE}"',
    },
}


REQUEST_ID_PARAMETER: dict[str, Any] = {
    "in": "header",
    "name": REQUEST_ID,
    "description": "An id of your own for the request, to find it in our logs: 1 to 128 of ASCII "
    "letters, digits and `._:-`. Anything else is replaced, not refused.",
    "schema": {"type": "string"},
}
"""Without an example, which Swagger UI would send with each call."""


class ProblemText(NamedTuple):
    """`when` it happens, in the words of a heading; `detail` and `errors` of its example."""

    when: str
    detail: str
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
        SCOPE_LACKING,
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
    ),
    ErrorCode.NO_CURRENT_DEVICE: ProblemText(
        "The token names no device: the sign-in was federated or through the Hosted UI, or the "
        "pool tracks none.",
        "The access token names no device: the sign-in was federated or through the Hosted UI, "
        "or the user pool tracks no devices.",
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
        TOO_LARGE,
    ),
    ErrorCode.INVALID_PARAMETER: ProblemText(
        "Cognito refused what was well-formed.",
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
        "Cognito is known to be down, or too many calls of it are under way.",
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


_STATUS_UPDATE = {
    ErrorCode.VALIDATION_FAILED: PROBLEMS[ErrorCode.VALIDATION_FAILED],
}

PROBLEMS_OF: dict[str, dict[ErrorCode, ProblemText]] = {
    "listDevices": {
        ErrorCode.INVALID_PARAMETER: ProblemText(
            "Cognito refused the cursor: it is stale, or another user's.",
            "Cognito refused the cursor: it is stale or not one of this user's. "
            "Start again from the first page.",
        ),
        ErrorCode.VALIDATION_FAILED: PROBLEMS[ErrorCode.VALIDATION_FAILED]._replace(
            errors={"limit": ["Must be greater than or equal to 1 and less than or equal to 60."]}
        ),
    },
    "trackDevice": {
        ErrorCode.INVALID_PARAMETER: ProblemText(
            "Cognito refused the device key, its name or its secret: the key must be the one that "
            "this very sign-in was given.",
            "Cognito refused the device key, its name or its secret verifier. The key must be the "
            "one that this sign-in was given.",
        ),
        ErrorCode.VALIDATION_FAILED: PROBLEMS[ErrorCode.VALIDATION_FAILED]._replace(
            errors={
                "body": [
                    "Send either secretVerifier, or deviceGroupKey to have the secret made here."
                ]
            }
        ),
        ErrorCode.DEVICE_ALREADY_TRACKED: PROBLEMS[ErrorCode.DEVICE_ALREADY_TRACKED]._replace(
            when="The device key has been tracked before. After a repetition with the same "
            "`secretVerifier` it means success; after one with `deviceGroupKey`, that the "
            "`devicePassword` is lost: forget the device and sign the user in anew.",
        ),
    },
    "forgetDevices": {
        ErrorCode.INVALID_PARAMETER: ProblemText(
            "Devices came or went while the list was read; nothing was forgotten.",
            "The list of devices changed while it was read. Nothing was forgotten; repeat the "
            "call.",
        ),
        ErrorCode.VALIDATION_FAILED: PROBLEMS[ErrorCode.VALIDATION_FAILED]._replace(
            errors={"scope": ["Missing data for required field."]}
        ),
    },
    "updateDevice": _STATUS_UPDATE,
    "updateCurrentDevice": _STATUS_UPDATE,
}
"""By operation: what its problems say where it is not what they say elsewhere."""

_FORGET = "The device may have been forgotten already; repeating the call is safe."
_UPDATE = "The status may have changed already; repeating the call is safe."
UNSETTLED: dict[str, str] = {
    "trackDevice": "The device may be tracked already. With `secretVerifier`, repeat the call with "
    "the same verifier; with `deviceGroupKey`, do not: forget the device and sign the user in "
    "anew.",
    "forgetDevices": "Nothing was forgotten: the list is read first. Repeating the call is safe.",
    "updateDevice": _UPDATE,
    "updateCurrentDevice": _UPDATE,
    "forgetDevice": _FORGET,
    "forgetCurrentDevice": _FORGET,
    "signOutEverywhere": "The user may have been signed out already; repeating the call is safe.",
}
"""By operation that changes something: what may have happened when Cognito's answer was lost."""

LOST = (ErrorCode.UPSTREAM_ERROR, ErrorCode.UPSTREAM_TIMEOUT)
"""What a caller is told when an answer was lost."""
LOST_BEFORE = (ErrorCode.QUOTA_EXCEEDED, ErrorCode.UPSTREAM_UNAVAILABLE)
"""Nothing was changed, unless an attempt before the last had lost its answer."""

_TOLD = UNSETTLED | {
    "trackDevice": "The device may be tracked already: repeat the call with the same verifier, "
    "and take 'device-already-tracked' for success; a device whose secret was to be made here is "
    "to be forgotten, and the user signed in anew.",
}


def problem_text(code: ErrorCode, operation: str = "") -> ProblemText:
    """What a problem of `code` says; `operation`: the id of the one that answers with it."""
    text = PROBLEMS_OF.get(operation, {}).get(code, PROBLEMS[code])
    if operation not in UNSETTLED or code not in (*LOST, *LOST_BEFORE):
        return text
    advice = UNSETTLED[operation]
    if operation == "forgetDevices" or code in LOST:
        text = text._replace(when=f"{text.when} {advice}")
    else:
        text = text._replace(
            when=f"{text.when} Nothing was changed, unless `detail` says otherwise: {advice}"
        )
    if operation != "forgetDevices" and code is ErrorCode.UPSTREAM_TIMEOUT:
        text = text._replace(detail=f"{text.detail} {_TOLD[operation]}")
    return text


def example_problem(code: ErrorCode, instance: str, operation: str = "") -> dict[str, Any]:
    """The members of a problem of `code`, as a caller of `operation` may be told them."""
    status, title = PROBLEM_TYPES[code]
    text = problem_text(code, operation)
    members: dict[str, Any] = {
        "type": f"{TYPE_PREFIX}{code}",
        "title": title,
        "status": status,
        "detail": text.detail,
        "instance": instance,
        "code": str(code),
        "requestId": HEADERS[REQUEST_ID]["example"],
    }
    return members | ({"errors": text.errors} if text.errors else {})
