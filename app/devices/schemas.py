"""JSON in and out of the `/devices` calls: camelCase, unknown members refused.

What a field's `metadata` says is for the readers of the contract; `app.contract.spec` adds what the
validators know.
"""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

from marshmallow import (
    EXCLUDE,
    Schema,
    ValidationError,
    fields,
    post_dump,
    post_load,
    validate,
    validates_schema,
)

from app.devices import examples
from app.domain.devices import (
    DEVICE_KEY_MAX_LENGTH,
    DEVICE_KEY_PATTERN,
    DEVICE_NAME_MAX_LENGTH,
    LIST_LIMIT_MAX,
    DeletionScope,
    DeviceStatus,
    RememberedStatus,
    SecretVerifier,
)
from app.http.problems import ProblemSchema

CURSOR_MAX_LENGTH = 4096
CURSOR_PATTERN = r"^[!-~]+$"
"""Cognito asks for no blanks, and its cursors are base64: no need for anything beyond ASCII."""
IP_ADDRESS_MAX_LENGTH = 45
"""An IPv4-mapped IPv6 address, written out."""
IP_ADDRESS_PATTERN = r"^[0-9A-Fa-f.:]+$"
"""For either version. A choice of two formats would be a class of its own in generated clients."""
FORGET_MAX = 100_000
"""Cognito states no bound; this is far more devices than could be read before a call must end."""
ATTRIBUTES_MAX = 100
"""Cognito states no bound, and sends three."""
ATTRIBUTE_MAX_LENGTH = 2048
"""`AttributeValueType` of the botocore model."""

PORTABLE_DEVICE_KEY = DEVICE_KEY_PATTERN.replace(r"\w", "A-Za-z0-9_")
PORTABLE_GROUP_KEY = r"^[A-Za-z0-9_-]+$"
"""What `\\w` matches differs between the regular expressions of Python, Java and ECMAScript."""
BASE64_PATTERN = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
PRINTABLE_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f]+$"


class CamelCaseSchema(Schema):
    """Python's snake_case attributes under JSON's camelCase names."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        first, *rest = (field_obj.data_key or field_name).split("_")
        field_obj.data_key = first + "".join(word.capitalize() for word in rest)


class AnswerSchema(CamelCaseSchema):
    """What we answer. Left open in the contract, so that a new member breaks no client."""

    class Meta:
        unknown = EXCLUDE


class Timestamp(fields.DateTime):
    """A moment in UTC: RFC 3339 with `Z`, to the millisecond."""

    def _serialize(
        self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any
    ) -> str | None:
        if value is None:
            return None
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class WholeNumber(fields.Integer):
    """An integer in a query, in plain decimal digits, which int() is too generous to insist on."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not (isinstance(value, str) and value.isascii() and value.isdigit()):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, *args, **kwargs)


class Matches(validate.Regexp):
    """The whole of a text; marshmallow's own lets a line feed follow what `$` ends."""

    def __call__(self, value: Any) -> Any:
        if re.fullmatch(self.regex.pattern, value) is None:
            raise ValidationError(self._format_error(value))
        return value


