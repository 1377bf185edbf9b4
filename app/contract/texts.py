"""The words of the contract that belong to no single call: introduction, tags and headers."""

from typing import Any

from app.domain.errors import USER_ADMIN_SCOPE
from app.http import request_ids

TITLE = "Device BFF"
VERSION = "1.0.0"
SUMMARY = "A signed-in user's devices and sessions in Amazon Cognito, for any frontend."

DESCRIPTION = """\
Build "Your devices" and "Where you're signed in": list the devices a user signs in with, remember
new ones, forget lost ones, see and end sessions, sign out everywhere. Made for browsers and apps;
no AWS SDK needed.

## Signing in

Sign the user in with Cognito as you do already, and send the **access token** (not the ID token)
as `Authorization: Bearer <token>`. It must carry the scope `aws.cognito.signin.user.admin`, which
tokens of Cognito's own sign-in calls have. Federated and Hosted UI sign-ins have no device, but
they have sessions.

## Words

| word | meaning |
| --- | --- |
| **tracked** | Cognito knows the device: its name, when and from where it last signed in. |
| **remembered** | Tracked, and trusted: the device's own secret stands in for the second factor. |
| **not remembered** | Tracked, but the second factor is asked for at every sign-in. |
| **forgotten** | Gone. The device's refresh tokens stop working; its access token works on until \
it expires, an hour by default. |
| **current** | The device or the session that this access token belongs to. |
| **session** | A place where the user is signed in, whatever the kind of sign-in. |

Whether a tracked device is remembered at once or only after the user **opts in** is a setting of
the user pool. `trackDevice` tells which, in `userConfirmationNecessary`: when true, ask the user,
then call `updateCurrentDevice`. Cognito lists and shows remembered devices only; one that is
tracked and not remembered can be updated and forgotten, but answers 404 when it is asked for.
`currentDeviceId` in the list names the device in the user's hands also when Cognito does not list
it: offer to remember it.

Amplify's libraries track and name devices themselves after a sign-in. With them, there is no need
for `trackDevice`.

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
- `forgetDevice`, `forgetCurrentDevice` and `endSession`: a 404 `device-not-found` or
  `session-not-found` after a repetition means that it is done.
- `signOutEverywhere`: after a 401 `invalid-token`, refresh the token. If that fails, it is done;
  otherwise repeat the call with the new token.
- `forgetDevices` and `endSessions` go on with those that are left.
- **`trackDevice` with `deviceGroupKey` is not safe to repeat**: the first call may have tracked
  the device, and the `devicePassword` that it answered is lost. Forget the device and sign the
  user in again. With `secretVerifier`, repeat it with the same verifier, and take 409
  `device-already-tracked` for success.

## Compatibility

Within one major version nothing is taken away. New members and new problem codes may come:
ignore those you do not know. Requests are the other way round: an unknown member is refused, so
that a misspelt one does not go unnoticed. So are an unknown query parameter and
one that is sent twice, by the calls that have a query; the others ignore a query.
"""

TAGS = [
    {"name": "devices", "description": "The devices of the user whose access token is sent."},
    {"name": "sessions", "description": "The places where that user is signed in."},
    {"name": "health", "description": "For those who run the service, and their load balancers."},
]

ACCESS_TOKEN = "accessToken"  # noqa: S105
SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": f"The user's Cognito access token, with the scope `{USER_ADMIN_SCOPE}`.",
}

LINK_MAX_LENGTH = 16 * 1024
"""A cursor of 4096 characters, each of them percent-encoded, and then some."""
INSUFFICIENT_SCOPE = "WWW-Authenticate-Scope"
"""The component that describes WWW-Authenticate where it is sent for one of the codes only."""

HEADERS: dict[str, dict[str, Any]] = {
    "Cache-Control": {
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
        "example": "/devices/eu-west-1_5f0c7a52-3d1e-4b7a-9c55-0c6a3e1d9f42",
    },
    request_ids.HEADER: {
        "description": "The request's id, in our logs too: yours if you sent a well-formed one.",
        "required": True,
        "schema": {"type": "string", "pattern": f"^{request_ids.PATTERN}$"},
        "example": request_ids.EXAMPLE,
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
        "description": "What is wrong with the token (RFC 6750, section 3).",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer"},
        "example": 'Bearer error="invalid_token", '
        'error_description="The access token has expired. Refresh it."',
    },
    INSUFFICIENT_SCOPE: {
        "description": "With `insufficient-scope` only: the scope to ask for (RFC 6750, "
        "section 3).",
        "schema": {"type": "string", "pattern": "^Bearer"},
        "example": f'Bearer error="insufficient_scope", scope="{USER_ADMIN_SCOPE}"',
    },
}

OF_EVERY_RESPONSE = (request_ids.HEADER,)
OF_USER_CALLS = ("Cache-Control", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")

REQUEST_ID_PARAMETER: dict[str, Any] = {
    "in": "header",
    "name": request_ids.HEADER,
    "description": "An id of your own for the request, to find it in our logs: 1 to 128 of ASCII "
    "letters, digits and `._:-`. Anything else is replaced, not refused.",
    "schema": {"type": "string"},
}
"""Without an example, which Swagger UI would send with each call."""
