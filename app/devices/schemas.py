"""JSON in and out of the `/devices` calls."""

import unicodedata
from typing import Annotated, Any, TypedDict

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from app.domain.bounds import Bounds
from app.domain.devices import (
    DEVICE_KEY_MAX_LENGTH,
    DEVICE_KEY_PATTERN,
    DEVICE_NAME_MAX_LENGTH,
    LIST_LIMIT_MAX,
    DeletionScope,
    Device,
    DeviceKey,
    DevicePage,
    DeviceStatus,
    SecretVerifier,
    StatusChange,
    TrackedDevice,
)
from app.http.blueprint import example
from app.http.problems import ProblemSchema
from app.http.schemas import (
    CamelCaseSchema,
    Matches,
    WholeNumber,
    answer_schema,
    cursor,
    enum,
    reason,
)
from app.naming import shows_nothing, turns_text_round

FORGET_MAX = 100_000
"""Cognito states no bound; this is far more devices than could be read before a call must end."""

GROUP_KEY_PATTERN = r"^[A-Za-z0-9_-]+$"
BASE64_PATTERN = r"^[A-Za-z0-9+/]+={0,2}$"
"""Padded or not: AWS's own example of ConfirmDevice goes without."""
_NEVER = r"\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069"
NAME_PATTERN = rf"^[^{_NEVER}]*[^{_NEVER}\s\u200b-\u200d\u2060\ufeff][^{_NEVER}]*$"
"""What `readable` accepts, as far as ECMAScript's escapes go: tags are beyond them."""

DEVICE_KEY_RULES = [
    validate.Length(min=1, max=DEVICE_KEY_MAX_LENGTH),
    Matches(DEVICE_KEY_PATTERN, error="Not a device key."),
]
ONE_SECRET = "Send exactly one of secretVerifier and deviceGroupKey."  # noqa: S105


def readable(name: str) -> None:
    """Refuse what NAME_PATTERN does, saying why."""
    if shows_nothing(name):
        raise ValidationError("Must show something: these characters are all invisible.")
    if turns_text_round(name):
        raise ValidationError(
            "Must not contain characters that turn text round (U+202A to U+202E, U+2066 to U+2069)."
        )
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise ValidationError("Must not contain control characters.")


class PageQuerySchema(CamelCaseSchema):
    """Which page of the devices."""

    limit = WholeNumber(
        load_default=LIST_LIMIT_MAX,
        validate=validate.Range(min=1, max=LIST_LIMIT_MAX),
        metadata={
            "description": "How many devices a page may hold; it may hold fewer.",
            "examples": [20],
        },
    )
    cursor = cursor(example("first-page/nextCursor"))


class DeletionQuerySchema(CamelCaseSchema):
    """Which devices to forget."""

    scope = enum(
        DeletionScope,
        "`others`: all devices that `listDevices` shows, but the one this call is made from; when "
        "the token names no device, all of them. `all`: that one too. `inactive`: those whose last "
        "sign-in is `days` ago, never one without that date; a phone that only refreshes its "
        "tokens looks unused. `expired`: those whose `trustExpiresAt` is past, where the operator "
        "has set TRUST_DAYS. Neither forgets the one this call is made from. Required, so that no "
        "mistake forgets everything.",
        required=True,
    )
    days = WholeNumber(
        validate=validate.Range(min=1, max=3650),
        metadata={
            "description": "With `inactive`, and only with it: how long ago the last sign-in is.",
            "examples": [90],
        },
    )
    reason = reason()

    @validates_schema
    def days_go_with_inactive(self, data: dict[str, Any], **_: Any) -> None:
        inactive = data.get("scope") is DeletionScope.INACTIVE
        if inactive and "days" not in data:
            raise ValidationError("Missing: `inactive` needs it.", "days")
        if not inactive and "days" in data:
            raise ValidationError("Goes with `scope=inactive` only.", "days")


class ForgettingQuerySchema(CamelCaseSchema):
    """Why to forget a device."""

    reason = reason()


