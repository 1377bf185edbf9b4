"""Devices, as a user of a Cognito user pool knows them.

Words and values are Cognito's (Developer Guide, "Working with user devices").
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from app.domain.bounds import Bounds, IpAddress, NextCursor, Shown

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

DeviceKey = Annotated[str, Bounds(DEVICE_KEY_MAX_LENGTH, 1, DEVICE_KEY_PATTERN), "A device key."]
AttributeValue = Annotated[str, Bounds(ATTRIBUTE_MAX_LENGTH), "The attribute's value."]
Current = Annotated[
    bool,
    "Whether this is the device that the access token was issued to, the one in the user's hands.",
]


def is_device_key(text: str) -> bool:
    """Whether `text` could be a device key at all, so that asking Cognito makes sense."""
    return len(text) <= DEVICE_KEY_MAX_LENGTH and _DEVICE_KEY.fullmatch(text) is not None


class DeviceType(StrEnum):
    """What kind of thing it is, for an icon."""

    PHONE = "phone"
    TABLET = "tablet"
    COMPUTER = "computer"
    TV = "tv"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Description:
    """What a person reads of a device or a session, instead of what a client library wrote.

    Each is None when nothing certain can be said. `operating_system` is a family, as "macOS", and
    has a version only as "Windows 10" and "Windows 11".
    """

    display_name: Annotated[
        str | None,
        "What to show a person. Made of what a client library put into the name; a name that a "
        "person chose stays as it is. Null where nothing is known.",
    ] = None
    device_type: Annotated[DeviceType | None, "For an icon. Null where nothing is known."] = None
    operating_system: Annotated[
        str | None, "As `macOS` or `Android`; null where nothing is known."
    ] = None
    browser: Annotated[str | None, "As `Chrome`; null where nothing is known, and in apps."] = None


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


# Not frozen: making a list of 60 would take a tenth longer.
@dataclass(slots=True)
class Device:
    """A device the user signs in with."""

    # Times are in UTC. None is what Cognito did not say; `description`, `current` and
    # `trust_expires_at` are filled in for the caller.
    id: Annotated[
        DeviceKey, "The device key, which Cognito gave the device when it first signed in."
    ]
    name: Annotated[
        Annotated[str, Bounds(DEVICE_NAME_MAX_LENGTH)] | None,
        "The name as Cognito holds it, which may be a library's own; null when the device was "
        "tracked without one. Show `displayName` instead. Set once, by `trackDevice` or by the "
        "library that confirmed the device: Cognito cannot rename a device.",
    ] = None
    description: Annotated[Description, Shown.INLINE] = field(default_factory=Description)
    status: Annotated[
        DeviceStatus,
        "`remembered`: the device may stand in for the second factor at the next sign-in. "
        "`not_remembered`: it is known, and the second factor is asked for. Change it with "
        "`updateDevice`.",
    ] = DeviceStatus.REMEMBERED
    current: Current = False
    last_ip_address: Annotated[
        IpAddress | None,
        "The address that the device last signed in from. IPv4 or IPv6; null when Cognito did not "
        "say.",
    ] = None
    created_at: Annotated[datetime | None, "When the device was first tracked. UTC."] = None
    last_modified_at: Annotated[datetime | None, "When its status last changed. UTC."] = None
    last_authenticated_at: Annotated[datetime | None, "When it last signed in. UTC."] = None
    trust_expires_at: Annotated[
        datetime | None,
        "When a remembered device stops being trusted, where the operator has set TRUST_DAYS; null "
        "otherwise. Forget expired devices with `forgetDevices`. UTC.",
    ] = None
    attributes: Annotated[
        Mapping[str, AttributeValue],
        Bounds(ATTRIBUTES_MAX),
        "What else Cognito said about the device, by its own names. For support staff rather than "
        "for users.",
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DevicePage:
    """One page of the user's devices."""

    items: Annotated[
        tuple[Device, ...],
        Bounds(LIST_LIMIT_MAX),
        "The remembered devices, in Cognito's order.",
    ]
    next_cursor: NextCursor
    current_device_id: Annotated[
        DeviceKey | None,
        "The device that this call is made from, also where Cognito does not list it: then it is "
        "not remembered, and a page can offer to remember it. Null when the token names none.",
    ] = None


@dataclass(frozen=True, slots=True)
class SecretVerifier:
    """A device secret's SRP verifier and salt, both base64 (`DeviceSecretVerifierConfigType`)."""

    password_verifier: str = field(repr=False)
    salt: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TrackedDevice:
    """The result of tracking a device."""

    id: Annotated[DeviceKey, "The device key that was sent."]
    status: Annotated[
        TrackingStatus, "`remembered`, or `tracked` while the user must still opt in."
    ]
    user_confirmation_necessary: Annotated[
        bool, "True where the user pool lets its users choose, and this one is still to be asked."
    ]
    device_password: Annotated[
        str | None,
        Bounds(256, 4),
        Shown.IF_KNOWN,
        "The device's secret, when the service made it: the password of DEVICE_SRP_AUTH. Keep it "
        "where the device key is kept. It is sent this once only.",
    ] = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A device's new status."""

    id: Annotated[DeviceKey, "The device whose status changed."]
    status: Annotated[DeviceStatus, "The status it has now."]
    current: Current
