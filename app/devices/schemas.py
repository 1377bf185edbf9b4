"""JSON in and out of the `/devices` calls."""

import unicodedata
from functools import partial
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from app.domain.devices import (
    ATTRIBUTE_MAX_LENGTH,
    ATTRIBUTES_MAX,
    DEVICE_KEY_MAX_LENGTH,
    DEVICE_KEY_PATTERN,
    DEVICE_NAME_MAX_LENGTH,
    LIST_LIMIT_MAX,
    DeletionScope,
    DeviceStatus,
    SecretVerifier,
    TrackingStatus,
)
from app.http.blueprint import example
from app.http.problems import ProblemSchema
from app.http.schemas import (
    AnswerSchema,
    CamelCaseSchema,
    DescribedSchema,
    Matches,
    WholeNumber,
    answer,
    answer_enum,
    answer_list,
    answer_text,
    cursor,
    enum,
    ip_address,
    moment,
    next_cursor,
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


def device_key(description: str, *, nullable: bool = False) -> Any:
    """A device key in an answer."""
    return answer_text(
        description, example("laptop/id"), nullable=nullable, validate=DEVICE_KEY_RULES
    )


def is_current() -> Any:
    return answer(
        fields.Boolean,
        "Whether this is the device that the access token was issued to, "
        "the one in the user's hands.",
    )


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


class DeviceSchema(DescribedSchema):
    """A device the user signs in with."""

    id = device_key("The device key, which Cognito gave the device when it first signed in.")
    name = answer_text(
        "The name as Cognito holds it, which may be a library's own; null when the device was "
        "tracked without one. Show `displayName` instead. Set once, by `trackDevice` or by the "
        "library that confirmed the device: Cognito cannot rename a device.",
        example("laptop/name"),
        nullable=True,
        validate=validate.Length(max=DEVICE_NAME_MAX_LENGTH),
    )
    status = answer_enum(
        DeviceStatus,
        "`remembered`: the device may stand in for the second factor at the "
        "next sign-in. `not_remembered`: it is known, and the second factor is asked for. "
        "Change it with `updateDevice`.",
    )
    current = is_current()
    last_ip_address = ip_address("The address that the device last signed in from.")
    created_at = moment("When the device was first tracked.", "2026-01-12T08:30:05Z")
    last_modified_at = moment("When its status last changed.", "2026-01-12T08:30:06Z")
    last_authenticated_at = moment("When it last signed in.", "2026-03-02T07:58:41Z")
    trust_expires_at = moment(
        "When a remembered device stops being trusted, where the operator has set TRUST_DAYS; null "
        "otherwise. Forget expired devices with `forgetDevices`.",
        "2026-04-12T08:30:05Z",
    )
    attributes = answer(
        fields.Dict,
        "What else Cognito said about the device, by its own names. For support staff rather than "
        "for users.",
        {"device_status": "valid"},
        keys=fields.String(),
        values=fields.String(
            validate=validate.Length(max=ATTRIBUTE_MAX_LENGTH),
            metadata={"description": "The attribute's value."},
        ),
        metadata={"maxProperties": ATTRIBUTES_MAX},
    )


class DevicePageSchema(AnswerSchema):
    """One page of the user's devices."""

    items = answer_list(DeviceSchema, LIST_LIMIT_MAX, "The remembered devices, in Cognito's order.")
    next_cursor = next_cursor(example("first-page/nextCursor"))
    current_device_id = device_key(
        "The device that this call is made from, also where Cognito does not list it: then it is "
        "not remembered, and a page can offer to remember it. Null when the token names none.",
        nullable=True,
    )


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


class TrackedDeviceSchema(AnswerSchema):
    """The result of tracking a device."""

    id = device_key("The device key that was sent.")
    status = answer_enum(
        TrackingStatus, "`remembered`, or `tracked` while the user must still opt in."
    )
    user_confirmation_necessary = answer(
        fields.Boolean,
        "True where the user pool lets its users choose, and this one is still to be asked.",
    )
    device_password = fields.String(
        validate=validate.Length(min=4, max=256),
        metadata={
            "description": "The device's secret, when the service made it: the password of "
            "DEVICE_SRP_AUTH. Keep it where the device key is kept. It is sent this once only.",
            "examples": [example("tracked-until-opt-in/devicePassword")],
        },
    )


class StatusUpdateSchema(CamelCaseSchema):
    """Whether to remember a device."""

    status = enum(
        DeviceStatus,
        "`remembered`: let the device stand in for the second factor. `not_remembered`: ask for it "
        "again. It may change as often as the user likes.",
        required=True,
    )


class StatusChangeSchema(AnswerSchema):
    """A device's new status."""

    id = device_key("The device whose status changed.")
    status = answer_enum(DeviceStatus, "The status it has now.")
    current = is_current()


class FailedForgetSchema(AnswerSchema):
    """A device that was not forgotten."""

    id = device_key("The device that was not forgotten.")
    problem = answer(
        partial(fields.Nested, ProblemSchema), "Why, as `forgetDevice` would have answered."
    )


class ForgetReportSchema(AnswerSchema):
    """The result of forgetting many devices."""

    forgotten = answer_list(
        device_key("A device key."),
        FORGET_MAX,
        "The devices forgotten, in the order it was done: with `scope=all`, the current one last.",
    )
    failed = answer_list(
        FailedForgetSchema,
        FORGET_MAX,
        "The devices not forgotten. Repeat the call for the rest; `device-not-found` needs none.",
    )
