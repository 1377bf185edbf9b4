"""Devices, as a user of a Cognito user pool knows them.

Words and values are Cognito's (Developer Guide, "Working with user devices").
This module knows nobody: no Flask, no boto3.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

DEVICE_KEY_PATTERN = r"^[\w-]+_[0-9a-f-]+$"
"""Shape of a device key: the `DeviceKeyType` of the botocore model of cognito-idp."""

DEVICE_KEY_MAX_LENGTH = 55
DEVICE_NAME_MAX_LENGTH = 1024
LIST_LIMIT_MAX = 60
"""ListDevices answers at most this many devices a page (`QueryLimitType`)."""

_DEVICE_KEY = re.compile(DEVICE_KEY_PATTERN, re.ASCII)


def is_device_key(text: str) -> bool:
    """Whether `text` could be a device key at all, so that asking Cognito makes sense."""
    return len(text) <= DEVICE_KEY_MAX_LENGTH and _DEVICE_KEY.fullmatch(text) is not None


class DeviceStatus(StrEnum):
    """What Cognito does with a device it tracks."""

    TRACKED = "tracked"
    REMEMBERED = "remembered"
    NOT_REMEMBERED = "not_remembered"


class RememberedStatus(StrEnum):
    """What a user may choose for a tracked device."""

    REMEMBERED = "remembered"
    NOT_REMEMBERED = "not_remembered"


class DeletionScope(StrEnum):
    """Which of a user's devices to forget at once."""

    OTHERS = "others"
    ALL = "all"


@dataclass(frozen=True)
class Device:
    """A device that a user signs in with. Times are aware, in UTC."""

    id: str
    name: str | None
    status: DeviceStatus
    last_ip_address: str | None
    created_at: datetime
    last_modified_at: datetime
    last_authenticated_at: datetime
    attributes: Mapping[str, str] = field(default_factory=dict)
    current: bool = False


@dataclass(frozen=True)
class DevicePage:
    """One page of a user's devices; `next_cursor` is None on the last one."""

    items: tuple[Device, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class SecretVerifier:
    """A device secret's SRP verifier and salt, both base64 (`DeviceSecretVerifierConfigType`)."""

    password_verifier: str = field(repr=False)
    salt: str = field(repr=False)


@dataclass(frozen=True)
class TrackedDevice:
    """The outcome of tracking a device; `device_password` only when we made the secret."""

    id: str
    status: DeviceStatus
    user_confirmation_necessary: bool
    device_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class DeviceStatusChange:
    """The outcome of remembering a device, or of no longer remembering it."""

    id: str
    status: RememberedStatus
    current: bool
