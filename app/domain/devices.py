"""Devices, as a user of a Cognito user pool knows them.

Words and values are Cognito's (Developer Guide, "Working with user devices").
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.descriptions import Description

DEVICE_KEY_PATTERN = r"^[A-Za-z0-9_-]+_[0-9a-f-]+$"
"""Shape of a device key: the `DeviceKeyType` of the botocore model of cognito-idp, its `\\w`
written out, since Python, Java and ECMAScript disagree about it."""

DEVICE_KEY_MAX_LENGTH = 55
DEVICE_NAME_MAX_LENGTH = 1024
ATTRIBUTES_MAX = 100
"""Cognito states no bound, and sends three."""
ATTRIBUTE_MAX_LENGTH = 2048
"""`AttributeValueType` of the botocore model."""
LIST_LIMIT_MAX = 60
"""ListDevices answers at most this many devices a page (`QueryLimitType`)."""

_DEVICE_KEY = re.compile(DEVICE_KEY_PATTERN)


def is_device_key(text: str) -> bool:
    """Whether `text` could be a device key at all, so that asking Cognito makes sense."""
    return len(text) <= DEVICE_KEY_MAX_LENGTH and _DEVICE_KEY.fullmatch(text) is not None


class DeviceStatus(StrEnum):
    """Whether a device may stand in for the second factor."""

    REMEMBERED = "remembered"
    NOT_REMEMBERED = "not_remembered"


class TrackingStatus(StrEnum):
    """What a device is once it has been confirmed."""

    REMEMBERED = "remembered"
    TRACKED = "tracked"


class DeletionScope(StrEnum):
    """Which of a user's devices to forget at once."""

    OTHERS = "others"
    ALL = "all"
    INACTIVE = "inactive"
    EXPIRED = "expired"


@dataclass(slots=True)
class Device:
    """A device that a user signs in with. Times are in UTC; None where Cognito has none.

    `description`, `current` and `trust_expires_at` are filled in for the caller. Not frozen: making
    a list of 60 would take a tenth longer.
    """

    id: str
    name: str | None = None
    status: DeviceStatus = DeviceStatus.REMEMBERED
    last_ip_address: str | None = None
    created_at: datetime | None = None
    last_modified_at: datetime | None = None
    last_authenticated_at: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    description: Description = field(default_factory=Description)
    current: bool = False
    trust_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DevicePage:
    """One page of a user's devices; `next_cursor` is None on the last one.

    `current_device_id` is the caller's own device, also where Cognito does not list it.
    """

    items: tuple[Device, ...]
    next_cursor: str | None
    current_device_id: str | None = None


@dataclass(frozen=True, slots=True)
class SecretVerifier:
    """A device secret's SRP verifier and salt, both base64 (`DeviceSecretVerifierConfigType`)."""

    password_verifier: str = field(repr=False)
    salt: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TrackedDevice:
    """The outcome of tracking a device; `device_password` only when we made the secret."""

    id: str
    status: TrackingStatus
    user_confirmation_necessary: bool
    device_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DeviceStatusChange:
    """The outcome of remembering a device, or of no longer remembering it."""

    id: str
    status: DeviceStatus
    current: bool
