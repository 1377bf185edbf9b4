"""What a person reads of a device or a session, instead of what a client library wrote."""

from dataclasses import dataclass
from enum import StrEnum


class DeviceType(StrEnum):
    """What kind of thing it is, for an icon."""

    PHONE = "phone"
    TABLET = "tablet"
    COMPUTER = "computer"
    TV = "tv"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Description:
    """Each is None when nothing certain can be said.

    `display_name` is what to show, as "Chrome on macOS"; `operating_system` is a family, as
    "macOS" or "Android", and has a version only as "Windows 10" and "Windows 11".
    """

    display_name: str | None = None
    device_type: DeviceType | None = None
    operating_system: str | None = None
    browser: str | None = None
