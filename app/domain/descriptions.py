"""What a person is shown of a device or a session."""

from dataclasses import dataclass
from enum import StrEnum


class DeviceType(StrEnum):
    """What kind of thing it is."""

    PHONE = "phone"
    TABLET = "tablet"
    COMPUTER = "computer"
    TV = "tv"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Description:
    """What the strings of a client library or of Cognito say; None where they say nothing."""

    display_name: str | None = None
    device_type: DeviceType | None = None
    operating_system: str | None = None
    browser: str | None = None
