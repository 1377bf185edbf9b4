"""JSON in and out of the `/devices` calls: camelCase, unknown members refused."""

import base64
import binascii
import unicodedata
from datetime import UTC, datetime
from typing import Any

from marshmallow import (
    Schema,
    ValidationError,
    fields,
    post_dump,
    post_load,
    validate,
    validates_schema,
)

from app.devices.model import (
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


class CamelCaseSchema(Schema):
    """Python's snake_case attributes under JSON's camelCase names."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        first, *rest = (field_obj.data_key or field_name).split("_")
        field_obj.data_key = first + "".join(word.capitalize() for word in rest)


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


def _base64(value: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValidationError("Not base64.") from None


def _printable(value: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise ValidationError("Must not contain control characters or lone surrogates.")


class PageQuerySchema(CamelCaseSchema):
    """Which page of the devices."""

    limit = WholeNumber(
        load_default=LIST_LIMIT_MAX, validate=validate.Range(min=1, max=LIST_LIMIT_MAX)
    )
    cursor = fields.String(
        load_default=None,
        validate=[
            validate.Length(min=1, max=CURSOR_MAX_LENGTH),
            validate.Regexp(r"^\S+$", error="Must not contain blanks."),
        ],
    )


class DeletionQuerySchema(CamelCaseSchema):
    """Which devices to forget."""

    scope = fields.Enum(DeletionScope, by_value=True, required=True)


class DeviceSchema(CamelCaseSchema):
    """A device the user signs in with."""

    id = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    status = fields.Enum(DeviceStatus, by_value=True, required=True)
    current = fields.Boolean(required=True)
    last_ip_address = fields.String(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    last_modified_at = Timestamp(required=True)
    last_authenticated_at = Timestamp(required=True)
    attributes = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class DevicePageSchema(CamelCaseSchema):
    """One page of the user's devices."""

    items = fields.List(fields.Nested(DeviceSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class SecretVerifierSchema(CamelCaseSchema):
    """The SRP verifier of a secret that the client made."""

    password_verifier = fields.String(
        required=True, validate=[validate.Length(min=4, max=1024), _base64]
    )
    salt = fields.String(required=True, validate=[validate.Length(min=4, max=256), _base64])

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> SecretVerifier:
        return SecretVerifier(**data)


class TrackDeviceSchema(CamelCaseSchema):
    """A device to track."""

    device_key = fields.String(
        required=True,
        validate=[
            validate.Length(min=1, max=DEVICE_KEY_MAX_LENGTH),
            validate.Regexp(DEVICE_KEY_PATTERN, error="Not a device key."),
        ],
    )
    name = fields.String(
        load_default=None, validate=[validate.Length(min=1, max=DEVICE_NAME_MAX_LENGTH), _printable]
    )
    secret_verifier = fields.Nested(SecretVerifierSchema)
    device_group_key = fields.String(
        validate=[
            validate.Length(min=1, max=128),
            validate.Regexp(r"^[\w-]+$", error="Not a device group key."),
        ]
    )

    @validates_schema(skip_on_field_errors=True)
    def require_one_secret(self, data: dict[str, Any], **_: Any) -> None:
        if ("secret_verifier" in data) == ("device_group_key" in data):
            raise ValidationError(
                "Send either secretVerifier, or deviceGroupKey to have the secret made here."
            )


class TrackedDeviceSchema(CamelCaseSchema):
    """What came of tracking a device."""

    id = fields.String(required=True)
    status = fields.Enum(DeviceStatus, by_value=True, required=True)
    user_confirmation_necessary = fields.Boolean(required=True)
    device_password = fields.String()

    @post_dump
    def omit_absent_password(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class StatusSchema(CamelCaseSchema):
    """Whether to remember a device."""

    status = fields.Enum(RememberedStatus, by_value=True, required=True)


class StatusChangeSchema(CamelCaseSchema):
    """A device's new status."""

    id = fields.String(required=True)
    status = fields.Enum(RememberedStatus, by_value=True, required=True)
    current = fields.Boolean(required=True)


class FailedForgetSchema(CamelCaseSchema):
    """A device that was not forgotten."""

    id = fields.String(required=True)
    problem = fields.Nested(ProblemSchema, required=True)


class ForgetReportSchema(CamelCaseSchema):
    """What came of forgetting many devices."""

    forgotten = fields.List(fields.String(), required=True)
    failed = fields.List(fields.Nested(FailedForgetSchema), required=True)
