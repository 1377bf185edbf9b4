"""The Cognito operations that the service stands on, as data: one row each.

Each takes the user's own access token and nothing else (`auth: smithy.api#noAuth` in the botocore
model of cognito-idp). Quota categories are those of the Developer Guide, "Quotas"; for the session
operations AWS names none, so they count against the two of devices.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.errors import ErrorCode

READS, UPDATES, SIGN_OUTS = "UserResourceRead", "UserResourceUpdate", "UserUpdate"

REPEAT = "repeating the call is safe."
STALE_CURSOR = (
    "Cognito refused the cursor: it is stale or belongs to another user. Start again from the "
    "first page."
)


class StepUpRule(StrEnum):
    """When a call asks for a recent or strong sign-in, where the operator has set that."""

    ALWAYS = "always"
    ANOTHER_DEVICE = "another-device"
    REMEMBERING = "remembering"


NEVER: tuple[StepUpRule, ...] = ()


@dataclass(frozen=True)
class Operation:
    """An operation of Cognito's.

    `quota`: the category that it counts against. `not_found`: what ResourceNotFoundException means.
    `invalid`: what InvalidParameterException means, and `refused` what to say then. `lost`: what
    may have happened, and what to do, when a write's answer was lost; None for a read.
    `done_if_refused_with`: the refusal of a repeated call that shows that it is done.
    `unavailable`: what OperationNotEnabledException means. `not_authorized`: what a
    NotAuthorizedException means whose message is not about the access token. `step_up`: when it
    asks for a recent or strong sign-in.
    """

    name: str
    quota: str
    not_found: ErrorCode = ErrorCode.UPSTREAM_ERROR
    invalid: ErrorCode = ErrorCode.INVALID_PARAMETER
    refused: str | None = None
    lost: str | None = None
    done_if_refused_with: ErrorCode | None = None
    unavailable: ErrorCode = ErrorCode.DEVICE_TRACKING_UNAVAILABLE
    not_authorized: ErrorCode = ErrorCode.INVALID_TOKEN
    step_up: tuple[StepUpRule, ...] = field(kw_only=True)


LIST_DEVICES = Operation("ListDevices", READS, refused=STALE_CURSOR, step_up=NEVER)
GET_DEVICE = Operation("GetDevice", READS, ErrorCode.DEVICE_NOT_FOUND, step_up=NEVER)
CONFIRM_DEVICE = Operation(
    "ConfirmDevice",
    UPDATES,
    ErrorCode.DEVICE_NOT_FOUND,
    refused="Cognito refused the device key, its name or its secret verifier. The key must be the "
    "one that this sign-in was given.",
    # Cognito may hold the verifier of another call: 'already tracked' settles nothing here.
    step_up=(StepUpRule.ALWAYS,),
    lost="The device may be tracked already. With secretVerifier, repeat the call with the same "
    "verifier and take 'device-already-tracked' for success. With deviceGroupKey, forget the "
    "device and sign the user in again.",
)
UPDATE_DEVICE_STATUS = Operation(
    "UpdateDeviceStatus",
    UPDATES,
    ErrorCode.DEVICE_NOT_FOUND,
    step_up=(StepUpRule.REMEMBERING, StepUpRule.ANOTHER_DEVICE),
    lost=f"The status may have changed already; {REPEAT}",
)
FORGET_DEVICE = Operation(
    "ForgetDevice",
    UPDATES,
    ErrorCode.DEVICE_NOT_FOUND,
    step_up=(StepUpRule.ANOTHER_DEVICE,),
    lost=f"The device may have been forgotten already; {REPEAT}",
    done_if_refused_with=ErrorCode.DEVICE_NOT_FOUND,
)
GLOBAL_SIGN_OUT = Operation(
    "GlobalSignOut",
    SIGN_OUTS,
    step_up=NEVER,
    # An invalid token settles nothing: one that had expired before has signed nobody out.
    lost=f"The user may have been signed out already; {REPEAT}",
)
LIST_USER_SESSIONS = Operation(
    "ListUserSessions",
    READS,
    ErrorCode.SESSION_TRACKING_UNAVAILABLE,
    step_up=NEVER,
    refused=STALE_CURSOR,
    unavailable=ErrorCode.SESSION_TRACKING_UNAVAILABLE,
    # AWS does not document what it answers while tracking is off. Not 401: pages throw tokens away.
    not_authorized=ErrorCode.SESSION_TRACKING_UNAVAILABLE,
)
REVOKE_USER_SESSION = Operation(
    "RevokeUserSession",
    UPDATES,
    ErrorCode.SESSION_NOT_FOUND,
    # AWS does not document how it refuses the caller's own session: the service looks it up.
    invalid=ErrorCode.CURRENT_SESSION,
    not_authorized=ErrorCode.CURRENT_SESSION,
    step_up=(StepUpRule.ALWAYS,),
    lost=f"The session may have ended already; {REPEAT}",
    done_if_refused_with=ErrorCode.SESSION_NOT_FOUND,
    unavailable=ErrorCode.SESSION_TRACKING_UNAVAILABLE,
)

OPERATIONS = (
    LIST_DEVICES,
    GET_DEVICE,
    CONFIRM_DEVICE,
    UPDATE_DEVICE_STATUS,
    FORGET_DEVICE,
    GLOBAL_SIGN_OUT,
    LIST_USER_SESSIONS,
    REVOKE_USER_SESSION,
)