def _printable(value: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise ValidationError("Must not contain control characters or lone surrogates.")


def device_key(description: str) -> fields.String:
    """A device key in an answer."""
    return fields.String(
        required=True,
        dump_only=True,
        validate=[
            validate.Length(min=1, max=DEVICE_KEY_MAX_LENGTH),
            Matches(PORTABLE_DEVICE_KEY),
        ],
        metadata={"description": description, "examples": [examples.LAPTOP_KEY]},
    )


def is_current() -> fields.Boolean:
    return fields.Boolean(
        required=True,
        dump_only=True,
        metadata={
            "description": "Whether this is the device that the access token was issued to, "
            "the one in the user's hands.",
        },
    )


def moment(description: str, example: str) -> Timestamp:
    return Timestamp(
        required=True,
        dump_only=True,
        metadata={"description": f"{description} UTC.", "examples": [example]},
    )


class PageQuerySchema(CamelCaseSchema):
    """Which page of the devices."""

    limit = WholeNumber(
        load_default=LIST_LIMIT_MAX,
        validate=validate.Range(min=1, max=LIST_LIMIT_MAX),
        metadata={
            "description": "How many devices a page may hold. A page may hold fewer and still not "
            "be the last: only `nextCursor` tells.",
            "examples": [20],
        },
    )
    cursor = fields.String(
        load_default=None,
        allow_none=False,
        validate=[
            validate.Length(min=1, max=CURSOR_MAX_LENGTH),
            Matches(CURSOR_PATTERN, error="Must be ASCII without blanks."),
        ],
        metadata={
            "description": "The `nextCursor` of the page before, as it came. Leave it out for the "
            "first page. It does not live long and is no bookmark.",
            "examples": [examples.CURSOR],
        },
    )


class DeletionQuerySchema(CamelCaseSchema):
    """Which devices to forget."""

    scope = fields.Enum(
        DeletionScope,
        by_value=True,
        required=True,
        metadata={
            "description": "`others`: all devices that `listDevices` shows, but the one this call "
            "is made from; when the token names no device, all of them. `all`: that one too. "
            "Required, so that no slip forgets everything.",
        },
    )


class DeviceSchema(AnswerSchema):
    """A device the user signs in with."""

    id = device_key("The device key, which Cognito gave the device when it first signed in.")
    name = fields.String(
        required=True,
        dump_only=True,
        allow_none=True,
        validate=validate.Length(max=DEVICE_NAME_MAX_LENGTH),
        metadata={
            "description": "What to call the device in a list; null when it was tracked without "
            "a name. Set once, by `trackDevice`: Cognito cannot rename a device.",
            "examples": ["Chrome on macOS"],
        },
    )
    status = fields.Enum(
        DeviceStatus,
        by_value=True,
        required=True,
        dump_only=True,
        metadata={
            "description": "`remembered`: the device may stand in for the second factor at the "
            "next sign-in. `not_remembered`: it is known, and the second factor is asked for. "
            "`tracked`: known, and Cognito said no more. Change it with `updateDevice`.",
        },
    )
    current = is_current()
    last_ip_address = fields.String(
        required=True,
        dump_only=True,
        allow_none=True,
        validate=[validate.Length(max=IP_ADDRESS_MAX_LENGTH), Matches(IP_ADDRESS_PATTERN)],
        metadata={
            "description": "The IPv4 or IPv6 address that the device last signed in from, as "
            "Cognito saw it; null when Cognito did not say.",
            "examples": ["203.0.113.24", "2001:db8:85a3::8a2e:370:7334"],
        },
    )
    created_at = moment("When the device was first tracked.", "2026-01-12T08:30:05.000Z")
    last_modified_at = moment("When its status last changed.", "2026-01-12T08:30:06.000Z")
    last_authenticated_at = moment("When it last signed in.", "2026-03-02T07:58:41.000Z")
    attributes = fields.Dict(
        keys=fields.String(),
        values=fields.String(
            validate=validate.Length(max=ATTRIBUTE_MAX_LENGTH),
            metadata={"description": "The attribute's value."},
        ),
        required=True,
        dump_only=True,
        metadata={
            "description": "What else Cognito said about the device, by its own names. For "
            "support staff rather than for users.",
            "examples": [{"device_status": "valid"}],
            "maxProperties": ATTRIBUTES_MAX,
        },
    )


class DevicePageSchema(AnswerSchema):
    """One page of the user's devices."""

    items = fields.List(
        fields.Nested(DeviceSchema),
        required=True,
        dump_only=True,
        validate=validate.Length(max=LIST_LIMIT_MAX),
        metadata={"description": "The remembered devices, in Cognito's order."},
    )
    next_cursor = fields.String(
        required=True,
        dump_only=True,
        allow_none=True,
        validate=[validate.Length(min=1, max=CURSOR_MAX_LENGTH), Matches(CURSOR_PATTERN)],
        metadata={
            "description": "Ask for the next page with it, as `cursor`. Null on the last page.",
            "examples": [examples.CURSOR],
        },
    )


class SecretVerifierSchema(CamelCaseSchema):
    """The SRP verifier of a secret that the client made."""

    password_verifier = fields.String(
        required=True,
        load_only=True,
        validate=[
            validate.Length(min=4, max=1024),
            Matches(BASE64_PATTERN, error="Not base64."),
        ],
        metadata={
            "description": "The verifier v of RFC 2945 in Cognito's 3072-bit group, big-endian, "
            "in base64.",
            "examples": [examples.VERIFIER],
        },
    )
    salt = fields.String(
        required=True,
        load_only=True,
        validate=[
            validate.Length(min=4, max=256),
            Matches(BASE64_PATTERN, error="Not base64."),
        ],
        metadata={
            "description": "The random salt that the verifier was computed with, in base64.",
            "examples": [examples.SALT],
        },
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> SecretVerifier:
        return SecretVerifier(**data)


class TrackDeviceSchema(CamelCaseSchema):
    """A device to track, with its secret made by the client or by the service."""

    class Meta:
        alternatives = {
            "TrackDeviceWithVerifier": (
                "secret_verifier",
                "Preferred: the client made the device's secret and keeps it. "
                "The service never sees it.",
            ),
            "TrackDeviceWithGroupKey": (
                "device_group_key",
                "For clients without an SRP library: the service makes the device's secret "
                "and answers it once, as `devicePassword`.",
            ),
        }

    device_key = fields.String(
        required=True,
        validate=[
            validate.Length(min=1, max=DEVICE_KEY_MAX_LENGTH),
            Matches(PORTABLE_DEVICE_KEY, error="Not a device key."),
        ],
        metadata={
            "description": "`AuthenticationResult.NewDeviceMetadata.DeviceKey` of this sign-in; "
            "the access token must be from the same sign-in.",
            "examples": [examples.LAPTOP_KEY],
        },
    )
    name = fields.String(
        load_default=None,
        validate=[validate.Length(min=1, max=DEVICE_NAME_MAX_LENGTH), _printable],
        metadata={
            "description": "What to call the device. Left out or null, it is named after the "
            'User-Agent header, as "Chrome on macOS". It cannot be changed later.',
            "pattern": PRINTABLE_PATTERN,
            "examples": ["Ana's laptop"],
        },
    )
    secret_verifier = fields.Nested(
        SecretVerifierSchema,
        metadata={"description": "The verifier of the secret that the client made."},
    )
    device_group_key = fields.String(
        validate=[
            validate.Length(min=1, max=128),
            Matches(PORTABLE_GROUP_KEY, error="Not a device group key."),
        ],
        metadata={
            "description": "`AuthenticationResult.NewDeviceMetadata.DeviceGroupKey` of this "
            "sign-in. With it the call is not safe to repeat.",
            "examples": [examples.DEVICE_GROUP_KEY],
        },
    )

    @validates_schema(skip_on_field_errors=True)
    def require_one_secret(self, data: dict[str, Any], **_: Any) -> None:
        if ("secret_verifier" in data) == ("device_group_key" in data):
            raise ValidationError(
                "Send either secretVerifier, or deviceGroupKey to have the secret made here."
            )


class TrackedDeviceSchema(AnswerSchema):
    """What came of tracking a device."""

    id = device_key("The device key that was sent.")
    status = fields.Enum(
        DeviceStatus,
        by_value=True,
        required=True,
        dump_only=True,
        metadata={
            "description": "`remembered`, or `tracked` while the user must still opt in.",
        },
    )
    user_confirmation_necessary = fields.Boolean(
        required=True,
        dump_only=True,
        metadata={
            "description": "True where the user pool lets its users choose: ask the user whether "
            "to remember this device, and send the answer with `updateDevice`.",
        },
    )
    device_password = fields.String(
        dump_only=True,
        validate=validate.Length(min=4, max=256),
        metadata={
            "description": "The device's secret, when the service made it: the password of "
            "DEVICE_SRP_AUTH. Keep it where the device key is kept. It is told this once.",
            "examples": [examples.DEVICE_PASSWORD],
        },
    )

    @post_dump
    def omit_absent_password(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class StatusUpdateSchema(CamelCaseSchema):
    """Whether to remember a device."""

    status = fields.Enum(
        RememberedStatus,
        by_value=True,
        required=True,
        metadata={
            "description": "`remembered`: let the device stand in for the second factor. "
            "`not_remembered`: ask for it again. To and fro as often as the user likes.",
        },
    )


class StatusChangeSchema(AnswerSchema):
    """A device's new status."""

    id = device_key("The device whose status changed.")
    status = fields.Enum(
        RememberedStatus,
        by_value=True,
        required=True,
        dump_only=True,
        metadata={"description": "The status it has now."},
    )
    current = is_current()


class FailedForgetSchema(AnswerSchema):
    """A device that was not forgotten."""

    id = device_key("The device that was not forgotten.")
    problem = fields.Nested(
        ProblemSchema,
        required=True,
        dump_only=True,
        metadata={"description": "Why, as `forgetDevice` would have answered."},
    )


class ForgetReportSchema(AnswerSchema):
    """What came of forgetting many devices."""

    forgotten = fields.List(
        device_key("A device key."),
        required=True,
        dump_only=True,
        validate=validate.Length(max=FORGET_MAX),
        metadata={
            "description": "The devices forgotten, in the order it was done: "
            "with `scope=all`, the current one last.",
        },
    )
    failed = fields.List(
        fields.Nested(FailedForgetSchema),
        required=True,
        dump_only=True,
        validate=validate.Length(max=FORGET_MAX),
        metadata={
            "description": "The devices not forgotten. Repeat the call for the rest; one with "
            "`device-not-found` needs none: somebody else forgot it meanwhile.",
        },
    )