class SecretVerifierSchema(CamelCaseSchema):
    """The SRP verifier of a secret that the client made."""

    password_verifier = fields.String(
        required=True,
        validate=[validate.Length(min=4, max=1024), Matches(BASE64_PATTERN, error="Not base64.")],
        metadata={
            "description": "The verifier v of RFC 2945 in Cognito's 3072-bit group, big-endian, "
            "in base64.",
            "examples": [example("track-with-verifier/secretVerifier/passwordVerifier")],
        },
    )
    salt = fields.String(
        required=True,
        validate=[validate.Length(min=4, max=256), Matches(BASE64_PATTERN, error="Not base64.")],
        metadata={
            "description": "The random salt that the verifier was computed with, in base64.",
            "examples": [example("track-with-verifier/secretVerifier/salt")],
        },
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> SecretVerifier:
        return SecretVerifier(**data)


class TrackDeviceSchema(CamelCaseSchema):
    """A device to track, with exactly one of `secretVerifier` and `deviceGroupKey`."""

    device_key = fields.String(
        required=True,
        validate=DEVICE_KEY_RULES,
        metadata={
            "description": "`AuthenticationResult.NewDeviceMetadata.DeviceKey` of this sign-in; "
            "the access token must be from the same sign-in.",
            "examples": [example("laptop/id")],
        },
    )
    name = fields.String(
        load_default=None,
        validate=[validate.Length(min=1, max=DEVICE_NAME_MAX_LENGTH), readable],
        metadata={
            "description": "What to call the device. Left out, it is named after the "
            'User-Agent header, as "Chrome on macOS". It cannot be changed later.',
            "pattern": NAME_PATTERN,
            "examples": ["Ana's laptop"],
        },
    )
    secret_verifier = fields.Nested(
        SecretVerifierSchema,
        load_default=None,
        metadata={
            "description": "Preferred: the verifier of the secret that the client made and keeps. "
            "The service never sees the secret."
        },
    )
    device_group_key = fields.String(
        load_default=None,
        validate=[
            validate.Length(min=1, max=128),
            Matches(GROUP_KEY_PATTERN, error="Not a device group key."),
        ],
        metadata={
            "description": "For clients without an SRP library: "
            "`AuthenticationResult.NewDeviceMetadata.DeviceGroupKey` of this sign-in. The service "
            "makes the secret and answers it once, as `devicePassword`. The call is then not safe "
            "to repeat.",
            "examples": [example("track-with-group-key/deviceGroupKey")],
        },
    )

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def require_one_secret(self, data: Any, sent: Any, **_: Any) -> None:
        """Together with what else is wrong, so that the caller learns of all at once."""
        ways = ("secretVerifier", "deviceGroupKey")
        if isinstance(sent, dict) and sum(sent.get(way) is not None for way in ways) != 1:
            raise ValidationError({way: [ONE_SECRET] for way in ways})


class StatusUpdateSchema(CamelCaseSchema):
    """Whether to remember a device."""

    status = enum(
        DeviceStatus,
        "`remembered`: let the device stand in for the second factor. `not_remembered`: ask for it "
        "again. It may change as often as the user likes.",
        required=True,
    )


class FailedForget(TypedDict):
    """A device that was not forgotten."""

    id: Annotated[DeviceKey, "The device that was not forgotten."]
    problem: Annotated[dict[str, Any], "Why, as `forgetDevice` would have answered."]


class ForgetReport(TypedDict):
    """The result of forgetting many devices."""

    forgotten: Annotated[
        list[DeviceKey],
        Bounds(FORGET_MAX),
        "The devices forgotten, in the order it was done: with `scope=all`, the current one last.",
    ]
    failed: Annotated[
        list[FailedForget],
        Bounds(FORGET_MAX),
        "The devices not forgotten. Repeat the call for the rest; `device-not-found` needs none.",
    ]


DeviceSchema = answer_schema(Device, "laptop")
DevicePageSchema = answer_schema(DevicePage, "first-page", items=DeviceSchema)
TrackedDeviceSchema = answer_schema(TrackedDevice, "tracked-until-opt-in")
StatusChangeSchema = answer_schema(StatusChange, "laptop-remembered")
FailedForgetSchema = answer_schema(FailedForget, "some-failed/failed/0", problem=ProblemSchema)
ForgetReportSchema = answer_schema(ForgetReport, "some-failed", failed=FailedForgetSchema)
